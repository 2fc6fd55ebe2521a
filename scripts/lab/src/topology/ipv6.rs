//! The second address family, as far as the lab has it: the instance's own subnet, and one way out of it.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use serde::Deserialize;

/// IPv6 in the VPC. Security groups and network ACLs let all of it pass; only what opens a connection from outside is dropped.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ipv6 {
    pub(crate) vpc_cidr: Ipv6Net,
    /// The range of the instance's subnet.
    pub(crate) subnet_cidr: Ipv6Net,
    /// The instance's address.
    pub(crate) address: Ipv6Addr,
    /// The gateway endpoints that are dual-stack; the routes of their services' IPv6 ranges lead to them.
    #[serde(default)]
    pub(crate) gateway_endpoints: Vec<String>,
    /// Where the default route of the subnet leads; without it there is none, and packets vanish.
    pub(crate) egress_only_internet_gateway: Option<EgressOnlyInternetGateway>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EgressOnlyInternetGateway {
    pub(crate) id: String,
    /// The routers behind it that answer time-exceeded, nearest first.
    pub(crate) responders: Vec<Ipv6Addr>,
}
