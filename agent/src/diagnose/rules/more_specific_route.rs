//! A route to a part of a service's ranges is more specific than the one to its gateway endpoint, and takes the packets.

use std::collections::BTreeMap;

use probes::control_plane::{Route, RouteTable};
use probes::observations::{Attempt, TargetObservation};

use crate::catalogue::EndpointKind;
use crate::classify::evidence::{Winner, winner};
use crate::classify::fold;
use crate::diagnose::association::{EGRESS, may_be_passed_by};
use crate::diagnose::blocked::{component, listed, not_asked};
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::cause;
use crate::diagnose::phrases::fact;
use crate::diagnose::way::{Place, endpoints_of};
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Remedy, Severity, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "more-specific-route",
    title: "a more specific route takes a service's packets past its gateway endpoint",
    check,
};

/// A target's attempt whose address a more specific route takes.
type Taken<'a> = (&'a TargetObservation, &'a Attempt);

fn check(case: &Case<'_>) -> Check {
    if !may_be_passed_by(case) {
        return Check::Clear("every service that has a gateway endpoint takes it".to_owned());
    }
    let facts = &case.recording.control_plane;
    if let Some(because) = facts.not_asked_because {
        return Check::CannotTell(not_asked(because).to_owned());
    }
    let Some(table) = facts.route_table.as_ref().and_then(|step| step.done()) else {
        return Check::CannotTell("the route table was not read".to_owned());
    };
    let mut taken: BTreeMap<String, (&Route, Vec<Taken<'_>>)> = BTreeMap::new();
    for (target, _) in case.targets() {
        for attempt in Case::counted(target).filter(|attempt| fold::reachable(attempt).is_some()) {
            if let Some(route) = past_endpoint(case, table, target, attempt) {
                let destination = route.cidr.map(|cidr| cidr.to_string()).unwrap_or_default();
                taken.entry(destination).or_insert((route, Vec::new())).1.push((target, attempt));
            }
        }
    }
    let findings =
        taken.iter().map(|(destination, (route, on))| finding(case, table, destination, route, on));
    Check::found_or(findings.collect(), Check::Clear("no route beats one to a gateway endpoint".to_owned()))
}

/// The route that holds for an address instead of one to a gateway endpoint that matches too. One that leads to something that is gone
/// is another rule's.
fn past_endpoint<'a>(
    case: &Case<'a>,
    table: &'a RouteTable,
    target: &TargetObservation,
    attempt: &Attempt,
) -> Option<&'a Route> {
    let primary = case.recording.environment.host.subnet_id.as_deref();
    Place::of(case.recording, attempt).filter(|place| place.first || place.subnet == primary)?;
    let lists = case.recording.control_plane.prefix_lists.as_ref().and_then(|step| step.done())?;
    let endpoints = endpoints_of(case.recording, &target.service, EndpointKind::Gateway);
    let to_endpoint = |route: &&Route| endpoints.iter().any(|endpoint| endpoint.id == route.target);
    let matching = table.routes.iter().filter(to_endpoint);
    let longest = matching.filter_map(|route| route.matches(attempt.address, lists)).max()?;
    let Winner::Route(route) = winner(table, lists, attempt.address) else { return None };
    let specific = route.matches(attempt.address, lists)?;
    (specific > longest && !to_endpoint(&route) && !route.blackhole && route.cidr.is_some()).then_some(route)
}

fn finding(
    case: &Case<'_>,
    table: &RouteTable,
    destination: &str,
    route: &Route,
    on: &[Taken<'_>],
) -> Finding {
    let (mut names, mut services) = (Vec::new(), Vec::new());
    for (target, _) in on {
        if !names.contains(&target.target.as_str()) {
            names.push(target.target.as_str());
        }
        if !services.contains(&target.service.as_str()) {
            services.push(target.service.as_str());
        }
    }
    let dead = on.iter().any(|(_, attempt)| fold::reachable(attempt) == Some(false));
    let consequence = cause::consequence(case, &names);
    let explains = EGRESS
        .iter()
        .filter(|(service, _)| services.contains(service))
        .map(|(service, rule)| Explained { rule: (*rule).to_owned(), subject: target_subject(service) });
    let region = case.region().unwrap_or_default();
    let family =
        if destination.contains(':') { "--destination-ipv6-cidr-block" } else { "--destination-cidr-block" };
    let addresses: Vec<String> = on.iter().map(|(_, attempt)| attempt.address.to_string()).take(8).collect();
    Finding {
        rule: RULE.id.to_owned(),
        severity: if dead { consequence.severity } else { Severity::Warning },
        subject: component(SubjectKind::RouteTable, &table.id),
        summary: format!(
            "route table {} sends {destination}, which is part of {}, to {} and not to the gateway endpoint: the more specific \
             route wins{}",
            table.id,
            listed(&services),
            route.target,
            if dead { ", and nothing comes back from there" } else { "" }
        ),
        facts: vec![
            fact("targets", names.join(" ")),
            fact("destination", destination),
            fact("target_of_route", &route.target),
            fact("addresses", addresses.join(" ")),
        ],
        evidence: on
            .iter()
            .map(|(target, attempt)| format!("{}/{}/tcp", target.target, attempt.address))
            .take(3)
            .chain(["control_plane/route_table".to_owned()])
            .collect(),
        causes: Vec::new(),
        explains: consequence.explains.into_iter().chain(explains).collect(),
        remedy: Remedy {
            text: "Take the route away, if nothing needs it: a firewall or an appliance may be meant to see this traffic. Open \
                   connections to these addresses break once."
                .to_owned(),
            commands: vec![format!(
                "aws ec2 delete-route --region {region} --route-table-id {} {family} {destination}",
                table.id
            )],
        },
    }
}
