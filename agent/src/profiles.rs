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
    /// The buckets of AWS that this kind of workload reads or writes, whether or not everybody may.
    pub aws_buckets: &'static [AwsBuckets],
}

/// An object that AWS publishes in a bucket of its own in every Region, for everybody to read without a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedObject {
    /// The bucket's name, with `REGION` in place of the Region.
    pub bucket: &'static str,
    /// The object's key.
    pub key: &'static str,
    /// Whether clients ask for it under S3's dual-stack name.
    pub dual_stack: bool,
}

/// Buckets of AWS that one kind of workload needs: a policy should let all of them through, or the workload fails in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsBuckets {
    /// Their names, with `REGION` in place of the Region, `REGION_WITHOUT_DASHES` in place of it without its dashes, and at the
    /// end an asterisk for what differs by Region.
    pub names: &'static [&'static str],
    /// The partitions in which these names are known.
    pub partitions: &'static [&'static str],
    /// Regions of those partitions in which the names are others.
    pub named_otherwise_in: &'static [&'static str],
    /// What clients do there: a policy that lets none of it through keeps the bucket away.
    pub actions: &'static [&'static str],
    /// Whether AWS itself signs the requests that clients send: what a policy allows the account's own principals does not
    /// count then.
    pub signed_by_aws: bool,
    /// What fails without them, for a person.
    pub needed_for: &'static str,
    /// The statement that lets them through, where AWS recommends another than one about the objects of these buckets.
    pub statement: Option<BucketStatement>,
}

/// A statement of an endpoint's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketStatement {
    /// Its actions.
    pub actions: &'static [&'static str],
    /// Its resources, without the part of an ARN that differs by partition.
    pub resources: &'static [&'static str],
}

/// The buckets of the Systems Manager user guide, "SSM Agent communications with AWS managed S3 buckets".
const SYSTEMS_MANAGER_BUCKETS: AwsBuckets = AwsBuckets {
    names: &[
        "amazon-ssm-REGION",
        "amazon-ssm-packages-REGION",
        "REGION-birdwatcher-prod",
        "aws-ssm-REGION",
        "aws-ssm-distributor-file-REGION",
        "aws-ssm-document-attachments-REGION",
        "aws-patch-manager-REGION-*",
        "patch-baseline-snapshot-REGION*",
    ],
    partitions: &["aws", "aws-cn", "aws-us-gov"],
    named_otherwise_in: &[],
    actions: &["s3:GetObject"],
    signed_by_aws: false,
    needed_for: "updates of the SSM agent, patching, Distributor and document attachments",
    statement: None,
};

/// Known for the `aws` partition alone (aws-samples data-perimeter-policy-examples, `s3_endpoint_policy.json`).
const AMAZON_LINUX_2023_BUCKETS: AwsBuckets = AwsBuckets {
    names: &["al2023-repos-REGION-de612dc2"],
    partitions: &["aws"],
    named_otherwise_in: &[],
    actions: &["s3:GetObject"],
    signed_by_aws: false,
    needed_for: "dnf on Amazon Linux 2023",
    statement: None,
};

/// Where Amazon ECR keeps the layers of images (Amazon ECR user guide, vpc-endpoints). Clients are sent there with a URL that
/// ECR signed as a role of its own: refusals in the field name that role. The name in other partitions is NOT VERIFIED.
const IMAGE_LAYER_BUCKETS: AwsBuckets = AwsBuckets {
    names: &["prod-REGION-starport-layer-bucket"],
    partitions: &["aws"],
    named_otherwise_in: &[],
    actions: &["s3:GetObject"],
    signed_by_aws: true,
    needed_for: "pulling container images from Amazon ECR",
    statement: None,
};

/// What the minimal policy of Amazon's article on Elastic Beanstalk in private subnets allows; the buckets of the account's own
/// environments and those of CloudFormation are among them.
const BEANSTALK_STATEMENT: BucketStatement = BucketStatement {
    actions: &[
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "s3:PutObjectAcl",
        "s3:DeleteObject",
        "s3:PutBucketPolicy",
        "s3:PutObjectVersionAcl",
    ],
    resources: &["elasticbeanstalk-*", "elasticbeanstalk-*/*", "cloudformation*/*"],
};

