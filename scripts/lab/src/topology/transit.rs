//! What a VPC reaches through a transit gateway: the NAT gateway of a central VPC, and interface endpoints of a hub.

use std::net::Ipv4Addr;

use serde::Deserialize;

/// A transit gateway that the VPC is attached to. Routes that name it as their target lead to what lies behind it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransitGateway {
    pub(crate) id: String,
    /// Where everything goes that is for none of the endpoints behind it.
    pub(crate) egress: Option<CentralNatGateway>,
    #[serde(default)]
    pub(crate) interface_endpoints: Vec<HubEndpoint>,
}

/// The NAT gateway of a VPC that others reach the internet through.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CentralNatGateway {
    pub(crate) id: String,
    pub(crate) private_address: Ipv4Addr,
    pub(crate) public_address: Ipv4Addr,
    /// Whether it answers a packet whose TTL ends at it.
    #[serde(default = "super::yes")]
    pub(crate) visible: bool,
}

/// An interface endpoint in another VPC. Its names are known here only if a private hosted zone gives them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HubEndpoint {
    pub(crate) id: String,
    pub(crate) service: String,
    /// The VPC it lives in, which policies see as the source of what comes through it.
    pub(crate) vpc: String,
    pub(crate) addresses: Vec<Ipv4Addr>,
}

impl TransitGateway {
    /// The endpoint behind it that has this address.
    pub(crate) fn endpoint_at(&self, address: Ipv4Addr) -> Option<&HubEndpoint> {
        self.interface_endpoints.iter().find(|endpoint| endpoint.addresses.contains(&address))
    }
}
