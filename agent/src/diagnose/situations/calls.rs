//! The situations about what services answer, Regions, credentials and the clock.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        id: "F49",
        what: "bucket in another Region",
        rules: &["bucket-in-another-region"],
        limit: "",
    },
    Situation {
        id: "F50",
        what: "the client's Region setting is wrong",
        rules: &["region-settings-disagree", "bucket-in-another-region"],
        limit: "whether another Region is meant cannot be seen; a Region in a program's own code neither",
    },
    Situation {
        id: "F51",
        what: "S3's host name without a Region",
        rules: &["global-endpoint-configured"],
        limit: "old clients use it without any setting, which cannot be seen from here",
    },
    Situation {
        id: "F52",
        what: "an endpoint's own URL without a Region, or for the wrong service",
        rules: &["endpoint-url-configured"],
        limit: "a URL in a program's own code cannot be seen",
    },
    Situation {
        id: "F53",
        what: "a newer Region answers 400 instead of a redirect",
        rules: &["bucket-in-another-region"],
        limit: "",
    },
    Situation {
        id: "F54",
        what: "tokens of the STS without a Region in a Region that had to be enabled",
        rules: &["global-endpoint-configured", "credentials-rejected"],
        limit: "which of the codes services give then is not documented",
    },
    Situation {
        id: "F55",
        what: "sts.amazonaws.com with a resolver that is not Amazon's",
        rules: &["global-endpoint-configured"],
        limit: "old SDKs use that name without any setting, which cannot be seen from here",
    },
    Situation {
        id: "F67",
        what: "clock skew",
        rules: &["clock-skewed", "certificate-not-valid-now"],
        limit: "",
    },
    Situation {
        id: "F68",
        what: "a tool that knows version 1 of instance metadata only",
        rules: &[],
        limit: "an instance that wants tokens is healthy; the 401 stands in the tool's own log (the page of credentials-missing \
                tells it)",
    },
    Situation {
        id: "F69",
        what: "hop limit too small for a container",
        rules: &["metadata-hop-limit"],
        limit: "only where this program runs in the container",
    },
    Situation {
        id: "F70",
        what: "no instance profile, or a broken role",
        rules: &["no-instance-profile", "instance-role-broken", "imds-disabled", "credentials-missing"],
        limit: "",
    },
    Situation {
        id: "F71",
        what: "expired credentials, or those of another partition",
        rules: &["credentials-expired", "credentials-of-another-partition", "credentials-rejected"],
        limit: "a key of another partition looks like a deleted one unless the Region beside it says more",
    },
    Situation {
        id: "F72",
        what: "static keys before the instance's role",
        rules: &["static-credentials-shadow-role"],
        limit: "a service's environment is its own: only that of this program is seen",
    },
    Situation {
        id: "F73",
        what: "endpoint policy too narrow",
        rules: &["endpoint-policy-denies"],
        limit: "",
    },
    Situation {
        id: "F74",
        what: "endpoint policy keeps away what AWS publishes in S3",
        rules: &["endpoint-policy-denies-aws-buckets"],
        limit: "what everybody may read is tried; of layers of images, files of Beanstalk and CloudFormation's answers only the \
                policy tells, where EC2 gives it: to callers of other accounts S3 does not say which policy refuses",
    },
    Situation {
        id: "F75",
        what: "endpoint policy of ssm too narrow",
        rules: &["endpoint-policy-denies", "ssm-agent-hibernating"],
        limit: "ssmmessages has no harmless signed call, so its endpoint's policy is not tried",
    },
    Situation {
        id: "F76",
        what: "endpoint policy refuses another account's bucket, unnamed",
        rules: &["access-denied-without-reason"],
        limit: "named as the first cause where the same policy refused another call by name, else one of several",
    },
    Situation {
        id: "F77",
        what: "bucket policy with aws:SourceIp, path an endpoint",
        rules: &["bucket-policy-denies-endpoint-traffic"],
        limit: "the refusal does not say which condition it was",
    },
    Situation {
        id: "F78",
        what: "bucket policy with another endpoint's id",
        rules: &["bucket-policy-denies-endpoint-traffic", "bucket-policy-wants-endpoint"],
        limit: "the refusal does not say which condition it was",
    },
    Situation {
        id: "F79",
        what: "bucket policy wants an endpoint, path NAT",
        rules: &["bucket-policy-wants-endpoint"],
        limit: "the refusal does not say which condition it was",
    },
    Situation {
        id: "F80",
        what: "policies of the organization",
        rules: &["service-control-policy-denies", "resource-control-policy-denies"],
        limit: "",
    },
    Situation {
        id: "F81",
        what: "service control policy for the instance's own VPC",
        rules: &["same-vpc-perimeter"],
        limit: "another condition on the network with the same effect looks the same, and has the same remedy",
    },
    Situation {
        id: "F82",
        what: "objects of another owner",
        rules: &["access-denied-without-reason"],
        limit: "the agent reads no objects of the user's; one of the listed causes",
    },
    Situation {
        id: "F83",
        what: "the KMS key of encrypted objects refuses",
        rules: &[],
        limit: "only reading an encrypted object shows it, and the agent reads none of the user's",
    },
    Situation {
        id: "F84",
        what: "Requester Pays",
        rules: &["access-denied-without-reason"],
        limit: "one of the listed causes; the agent does not pay for requests",
    },
    Situation {
        id: "F85",
        what: "bucket missing against forbidden",
        rules: &["bucket-missing", "table-missing"],
        limit: "a missing object looks forbidden to who may not list",
    },
    Situation {
        id: "F86",
        what: "China: no ICP licence",
        rules: &["unauthorized-in-china"],
        limit: "only unsigned requests meet it",
    },
    Situation {
        id: "F90",
        what: "numbered hosts of the ECS agent",
        rules: &["server-name-filtered", "required-service-unreachable"],
        limit: "which numbers the agent is told only a call with its cluster's permissions shows; the unnumbered hosts are probed",
    },
    Situation {
        id: "F91",
        what: "Elastic Beanstalk in private subnets",
        rules: &["required-service-unreachable", "endpoint-policy-denies-aws-buckets"],
        limit: "",
    },
    Situation {
        id: "F92",
        what: "SSM agent asleep after an earlier refusal",
        rules: &["ssm-agent-hibernating"],
        limit: "only root may read the agent's log",
    },
    Situation {
        id: "F93",
        what: "throttling",
        rules: &["throttled", "service-fault"],
        limit: "the agent asks once, so what is throttled now and then is seen by chance only",
    },
];
