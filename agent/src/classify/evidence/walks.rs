//! What the hop walks show of the way to an address, and of the way to the controls.

use std::collections::BTreeMap;
use std::net::IpAddr;

use probes::SkipReason;
use probes::observations::{Attempt, HopWalk, Responder, TargetObservation, TcpFailure};

use super::addresses::is_internet_side;
use crate::classify::signal::{Control, Hops};
use crate::report::{EnvironmentRecord, Recording};

/// Every walk of a run by the address that was walked, and what the controls' walks show.
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

    /// The walk that stands for this address: its own, or that of the address it was grouped with.
    #[must_use]
    pub fn for_attempt<'b>(&self, attempt: &'b Attempt) -> Option<(IpAddr, &'b HopWalk)>
    where
        'a: 'b,
    {
        if let Some(walk) = attempt.hops.done() {
            return Some((attempt.address, walk));
        }
        let shared = attempt.hops.skip_reason() == Some(SkipReason::SharedWalk);
        let walked = attempt.walked_as.filter(|_| shared)?;
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
    match first_responder(walked, walk) {
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
            (Hops::PrivateFirstResponder, text)
        }
        None if silence_counts(walk) => {
            let at = walk.reached_at_ttl.unwrap_or_default();
            (Hops::NoVisibleResponder, format!("no router seen before the destination (TTL {at}{shared})"))
        }
        None => (Hops::HopsUnknown, format!("the hop walk got no answer in time{shared}")),
    }
}

pub(super) fn control_of(
    environment: &EnvironmentRecord,
    walks: &Walks<'_>,
    hops: Hops,
    attempt: &Attempt,
) -> (Control, String) {
    let own = walks.for_attempt(attempt).and_then(|(walked, walk)| first_responder(walked, walk));
    let mut shows = None;
    let mut silent = None;
    let mut connected = None;
    let mut unreachable = None;
    for control in walks.controls {
        // Families take different routes: a control's IPv6 path says nothing of IPv4.
        let same_family =
            control.attempts.iter().filter(|other| other.address.is_ipv4() == attempt.address.is_ipv4());
        for attempt in same_family {
            if let Some(failure) = attempt.tcp.failed() {
                // Only silence or "no way there" shows that there is no way; a refusal came from somewhere.
                if matches!(
                    failure,
                    TcpFailure::TimedOut | TcpFailure::NetworkUnreachable | TcpFailure::HostUnreachable
                ) {
                    unreachable.get_or_insert(control.host.as_str());
                }
                continue;
            }
            if attempt.tcp.done().is_none() {
                continue;
            }
            connected.get_or_insert(control.host.as_str());
            let Some((walked, walk)) = walks.for_attempt(attempt) else { continue };
            match first_responder(walked, walk) {
                Some(first)
                    if hops == Hops::PrivateFirstResponder
                        && own.is_some_and(|own| own.address == first.address) =>
                {
                    let text = format!("control {} shares that router", control.host);
                    return (Control::ControlSharesFirstResponder, text);
                }
                Some(first) => {
                    let by = if walked == attempt.address {
                        String::new()
                    } else {
                        format!(" (walk to {walked})")
                    };
                    shows.get_or_insert((control.host.as_str(), format!("{}{by}", first.address)));
                }
                None if silence_counts(walk) => {
                    silent.get_or_insert(control.host.as_str());
                }
                None => {}
            }
        }
    }
    // A control that is as silent weighs against one that shows routers: not all ways are alike.
    if let (Some((host, router)), None) = (&shows, silent) {
        return (Control::ControlShowsResponders, format!("the way to control {host} shows router {router}"));
    }
    if let Some(host) = silent {
        return (Control::ControlSilent, format!("the way to control {host} shows no router either"));
    }
    match (connected, unreachable) {
        (Some(host), _) => {
            (Control::ControlUnknown, format!("control {host} answers, but no walk shows its routers"))
        }
        (None, Some(host)) => {
            let within =
                environment.host.public_ipv4.map_or("", |_| ", though the instance has a public address");
            (Control::ControlUnreachable, format!("control {host} cannot be reached{within}"))
        }
        (None, None) => (Control::ControlUnknown, "no control on the internet was contacted".to_owned()),
    }
}

pub(super) fn control_place(walks: &Walks<'_>) -> String {
    walks
        .controls
        .first()
        .map_or_else(|| "controls".to_owned(), |control| format!("controls/{}", control.host))
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

/// The first router that answered, leaving out the destination itself.
fn first_responder(walked: IpAddr, walk: &HopWalk) -> Option<&Responder> {
    walk.responders
        .iter()
        .filter(|responder| responder.address != walked)
        .min_by_key(|responder| responder.ttl)
}

/// Silence says something only when the destination answered and every silent router up to TTL 3 was asked again after
/// its limit on such answers had refilled.
fn silence_counts(walk: &HopWalk) -> bool {
    walk.reached_at_ttl
        .is_some_and(|reached| (1..reached.min(4)).all(|ttl| walk.silent_after_retry.contains(&ttl)))
}
