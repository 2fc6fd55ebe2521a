//! From what was seen at one address to signals, each with its place in the report and a sentence for a person.

mod addresses;
mod configured;
mod controls;
mod egress;
pub mod own_network;
mod peer;
mod texts;
mod walks;

use probes::observations::{Attempt, Reply, TargetObservation, TlsSession, Verification};

use super::signal::{
    Address, Configured, Contact, Egress, Identity, Prefixes, Proof, PublicAddress, SignalName, Signals, Word,
};
use super::table::{self, Row, Ruling};
use crate::proofs::{self, Proven};
use crate::refusal::{PolicyType, refusal};
use crate::report::{Confidence, EnvironmentRecord, Path, Reason, Recording, Via};
use addresses::{address_of, prefixes_of};
use configured::{Said, configured_of};
use controls::control_of;
use egress::egress_of;
use texts::contact_text;
use walks::hops_of;

pub(crate) use addresses::{is_not_routable, is_private};
pub(crate) use configured::{Winner, is_known, is_primary, target_of, winner};
pub(crate) use peer::larger_than_endpoints_announce;
pub use texts::{tcp_text, tls_text};
pub use walks::Walks;

/// The signals of one address, the row of the table that they lead to, and the reasons in a reader's order.
#[derive(Debug, Clone)]
pub struct AddressEvidence {
    /// The signals.
    pub signals: Signals,
    /// The row that decides.
    pub row: &'static Row,
    /// What it decides.
    pub ruling: Ruling,
    /// The VPC endpoint that EC2 names for it.
    pub vpc_endpoint_id: Option<String>,
    /// The reasons, those first that the row reads.
    pub reasons: Vec<Reason>,
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
    let gateway = address == Address::AddressPublic && prefixes != Prefixes::NoGatewayForService;
    let compared = control_of(environment, walks, target, hops, gateway, attempt);
    let control = compared.control;
    let contact = contact(attempt);
    let by_certificate = identity_of(environment, attempt);
    let (identity, identity_step, identity_text) =
        match (by_certificate, peer::no_endpoint(address, target, attempt)) {
            ((Identity::PeerIntercepts, text), _) => (Identity::PeerIntercepts, "tls", text),
            (_, Some((step, text))) => (Identity::PeerIsNoEndpoint, step, text),
            ((identity, text), None) => (identity, "tls", text),
        };
    let (word, word_text) = word_of(attempt, contact, identity);
    let (public_address, public_text) = public_address_of(environment, attempt);
    let seen = egress_of(environment, walks, prefixes, attempt);
    let egress = seen.egress;
    let said = configured_of(recording, address, target, attempt);
    let configured = said.configured;
    let proven = proven_at(recording, target, attempt, contact).map(|proven| held_against(proven, &said));
    let proof = proven.as_ref().map_or(Proof::NoProof, |proven| proven.proof);
    let signals = Signals {
        address,
        prefixes,
        hops,
        control,
        contact,
        identity,
        word,
        proof,
        public_address,
        egress,
        configured,
    };
    let (row, mut ruling) = table::decide(&signals);
    // A walk to a neighbour in the same published range speaks for this address only as long as no narrower route comes
    // between them.
    let by_neighbour = walks.for_attempt(attempt).is_some_and(|(walked, _)| walked != attempt.address);
    if by_neighbour && !row.hops.is_empty() && prefixes != Prefixes::NoGatewayForService {
        ruling.confidence = ruling.confidence.map(|confidence| confidence.min(Confidence::Possible));
    }

