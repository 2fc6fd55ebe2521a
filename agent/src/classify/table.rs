//! The truth table: which set of signals means which path, and how sure that is.
//!
//! The first row that matches decides. `vpcprobe explain verdicts` prints the table as it stands here, and a test walks
//! the full product of all dimensions. What each reading rests on: the Amazon VPC guide on gateway endpoints (an
//! address behind one is the same public address as over the internet, so the address alone tells nothing) and field
//! traces of TCP walks, in which a gateway endpoint never showed a router, a NAT gateway showed its private address
//! first, and an internet gateway's path showed routers of 240.0.0.0/4, 100.64.0.0/10 and public ranges. The traces
//! are few: "likely" is as far as they carry.
//!
//! What hosts to compare with show is one dimension, since one conclusion is drawn from them together. The same service in another
//! Region is the best of them: managed prefix lists are regional, so no gateway endpoint here carries it, and whatever else looks
//! at names, ports and addresses treats it alike. Where it is reached with no router in sight, some way out hides its routers and
//! this service may take it: then silence is "possible" at most, even where other hosts cannot be reached.
//!
//! The address under which the internet sees the instance tells what carries a service to the internet, and never whether
//! a gateway endpoint carries it: it was measured on a control's way, and a gateway endpoint stands beside any egress. It counts only
//! for what takes the control's way ([`super::evidence`]), and only for the carrier.

mod rows;

use super::signal::{
    Address, Configured, Contact, Control, Egress, Hops, Identity, Prefixes, Proof, PublicAddress, Signals,
    Word,
};
use crate::report::{Confidence, Path, Via};

pub use rows::TABLE;

/// What a set of signals means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The path.
    pub path: Path,
    /// What carries the packets out of the subnet; in a row, `None` also where the route table's word is taken.
    pub via: Option<Via>,
    /// How sure the path is; `None` exactly where it is undetermined.
    pub confidence: Option<Confidence>,
}

/// One row: it matches when every dimension has one of the row's values; an empty list stands for any.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each field is the dimension of its type")]
pub struct Row {
    pub address: &'static [Address],
    pub prefixes: &'static [Prefixes],
    pub hops: &'static [Hops],
    pub control: &'static [Control],
    pub contact: &'static [Contact],
    pub identity: &'static [Identity],
    pub word: &'static [Word],
    pub proof: &'static [Proof],
    pub public_address: &'static [PublicAddress],
    pub egress: &'static [Egress],
    pub configured: &'static [Configured],
    /// What the row means.
    pub ruling: Ruling,
    /// The same in a sentence for the reader of the table.
    pub reading: &'static str,
    /// What would look the same and is something else, with what tells them apart; for the reader of a verdict. Empty where
    /// nothing is known to.
    pub twin: &'static str,
    /// Whether witnesses that are each conclusive say different things here; the path is then undetermined.
    pub contradictory: bool,
}

/// The row that decides for this set of signals, and its ruling with the carrier that the route table names.
#[must_use]
pub fn decide(signals: &Signals) -> (&'static Row, Ruling) {
    // The rows for public and for private addresses end in one that matches the rest; a test walks the whole product.
    let row = TABLE.iter().find(|row| row.matches(signals)).unwrap_or(&rows::ANY);
    let mut ruling = row.ruling;
    if matches!(ruling.path, Path::Internet | Path::GatewayEndpoint) && !row.configured.is_empty() {
        ruling.via = signals.configured.carrier();
    }
    (row, ruling)
}

impl Configured {
    /// The carrier that a route leads to, where it is one.
    #[must_use]
    pub fn carrier(self) -> Option<Via> {
        Some(match self {
            Self::RouteToNatGateway
            | Self::RouteToNatGatewayThenUnknown
            | Self::RouteToNatGatewayThenGatewayEndpoint => Via::NatGateway,
            Self::RouteToInternetGateway => Via::InternetGateway,
            Self::RouteToEgressOnlyInternetGateway => Via::EgressOnlyInternetGateway,
            Self::RouteToInstance => Via::NatInstance,
            Self::RouteToFirewall => Via::Firewall,
            Self::RouteToTransitGateway => Via::TransitGateway,
            Self::RouteToVpnGateway => Via::VpnGateway,
            Self::RouteToPeering => Via::Peering,
            _ => return None,
        })
    }
}

impl Row {
    /// Whether every dimension has one of this row's values.
    #[must_use]
    pub fn matches(&self, signals: &Signals) -> bool {
        fn one_of<T: PartialEq>(values: &[T], value: &T) -> bool {
            values.is_empty() || values.contains(value)
        }
        one_of(self.address, &signals.address)
            && one_of(self.prefixes, &signals.prefixes)
            && one_of(self.hops, &signals.hops)
            && one_of(self.control, &signals.control)
            && one_of(self.contact, &signals.contact)
            && one_of(self.identity, &signals.identity)
            && one_of(self.word, &signals.word)
            && one_of(self.proof, &signals.proof)
            && one_of(self.public_address, &signals.public_address)
            && one_of(self.egress, &signals.egress)
            && one_of(self.configured, &signals.configured)
    }
}

#[cfg(test)]
mod tests;
