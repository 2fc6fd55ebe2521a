//! The situations about routes, packet filters and VPC endpoints.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        id: "F16",
        what: "a gateway endpoint that this subnet's route table does not lead to",
        rules: &[
            "gateway-endpoint-not-associated",
            "s3-egress-through-nat",
            "dynamodb-egress-through-nat",
            "required-service-unreachable",
        ],
        limit: "named where EC2 may be asked; else one of the causes listed",
    },
    Situation {
        id: "F17",
        what: "the subnet falls back to the main route table",
        rules: &["subnet-uses-main-route-table"],
        limit: "only EC2 shows which table holds",
    },
    Situation {
        id: "F18",
        what: "a more specific route beats the endpoint's",
        rules: &["more-specific-route"],
        limit: "only EC2 shows the routes; without it s3-egress-through-nat lists it",
    },
    Situation {
        id: "F19",
        what: "a route to something that is gone",
        rules: &["blackhole-route", "required-service-unreachable"],
        limit: "without EC2's word it is one of the causes listed",
    },
    Situation {
        id: "F20",
        what: "no route and no endpoint",
        rules: &["no-egress", "no-route-out", "endpoint-missing"],
        limit: "",
    },
    Situation {
        id: "F21",
        what: "an internet gateway without a public address",
        rules: &["no-public-address", "no-egress"],
        limit: "",
    },
    Situation {
        id: "F22",
        what: "VPC Block Public Access",
        rules: &["vpc-block-public-access"],
        limit: "its effect on gateway endpoints is not documented; they are taken to be free of it",
    },
    Situation {
        id: "F23",
        what: "a NAT gateway that failed, or stands in the wrong subnet",
        rules: &["nat-gateway-not-available", "required-service-unreachable"],
        limit: "a connection that is reset after 350 idle seconds is longer than a run",
    },
    Situation {
        id: "F24",
        what: "a NAT gateway out of ports",
        rules: &["some-addresses-unreachable"],
        limit: "one run opens too few connections to tell it from a lost packet; the gateway's metric ErrorPortAllocation tells",
    },
    Situation {
        id: "F25",
        what: "packets with the address of another interface",
        rules: &["source-address-of-another-interface"],
        limit: "only for connections that this host opens; answers to connections from elsewhere are not seen",
    },
    Situation {
        id: "F26",
        what: "a second interface whose subnet has no endpoint route",
        rules: &["second-interface-without-endpoint-route"],
        limit: "",
    },
    Situation {
        id: "F27",
        what: "a peer, a VPN or another VPC that uses this gateway endpoint",
        rules: &[],
        limit: "nothing is wrong on this instance, and the client is elsewhere; run vpcprobe there",
    },
    Situation {
        id: "F28",
        what: "a container whose network is not the host's",
        rules: &["container-network", "metadata-hop-limit"],
        limit: "only from inside the container",
    },
    Situation {
        id: "F29",
        what: "connections that broke once when a gateway endpoint was made",
        rules: &[],
        limit: "it is over before a run begins, and leaves no trace",
    },
    Situation {
        id: "F30",
        what: "a security group without the prefix list",
        rules: &["security-group-egress-without-prefix-list", "required-service-unreachable"],
        limit: "without EC2's word it is the first of the causes listed where private addresses connect",
    },
    Situation {
        id: "F31",
        what: "a security group that lists old ranges",
        rules: &["security-group-egress-stale-ranges", "some-addresses-unreachable"],
        limit: "",
    },
    Situation {
        id: "F32",
        what: "a network ACL that does not let 443 out",
        rules: &["network-acl-blocks-outbound", "required-service-unreachable"],
        limit: "only EC2 tells it from F33",
    },
    Situation {
        id: "F33",
        what: "a network ACL that does not let the answers in",
        rules: &["network-acl-blocks-return", "required-service-unreachable"],
        limit: "only EC2 tells it from F32",
    },
    Situation {
        id: "F34",
        what: "a network ACL that lists old ranges",
        rules: &["network-acl-stale-ranges", "some-addresses-unreachable"],
        limit: "",
    },
    Situation {
        id: "F35",
        what: "a network ACL cut to its quota of entries",
        rules: &["network-acl-stale-ranges"],
        limit: "why a range is missing cannot be seen",
    },
    Situation {
        id: "F36",
        what: "an endpoint's security group without port 443",
        rules: &["endpoint-security-group-closed", "required-service-unreachable"],
        limit: "",
    },
    Situation {
        id: "F37",
        what: "an endpoint's security group that knows other clients only",
        rules: &["endpoint-security-group-closed"],
        limit: "the other clients are not seen",
    },
    Situation {
        id: "F38",
        what: "connection tracking at its limit",
        rules: &["connection-tracking-limit-exceeded"],
        limit: "only where the driver is ENA, which counts it, and not from inside a container. Not tried in the lab, whose kernel has no \
                device with such counters",
    },
    Situation {
        id: "F39",
        what: "a firewall on this host",
        rules: &["host-firewall"],
        limit: "one that drops in silence looks like the VPC's filters; only one that rejects shows itself",
    },
    Situation {
        id: "F41",
        what: "an appliance without the way back",
        rules: &["required-service-unreachable"],
        limit: "from inside it is silence like any other; the appliance may show itself as the first router",
    },
    Situation {
        id: "F42",
        what: "an appliance that drops long or large flows",
        rules: &[],
        limit: "a run makes no long or large transfers",
    },
    Situation {
        id: "F43",
        what: "an endpoint in another zone only",
        rules: &["endpoint-in-another-zone", "one-endpoint-address-dead"],
        limit: "only EC2 tells the zone of a subnet; an address that is dead is named in any case",
    },
    Situation {
        id: "F44",
        what: "an endpoint that is pending, rejected, failed or being deleted",
        rules: &["endpoint-not-available"],
        limit: "only EC2 tells an endpoint's state",
    },
    Situation {
        id: "F46",
        what: "an endpoint that is missing while others are there",
        rules: &["endpoint-missing"],
        limit: "",
    },
    Situation {
        id: "F47",
        what: "an endpoint service of the wrong name",
        rules: &["endpoint-missing"],
        limit: "creating it fails, so there is nothing to see but that it is missing; the commands carry the right names",
    },
    Situation {
        id: "F48",
        what: "only sts is missing",
        rules: &["endpoint-missing", "optional-service-unreachable"],
        limit: "a notice, for nothing of the SSM agent's needs it",
    },
    Situation {
        id: "F94",
        what: "a fault on AWS's side, or trouble in one zone",
        rules: &["some-addresses-unreachable", "one-endpoint-address-dead", "service-fault"],
        limit: "every address is shown by itself; the AWS Health Dashboard tells the rest",
    },
];
