//! What several rules ask about names: what each resolver said of one, which interface endpoint should have given it, and what
//! the VPC's DNS settings are.
//!
//! Nothing is decided here. That two servers gave different public addresses means nothing: S3 gives new ones every few
//! seconds. What counts is whether an address is private, public, or none.

use std::net::IpAddr;

use probes::control_plane::{DnsAttributes, VpcEndpoint};
use probes::observations::{Lookup, LookupFailure, NameCheck, ResolverKind, TargetObservation};
use probes::plan::NamePurpose;

use super::case::{Case, target_subject};
use super::cause::{self, Consequence};
use crate::catalogue::{self, EndpointKind};
use crate::classify::evidence::{is_not_routable, is_private};
use crate::report::{Explained, Path, Severity, Subject, SubjectKind, Verdict};

/// What one resolver said of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// At least one private address.
    Private,
    /// Public addresses only.
    Public,
    /// Addresses that can belong to no service, as a sinkhole gives them.
    Nowhere,
    /// That there is no such name, or no address for it.
    NoName,
    /// Nothing, or only that it cannot.
    Silent,
    /// It was not asked.
    NotAsked,
}

/// What a resolver said.
pub(super) fn says(lookup: &Lookup) -> Says {
    let given = addresses(lookup);
    if given.iter().any(|address| is_private(*address)) {
        return Says::Private;
    }
    if given.iter().any(|address| !is_not_routable(*address)) {
        return Says::Public;
    }
    if !given.is_empty() {
        return Says::Nowhere;
    }
    match (lookup.a.done(), lookup.a.failed()) {
        (Some(_), _) | (None, Some(LookupFailure::NoSuchName { .. } | LookupFailure::NotFound)) => {
            Says::NoName
        }
        (None, Some(_)) => Says::Silent,
        (None, None) => Says::NotAsked,
    }
}

/// Every address that a resolver gave, of both families.
pub(super) fn addresses(lookup: &Lookup) -> Vec<IpAddr> {
    let answers = [lookup.a.done(), lookup.aaaa.as_ref().and_then(|step| step.done())];
    answers.into_iter().flatten().flat_map(|answer| answer.addresses.iter().copied()).collect()
}

/// What the host's own name service said of a target's name.
pub(super) fn system(target: &TargetObservation) -> Option<&Lookup> {
    target.lookups.iter().find(|lookup| lookup.kind == ResolverKind::System)
}

/// What the VPC resolver said of a target's name; of several addresses of it, the one that said most.
pub(super) fn vpc(target: &TargetObservation) -> Option<&Lookup> {
    let asked = target.lookups.iter().filter(|lookup| lookup.kind == ResolverKind::Vpc);
    asked.filter(|lookup| says(lookup) != Says::NotAsked).min_by_key(|lookup| says(lookup) == Says::Silent)
}

/// [`says`] for the VPC resolver.
pub(super) fn vpc_says(target: &TargetObservation) -> Says {
    vpc(target).map_or(Says::NotAsked, says)
}

/// [`says`] for the host's own name service.
pub(super) fn system_says(target: &TargetObservation) -> Says {
    system(target).map_or(Says::NotAsked, says)
}

/// The question to the VPC resolver for this instance's own name.
pub(super) fn own_name<'a>(case: &Case<'a>) -> Option<&'a NameCheck> {
    case.recording.name_checks.iter().find(|check| check.purpose == NamePurpose::OwnName)
}

/// Whether DNS host names are on in the VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostNames {
    /// EC2 says so.
    On,
    /// The VPC resolver knows this instance's own name, which it does with both attributes on only.
    OnByOwnName,
    /// EC2 says so.
    Off,
    /// The VPC resolver says that this instance's own name does not exist.
    OffByOwnName,
    /// Neither told.
    Unknown,
}

/// Whether DNS host names are on, from EC2, else from the instance's own name.
pub(super) fn host_names(case: &Case<'_>) -> HostNames {
    if let Some(attributes) = dns_attributes(case) {
        return if attributes.hostnames { HostNames::On } else { HostNames::Off };
    }
    let Some(check) = own_name(case) else { return HostNames::Unknown };
    match (check.a.done(), check.a.failed()) {
        (Some(answer), _) if !answer.addresses.is_empty() => HostNames::OnByOwnName,
        (Some(_), _) | (None, Some(LookupFailure::NoSuchName { .. })) => HostNames::OffByOwnName,
        _ => HostNames::Unknown,
    }
}