/// Where Elastic Beanstalk keeps the parts of its platforms (Elastic Beanstalk developer guide, vpc-vpce.policy, which gives
/// other names for me-central-1 and for China).
const BEANSTALK_BUCKETS: AwsBuckets = AwsBuckets {
    names: &[
        "elasticbeanstalk-platform-assets-REGION",
        "elasticbeanstalk-env-resources-REGION",
        "elasticbeanstalk-samples-REGION",
    ],
    partitions: &["aws"],
    named_otherwise_in: &["me-central-1"],
    actions: &["s3:GetObject"],
    signed_by_aws: false,
    needed_for: "Elastic Beanstalk, whose platforms fetch their parts there",
    statement: Some(BEANSTALK_STATEMENT),
};

/// Where CloudFormation waits for answers, by URLs that it signed itself (CloudFormation user guide, cfn-vpce-bucketnames;
/// AWS's pages differ in whether that is reading or writing).
const CLOUDFORMATION_BUCKETS: AwsBuckets = AwsBuckets {
    names: &[
        "cloudformation-waitcondition-REGION",
        "cloudformation-custom-resource-response-REGION_WITHOUT_DASHES",
    ],
    partitions: &["aws"],
    named_otherwise_in: &[],
    actions: &["s3:PutObject", "s3:GetObject"],
    signed_by_aws: true,
    needed_for: "answers to CloudFormation's wait conditions and custom resources",
    statement: Some(BEANSTALK_STATEMENT),
};

/// The version of the SSM agent, which the agent's own diagnostics read (amazon-ssm-agent, `version_check.go`).
const SSM_AGENT: PublishedObject =
    PublishedObject { bucket: "amazon-ssm-REGION", key: "latest/VERSION", dual_stack: false };

/// The list of mirrors that dnf of Amazon Linux 2023 reads, under the dual-stack name. The key is that of the image's own
/// repository file, NOT VERIFIED by a source.
const AMAZON_LINUX_2023: PublishedObject = PublishedObject {
    bucket: "al2023-repos-REGION-de612dc2",
    key: "core/mirrors/latest/x86_64/mirror.list",
    dual_stack: true,
};

impl PublishedObject {
    /// The bucket's name in a Region; `None` where it is not known to exist.
    #[must_use]
    pub fn bucket_in(&self, region: &str) -> Option<String> {
        let name = self.bucket.replace("REGION", region);
        aws_buckets(&name, region).map(|_| name)
    }
}

impl AwsBuckets {
    /// Their names in a Region; none where they are not known.
    #[must_use]
    pub fn names_in(&self, region: &str) -> Vec<String> {
        let partition = catalogue::partition_of_region(region).map(|partition| partition.name.as_str());
        let known = partition.is_some_and(|name| self.partitions.contains(&name));
        if !known || self.named_otherwise_in.contains(&region) {
            return Vec::new();
        }
        let bare = region.replace('-', "");
        let name = |name: &&str| name.replace("REGION_WITHOUT_DASHES", &bare).replace("REGION", region);
        self.names.iter().map(name).collect()
    }
}

/// The buckets of AWS in a Region, as far as their whole names are known.
pub fn published_buckets(region: &str) -> impl Iterator<Item = String> {
    let all = PROFILES.iter().flat_map(|profile| profile.aws_buckets);
    all.flat_map(move |buckets| buckets.names_in(region)).filter(|name| !name.ends_with('*'))
}

/// The buckets of AWS among which there is one of this name in a Region.
#[must_use]
pub fn aws_buckets(bucket: &str, region: &str) -> Option<&'static AwsBuckets> {
    let all = PROFILES.iter().flat_map(|profile| profile.aws_buckets);
    all.into_iter().find(|buckets| buckets.names_in(region).iter().any(|name| name == bucket))
}

