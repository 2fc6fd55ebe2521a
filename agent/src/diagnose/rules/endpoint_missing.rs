//! Services whose names lead to public addresses that this subnet has no way to, because the VPC has no endpoint for them.

use crate::catalogue::{self, EndpointKind, Service};
use crate::classify::evidence::is_private;
use crate::diagnose::blocked::{component, listed, not_asked};
use crate::diagnose::case::Case;
use crate::diagnose::cause;
use crate::diagnose::commands::create_interface_endpoints;
use crate::diagnose::phrases::{create_gateway_endpoint, fact, show_endpoints};
use crate::diagnose::way::{Obstacle, Way, Ways, endpoints_of};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy, Subject, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-missing",
    title: "the VPC has no endpoint for services that this subnet has no other way to",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let ways = Ways::of(case);
    if ways.silent.is_empty() {
        return Check::Clear("no address that was tried stays silent".to_owned());
    }
    let facts = &case.recording.control_plane;
    if facts.vpc_endpoints.as_ref().is_some_and(|step| step.done().is_some()) {
        let missing = targets_with(&ways, |way| is_missing(case, way));
        return found(case, &missing, true, "every silent service has an endpoint, or another cause");
    }
    if !names_of_endpoints_work(&ways) {
        let why = facts.not_asked_because.map_or("the VPC endpoints were not read", not_asked);
        return Check::CannotTell(why.to_owned());
    }
    let missing = targets_with(&ways, looks_missing);
    found(case, &missing, false, "no silent service that an interface endpoint would give a private address")
}

/// The targets all of whose ways are silent and fit.
fn targets_with<'a>(ways: &Ways<'a>, fits: impl Fn(&Way<'a>) -> bool) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for way in ways.silent.iter().filter(|way| !ways.is_partial(way)) {
        let name = way.target.target.as_str();
        let mut same = ways.silent.iter().filter(|other| other.target.target == name);
        if !names.contains(&name) && same.all(&fits) {
            names.push(name);
        }
    }
    names
}

/// By EC2's word: the table has no route to the public address, and there is no endpoint that would spare it one.
fn is_missing(case: &Case<'_>, way: &Way<'_>) -> bool {
    let no_route = way.obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::NoRoute { .. }));
    let Some(service) = catalogue::service(&way.target.service) else { return false };
    let (kind, offered) = kind_of(service);
    no_route
        && offered
        && !is_private(way.address())
        && endpoints_of(case.recording, service.id(), kind).is_empty()
}

/// The kind of endpoint that a service's own host name leads to, and whether there is one at all.
fn kind_of(service: &Service) -> (EndpointKind, bool) {
    if service.gateway_capable() {
        (EndpointKind::Gateway, true)
    } else {
        (EndpointKind::Interface, service.interface_capable())
    }
}

/// Whether some name leads to an interface endpoint that answers: the VPC's private DNS is on, and reaches this host.
fn names_of_endpoints_work(ways: &Ways<'_>) -> bool {
    ways.standing.iter().any(|way| way.verdict.path == Path::InterfaceEndpoint)
}

/// By signs alone: a public address where a sibling has a private one, and nothing on the way shows itself.
fn looks_missing(way: &Way<'_>) -> bool {
    let service = catalogue::service(&way.target.service);
    way.verdict.path == Path::Unreachable
        && way.address().is_ipv4()
        && !is_private(way.address())
        && service.is_some_and(|service| service.private_dns() && !service.gateway_capable())
}

fn found(case: &Case<'_>, missing: &[&str], sure: bool, otherwise: &str) -> Check {
    if missing.is_empty() {
        return Check::Clear(otherwise.to_owned());
    }
    let mut services: Vec<&Service> = Vec::new();
    for (target, _) in case.targets().filter(|(target, _)| missing.contains(&target.target.as_str())) {
        let service = catalogue::service(&target.service);
        services.extend(service.filter(|found| services.iter().all(|known| known.id() != found.id())));
    }
    let ids: Vec<&str> = services.iter().map(|service| service.id()).collect();
    let names: Vec<String> = services
        .iter()
        .filter_map(|service| case.endpoint_service(service.id(), kind_of(service).0))
        .collect();
    let consequence = cause::consequence(case, missing);
    let vpc = case.recording.environment.host.vpc_id.as_deref();
    let summary = if sure {
        format!(
            "{} has no VPC endpoint for {}, and this subnet has no other way there",
            vpc.unwrap_or("the VPC"),
            listed(&ids)
        )
    } else {
        format!(
            "{} resolve{} to public addresses that do not answer, while other services have a working interface endpoint here: \
             {} is missing, or its private DNS is off",
            listed(&ids),
            if ids.len() == 1 { "s" } else { "" },
            if ids.len() == 1 { "its own" } else { "theirs" }
        )
    };
    let places = missing.iter().map(|target| format!("{target}/*/tcp")).take(4);
    let place =
        if sure { "control_plane/vpc_endpoints".to_owned() } else { format!("{}/lookups", missing[0]) };
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: vpc.map_or_else(|| case.instance(), vpc_subject),
        summary,
        facts: vec![fact("targets", missing.join(" ")), fact("endpoint_services", names.join(" "))],
        evidence: places.chain([place]).collect(),
        causes: if sure { Vec::new() } else { causes() },
        explains: consequence.explains,
        remedy: remedy(case, &services, sure),
    }])
}

fn vpc_subject(vpc: &str) -> Subject {
    component(SubjectKind::Vpc, vpc)
}

fn causes() -> Vec<String> {
    vec![
        "the VPC has no interface endpoint for them: describe-vpc-endpoints shows it".to_owned(),
        "it has one whose private DNS is off, or which is not available: describe-vpc-endpoints shows PrivateDnsEnabled and \
         State"
            .to_owned(),
        "this host's own resolver answers for these names, and not the VPC's: dig @169.254.169.253 shows it".to_owned(),
    ]
}

fn remedy(case: &Case<'_>, services: &[&Service], sure: bool) -> Remedy {
    let (gateway, interface): (Vec<&Service>, Vec<&Service>) =
        services.iter().copied().partition(|service| service.gateway_capable());
    let interface: Vec<&str> = interface.iter().map(|service| service.id()).collect();
    let mut commands: Vec<String> = Vec::new();
    if !sure {
        commands.extend(interface.iter().flat_map(|service| show_endpoints(case, service)));
    }
    commands.extend(gateway.iter().flat_map(|service| create_gateway_endpoint(case, service.id())));
    if !interface.is_empty() {
        commands.extend(create_interface_endpoints(case, &interface));
    }
    let text = match (interface.is_empty(), sure) {
        (true, _) => "Create a gateway endpoint for this subnet's route table; it has no charge.",
        (false, true) => {
            "Create the missing endpoints. Interface endpoints are paid for by the hour: add a subnet of each zone you use \
             (--subnet-ids), one is enough to begin with. Private DNS leads the whole VPC to them."
        }
        (false, false) => {
            "If describe-vpc-endpoints lists an endpoint, switch its private DNS on (modify-vpc-endpoint \
             --private-dns-enabled); only if not, create it. Interface endpoints are paid for by the hour, and private DNS \
             leads the whole VPC to them."
        }
    };
    Remedy { text: text.to_owned(), commands }
}
