//! What the controls show for comparison: public hosts that no VPC endpoint serves, and the same service in another Region, whose
//! addresses no gateway endpoint of this one carries, because managed prefix lists are regional.
//!
//! Only an address that no endpoint here can carry compares: a public one, outside the VPC and outside every prefix list that is
//! known for this Region. And only routers near this host do: a long way crosses routers that a short one never meets, so that one
//! far out is visible on the way to another Region says nothing of the way out of the subnet, which is what both have in common.

use std::net::IpAddr;

use probes::observations::{Attempt, HopWalk, Responder, TargetObservation, TcpFailure};

use super::addresses::{is_internet_side, is_not_routable, is_private};
use super::walks::{NEAR, Walks, are_silent, first_responder};
use crate::catalogue;
use crate::classify::signal::{Control, Hops};
use crate::report::EnvironmentRecord;

/// What the controls come to, where it is said, and the sentence for it.
pub(super) struct Compared {
    pub(super) control: Control,
    pub(super) place: String,
    pub(super) text: String,
}

/// What the controls of one kind show: each the first control that shows it.
#[derive(Default)]
struct Seen<'a> {
    shares: Option<&'a TargetObservation>,
    silent: Option<&'a TargetObservation>,
    shows: Option<(&'a TargetObservation, String)>,
    connected: Option<&'a TargetObservation>,
    unreachable: Option<(&'a TargetObservation, String)>,
}

/// What the controls show beside the way to an attempt's address. `gateway` says whether a gateway endpoint may carry that address:
/// only then the same service elsewhere has something to tell.
pub(super) fn control_of(
    environment: &EnvironmentRecord,
    walks: &Walks<'_>,
    target: &TargetObservation,
    hops: Hops,
    gateway: bool,
    attempt: &Attempt,
) -> Compared {
    let own =
        walks.for_attempt(attempt).and_then(|(walked, walk)| first_responder(environment, walked, walk));
    let own = own.filter(|_| hops.begin_private()).map(|own| own.address);
    let seen = |wanted: &dyn Fn(&TargetObservation) -> bool| {
        let mut seen = Seen::default();
        for control in walks.controls().iter().filter(|control| wanted(control)) {
            // Families take different routes: a control's IPv6 path says nothing of IPv4.
            let same_family = |other: &&Attempt| other.address.is_ipv4() == attempt.address.is_ipv4();
            let attempts = control.attempts.iter().filter(same_family);
            for attempt in attempts.filter(|other| is_off_endpoints(environment, other.address)) {
                seen.take(environment, walks, control, attempt, own);
            }
        }
        seen
    };
    let public = seen(&|control| control.service == "control");
    let elsewhere = seen(&|control| gateway && control.service == target.service);
    let compared = weigh(&public, &elsewhere);
    if compared.control != Control::ControlUnreachable
        || !gateway
        || walks.controls().iter().any(|control| control.service == target.service)
    {
        return compared;
    }
    let text = format!("{}{}", compared.text, nothing_elsewhere(environment));
    Compared { text, ..compared }
}

/// Weighs both kinds. A shared router says most. Silence weighs against visible routers: not all ways out are alike, and the one of
/// this service may be the silent one; of two silent kinds the same service is the one that firewalls treat alike.
fn weigh(public: &Seen<'_>, elsewhere: &Seen<'_>) -> Compared {
    let compared = |control: Control, host: &TargetObservation, text: String| Compared {
        control,
        place: format!("controls/{}", host.host),
        text,
    };
    if let Some(host) = public.shares {
        let text = format!("control {} shares that router", host.host);
        return compared(Control::ControlSharesFirstResponder, host, text);
    }
    if let Some(host) = elsewhere.shares {
        let text = format!("{} shares that router", host.host);
        return compared(Control::OtherRegionSharesFirstResponder, host, text);
    }
    if let Some(host) = elsewhere.silent {
        let text = format!("{} can be reached, and the way to it shows no router here either", host.host);
        return compared(Control::OtherRegionSilent, host, text);
    }
    if let Some(host) = public.silent {
        let text = format!("the way to control {} shows no router either", host.host);
        return compared(Control::ControlSilent, host, text);
    }
    if let Some((host, router)) = &elsewhere.shows {
        let text = format!("the way to {} shows router {router}", host.host);
        let too = match &public.shows {
            Some((control, _)) => format!(", and that to {} shows routers as well", control.host),
            None => String::new(),
        };
        return compared(Control::OtherRegionShowsResponders, host, text + &too);
    }
    if let Some((host, router)) = &public.shows {
        let text = format!("the way to control {} shows router {router}", host.host);
        return compared(Control::ControlShowsResponders, host, text);
    }
    if let Some(host) = public.connected.or(elsewhere.connected) {
        let text = format!("control {} answers, but no walk shows its routers", host.host);
        return compared(Control::ControlUnknown, host, text);
    }
    match (&public.unreachable, &elsewhere.unreachable) {
        (Some((host, how)), None) | (None, Some((host, how))) => {
            let text = format!("control {} cannot be reached{how}", host.host);
            compared(Control::ControlUnreachable, host, text)
        }
        (Some((host, how)), Some((other, _))) => {
            let text = format!("neither {} nor {} can be reached{how}", host.host, other.host);
            compared(Control::ControlUnreachable, host, text)
        }
        (None, None) => Compared {
            control: Control::ControlUnknown,
            place: "controls".to_owned(),
            text: "no control on the internet was contacted".to_owned(),
        },
    }
}

impl<'a> Seen<'a> {
    /// Takes in what was seen at one address of a control; `own` is the private router that came first on the way to the service.
    fn take(
        &mut self,
        environment: &EnvironmentRecord,
        walks: &Walks<'_>,
        control: &'a TargetObservation,
        attempt: &Attempt,
        own: Option<IpAddr>,
    ) {
        if let Some(failure) = attempt.tcp.failed() {
            // Only silence or "no way there" shows that there is no way; a refusal came from somewhere.
            let within = match failure {
                TcpFailure::TimedOut => format!(" (within {:.0} ms)", attempt.tcp.elapsed_ms),
                TcpFailure::NetworkUnreachable | TcpFailure::HostUnreachable => String::new(),
                _ => return,
            };
            let though =
                environment.host.public_ipv4.map_or("", |_| ", though the instance has a public address");
            self.unreachable.get_or_insert((control, within + though));
            return;
        }
        if attempt.tcp.done().is_none() {
            return;
        }
        self.connected.get_or_insert(control);
        let Some((walked, walk)) = walks.for_attempt(attempt) else { return };
        let first = first_responder(environment, walked, walk);
        match first {
            // A router of no network that is routed tells nothing.
            Some(first) if is_not_routable(first.address) => {}
            Some(first) if own == Some(first.address) => {
                self.shares.get_or_insert(control);
            }
            Some(first) if is_near(environment, first) => {
                let by =
                    if walked == attempt.address { String::new() } else { format!(" (walk to {walked})") };
                self.shows.get_or_insert((control, format!("{}{by}", first.address)));
            }
            _ if silence_counts(environment, walk, first) => {
                self.silent.get_or_insert(control);
            }
            _ => {}
        }
    }
}

/// Whether a router belongs to the way out of the subnet: a private address does, of the internet's routers the first ones.
fn is_near(environment: &EnvironmentRecord, router: &Responder) -> bool {
    router.ttl <= NEAR || !is_internet_side(environment, router.address)
}

/// Whether every near router on the way was asked again and stayed silent. The control answers a connection, so it need not have
/// answered the walk, which goes no farther than a gateway endpoint's service is.
fn silence_counts(environment: &EnvironmentRecord, walk: &HopWalk, first: Option<&Responder>) -> bool {
    let ends = [walk.reached_at_ttl, first.map(|router| router.ttl), Some(NEAR + 1)];
    let end = ends.into_iter().flatten().min().unwrap_or(NEAR + 1);
    are_silent(environment, walk, end)
}

/// Whether no endpoint of this VPC can carry an address, as far as is known.
fn is_off_endpoints(environment: &EnvironmentRecord, address: IpAddr) -> bool {
    let outside = !environment.host.vpc_cidrs.iter().any(|cidr| cidr.contains(&address));
    let unlisted = environment.prefix_lists.iter().all(|list| list.contains(address).is_none());
    outside && unlisted && !is_private(address) && !is_not_routable(address)
}

/// That nothing is compared with another Region, where that is because the partition has only one.
fn nothing_elsewhere(environment: &EnvironmentRecord) -> String {
    let host = &environment.host;
    let alone = host.region.as_deref().and_then(|region| {
        let partition = catalogue::partition_of_region(region)?;
        (partition.regions.len() == 1).then_some(partition.name.as_str())
    });
    alone.map_or_else(String::new, |name| format!("; partition {name} has no other Region to compare with"))
}
