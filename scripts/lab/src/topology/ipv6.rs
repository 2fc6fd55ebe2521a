//! The second address family, as far as the lab has it: the instance's own subnet, interface endpoints, and one way out.
//! In an IPv6-only subnet it is the only family that leads anywhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;
use serde::Deserialize;

use super::{InterfaceEndpoint, Topology};

/// IPv6 in the VPC. Security groups and network ACLs let all of it pass; only what opens a connection from outside is dropped.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ipv6 {
    pub(crate) vpc_cidr: Ipv6Net,
    /// The range of the instance's subnet.
    pub(crate) subnet_cidr: Ipv6Net,
    /// The instance's address.
    pub(crate) address: Ipv6Addr,
    /// Makes the subnet IPv6-only. Of IPv4 the instance then has this link-local address and a default route, both by DHCP, as
    /// was seen on real ones: they lead to instance metadata, and anything else vanishes.
    pub(crate) link_local_ipv4: Option<Ipv4Addr>,
    /// The gateway endpoints that are dual-stack; the routes of their services' IPv6 ranges lead to them.
    #[serde(default)]
    pub(crate) gateway_endpoints: Vec<String>,
    /// The interface endpoints that are dual-stack.
    #[serde(default)]
    pub(crate) interface_endpoints: Vec<DualStackEndpoint>,
    /// Where the default route of the subnet leads; without it there is none, and packets vanish.
    pub(crate) egress_only_internet_gateway: Option<EgressOnlyInternetGateway>,
}

/// What makes an interface endpoint dual-stack.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DualStackEndpoint {
    pub(crate) id: String,
    /// The IPv6 addresses of its network interfaces.
    pub(crate) addresses: Vec<Ipv6Addr>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EgressOnlyInternetGateway {
    pub(crate) id: String,
    /// The routers behind it that answer time-exceeded, nearest first.
    pub(crate) responders: Vec<Ipv6Addr>,
}

impl Topology {
    /// Whether the instance sits in an IPv6-only subnet.
    pub(crate) fn ipv6_only(&self) -> bool {
        self.ipv6.as_ref().is_some_and(|ipv6| ipv6.link_local_ipv4.is_some())
    }

    /// The IPv6 addresses of an interface endpoint; none where it takes IPv4 only.
    pub(crate) fn ipv6_addresses(&self, endpoint: &str) -> &[Ipv6Addr] {
        let listed = self.ipv6.iter().flat_map(|ipv6| &ipv6.interface_endpoints);
        listed
            .filter(|each| each.id == endpoint)
            .map(|each| each.addresses.as_slice())
            .next()
            .unwrap_or_default()
    }

    /// The interface endpoint that has this IPv6 address.
    pub(crate) fn interface_endpoint_at(&self, address: Ipv6Addr) -> Option<&InterfaceEndpoint> {
        self.interface_endpoints.iter().find(|each| self.ipv6_addresses(&each.id).contains(&address))
    }
}
