//! What the hop walks show of the way to an address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use probes::SkipReason;
use probes::observations::{Attempt, HopWalk, Responder, TargetObservation};

use super::addresses::{is_internet_side, is_not_routable};
use super::own_network::is_the_instance;
use crate::classify::signal::Hops;
use crate::report::{EnvironmentRecord, Recording};

/// The last TTL whose silence is looked at; farther routers do not tell one way out of a subnet from another.
pub(super) const NEAR: u8 = 3;

/// Every walk of a run by the address that was walked, and the controls to compare with.
#[derive(Debug)]
pub struct Walks<'a> {
    by_address: BTreeMap<IpAddr, &'a HopWalk>,
    controls: &'a [TargetObservation],
}

impl<'a> Walks<'a> {
    /// Collects the walks of a recording.
    #[must_use]
    pub fn of(recording: &'a Recording) -> Self {
        let attempts =
            recording.targets.iter().chain(&recording.controls).flat_map(|target| &target.attempts);
        let by_address =
            attempts.filter_map(|attempt| attempt.hops.done().map(|walk| (attempt.address, walk))).collect();
        Self { by_address, controls: &recording.controls }
    }

    /// The controls.
    pub(super) fn controls(&self) -> &'a [TargetObservation] {
        self.controls
    }

    /// The walk that stands for this address: its own, or that of the address it was grouped with, also where one of its own was
    /// wanted and came to nothing.
    #[must_use]
    pub fn for_attempt<'b>(&self, attempt: &'b Attempt) -> Option<(IpAddr, &'b HopWalk)>
    where
        'a: 'b,
    {
        if let Some(walk) = attempt.hops.done() {
            return Some((attempt.address, walk));
        }
        let walked = attempt.walked_as.filter(|_| attempt.hops.skip_reason().is_some())?;
        self.by_address.get(&walked).map(|walk| (walked, *walk))
    }
}

pub(super) fn hops_of(
    environment: &EnvironmentRecord,
    walks: &Walks<'_>,
    attempt: &Attempt,
) -> (Hops, String) {
    let Some((walked, walk)) = walks.for_attempt(attempt) else {
        return (Hops::HopsUnknown, format!("no hop walk: {}", why_no_walk(attempt)));
    };
    let shared = if walked == attempt.address { String::new() } else { format!(", walk to {walked}") };
    match first_responder(environment, walked, walk) {
        Some(responder) if is_not_routable(responder.address) => {
            let text = format!(
                "first router {} is of no network that tells the way (TTL {}{shared})",
                responder.address, responder.ttl
            );
            (Hops::HopsUnknown, text)
        }
        Some(responder) if is_internet_side(environment, responder.address) => {
            let text = format!(
                "first router {} is of the internet side (TTL {}{shared})",
                responder.address, responder.ttl
            );
            (Hops::InternetFirstResponder, text)
        }
        Some(responder) => {
            let text =
                format!("first router {} is private (TTL {}{shared})", responder.address, responder.ttl);
            if walk.reached_at_ttl.and_then(|at| at.checked_sub(1)) == Some(responder.ttl) {
                return (
                    Hops::PrivateResponderOnly,
                    format!("{text}, and the service answers right behind it"),
                );
            }
            (Hops::PrivateFirstResponder, text)
        }
        None if silence_counts(environment, walk) => match walk.reached_at_ttl {
            Some(at) if (1..at).all(|ttl| is_passed_over(environment, walk, ttl)) => {
                (Hops::NoVisibleResponder, format!("no router before the destination (TTL {at}{shared})"))
            }
            Some(at) => {
                let text =
                    format!("the routers before the destination (TTL {at}{shared}) do not show themselves");
                (Hops::HiddenResponders, text)
            }
            None => (Hops::HiddenResponders, format!("no router shows itself at TTL 1 to 3{shared}")),
        },
        None => (Hops::HopsUnknown, format!("the hop walk got no answer in time{shared}")),
    }
}

fn why_no_walk(attempt: &Attempt) -> &'static str {
    match attempt.hops.skip_reason() {
        Some(SkipReason::Disabled | SkipReason::NotAsked) => "switched off",
        Some(SkipReason::RouterQuota) => "the first router had been asked as often as it answers",
        Some(SkipReason::OutOfTime) => "out of time",
        Some(SkipReason::InsideVpc) => "the address is inside the VPC",
        Some(SkipReason::DescriptorLimit) => "too few file descriptors",
        Some(SkipReason::SharedWalk) => "the walk it shares was not made",
        Some(_) => "not made",
        None => "this kernel or path does not support it",
    }
}

/// The first router that answered, leaving out the destination itself, and the instance where this ran in a container on it.
pub(super) fn first_responder<'a>(
    environment: &EnvironmentRecord,
    walked: IpAddr,
    walk: &'a HopWalk,
) -> Option<&'a Responder> {
    walk.responders
        .iter()
        .filter(|responder| {
            responder.address != walked && !is_the_instance(&environment.host, responder.address)
        })
        .min_by_key(|responder| responder.ttl)
}