/// The VPC's DNS attributes, where EC2 gave them.
pub(super) fn dns_attributes(case: &Case<'_>) -> Option<DnsAttributes> {
    case.recording.control_plane.dns.as_ref().and_then(|step| step.done()).copied()
}

/// Whether the private DNS of an interface endpoint would take over this target's name.
pub(super) fn takes_private_name(case: &Case<'_>, target: &TargetObservation) -> bool {
    let (Some(service), Some(region)) = (catalogue::service(&target.service), case.region()) else {
        return false;
    };
    service.private_dns_names(region).iter().any(|name| match name.strip_prefix('*') {
        Some(parent) => target.host.ends_with(parent),
        None => *name == target.host,
    })
}

/// Whether a name that an interface endpoint would take over leads to public addresses, and not by a gateway endpoint.
pub(super) fn leads_past_endpoint(case: &Case<'_>, target: &TargetObservation, verdict: &Verdict) -> bool {
    takes_private_name(case, target)
        && vpc_says(target) == Says::Public
        && verdict.path != Path::GatewayEndpoint
}

/// Whether any rule reads what the VPC resolver said of this instance's own name: where it answered for every target, and as an
/// endpoint would or as none could, nothing hangs on it.
pub(crate) fn own_name_matters(case: &Case<'_>) -> bool {
    case.targets().any(|(target, verdict)| match vpc_says(target) {
        Says::Private => false,
        Says::Public => leads_past_endpoint(case, target, verdict),
        Says::Nowhere | Says::NoName | Says::Silent | Says::NotAsked => true,
    })
}

/// The interface endpoints of a service in this VPC, whatever their state; `None` where EC2 did not tell.
pub(super) fn interface_endpoints<'a>(case: &Case<'a>, service: &str) -> Option<Vec<&'a VpcEndpoint>> {
    let all = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done())?;
    let name = case.endpoint_service(service, EndpointKind::Interface)?;
    Some(all.iter().filter(|found| found.kind == "Interface" && found.service_name == name).collect())
}

/// The gateway endpoints of a service in this VPC, as far as EC2 told.
pub(super) fn gateway_endpoints<'a>(case: &Case<'a>, service: &str) -> Vec<&'a VpcEndpoint> {
    let all = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let name = case.endpoint_service(service, EndpointKind::Gateway);
    let is_gateway =
        |found: &&VpcEndpoint| found.kind == "Gateway" && Some(&found.service_name) == name.as_ref();
    all.into_iter().flatten().filter(is_gateway).collect()
}

/// Whether an endpoint is in use, as EC2 says.
pub(super) fn is_available(endpoint: &VpcEndpoint) -> bool {
    endpoint.state == "available"
}

/// What follows from a cause among names: what follows from any cause, with S3's and `DynamoDB`'s leaving the VPC, at least a
/// warning.
pub(super) fn consequence(case: &Case<'_>, targets: &[&str]) -> Consequence {
    let mut found = cause::consequence(case, targets);
    found.severity = found.severity.max(Severity::Warning);
    for service in ["s3", "dynamodb"] {
        let concerned = |target: &&str| target.split(':').next() == Some(service);
        if targets.iter().any(concerned) {
            let claim = |way| Explained {
                rule: format!("{service}-egress-through-{way}"),
                subject: target_subject(service),
            };
            found.explains.extend(["nat", "internet-gateway"].map(claim));
        }
    }
    found
}

/// The VPC as a subject.
pub(super) fn vpc_subject(case: &Case<'_>) -> Subject {
    let id = case.recording.environment.host.vpc_id.clone();
    Subject { kind: SubjectKind::Vpc, id: id.unwrap_or_else(|| "this VPC".to_owned()) }
}

/// A resolver as a subject.
pub(super) fn resolver_subject(address: &str) -> Subject {
    Subject { kind: SubjectKind::Resolver, id: address.to_owned() }
}

/// An endpoint as a subject.
pub(super) fn endpoint_subject(endpoint: &VpcEndpoint) -> Subject {
    Subject { kind: SubjectKind::VpcEndpoint, id: endpoint.id.clone() }
}

/// The claim that a finding of this rule about this subject follows.
pub(super) fn claim(rule: &str, subject: Subject) -> Explained {
    Explained { rule: rule.to_owned(), subject }
}

/// Names for a sentence, the first few of many.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 4;
    let names: Vec<&str> = names.into_iter().collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}