    // What the row reads is a reason; where it cannot decide, everything is that it would have read; and where the service
    // itself has spoken, its word is enough.
    let open = ruling.confidence.is_none();
    let settled = ruling.confidence == Some(Confidence::Proven);
    let public = address == Address::AddressPublic;
    let gateway = prefixes != Prefixes::NoGatewayForService;
    let mut reasons = Vec::new();
    let mut say =
        |signal: SignalName, evidence: String, text: String| reasons.push(Reason { signal, evidence, text });
    if row.contradictory {
        let place = format!("{}/{}", target.target, attempt.address);
        say(SignalName::EvidenceContradictsItself, place, row.reading.to_owned());
    }
    let by_id = proven.as_ref().and_then(|proven| proven.vpc_endpoint_id.clone());
    if let Some(proven) = proven.filter(|_| !row.proof.is_empty()) {
        say(proof.name(), proven.place, proven.text);
    }
    if !row.word.is_empty() {
        say(word.name(), place("call"), word_text);
    }
    say(address.name(), origin_place(target, attempt), address_text);
    if public && gateway && !settled && (open || !row.prefixes.is_empty()) {
        say(prefixes.name(), "environment/prefix_lists".to_owned(), prefixes_text);
    }
    // What carries the packets is told by the routers even where the path itself is settled.
    let carrier = row.ruling.via.is_some() && !row.hops.is_empty();
    let walked = open || !row.hops.is_empty() || contact == Contact::NotConnected;
    if public && (carrier || (!settled && walked)) {
        say(hops.name(), place("hops"), hops_text);
    }
    if public && gateway && (open || !row.control.is_empty()) {
        say(control.name(), compared.place, compared.text);
    }
    if !row.public_address.is_empty() {
        say(public_address.name(), "environment/public_ipv4".to_owned(), public_text);
    }
    // The address that the internet sees may agree with what carries the packets; where a private router shows itself, nothing
    // hangs on it.
    let shown = hops.begin_private();
    if !row.egress.is_empty() || (row.configured.is_empty() && !shown && agrees(egress, ruling.via)) {
        say(egress.name(), seen.place, seen.text);
    }
    if !row.configured.is_empty() {
        say(configured.name(), said.place.to_owned(), said.text);
    }
    let (contact_step, contact_text) = contact_text(attempt);
    say(contact.name(), place(contact_step), contact_text);
    let doubtful = identity == Identity::PeerUnknown && contact == Contact::ServiceAnswered;
    let against = matches!(identity, Identity::PeerIntercepts | Identity::PeerIsNoEndpoint);
    if !row.identity.is_empty() || doubtful || against {
        say(identity.name(), place(identity_step), identity_text);
    }
    if !row.twin.is_empty() && gateway {
        say(hops.name(), place("hops"), row.twin.to_owned());
    }
    let endpoint = matches!(ruling.path, Path::GatewayEndpoint | Path::InterfaceEndpoint);
    // Where a carrier leads on into a VPC endpoint, the route does not name that one.
    let behind_nat = configured == Configured::RouteToNatGatewayThenGatewayEndpoint;
    let by_route = said
        .vpc_endpoint_id
        .filter(|_| (ruling.via.is_none() || behind_nat) && proof != Proof::ProofEndpointOfAnotherVpc);
    let vpc_endpoint_id = by_id.or(by_route).filter(|_| endpoint);
    AddressEvidence { signals, row, ruling, vpc_endpoint_id, reasons }
}

/// Whether the address under which the internet sees the instance is that which a carrier gives it.
fn agrees(egress: Egress, via: Option<Via>) -> bool {
    matches!(
        (egress, via),
        (Egress::EgressIsOwnAddress, Some(Via::InternetGateway))
            | (Egress::EgressIsAnotherAddress, Some(Via::NatOrAppliance))
    )
}

/// What path proofs say of the address: where the service itself answered, under a certificate of the field's. What an
/// interceptor's requests prove is the interceptor's way.
fn proven_at(
    recording: &Recording,
    target: &TargetObservation,
    attempt: &Attempt,
    contact: Contact,
) -> Option<Proven> {
    let (identity, _) = identity_of(&recording.environment, attempt);
    let stands = contact == Contact::ServiceAnswered && identity == Identity::PeerIsAws;
    if stands { proofs::at(recording, &target.service, attempt.address) } else { None }
}

/// A proof that names another VPC endpoint than the one that the route leads to stands against the route.
fn held_against(proven: Proven, said: &Said) -> Proven {
    match (&proven.vpc_endpoint_id, &said.vpc_endpoint_id) {
        (Some(named), Some(routed))
            if named != routed && said.configured == Configured::RouteToGatewayEndpoint =>
        {
            Proven {
                proof: Proof::ProofsDisagree,
                vpc_endpoint_id: None,
                text: format!("{}; {}", proven.text, said.text),
                ..proven
            }
        }
        _ => proven,
    }
}