/// Silence says something only when the destination answered, here or to the walk beside which this one was made, and every
/// silent router up to TTL 3 was asked again after its limit on such answers had refilled.
fn silence_counts(environment: &EnvironmentRecord, walk: &HopWalk) -> bool {
    let below = match walk.reached_at_ttl {
        Some(reached) => reached.min(NEAR + 1),
        None if walk.near_only => NEAR + 1,
        None => return false,
    };
    are_silent(environment, walk, below)
}

/// Whether every router below a TTL was asked again and stayed silent, or is the instance itself.
pub(super) fn are_silent(environment: &EnvironmentRecord, walk: &HopWalk, below: u8) -> bool {
    (1..below).all(|ttl| walk.silent_after_retry.contains(&ttl) || is_passed_over(environment, walk, ttl))
}

/// Whether what answers at a TTL is the instance itself, seen from a container on it.
fn is_passed_over(environment: &EnvironmentRecord, walk: &HopWalk, ttl: u8) -> bool {
    walk.responders
        .iter()
        .any(|responder| responder.ttl == ttl && is_the_instance(&environment.host, responder.address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NAT, S3, answering, recording, walked};

    fn first(router: &str) -> Hops {
        let recording = recording();
        let attempt = walked(answering(S3), &[router]);
        hops_of(&recording.environment, &Walks::of(&recording), &attempt).0
    }

    /// Who answered first on ways that people have published: NAT gateways and instances under a private address of the VPC, internet
    /// gateways under 240.0.0.0/4, 100.64.0.0/10, 150.222.0.0/16, 52.93.0.0/16 or a public address of EC2.
    #[test]
    fn first_responders_of_traces_from_the_field_are_told_apart() {
        for router in [NAT, "10.0.3.7", "172.31.5.5", "192.168.1.1"] {
            assert_eq!(first(router), Hops::PrivateFirstResponder, "{router}");
        }
        for router in [
            "3.236.62.41",
            "240.0.56.65",
            "241.0.4.1",
            "242.2.212.5",
            "243.254.27.198",
            "240.0.168.13",
            "100.64.1.1",
            "100.65.32.130",
            "100.66.8.2",
            "150.222.97.12",
            "52.93.70.12",
        ] {
            assert_eq!(first(router), Hops::InternetFirstResponder, "{router}");
        }
    }

    #[test]
    fn a_router_of_the_shared_range_is_the_vpcs_own_where_the_vpc_uses_that_range() {
        let mut recording = recording();
        recording.environment.host.vpc_cidrs.push("100.64.0.0/16".parse().unwrap());
        let attempt = walked(answering(S3), &["100.64.3.3"]);
        let walks = Walks::of(&recording);
        assert_eq!(hops_of(&recording.environment, &walks, &attempt).0, Hops::PrivateFirstResponder);
        let attempt = walked(answering(S3), &["100.65.3.3"]);
        assert_eq!(hops_of(&recording.environment, &walks, &attempt).0, Hops::InternetFirstResponder);
    }

    /// A saved report may say what no walk can have seen.
    #[test]
    fn a_router_at_the_last_ttl_has_nothing_right_behind_it() {
        let mut attempt = walked(answering(S3), &[NAT]);
        let probes::Outcome::Done(walk) = &mut attempt.hops.outcome else { panic!("a walk was made") };
        walk.responders[0].ttl = u8::MAX;
        for reached in [None, Some(0), Some(1)] {
            let probes::Outcome::Done(walk) = &mut attempt.hops.outcome else { panic!("a walk was made") };
            walk.reached_at_ttl = reached;
            let recording = recording();
            let hops = hops_of(&recording.environment, &Walks::of(&recording), &attempt).0;
            assert_eq!(hops, Hops::PrivateFirstResponder, "{reached:?}");
        }
    }

    #[test]
    fn a_router_of_no_routable_network_tells_nothing() {
        for router in ["169.254.1.1", "0.0.0.1", "fe80::1"] {
            assert_eq!(first(router), Hops::HopsUnknown, "{router}");
        }
    }

    #[test]
    fn a_destination_that_answers_as_routers_do_is_no_router_and_no_silence_either() {
        assert_eq!(first(S3), Hops::HopsUnknown);
    }

    #[test]
    fn a_walk_near_the_host_needs_no_answer_of_the_destination() {
        let walk = |near_only, silent: &[u8]| HopWalk {
            responders: Vec::new(),
            reached_at_ttl: None,
            max_ttl: None,
            silent_after_retry: silent.to_vec(),
            near_only,
        };
        let counts = |walk: &HopWalk| silence_counts(&recording().environment, walk);
        assert!(counts(&walk(true, &[1, 2, 3])));
        assert!(!counts(&walk(true, &[1, 2])));
        assert!(!counts(&walk(false, &[1, 2, 3])));
    }
}
