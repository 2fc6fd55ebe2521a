//! From what was seen at one address to signals, each with its place in the report and a sentence for a person.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use probes::SkipReason;
use probes::observations::{
    Attempt, CallFailure, HopWalk, Reply, Responder, TargetObservation, TcpFailure, TlsFailure, TlsSession,
    Verification,
};

use super::signal::{
    Address, Contact, Control, Hops, Identity, Prefixes, PublicAddress, SignalName, Signals, Word,
};
use super::table::{self, Row};
use crate::catalogue;
use crate::prefix_lists::Source;
use crate::report::{EnvironmentRecord, Reason, Recording};

/// The signals of one address, the row of the table that they lead to, and the reasons in a reader's order.
#[derive(Debug, Clone)]
pub struct AddressEvidence {
    /// The signals.
    pub signals: Signals,
    /// The row that decides.
    pub row: &'static Row,
    /// The reasons, those first that the row reads.
    pub reasons: Vec<Reason>,
}

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

/// What was learnt about one address of one target.
#[must_use]
pub fn of_attempt(
    recording: &Recording,
    walks: &Walks<'_>,
    target: &TargetObservation,
    attempt: &Attempt,
) -> AddressEvidence {
    let place = |step: &str| format!("{}/{}/{step}", target.target, attempt.address);
    let environment = &recording.environment;
    let (address, address_text) = address_of(environment, target, attempt);
    let (prefixes, prefixes_text) = prefixes_of(environment, target, attempt.address);
    let (hops, hops_text) = hops_of(environment, walks, attempt);
    let (control, control_text) = control_of(environment, walks, hops, attempt);
    let contact = contact(attempt);
    let (identity, identity_text) = identity_of(environment, attempt);
    let (word, word_text) = word_of(attempt);
    let (public_address, public_text) = public_address_of(environment);
    let signals = Signals { address, prefixes, hops, control, contact, identity, word, public_address };
    let row = table::decide(&signals);

    let mut reasons = Vec::new();
    let mut say =
        |signal: SignalName, evidence: String, text: String| reasons.push(Reason { signal, evidence, text });
    if word == Word::EndpointPolicyNamed {
        say(word.name(), place("call"), word_text);
    }
    say(address.name(), origin_place(target, attempt), address_text);
    if address == Address::AddressPublic {
        if prefixes != Prefixes::NoGatewayForService {
            say(prefixes.name(), "environment/prefix_lists".to_owned(), prefixes_text);
        }
        say(hops.name(), place("hops"), hops_text);
        if hops != Hops::InternetFirstResponder && prefixes != Prefixes::NoGatewayForService {
            say(control.name(), control_place(walks), control_text);
        }
        if hops == Hops::InternetFirstResponder {
            say(public_address.name(), "environment/public_ipv4".to_owned(), public_text);
        }
    }
    let (contact_step, contact_text) = contact_text(attempt);
    say(contact.name(), place(contact_step), contact_text);
    if identity == Identity::PeerIntercepts
        || (identity == Identity::PeerIsAws && address != Address::AddressPublic)
    {
        say(identity.name(), place("tls"), identity_text);
    }
    AddressEvidence { signals, row, reasons }
}

/// How far the contact at one address went.
#[must_use]
pub fn contact(attempt: &Attempt) -> Contact {
    if attempt.tcp.done().is_none() {
        return if attempt.tcp.failed().is_some() { Contact::NotConnected } else { Contact::NotTried };
    }
    match attempt.tls.done() {
        Some(session) if !session.trust.accepted() => Contact::PeerUntrusted,
        Some(_) if attempt.call.done().is_some() => Contact::ServiceAnswered,
        Some(_) | None => Contact::ConnectedOnly,
    }
}

/// Whether the certificate shows an interceptor: no bundled root and no issuer of the field's stands behind it. A set of
/// roots of one's own (`AWS_CA_BUNDLE`) is by itself no sign. Which authorities sign for the other partitions is not
/// known (not verified for China and the European Sovereign Cloud, private for the ISO partitions), so there this is
/// never said.
#[must_use]
pub fn intercepts(environment: &EnvironmentRecord, session: &TlsSession) -> bool {
    matches!(environment.host.partition.as_deref(), Some("aws" | "aws-us-gov"))
        && session.trust.bundled == Verification::UnknownIssuer
        && !issued_by_amazon(session)
}

