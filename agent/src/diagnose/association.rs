//! What the two rules about a gateway endpoint that does not serve this subnet's route table share.

use probes::control_plane::{RouteTable, VpcEndpoint};
use probes::observations::{Attempt, TargetObservation};

use super::Check;
use super::blocked::{component, not_asked};
use super::case::{Case, target_subject};
use super::cause;
use super::phrases::{fact, failure_places};
use super::way::{Place, Way, endpoints_of};
use crate::catalogue::{self, EndpointKind};
use crate::classify::fold;
use crate::report::{Explained, Finding, Path, Remedy, Severity, SubjectKind, Verdict, Via};

/// The rules whose findings follow from a gateway endpoint that is passed by.
pub(super) const EGRESS: [(&str, &str); 4] = [
    ("s3", "s3-egress-through-nat"),
    ("s3", "s3-egress-through-internet-gateway"),
    ("dynamodb", "dynamodb-egress-through-nat"),
    ("dynamodb", "dynamodb-egress-through-internet-gateway"),
];

/// The findings of the rule for tables that the subnet is associated with, or for the main table that it falls back to.
pub(super) fn check(case: &Case<'_>, rule: &str, of_main: bool) -> Check {
    if !may_be_passed_by(case) {
        return Check::Clear("every service that has a gateway endpoint takes it".to_owned());
    }
    let facts = &case.recording.control_plane;
    if let Some(because) = facts.not_asked_because {
        return Check::CannotTell(not_asked(because).to_owned());
    }
    let (Some(table), Some(_)) = (
        facts.route_table.as_ref().and_then(|step| step.done()),
        facts.vpc_endpoints.as_ref().and_then(|step| step.done()),
    ) else {
        return Check::CannotTell("the route table or the VPC endpoints were not read".to_owned());
    };
    if table.is_main != of_main {
        let why = if of_main {
            "the subnet has a route table of its own"
        } else {
            "the subnet uses the main route table"
        };
        return Check::NotApplicable(why.to_owned());
    }
    let mut services: Vec<&str> = case.targets().map(|(target, _)| target.service.as_str()).collect();
    services.dedup();
    let findings =
        services.into_iter().filter_map(|service| of_service(case, rule, table, service)).collect();
    Check::found_or(findings, Check::Clear(format!("route table {} leads where it should", table.id)))
}

/// Whether some service that may have a gateway endpoint is not seen to take one at every address.
pub(super) fn may_be_passed_by(case: &Case<'_>) -> bool {
    let capable = |verdict: &&Verdict| {
        catalogue::service(&verdict.service).is_some_and(catalogue::Service::gateway_capable)
    };
    case.verdicts.iter().filter(capable).any(|verdict| {
        let past = |path: Path| !matches!(path, Path::GatewayEndpoint | Path::Proxy);
        verdict.reachable == Some(false)
            || past(verdict.path)
            || verdict.addresses.iter().any(|address| past(address.path))
    })
}

/// Whether a gateway endpoint would take a way's packets, if it were associated with the route table: then that is the cause.
pub(super) fn is_passed_by(case: &Case<'_>, way: &Way<'_>) -> bool {
    let Some(table) = case.recording.control_plane.route_table.as_ref().and_then(|step| step.done()) else {
        return false;
    };
    let endpoints = endpoints_of(case.recording, &way.target.service, EndpointKind::Gateway);
    let mut usable = endpoints.iter().filter(|endpoint| endpoint.state == "available").peekable();
    usable.peek().is_some()
        && usable.all(|endpoint| !endpoint.route_tables.contains(&table.id))
        && would_match(case, &way.target.service, way.attempt)
}

