//! Which services a workload needs, and which it can do without.
//!
//! The lists come from AWS's own pages for each workload; each constant names its source. A service that is listed
//! here is only named: its host names are the business of [`crate::catalogue`].

/// The services of one kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name, as `--profile` takes it.
    pub name: &'static str,
    /// Without these the workload does not work.
    pub required: &'static [&'static str],
    /// These are used where they are there.
    pub optional: &'static [&'static str],
}

/// Every profile, in the order in which they are listed to users.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "core",
        required: &["s3", "ssm", "ssmmessages"],
        optional: &["dynamodb", "ec2messages", "sts", "ec2"],
    },
    // Systems Manager user guide, setup-create-vpc: ec2messages only for agents before 3.3.40.0; kms and logs for
    // encrypted and logged sessions; ec2 for VSS snapshots.
    Profile {
        name: "ssm",
        required: &["ssm", "ssmmessages", "s3"],
        optional: &["ec2messages", "kms", "logs", "ec2"],
    },
    // re:Post knowledge centre on Elastic Beanstalk in private subnets.
    Profile {
        name: "beanstalk",
        required: &["elasticbeanstalk", "elasticbeanstalk-health", "cloudformation", "logs", "sqs", "s3"],
        optional: &["ssm"],
    },
    Profile {
        name: "beanstalk-docker",
        required: &[
            "elasticbeanstalk",
            "elasticbeanstalk-health",
            "cloudformation",
            "logs",
            "sqs",
            "s3",
            "ecr-api",
            "ecr-dkr",
        ],
        optional: &["ssm"],
    },
    // The same, and the Amazon ECS developer guide, vpc-endpoints, for the agent's own two services.
    Profile {
        name: "beanstalk-ecs",
        required: &[
            "elasticbeanstalk",
            "elasticbeanstalk-health",
            "cloudformation",
            "logs",
            "sqs",
            "s3",
            "ecr-api",
            "ecr-dkr",
            "ecs",
            "ecs-agent",
            "ecs-telemetry",
        ],
        optional: &["ssm"],
    },
    // Amazon ECS developer guide, vpc-endpoints.
    Profile {
        name: "ecs",
        required: &["ecs", "ecs-agent", "ecs-telemetry", "ecr-api", "ecr-dkr", "s3", "logs"],
        optional: &["ssm", "ssmmessages", "secretsmanager"],
    },
    // Amazon ECR user guide, vpc-endpoints: image layers come from S3.
    Profile { name: "ecr", required: &["ecr-api", "ecr-dkr", "s3"], optional: &["sts"] },
    Profile {
        name: "all",
        required: &["s3", "ssm", "ssmmessages"],
        optional: &[
            "dynamodb",
            "ec2messages",
            "ec2",
            "sts",
            "kms",
            "logs",
            "monitoring",
            "sqs",
            "sns",
            "lambda",
            "glue",
            "execute-api",
            "sagemaker-api",
            "secretsmanager",
            "ecr-api",
            "ecr-dkr",
            "ecs",
            "ecs-agent",
            "ecs-telemetry",
            "elasticbeanstalk",
            "elasticbeanstalk-health",
            "cloudformation",
            "autoscaling",
            "elasticloadbalancing",
        ],
    },
];

/// The profile of this name.
#[must_use]
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_service_of_every_profile_is_known_by_its_id() {
        for profile in PROFILES {
            for id in profile.required.iter().chain(profile.optional) {
                let service = catalogue::service(id).unwrap_or_else(|| panic!("{}: {id}", profile.name));
                assert_eq!(service.id(), *id, "{} names an alias", profile.name);
            }
        }
    }

    #[test]
    fn no_profile_names_a_service_twice() {
        for profile in PROFILES {
            let mut all: Vec<_> = profile.required.iter().chain(profile.optional).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{}", profile.name);
        }
    }
}