fn address_of(
    environment: &EnvironmentRecord,
    target: &TargetObservation,
    attempt: &Attempt,
) -> (Address, String) {
    let address = attempt.address;
    let host = &target.host;
    if is_not_routable(address) {
        return (
            Address::AddressNotRoutable,
            format!("{host} resolves to {address}, which belongs to no service"),
        );
    }
    let cidrs = &environment.host.vpc_cidrs;
    let block = cidrs.iter().find(|cidr| cidr.contains(&address)).copied().or_else(|| {
        // With metadata silent, a subnet of this host's own is still known to be in the VPC.
        let own = environment.host.interfaces.iter().flat_map(|interface| &interface.addresses);
        own.map(IpNet::trunc).find(|net| is_private(address) && net.contains(&address))
    });
    if let Some(block) = block {
        let offers = catalogue::service(&target.service).is_none_or(catalogue::Service::private_dns);
        let text = format!("{host} resolves to {address}, a private address of this VPC ({block})");
        let kind = if offers { Address::AddressInVpc } else { Address::AddressInVpcByOverride };
        return (kind, text);
    }
    if !is_private(address) {
        return (Address::AddressPublic, format!("{host} resolves to {address}, a public address"));
    }
    if cidrs.is_empty() {
        let text = format!("{host} resolves to {address}, a private address; the VPC's blocks are not known");
        return (Address::AddressPrivateVpcUnknown, text);
    }
    let text = format!("{host} resolves to {address}, a private address outside this VPC");
    (Address::AddressPrivateOutsideVpc, text)
}

fn prefixes_of(
    environment: &EnvironmentRecord,
    target: &TargetObservation,
    address: IpAddr,
) -> (Prefixes, String) {
    let gateway_capable =
        catalogue::service(&target.service).is_some_and(catalogue::Service::gateway_capable);
    if !gateway_capable || is_private(address) {
        return (Prefixes::NoGatewayForService, format!("{} has no gateway endpoint", target.service));
    }
    // A list of the other family says nothing about this address.
    let mut lists = environment.prefix_lists.iter().filter(|list| {
        list.service == target.service
            && list.cidrs.iter().any(|cidr| cidr.addr().is_ipv4() == address.is_ipv4())
    });
    let Some(list) = lists.clone().find(|list| list.contains(address).is_some()).or_else(|| lists.next())
    else {
        let text = format!("no prefix list of {} is known for this Region", target.service);
        return (Prefixes::PrefixesUnknown, text);
    };
    let name = match (&list.source, &list.id, &list.as_of) {
        (Source::Snapshot, _, Some(date)) => format!("the published ranges of {} ({date})", target.service),
        (Source::Snapshot, _, None) => format!("the published ranges of {}", target.service),
        (_, Some(id), _) => format!("prefix list {id} of {}", target.service),
        (_, None, _) => format!("the prefix list of {}", target.service),
    };
    match (list.contains(address), &list.source) {
        (Some(cidr), Source::Snapshot) => {
            (Prefixes::InsideSnapshot, format!("{address} is inside {name}: {cidr}"))
        }
        (Some(cidr), _) => (Prefixes::InsidePrefixList, format!("{address} is inside {name}: {cidr}")),
        (None, Source::Snapshot) => {
            (Prefixes::OutsideSnapshot, format!("{address} is outside {name}, which age"))
        }
        (None, _) => (Prefixes::OutsidePrefixList, format!("{address} is outside {name}")),
    }
}

fn hops_of(environment: &EnvironmentRecord, walks: &Walks<'_>, attempt: &Attempt) -> (Hops, String) {
    let Some((walked, walk)) = walks.for_attempt(attempt) else {
        return (Hops::HopsUnknown, format!("no hop walk: {}", why_no_walk(attempt)));
    };
    let shared = if walked == attempt.address { String::new() } else { format!(" (walked to {walked})") };
    match first_responder(walked, walk) {
        Some(responder) if is_internet_side(environment, responder.address) => {
            let text = format!(
                "router {} of the internet side answers at TTL {}{shared}",
                responder.address, responder.ttl
            );
            (Hops::InternetFirstResponder, text)
        }
        Some(responder) => {
            let text = format!(
                "router {} with a private address answers at TTL {}{shared}",
                responder.address, responder.ttl
            );
            (Hops::PrivateFirstResponder, text)
        }
        None if silence_counts(walk) => {
            let at = walk.reached_at_ttl.unwrap_or_default();
            (
                Hops::NoVisibleResponder,
                format!("no router answers before the destination, reached at TTL {at}{shared}"),
            )
        }
        None => (
            Hops::HopsUnknown,
            format!(
                "the hop walk tells nothing: neither a router nor the destination answered it in time{shared}"
            ),
        ),
    }
}