fn of_service(case: &Case<'_>, rule: &str, table: &RouteTable, service: &str) -> Option<Finding> {
    if !catalogue::service(service).is_some_and(catalogue::Service::gateway_capable) {
        return None;
    }
    let endpoints = endpoints_of(case.recording, service, EndpointKind::Gateway);
    let usable: Vec<&&VpcEndpoint> =
        endpoints.iter().filter(|endpoint| endpoint.state == "available").collect();
    let endpoint = **usable.first()?;
    if usable.iter().any(|endpoint| endpoint.route_tables.contains(&table.id)) {
        return None;
    }
    let passing: Vec<(&TargetObservation, &Verdict)> = case
        .targets()
        .filter(|(target, _)| target.service == service)
        .filter(|(target, _)| Case::counted(target).any(|attempt| would_match(case, service, attempt)))
        .collect();
    if passing.is_empty() {
        return None;
    }
    let names: Vec<&str> = passing.iter().map(|(target, _)| target.target.as_str()).collect();
    let reached = passing.iter().any(|(_, verdict)| verdict.reachable == Some(true));
    let consequence = cause::consequence(case, &names);
    let by_gateway_only = passing.iter().all(|(_, verdict)| {
        matches!(verdict.via, Some(Via::InternetGateway | Via::EgressOnlyInternetGateway))
    });
    let severity = if !reached || by_gateway_only {
        consequence.severity
    } else {
        consequence.severity.max(Severity::Warning)
    };
    let mut explains = consequence.explains;
    explains.extend(
        EGRESS
            .iter()
            .filter(|(of, _)| *of == service)
            .map(|(_, egress)| Explained { rule: (*egress).to_owned(), subject: target_subject(service) }),
    );
    let effect = match (reached, by_gateway_only) {
        (false, _) => format!("{service} has no way there"),
        (true, true) => format!("{service} leaves by the internet gateway"),
        (true, false) => format!("{service} leaves the VPC another way"),
    };
    let whose = if table.is_main {
        "the VPC's main route table, which this subnet falls back to for want of one of its own"
    } else {
        "this subnet's route table"
    };
    let region = case.region()?;
    let mut facts = vec![
        fact("targets", names.join(" ")),
        fact("route_table", &table.id),
        fact("associated_route_tables", endpoint.route_tables.join(" ")),
    ];
    facts.retain(|fact| !fact.value.is_empty());
    Some(Finding {
        rule: rule.to_owned(),
        severity,
        subject: component(SubjectKind::VpcEndpoint, &endpoint.id),
        summary: format!(
            "gateway endpoint {} of {service} is not associated with {whose} ({}): {effect}",
            endpoint.id, table.id
        ),
        facts,
        evidence: passing
            .iter()
            .flat_map(|(target, _)| failure_places(target).into_iter().take(1))
            .take(3)
            .chain(["control_plane/route_table".to_owned(), "control_plane/vpc_endpoints".to_owned()])
            .collect(),
        causes: Vec::new(),
        explains,
        remedy: Remedy {
            text: remedy_text(case, table, endpoint),
            commands: vec![format!(
                "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --add-route-table-ids {}",
                endpoint.id, table.id
            )],
        },
    })
}

fn remedy_text(case: &Case<'_>, table: &RouteTable, endpoint: &VpcEndpoint) -> String {
    let once = "It has no charge, and open connections to the service break once when the route appears.";
    let subnet = case.recording.environment.host.subnet_id.as_deref();
    match (table.is_main, endpoint.route_tables.as_slice(), subnet, case.region()) {
        (true, [other], Some(subnet), Some(region)) => format!(
            "Associate the endpoint with the main table. {once} If the subnet was meant to use {other}, which has the route, \
             associate the subnet with it instead: aws ec2 associate-route-table --region {region} --subnet-id {subnet} \
             --route-table-id {other}"
        ),
        (true, ..) => format!(
            "Associate the endpoint with the main table, or the subnet with the route table that was meant for it. {once}"
        ),
        (false, ..) => format!("Associate it. {once}"),
    }
}

/// Whether the endpoint's route would hold for an address that packets leave to by the first interface.
fn would_match(case: &Case<'_>, service: &str, attempt: &Attempt) -> bool {
    let name = case.endpoint_service(service, EndpointKind::Gateway);
    let lists = case.recording.control_plane.prefix_lists.as_ref().and_then(|step| step.done());
    let list = lists.into_iter().flatten().find(|list| Some(&list.name) == name.as_ref());
    let inside = list.is_some_and(|list| list.cidrs.iter().any(|cidr| cidr.contains(&attempt.address)));
    let primary = case.recording.environment.host.subnet_id.as_deref();
    let by_first =
        Place::of(case.recording, attempt).is_none_or(|place| place.first || place.subnet == primary);
    inside && by_first && fold::reachable(attempt).is_some()
}
