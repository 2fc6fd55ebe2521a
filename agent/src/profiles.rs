//! Which services a workload needs, and which it can do without.
//!
//! The lists come from AWS's own pages for each workload; each constant names its source. A service that is listed
//! here is only named: its host names are the business of [`crate::catalogue`].

use crate::catalogue;

/// The services of one kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name, as `--profile` takes it.
    pub name: &'static str,
    /// Without these the workload does not work.
    pub required: &'static [&'static str],
    /// These are used where they are there.
    pub optional: &'static [&'static str],
    /// What AWS itself publishes in S3 for this kind of workload: an endpoint policy that names one's own buckets alone keeps it
    /// away.
    pub published: &'static [PublishedObject],
}

/// An object that AWS publishes in a bucket of its own in every Region, for everybody to read without a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedObject {
    /// The bucket's name, with `REGION` in place of the Region.
    pub bucket: &'static str,
    /// The object's key.
    pub key: &'static str,
    /// The partitions in which the bucket is known to exist.
    pub partitions: &'static [&'static str],
    /// Whether clients ask for it under S3's dual-stack name.
    pub dual_stack: bool,
    /// What fails without it, for a person.
    pub needed_for: &'static str,
    /// The buckets of the same workload, whose objects not everybody may read: a statement that lets this one through should
    /// let them through as well. `REGION` as above, and an asterisk for what differs by Region.
    pub with: &'static [&'static str],
}

/// The version of the SSM agent, which the agent's own diagnostics read (amazon-ssm-agent, `version_check.go`); the buckets
/// are those of the Systems Manager user guide, "SSM Agent communications with AWS managed S3 buckets".
const SSM_AGENT: PublishedObject = PublishedObject {
    bucket: "amazon-ssm-REGION",
    key: "latest/VERSION",
    partitions: &["aws", "aws-cn", "aws-us-gov"],
    dual_stack: false,
    needed_for: "updates of the SSM agent, patching, Distributor and document attachments",
    with: &[
        "amazon-ssm-packages-REGION",
        "REGION-birdwatcher-prod",
        "aws-ssm-REGION",
        "aws-ssm-distributor-file-REGION",
        "aws-ssm-document-attachments-REGION",
        "aws-patch-manager-REGION-*",
        "patch-baseline-snapshot-REGION*",
    ],
};

/// The list of mirrors that dnf of Amazon Linux 2023 reads, under the dual-stack name; known for the `aws` partition alone
/// (aws-samples data-perimeter-policy-examples, `s3_endpoint_policy.json`). The key is that of the image's own repository file,
/// NOT VERIFIED by a source.
const AMAZON_LINUX_2023: PublishedObject = PublishedObject {
    bucket: "al2023-repos-REGION-de612dc2",
    key: "core/mirrors/latest/x86_64/mirror.list",
    partitions: &["aws"],
    dual_stack: true,
    needed_for: "dnf on Amazon Linux 2023",
    with: &[],
};

impl PublishedObject {
    /// The bucket's name in a Region; `None` where it is not known to exist.
    #[must_use]
    pub fn bucket_in(&self, region: &str) -> Option<String> {
        let partition = catalogue::partition_of_region(region)?;
        let here = self.partitions.contains(&partition.name.as_str());
        here.then(|| self.bucket.replace("REGION", region))
    }
}

/// The buckets in a Region that AWS publishes something in.
pub fn published_buckets(region: &str) -> impl Iterator<Item = String> {
    let all = PROFILES.iter().flat_map(|profile| profile.published);
    all.filter_map(|object| object.bucket_in(region))
}

/// The published object whose bucket has this name in a Region.
#[must_use]
pub fn published(bucket: &str, region: &str) -> Option<&'static PublishedObject> {
    let all = PROFILES.iter().flat_map(|profile| profile.published);
    all.into_iter().find(|object| object.bucket_in(region).as_deref() == Some(bucket))
}

/// Every profile, in the order in which they are listed to users.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "core",
        required: &["s3", "ssm", "ssmmessages"],
        optional: &["dynamodb", "ec2messages", "sts", "ec2"],
        published: &[],
    },
    // Systems Manager user guide, setup-create-vpc: ec2messages only for agents before 3.3.40.0; kms and logs for
    // encrypted and logged sessions; ec2 for VSS snapshots.
    Profile {
        name: "ssm",
        required: &["ssm", "ssmmessages", "s3"],
        optional: &["ec2messages", "kms", "logs", "ec2"],
        published: &[SSM_AGENT],
    },
    // re:Post knowledge centre on Elastic Beanstalk in private subnets.
    Profile {
        name: "beanstalk",
        required: &["elasticbeanstalk", "elasticbeanstalk-health", "cloudformation", "logs", "sqs", "s3"],
        optional: &["ssm"],
        published: &[AMAZON_LINUX_2023],
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
        published: &[AMAZON_LINUX_2023],
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
        published: &[AMAZON_LINUX_2023],
    },
    // Amazon ECS developer guide, vpc-endpoints.
    Profile {
        name: "ecs",
        required: &["ecs", "ecs-agent", "ecs-telemetry", "ecr-api", "ecr-dkr", "s3", "logs"],
        optional: &["ssm", "ssmmessages", "secretsmanager"],
        published: &[],
    },
    // Amazon ECR user guide, vpc-endpoints: image layers come from S3.
    Profile { name: "ecr", required: &["ecr-api", "ecr-dkr", "s3"], optional: &["sts"], published: &[] },
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
        published: &[SSM_AGENT, AMAZON_LINUX_2023],
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