fn control_of(
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
        for attempt in &control.attempts {
            if attempt.tcp.failed().is_some() {
                unreachable.get_or_insert(control.host.as_str());
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
                    let text = format!(
                        "control {} is reached through the same router {}",
                        control.host, first.address
                    );
                    return (Control::ControlSharesFirstResponder, text);
                }
                Some(first) => {
                    shows.get_or_insert((control.host.as_str(), first.address));
                }
                None if silence_counts(walk) => {
                    silent.get_or_insert(control.host.as_str());
                }
                None => {}
            }
        }
    }
    if let Some((host, router)) = shows {
        return (
            Control::ControlShowsResponders,
            format!("the path to control {host} shows router {router}"),
        );
    }
    if let Some(host) = silent {
        return (Control::ControlSilent, format!("the path to control {host} shows no router either"));
    }
    match (connected, unreachable) {
        (Some(host), _) => {
            (Control::ControlUnknown, format!("control {host} answers, but no walk shows its routers"))
        }
        (None, Some(host)) => {
            let within =
                environment.host.public_ipv4.map_or("", |_| ", though the instance has a public address");
            (Control::ControlUnreachable, format!("control {host} on the internet cannot be reached{within}"))
        }
        (None, None) => (Control::ControlUnknown, "no control on the internet was contacted".to_owned()),
    }
}

fn control_place(walks: &Walks<'_>) -> String {
    walks
        .controls
        .first()
        .map_or_else(|| "controls".to_owned(), |control| format!("controls/{}", control.host))
}

fn identity_of(environment: &EnvironmentRecord, attempt: &Attempt) -> (Identity, String) {
    let Some(session) = attempt.tls.done() else {
        return (Identity::PeerUnknown, "there is no certificate to go by".to_owned());
    };
    let issuer = session.chain.first().map_or("nobody", |leaf| leaf.issuer.as_str());
    if intercepts(environment, session) {
        return (
            Identity::PeerIntercepts,
            format!("the certificate was issued by {issuer}, which is no authority of the field"),
        );
    }
    if session.trust.accepted() {
        return (Identity::PeerIsAws, format!("the certificate is for this name, issued by {issuer}"));
    }
    (Identity::PeerUnknown, format!("no set of roots vouches for the certificate, issued by {issuer}"))
}

fn word_of(attempt: &Attempt) -> (Word, String) {
    let reply = attempt.call.done();
    let replies = reply.into_iter().chain(reply.and_then(|reply| reply.follow_up.as_deref()));
    for reply in replies {
        if names_endpoint_policy(reply) {
            let text = format!(
                "{} was refused by a VPC endpoint policy, so a VPC endpoint carried it",
                reply.operation
            );
            return (Word::EndpointPolicyNamed, text);
        }
    }
    (Word::NoEndpointNamed, String::new())
}

/// Whether a refusal names a VPC endpoint policy (IAM user guide, troubleshooting access denied messages).
fn names_endpoint_policy(reply: &Reply) -> bool {
    reply.code.is_some()
        && reply.message.as_deref().is_some_and(|message| {
            let text = message.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
            text.contains("no vpc endpoint policy allows")
                || text.contains("explicit deny in a vpc endpoint policy")
        })
}

fn public_address_of(environment: &EnvironmentRecord) -> (PublicAddress, String) {
    match (environment.host.public_ipv4, environment.host.instance_id.is_some()) {
        (Some(address), _) => (
            PublicAddress::InstanceHasPublicAddress,
            format!("the instance has the public address {address}"),
        ),
        (None, true) => {
            (PublicAddress::InstanceHasNoPublicAddress, "the instance has no public address".to_owned())
        }
        (None, false) => (
            PublicAddress::PublicAddressUnknown,
            "whether the instance has a public address is not known".to_owned(),
        ),
    }
}

fn contact_text(attempt: &Attempt) -> (&'static str, String) {
    if let Some(failure) = attempt.tcp.failed() {
        return ("tcp", tcp_text(failure, attempt.tcp.elapsed_ms));
    }
    let Some(connection) = attempt.tcp.done() else {
        return ("tcp", "no connection was tried".to_owned());
    };
    if let Some(failure) = attempt.tls.failed() {
        return ("tls", format!("TCP connects, but {}", tls_text(failure)));
    }
    if let Some(session) = attempt.tls.done()
        && !session.trust.accepted()
    {
        let issuer = session.chain.first().map_or("nobody", |leaf| leaf.issuer.as_str());
        return (
            "tls",
            format!(
                "TCP and TLS stand, but no set of roots vouches for the certificate (issued by {issuer})"
            ),
        );
    }
    match (attempt.call.done(), attempt.call.failed()) {
        (Some(reply), _) => ("call", reply_text(reply, connection.rtt_ms)),
        (None, Some(failure)) => ("call", format!("TCP and TLS stand, but {}", call_text(failure))),
        (None, None) => ("call", "TCP stands; no request was made before time was up".to_owned()),
    }
}

