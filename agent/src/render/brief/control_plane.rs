//! What EC2 said, without what no rule and no signal reads: of a whole VPC that is nearly all.

use std::net::IpAddr;

use probes::control_plane::{ControlPlane, ReadFailure, Route, SecurityGroup, VpcEndpoint};
use probes::observations::TcpFailure;
use probes::{Outcome, SkipReason, Step};

use super::{read_of, untimed};
use crate::catalogue;
use crate::classify::evidence::is_known;
use crate::filters;
use crate::refusal::essence;
use crate::report::Recording;

/// Keeps of what EC2 said the routes and lists that match an address that was seen, the endpoints of the services that
/// were asked for, and of what is around them that which a route or an endpoint names. Security groups and network ACLs are
/// read only where some address stays silent.
pub(super) fn drop_unread_facts(recording: &mut Recording, seen: &[IpAddr], own: &[IpAddr]) {
    let Recording { control_plane, targets, environment, .. } = recording;
    let attempts = targets.iter().flat_map(|target| &target.attempts);
    let silent = attempts.filter(|attempt| attempt.tcp.failed() == Some(&TcpFailure::TimedOut));
    let silent: Vec<IpAddr> = silent.map(|attempt| attempt.address).collect();
    let targets_of_routes = drop_unread_routes(control_plane, seen);
    let subnets = environment.host.interfaces.iter().filter_map(|interface| interface.subnet_id.clone());
    let mut around: Vec<String> = subnets.chain(environment.host.subnet_id.clone()).collect();
    if let Some(endpoints) = done(&mut control_plane.vpc_endpoints) {
        let asked_for = |endpoint: &VpcEndpoint| {
            let name = endpoint.service_name.strip_suffix("-fips").unwrap_or(&endpoint.service_name);
            targets
                .iter()
                .filter_map(|target| catalogue::service(&target.service))
                .any(|service| name.ends_with(&format!(".{}", service.endpoint_suffix())))
        };
        endpoints.retain(|endpoint| endpoint.kind == "GatewayLoadBalancer" || asked_for(endpoint));
        for endpoint in endpoints {
            endpoint.network_interfaces.clear();
            around.extend(endpoint.subnets.iter().cloned());
        }
    }
    drop_unread_neighbours(control_plane, &targets_of_routes, &mut around, &silent);
    if silent.is_empty() {
        (control_plane.security_groups, control_plane.network_acls) = (None, None);
    } else {
        let ends: Vec<IpAddr> = seen.iter().chain(own).copied().collect();
        for group in done(&mut control_plane.security_groups).into_iter().flatten() {
            drop_unread_rules(group, &ends);
        }
    }
    drop_failures(control_plane);
}

/// The targets of the routes that are kept.
fn drop_unread_routes(control_plane: &mut ControlPlane, seen: &[IpAddr]) -> Vec<String> {
    let lists = control_plane.lists();
    let read = |route: &Route| {
        seen.iter()
            .any(|address| !is_known(route, &lists, *address) || route.matches(*address, &lists).is_some())
    };
    let own = done(&mut control_plane.route_table).into_iter();
    let further = done(&mut control_plane.further_route_tables).into_iter().flatten();
    let mut targets = Vec::new();
    for table in own.chain(further.map(|further| &mut further.table)) {
        table.routes.retain(read);
        targets.extend(table.routes.iter().map(|route| route.target.clone()));
    }
    for list in done(&mut control_plane.prefix_lists).into_iter().flatten() {
        list.cidrs = read_of(&list.cidrs, seen);
    }
    for list in &mut control_plane.further_prefix_lists {
        if let Outcome::Done(cidrs) = &mut list.entries.outcome {
            *cidrs = read_of(cidrs, seen);
        }
        (list.entries.start_ms, list.entries.elapsed_ms) = (0.0, 0.0);
    }
    targets
}