/// How far the contact at one address went.
#[must_use]
pub fn contact(attempt: &Attempt) -> Contact {
    if attempt.tcp.done().is_none() {
        return if attempt.tcp.failed().is_some() { Contact::NotConnected } else { Contact::NotTried };
    }
    match attempt.tls.done() {
        Some(session) if !session.trust.accepted() => Contact::PeerUntrusted,
        Some(_) if attempt.call.done().is_some_and(|reply| !is_foreign(reply)) => Contact::ServiceAnswered,
        Some(_) | None => Contact::ConnectedOnly,
    }
}

/// Whether an answer to a service's own operation is none of a service of AWS: each of those gives a request id with every
/// answer (for S3: API reference, "Common response headers"), and a code with every refusal that has a body.
#[must_use]
pub fn is_foreign(reply: &Reply) -> bool {
    reply.without_request_id && reply.code.is_none() && reply.operation.contains(':')
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

fn identity_of(environment: &EnvironmentRecord, attempt: &Attempt) -> (Identity, String) {
    let Some(session) = attempt.tls.done() else {
        return (Identity::PeerUnknown, "there is no certificate to go by".to_owned());
    };
    let issuer = common_name(&session.issuer);
    if intercepts(environment, session) {
        return (
            Identity::PeerIntercepts,
            format!("certificate issued by {issuer}, no authority of the field"),
        );
    }
    let known = session.trust.bundled == Verification::Trusted || issued_by_amazon(session);
    match (session.trust.accepted(), known) {
        (true, true) => (Identity::PeerIsAws, format!("certificate from {issuer}")),
        (true, false) => {
            (Identity::PeerUnknown, format!("only this host vouches for the certificate from {issuer}"))
        }
        (false, _) => {
            (Identity::PeerUnknown, format!("no set of roots vouches for the certificate from {issuer}"))
        }
    }
}

/// The common name in a distinguished name, or all of it where there is none.
#[must_use]
pub fn common_name(name: &str) -> &str {
    name.split(',').map(str::trim).find_map(|part| part.strip_prefix("CN=")).unwrap_or(name)
}

/// The service's word counts where the service itself speaks: an answer to a signed call, over TLS that is accepted, from a
/// peer that is known to be AWS.
fn word_of(attempt: &Attempt, contact: Contact, identity: Identity) -> (Word, String) {
    if contact != Contact::ServiceAnswered || identity != Identity::PeerIsAws {
        return (Word::NoEndpointNamed, String::new());
    }
    let by_endpoint =
        |reply: &&Reply| refusal(reply).and_then(|refusal| refusal.policy) == Some(PolicyType::VpcEndpoint);
    match attempt.call.done().filter(|reply| reply.signed).filter(by_endpoint) {
        Some(reply) => {
            (Word::EndpointPolicyNamed, format!("a VPC endpoint policy refused {}", reply.operation))
        }
        None => (Word::NoEndpointNamed, String::new()),
    }
}

fn public_address_of(environment: &EnvironmentRecord, attempt: &Attempt) -> (PublicAddress, String) {
    // That there is no public IPv4 address says nothing of IPv6, which needs none but the instance's own.
    let known = environment.host.instance_id.is_some() && attempt.address.is_ipv4();
    match (environment.host.public_ipv4, known) {
        (Some(address), _) => (
            PublicAddress::InstanceHasPublicAddress,
            format!("the instance has the public address {address}"),
        ),
        (None, true) => {
            (PublicAddress::InstanceHasNoPublicAddress, "the instance has no public address".to_owned())
        }
        (None, false) => {
            (PublicAddress::PublicAddressUnknown, "the instance's public address is not known".to_owned())
        }
    }
}

fn origin_place(target: &TargetObservation, attempt: &Attempt) -> String {
    let resolver = attempt.origin.first().map_or("system", String::as_str);
    format!("{}/lookups/{resolver}", target.target)
}

/// Whether the leaf was issued by Amazon's own authorities (Amazon Trust Services), by the organisation in the issuer's name.
#[must_use]
pub fn issued_by_amazon(session: &TlsSession) -> bool {
    let known = ["O=Amazon", "O=\"Amazon.com", "O=\"Starfield Technologies"];
    session.issuer.split(',').map(str::trim).any(|part| known.contains(&part))
}
