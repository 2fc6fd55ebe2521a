//! Resolvers that gave just what the host's own name service gave stand by their name alone beside it.

use std::net::IpAddr;

use ipnet::IpNet;
use probes::observations::{Answer, Lookup, LookupFailure, ResolverKind, TargetObservation};
use probes::{Outcome, Step};

use crate::plan::is_vpc_resolver;

/// Puts the lookups that follow the system's and say the same under it. The first that differs ends it, so that the order is known.
pub(super) fn gather(target: &mut TargetObservation, vpc_cidrs: &[IpNet]) {
    let Some((system, others)) = target.lookups.split_first() else { return };
    let Some(answer) = system.a.done().filter(|_| system.kind == ResolverKind::System) else { return };
    let has_ipv6 = answer.addresses.iter().any(IpAddr::is_ipv6);
    let alike = others.iter().take_while(|other| {
        let kind_follows = kind_of(&other.resolver, vpc_cidrs) == Some(other.kind);
        kind_follows && **other == restored(&other.resolver, other.kind, has_ipv6)
    });
    let alike: Vec<String> = alike.map(|other| other.resolver.clone()).collect();
    target.lookups.drain(1..=alike.len());
    target.lookups[0].alike = alike;
}

/// Takes them apart again.
pub(super) fn spread(target: &mut TargetObservation, vpc_cidrs: &[IpNet]) {
    let Some(system) = target.lookups.first_mut() else { return };
    let alike = std::mem::take(&mut system.alike);
    let has_ipv6 = system.a.done().is_some_and(|answer| answer.addresses.iter().any(IpAddr::is_ipv6));
    let others = alike.into_iter().filter_map(|resolver| {
        let kind = kind_of(&resolver, vpc_cidrs)?;
        Some(restored(&resolver, kind, has_ipv6))
    });
    let others: Vec<Lookup> = others.collect();
    target.lookups.splice(1..1, others);
}

/// What a resolver is, as the plan has it.
fn kind_of(resolver: &str, vpc_cidrs: &[IpNet]) -> Option<ResolverKind> {
    let address = resolver.parse().ok()?;
    Some(if is_vpc_resolver(address, vpc_cidrs) { ResolverKind::Vpc } else { ResolverKind::Configured })
}

fn restored(resolver: &str, kind: ResolverKind, has_ipv6: bool) -> Lookup {
    let as_system = || -> Step<Answer, LookupFailure> {
        let answer = Answer { as_system: true, ..Answer::default() };
        Step { start_ms: 0.0, elapsed_ms: 0.0, outcome: Outcome::Done(answer) }
    };
    let aaaa = has_ipv6.then(as_system);
    Lookup { resolver: resolver.to_owned(), kind, a: as_system(), aaaa, alike: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{S3, answering, target};

    /// A target of brief detail whose name these resolvers answered as the system did.
    fn brief(resolvers: &[(&str, ResolverKind)], address: &str) -> TargetObservation {
        let mut target = target("s3", true, vec![answering(address)]);
        target.lookups.truncate(1);
        let has_ipv6 = address.contains(':');
        target.lookups.extend(resolvers.iter().map(|(resolver, kind)| restored(resolver, *kind, has_ipv6)));
        target
    }

    #[test]
    fn lookups_that_say_the_same_are_gathered_and_spread_again() {
        let vpc = ["10.0.0.0/16".parse().unwrap()];
        for address in [S3, "2600:1fa0:8000::34d8:6f1"] {
            let target =
                brief(&[("10.0.0.2", ResolverKind::Vpc), ("192.168.1.1", ResolverKind::Configured)], address);
            let mut changed = target.clone();
            gather(&mut changed, &vpc);
            assert_eq!(changed.lookups.len(), 1);
            assert_eq!(changed.lookups[0].alike, ["10.0.0.2", "192.168.1.1"]);
            spread(&mut changed, &vpc);
            assert_eq!(changed, target);
        }
    }

    #[test]
    fn what_differs_and_what_follows_it_stays_as_it_is() {
        let vpc = ["10.0.0.0/16".parse().unwrap()];
        let mut slow =
            brief(&[("192.168.1.1", ResolverKind::Configured), ("10.0.0.2", ResolverKind::Vpc)], S3);
        slow.lookups[1].a.elapsed_ms = 5000.0;
        // Not what its address makes it.
        let odd = brief(&[("10.0.0.2", ResolverKind::Configured)], S3);
        for target in [slow, odd] {
            let mut changed = target.clone();
            gather(&mut changed, &vpc);
            assert_eq!(changed, target);
            spread(&mut changed, &vpc);
            assert_eq!(changed, target);
        }
    }
}
