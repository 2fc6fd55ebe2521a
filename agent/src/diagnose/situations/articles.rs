//! The checks of Amazon's own troubleshooting articles: gateway endpoints (`G`), managed services from a VPC (`C`), Elastic
//! Beanstalk in private subnets (`B`).

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        id: "G1",
        what: "run Reachability Analyzer between source and endpoint",
        rules: &["required-service-unreachable", "optional-service-unreachable", "no-egress", "no-route-out"],
        limit: "Real packets are sent in place of a configuration model; the component is named where EC2 may be read.",
    },
    Situation {
        id: "G2",
        what: "a gateway endpoint works only in its own Region, and the client's Region has to match",
        rules: &[
            "bucket-in-another-region",
            "region-settings-disagree",
            "answers-from-another-region",
            "table-missing",
            "region-unknown",
        ],
        limit: "",
    },
    Situation {
        id: "G3",
        what: "DNS resolution is on, and own servers resolve service names to addresses that AWS maintains",
        rules: &[
            "vpc-dns-support-off",
            "resolver-answers-differ",
            "answers-from-another-region",
            "resolver-dead",
            "resolver-rule-forwards-elsewhere",
        ],
        limit: "",
    },
    Situation {
        id: "G4",
        what: "the subnet's route table has a route to the service through the gateway endpoint",
        rules: &[
            "gateway-endpoint-not-associated",
            "subnet-uses-main-route-table",
            "more-specific-route",
            "s3-egress-through-nat",
            "dynamodb-egress-through-nat",
            "s3-egress-through-internet-gateway",
            "dynamodb-egress-through-internet-gateway",
        ],
        limit: "",
    },
    Situation {
        id: "G5",
        what: "the security group lets out to the prefix list or to the service's ranges",
        rules: &["security-group-egress-without-prefix-list", "security-group-egress-stale-ranges"],
        limit: "",
    },
    Situation {
        id: "G6",
        what: "the network ACL lets HTTPS out and the ephemeral ports back in, for ranges that change",
        rules: &[
            "network-acl-blocks-outbound",
            "network-acl-blocks-return",
            "network-acl-stale-ranges",
            "endpoint-network-acl",
        ],
        limit: "",
    },
    Situation {
        id: "G7",
        what: "the policy of the endpoint",
        rules: &["endpoint-policy-denies", "endpoint-policy-denies-aws-buckets"],
        limit: "",
    },
    Situation {
        id: "G8",
        what: "the bucket policy allows the endpoint and the VPC; conditions on public addresses do not see private ones",
        rules: &[
            "bucket-policy-denies-endpoint-traffic",
            "bucket-policy-wants-endpoint",
            "resource-policy-allows-nothing",
        ],
        limit: "",
    },
    Situation {
        id: "G9",
        what: "a proxy allows the traffic, or no_proxy leads round it",
        rules: &[
            "proxy-without-no-proxy",
            "no-proxy-malformed",
            "no-proxy-dialects-disagree",
            "proxy-refuses",
            "proxy-wants-authentication",
            "proxy-unreachable",
        ],
        limit: "",
    },
    Situation {
        id: "G10",
        what: "the IAM policy of the user or role",
        rules: &[
            "identity-policy-denies",
            "permissions-boundary-denies",
            "session-policy-denies",
            "service-call-refused",
        ],
        limit: "",
    },
    Situation {
        id: "G11",
        what: "whether the traffic takes the gateway or an interface endpoint",
        rules: &[
            "path-undetermined",
            "path-proof-failed",
            "evidence-contradicts-itself",
            "expectation-not-met",
        ],
        limit: "The verdict of each target says it, with its confidence and reasons; the rule speaks where it cannot.",
    },
    Situation {
        id: "C1",
        what: "gateway endpoints work by routes, interface endpoints by names",
        rules: &["gateway-endpoint-not-associated", "private-dns-off"],
        limit: "The verdict of each target tells them apart, and from NAT and internet gateways.",
    },
    Situation {
        id: "C2",
        what: "private DNS needs both DNS attributes of the VPC and the endpoint's own option",
        rules: &["vpc-dns-support-off", "vpc-dns-hostnames-off", "private-dns-off"],
        limit: "Which of the three is off is certain only where EC2 may be read.",
    },
    Situation {
        id: "C3",
        what: "the endpoint service names in the two Regions of China, and their three forms",
        rules: &["endpoint-missing"],
        limit: "`vpcprobe services --region cn-north-1` lists them; commands carry the right form.",
    },
    Situation {
        id: "C4",
        what: "Systems Manager: three endpoints, a role that may call them, the agent",
        rules: &[
            "endpoint-missing",
            "no-instance-profile",
            "identity-policy-denies",
            "endpoint-policy-denies",
            "ssm-agent-not-running",
        ],
        limit: "The permissions for ssmmessages and ec2messages have no harmless call that tries them. Whether the agent is there is \
                seen where systemd starts it; a host that was never given one is no finding.",
    },
    Situation {
        id: "C5",
        what: "the instance's group lets out to the endpoint's, and the endpoint's lets the instance in, on port 443",
        rules: &["endpoint-security-group-closed", "security-group-egress-closed"],
        limit: "",
    },
    Situation {
        id: "C6",
        what: "an endpoint in one Availability Zone only is a risk",
        rules: &["endpoint-in-another-zone", "one-endpoint-address-dead", "some-addresses-unreachable"],
        limit: "That an endpoint has an interface in this instance's zone alone is no finding: what matters to other instances, \
                those tell.",
    },
    Situation {
        id: "C7",
        what: "the services that are used from a VPC",
        rules: &["required-service-unreachable", "optional-service-unreachable"],
        limit: "Each is known to `--service` and to `vpcprobe services`; signed calls go to S3, DynamoDB, Systems Manager and STS.",
    },
    Situation {
        id: "B1",
        what: "the endpoints that Elastic Beanstalk needs, per platform",
        rules: &["endpoint-missing", "required-service-unreachable"],
        limit: "Profiles beanstalk, beanstalk-docker and beanstalk-ecs.",
    },
    Situation {
        id: "B2",
        what: "DNS hostnames and DNS resolution are on in the VPC",
        rules: &["vpc-dns-support-off", "vpc-dns-hostnames-off"],
        limit: "",
    },
    Situation {
        id: "B3",
        what: "the endpoints' security groups let port 443 in from the clients",
        rules: &["endpoint-security-group-closed"],
        limit: "",
    },
    Situation {
        id: "B4",
        what: "the route table of the private subnets has a route for each gateway endpoint",
        rules: &["gateway-endpoint-not-associated"],
        limit: "",
    },
    Situation {
        id: "B5",
        what: "the endpoint policies allow what Elastic Beanstalk does with its own buckets",
        rules: &["endpoint-policy-denies-aws-buckets", "endpoint-policy-denies"],
        limit: "Tried with what everybody may read, and read from the policy where EC2 gives it; writing would change state. The \
                environment's own bucket is tried where `--bucket` names it.",
    },
    Situation {
        id: "B6",
        what: "instances that do not report to Elastic Beanstalk, or not in the allowed time",
        rules: &["required-service-unreachable", "endpoint-missing", "endpoint-policy-denies-aws-buckets"],
        limit: "Which endpoint explains it is the subject of the finding; the pages carry both messages.",
    },
];