fn reply_text(reply: &Reply, rtt_ms: f64) -> String {
    let last = reply.follow_up.as_deref().unwrap_or(reply);
    let code = last.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    let how = if reply.signed { "" } else { "unsigned " };
    format!("answered {how}{} with HTTP {}{code}, round trip {rtt_ms:.1} ms", reply.operation, reply.status)
}

/// A TCP failure as the end of a sentence.
#[must_use]
pub fn tcp_text(failure: &TcpFailure, elapsed_ms: f64) -> String {
    match failure {
        TcpFailure::TimedOut => format!("no answer on port 443 within {elapsed_ms:.0} ms"),
        TcpFailure::Refused => "port 443 refuses the connection".to_owned(),
        TcpFailure::Reset => "the connection is reset".to_owned(),
        TcpFailure::NetworkUnreachable => "network unreachable".to_owned(),
        TcpFailure::HostUnreachable => "host unreachable".to_owned(),
        TcpFailure::NotPermitted => "this host's own firewall does not let the connection out".to_owned(),
        TcpFailure::NoSourceAddress => "this host has no address to connect from".to_owned(),
        TcpFailure::Unclassified(failure) => format!("the connection fails ({})", failure.text),
    }
}

/// A TLS failure as the end of a sentence.
#[must_use]
pub fn tls_text(failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::TimedOut => "the TLS handshake gets no answer".to_owned(),
        TlsFailure::Reset => "the connection is reset in the TLS handshake".to_owned(),
        TlsFailure::Closed => "the connection is closed in the TLS handshake".to_owned(),
        TlsFailure::Alert { description } => {
            format!("the peer ends the TLS handshake with the alert {description}")
        }
        TlsFailure::NotTls { .. } => "what answers is not TLS".to_owned(),
        TlsFailure::Unclassified(failure) => format!("the TLS handshake fails ({})", failure.text),
    }
}

fn call_text(failure: &CallFailure) -> String {
    match failure {
        CallFailure::TimedOut => "the request gets no answer".to_owned(),
        CallFailure::Closed { .. } => "the connection is closed before the answer".to_owned(),
        CallFailure::NotHttp { .. } => "what answers is not HTTP".to_owned(),
        CallFailure::NotSent { text } => format!("the request could not be made ({text})"),
        CallFailure::Unclassified(failure) => format!("the request fails ({})", failure.text),
    }
}

fn origin_place(target: &TargetObservation, attempt: &Attempt) -> String {
    let resolver = attempt.origin.first().map_or("system", String::as_str);
    format!("{}/lookups/{resolver}", target.target)
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

/// Whether a router belongs to the internet side: a public address, or one of the ranges seen behind internet gateways
/// (240.0.0.0/4, 100.64.0.0/10) unless the VPC itself uses it.
fn is_internet_side(environment: &EnvironmentRecord, address: IpAddr) -> bool {
    if environment.host.vpc_cidrs.iter().any(|cidr| cidr.contains(&address)) {
        return false;
    }
    match address {
        IpAddr::V4(v4) => {
            let shared = u32::from(v4) & 0xffc0_0000 == 0x6440_0000;
            shared || v4.octets()[0] >= 240 || !is_private(address)
        }
        IpAddr::V6(_) => !is_private(address),
    }
}

/// Private in the sense of a VPC: RFC 1918, RFC 6598 (100.64.0.0/10), RFC 4193 (unique local IPv6 addresses).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || u32::from(v4) & 0xffc0_0000 == 0x6440_0000,
        IpAddr::V6(v6) => v6.segments()[0] & 0xfe00 == 0xfc00,
    }
}

fn is_not_routable(address: IpAddr) -> bool {
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return true;
    }
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Whether the leaf or an intermediate was issued by Amazon's own authorities (Amazon Trust Services).
fn issued_by_amazon(session: &TlsSession) -> bool {
    session.chain.first().is_some_and(|leaf| {
        let issuer = leaf.issuer.as_str();
        issuer.contains("O=Amazon") || issuer.contains("O=\"Amazon") || issuer.contains("Starfield")
    })
}
