//! The situations about names, resolvers and address families.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        id: "F01",
        what: "DNS resolution is off in the VPC (enableDnsSupport)",
        rules: &["vpc-dns-support-off"],
        limit: "",
    },
    Situation {
        id: "F02",
        what: "DNS host names are off in the VPC (enableDnsHostnames)",
        rules: &["vpc-dns-hostnames-off"],
        limit: "where the service works over the internet, only EC2 tells that the VPC has an endpoint for it",
    },
    Situation {
        id: "F03",
        what: "private DNS is off at the interface endpoint",
        rules: &["private-dns-off", "required-service-unreachable"],
        limit: "without EC2's word it looks like a missing endpoint, and both are listed as causes",
    },
    Situation {
        id: "F04",
        what: "S3's private names are for inbound resolvers only, and no gateway endpoint serves the subnet",
        rules: &["private-dns-for-inbound-resolvers-only", "required-service-unreachable"],
        limit: "without EC2's word it looks like a missing gateway route",
    },
    Situation {
        id: "F05",
        what: "a name server of one's own forwards to the public DNS",
        rules: &["resolver-answers-differ"],
        limit: "",
    },
    Situation {
        id: "F06",
        what: "a resolver gives another Region's or stale addresses",
        rules: &["answers-from-another-region", "resolver-answers-differ"],
        limit: "addresses that no published list knows are not reported: the lists age",
    },
    Situation {
        id: "F07",
        what: "a Resolver rule forwards AWS names elsewhere",
        rules: &["resolver-rule-forwards-elsewhere", "answers-from-another-region", "name-blocked"],
        limit: "a rule to servers that give this Region's own public addresses shows only where an endpoint is passed by",
    },
    Situation {
        id: "F08",
        what: "Route 53 Resolver DNS Firewall blocks a name",
        rules: &["name-blocked"],
        limit: "whether a denial is DNS Firewall's or a private hosted zone's cannot be told for certain from inside",
    },
    Situation {
        id: "F09",
        what: "a private hosted zone stands over AWS's names",
        rules: &["private-zone-overrides-service", "name-blocked", "dynamodb-account-name-blocked"],
        limit: "a private address outside the VPC may be a central VPC's endpoint, and is not reported",
    },
    Situation {
        id: "F10",
        what: "the zone of a central endpoint is not associated with this VPC",
        rules: &["required-service-unreachable"],
        limit: "from inside it is a public answer like any other: what another VPC's zone would say cannot be seen",
    },
    Situation {
        id: "F11",
        what: "the hosts file or nsswitch.conf overrides DNS",
        rules: &["hosts-file-override", "resolver-answers-differ"],
        limit: "",
    },
    Situation {
        id: "F12",
        what: "the search list and ndots lead names astray",
        rules: &["search-list-answers"],
        limit: "search domains that only cost time are no finding",
    },
    Situation { id: "F13", what: "the first name server is dead", rules: &["resolver-dead"], limit: "" },
    Situation {
        id: "F14",
        what: "more than 1,024 packets a second to link-local addresses",
        rules: &["link-local-limit-exceeded", "resolver-dead", "metadata-unavailable"],
        limit: "only where the driver is ENA, which counts it, and not from inside a container; that a lookup failed for it is a listed \
                cause. Not tried in the lab, whose kernel has no device with such counters",
    },
    Situation {
        id: "F15",
        what: "the name servers of the DHCP options cannot be reached from this subnet",
        rules: &["resolver-outside-vpc-unreachable", "resolver-dead"],
        limit: "whether route, firewall or server is to blame cannot be told from silence",
    },
    Situation {
        id: "F45",
        what: "a cache still gives the addresses of an endpoint that is gone",
        rules: &["resolver-answers-differ", "one-endpoint-address-dead", "some-addresses-unreachable"],
        limit: "a stale cache and a missing forwarder look alike until the time to live is over",
    },
    Situation {
        id: "F65",
        what: "IPv6 is preferred, and the endpoint takes IPv4 only",
        rules: &["ipv6-address-unreachable", "ipv6-bypasses-gateway-endpoint"],
        limit: "",
    },
    Situation { id: "F66", what: "a subnet with IPv6 only", rules: &["ipv4-missing"], limit: "" },
    Situation {
        id: "F87",
        what: "FIPS names beside interface endpoints for the normal names",
        rules: &["fips-name-without-endpoint"],
        limit: "that a gateway endpoint's prefix list holds S3's FIPS addresses is not verified",
    },
    Situation {
        id: "F88",
        what: "DynamoDB's interface endpoint is taken for transparent",
        rules: &["dynamodb-interface-endpoint-unused", "dynamodb-egress-through-nat"],
        limit: "without EC2's word the endpoint cannot be seen",
    },
    Situation {
        id: "F89",
        what: "DynamoDB's account name is not on an allow-list",
        rules: &["dynamodb-account-name-blocked", "server-name-filtered"],
        limit: "",
    },
];
