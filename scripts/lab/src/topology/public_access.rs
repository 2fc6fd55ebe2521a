//! VPC Block Public Access: what keeps internet gateways of a whole account and Region from carrying anything.
//!
//! Source: Amazon VPC user guide, "Block public access to VPCs and subnets": `block-bidirectional` stops everything that goes
//! through internet gateways and egress-only internet gateways; `block-ingress` leaves what NAT gateways and egress-only
//! internet gateways send out. Exclusions name a VPC or a subnet.

use std::net::Ipv4Addr;

use serde::Deserialize;

use super::Topology;

/// What is blocked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BlockMode {
    #[default]
    Off,
    BlockIngress,
    BlockBidirectional,
}

/// A VPC or subnet that the block does not hold for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exclusion {
    /// Its own id.
    pub(crate) id: String,
    /// The id of the VPC or subnet.
    pub(crate) resource: String,
    /// Whether connections from the internet may come in as well.
    #[serde(default)]
    pub(crate) inward_too: bool,
}

impl BlockMode {
    /// The name in EC2's calls.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::BlockIngress => "block-ingress",
            Self::BlockBidirectional => "block-bidirectional",
        }
    }

    /// The mode of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Off, Self::BlockIngress, Self::BlockBidirectional].into_iter().find(|mode| mode.name() == name)
    }
}

impl Topology {
    /// The public addresses that the internet gateway translates, as pairs of private and public address: all but those
    /// that the block on public access holds for.
    pub(crate) fn open_mappings(&self) -> Vec<(Ipv4Addr, Ipv4Addr)> {
        let nat = |address: &Ipv4Addr| self.nat_gateways.iter().any(|nat| nat.private_address == *address);
        let mut mappings = self.public_mappings();
        mappings.retain(|(private, _)| match self.vpc.block_public_access {
            BlockMode::Off => true,
            BlockMode::BlockIngress => nat(private) || self.is_excluded(*private),
            BlockMode::BlockBidirectional => self.is_excluded(*private),
        });
        mappings
    }

    /// Whether the block on public access leaves an egress-only internet gateway open.
    pub(crate) fn egress_only_open(&self) -> bool {
        self.vpc.block_public_access != BlockMode::BlockBidirectional
            || self.is_excluded(self.instance.private_address)
    }

    fn is_excluded(&self, address: Ipv4Addr) -> bool {
        let subnet = self.subnet_of(address).map(|subnet| subnet.id.as_str());
        self.vpc
            .public_access_exclusions
            .iter()
            .any(|exclusion| exclusion.resource == self.vpc.id || Some(exclusion.resource.as_str()) == subnet)
    }
}
