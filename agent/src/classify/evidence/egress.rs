//! Under which address the internet sees this instance, as a control told that answers with its client's address and nothing else.
//!
//! An internet gateway maps the instance's own public address; whatever else the address is translated to was made by a NAT gateway,
//! an appliance or a proxy that takes connections over. That holds for the control's way. It holds for another address only where
//! that one leaves by the same subnet and takes the same way: both begin with the same router, or the address is of a service
//! without gateway endpoints, so that like the control's it takes the default route, and no router was seen that says otherwise.
//! What carries S3 or `DynamoDB` is not told by it where no router was seen: a gateway endpoint stands beside any egress.

use std::net::{IpAddr, Ipv4Addr};

use probes::observations::Attempt;

use super::configured::left_by;
use super::walks::{Walks, first_responder};
use super::{intercepts, is_not_routable, is_private};
use crate::classify::signal::{Egress, Prefixes};
use crate::report::EnvironmentRecord;

/// The signal, where it was seen, and the sentence for it.
pub(super) struct Seen {
    pub(super) egress: Egress,
    pub(super) place: String,
    pub(super) text: String,
}

/// What controls say of the address under which an attempt leaves. Where two say different things, nothing.
pub(super) fn egress_of(
    environment: &EnvironmentRecord,
    walks: &Walks<'_>,
    prefixes: Prefixes,
    attempt: &Attempt,
) -> Seen {
    let nothing =
        || Seen { egress: Egress::EgressUnknown, place: "controls".to_owned(), text: String::new() };
    // Addresses of IPv6 are not translated, and that metadata is silent is not that there is no public address.
    if !attempt.address.is_ipv4() || is_private(attempt.address) || environment.host.instance_id.is_none() {
        return nothing();
    }
    let mut seen: Option<Seen> = None;
    for control in walks.controls().iter().filter(|control| control.service == "control") {
        for other in
            control.attempts.iter().filter(|other| same_way(environment, walks, prefixes, attempt, other))
        {
            let Some(told) = told(environment, other) else { continue };
            let place = format!("controls/{}", control.host);
            let (egress, text) = compare(environment, &control.host, told);
            if seen.as_ref().is_some_and(|seen| seen.egress != egress) {
                return nothing();
            }
            seen.get_or_insert(Seen { egress, place, text });
        }
    }
    seen.unwrap_or_else(nothing)
}

fn same_way(
    environment: &EnvironmentRecord,
    walks: &Walks<'_>,
    prefixes: Prefixes,
    attempt: &Attempt,
    control: &Attempt,
) -> bool {
    let first = |attempt: &Attempt| {
        let walk =
            walks.for_attempt(attempt).and_then(|(walked, walk)| first_responder(environment, walked, walk));
        walk.map(|router| router.address).filter(|router| !is_not_routable(*router))
    };
    let by_default = prefixes == Prefixes::NoGatewayForService;
    left_by(environment, attempt) == left_by(environment, control)
        && match (first(attempt), first(control)) {
            (Some(own), Some(other)) => own == other,
            _ => by_default,
        }
}

/// The address that a control told, where it is one of the internet's and the control is who it should be.
fn told(environment: &EnvironmentRecord, control: &Attempt) -> Option<Ipv4Addr> {
    let session = control.tls.done().filter(|session| session.trust.accepted())?;
    if intercepts(environment, session) {
        return None;
    }
    match control.call.done()?.told_address? {
        IpAddr::V4(told) if !is_private(told.into()) && !is_not_routable(told.into()) => Some(told),
        _ => None,
    }
}

fn compare(environment: &EnvironmentRecord, control: &str, told: Ipv4Addr) -> (Egress, String) {
    let host = &environment.host;
    let of_interfaces = host.interfaces.iter().flat_map(|interface| &interface.public_ipv4s);
    if host.public_ipv4 == Some(told) || of_interfaces.copied().any(|own| own == told) {
        let text = format!("{control} sees this instance under its own public address {told}");
        return (Egress::EgressIsOwnAddress, text);
    }
    let own = match host.public_ipv4 {
        Some(own) => format!("not its own {own}"),
        None => "and it has no public address".to_owned(),
    };
    (Egress::EgressIsAnotherAddress, format!("{control} sees this instance under {told}, {own}"))
}