/// Every profile, in the order in which they are listed to users.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "core",
        required: &["s3", "ssm", "ssmmessages"],
        optional: &["dynamodb", "ec2messages", "sts", "ec2"],
        published: &[],
        aws_buckets: &[],
    },
    // Systems Manager user guide, setup-create-vpc: ec2messages only for agents before 3.3.40.0; kms and logs for
    // encrypted and logged sessions; ec2 for VSS snapshots.
    Profile {
        name: "ssm",
        required: &["ssm", "ssmmessages", "s3"],
        optional: &["ec2messages", "kms", "logs", "ec2"],
        published: &[SSM_AGENT],
        aws_buckets: &[SYSTEMS_MANAGER_BUCKETS],
    },
    // re:Post knowledge centre on Elastic Beanstalk in private subnets.
    Profile {
        name: "beanstalk",
        required: &["elasticbeanstalk", "elasticbeanstalk-health", "cloudformation", "logs", "sqs", "s3"],
        optional: &["ssm"],
        published: &[AMAZON_LINUX_2023],
        aws_buckets: &[AMAZON_LINUX_2023_BUCKETS, BEANSTALK_BUCKETS, CLOUDFORMATION_BUCKETS],
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
        aws_buckets: &[
            AMAZON_LINUX_2023_BUCKETS,
            BEANSTALK_BUCKETS,
            CLOUDFORMATION_BUCKETS,
            IMAGE_LAYER_BUCKETS,
        ],
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
        aws_buckets: &[
            AMAZON_LINUX_2023_BUCKETS,
            BEANSTALK_BUCKETS,
            CLOUDFORMATION_BUCKETS,
            IMAGE_LAYER_BUCKETS,
        ],
    },
    // Amazon ECS developer guide, vpc-endpoints; images from ECR, whose layers come from S3. logs is for tasks with the awslogs
    // driver, ssmmessages for ECS Exec.
    Profile {
        name: "ecs",
        required: &["ecs", "ecs-agent", "ecs-telemetry", "ecr-api", "ecr-dkr", "s3"],
        optional: &["logs", "ssm", "ssmmessages", "secretsmanager"],
        published: &[],
        aws_buckets: &[IMAGE_LAYER_BUCKETS],
    },
    // Amazon ECR user guide, vpc-endpoints: image layers come from S3.
    Profile {
        name: "ecr",
        required: &["ecr-api", "ecr-dkr", "s3"],
        optional: &["sts"],
        published: &[],
        aws_buckets: &[IMAGE_LAYER_BUCKETS],
    },
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
        aws_buckets: &[
            SYSTEMS_MANAGER_BUCKETS,
            AMAZON_LINUX_2023_BUCKETS,
            IMAGE_LAYER_BUCKETS,
            BEANSTALK_BUCKETS,
            CLOUDFORMATION_BUCKETS,
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

    #[test]
    fn the_names_of_buckets_of_aws_are_those_of_the_region_and_none_where_they_are_others() {
        assert_eq!(IMAGE_LAYER_BUCKETS.names_in("eu-west-1"), ["prod-eu-west-1-starport-layer-bucket"]);
        assert_eq!(
            CLOUDFORMATION_BUCKETS.names_in("us-west-2"),
            ["cloudformation-waitcondition-us-west-2", "cloudformation-custom-resource-response-uswest2"]
        );
        assert!(BEANSTALK_BUCKETS.names_in("me-central-1").is_empty());
        assert!(BEANSTALK_BUCKETS.names_in("cn-north-1").is_empty());
        assert!(SYSTEMS_MANAGER_BUCKETS.names_in("cn-north-1").contains(&"amazon-ssm-cn-north-1".to_owned()));
    }

    #[test]
    fn every_published_object_is_in_a_bucket_of_its_own_profile() {
        for profile in PROFILES {
            for object in profile.published {
                let bucket = object.bucket_in("us-east-1").unwrap();
                let mut own = profile.aws_buckets.iter().flat_map(|buckets| buckets.names_in("us-east-1"));
                assert!(own.any(|name| name == bucket), "{}: {bucket}", profile.name);
            }
        }
    }
}