/// Of interfaces, NAT gateways, their subnets' route tables, and subnets, those that something else names; `around` grows by
/// the subnets of those NAT gateways.
fn drop_unread_neighbours(
    control_plane: &mut ControlPlane,
    targets_of_routes: &[String],
    around: &mut Vec<String>,
    silent: &[IpAddr],
) {
    if let Some(interfaces) = done(&mut control_plane.network_interfaces) {
        // What endpoints hold stands at the endpoints; in which subnet matters where an address is silent.
        let stays_silent = |address: &IpAddr| silent.contains(address);
        interfaces.retain(|interface| {
            interface.vpc_endpoint.is_none() || interface.addresses.iter().any(stays_silent)
        });
    }
    if let Some(gateways) = done(&mut control_plane.nat_gateways) {
        gateways.retain(|nat| targets_of_routes.contains(&nat.id));
        around.extend(gateways.iter().filter_map(|nat| nat.subnet.clone()));
    }
    if let Some(tables) = done(&mut control_plane.further_route_tables) {
        tables.retain(|table| table.subnets.iter().any(|subnet| around.contains(subnet)));
    }
    if let Some(subnets) = done(&mut control_plane.subnets) {
        subnets.retain(|subnet| around.contains(&subnet.id));
        for subnet in subnets {
            subnet.cidrs.clear();
        }
    }
    // What is left of these is what nobody else has said; nothing is not worth a line.
    control_plane.network_interfaces.take_if(|step| step.done().is_some_and(Vec::is_empty));
    control_plane.nat_gateways.take_if(|step| step.done().is_some_and(Vec::is_empty));
    control_plane.further_route_tables.take_if(|step| step.done().is_some_and(Vec::is_empty));
}

/// Keeps the rules about the port of services, and of their blocks those that hold an address at either end.
fn drop_unread_rules(group: &mut SecurityGroup, ends: &[IpAddr]) {
    for rules in [&mut group.egress, &mut group.ingress] {
        for rule in rules.iter_mut() {
            rule.cidrs.retain(|cidr| ends.iter().any(|end| cidr.contains(end)));
        }
        rules.retain(|rule| {
            let names = !rule.cidrs.is_empty() || !rule.prefix_lists.is_empty() || !rule.groups.is_empty();
            names && filters::is_for(rule, filters::HTTPS)
        });
    }
}

fn done<T>(step: &mut Option<Step<T, ReadFailure>>) -> Option<&mut T> {
    match step.as_mut().map(|step| &mut step.outcome) {
        Some(Outcome::Done(value)) => Some(value),
        _ => None,
    }
}

/// Leaves out of the calls to EC2 that were not needed or failed as the one for the route table did, and of a denial all but
/// why: no rule reads how a call failed, nor when it was made.
fn drop_failures(control_plane: &mut ControlPlane) {
    fn shorten<T>(step: &mut Option<Step<T, ReadFailure>>, before: Option<&ReadFailure>) {
        let kind = std::mem::discriminant::<ReadFailure>;
        step.take_if(|step| step.failed().map(kind).is_some_and(|failed| before.map(kind) == Some(failed)));
        step.take_if(|step| step.skip_reason() == Some(SkipReason::NotAsked));
        if let Some(Outcome::Failed(ReadFailure::Denied { message })) =
            step.as_mut().map(|step| &mut step.outcome)
        {
            // The step says which action it was about.
            let why = essence(message);
            why.split(" allows ").next().unwrap_or_default().clone_into(message);
        }
        untimed(step);
    }
    shorten(&mut control_plane.route_table, None);
    let table = control_plane.route_table.as_ref().and_then(|step| step.failed()).cloned();
    let before = table.as_ref();
    shorten(&mut control_plane.further_route_tables, before);
    shorten(&mut control_plane.vpc_endpoints, before);
    shorten(&mut control_plane.prefix_lists, before);
    shorten(&mut control_plane.security_groups, before);
    shorten(&mut control_plane.network_acls, before);
    shorten(&mut control_plane.dns, before);
    shorten(&mut control_plane.subnets, before);
    shorten(&mut control_plane.network_interfaces, before);
    shorten(&mut control_plane.nat_gateways, before);
    shorten(&mut control_plane.block_public_access, before);
}
