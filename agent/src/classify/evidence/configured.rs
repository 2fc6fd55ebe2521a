//! What EC2 says about the way of an address: the subnet's route table, longest prefix first, and the VPC's endpoints.

use std::net::IpAddr;

use probes::control_plane::{ControlPlane, ManagedPrefixList, Route, RouteTable, VpcEndpoint};
use probes::observations::{Attempt, TargetObservation};

use crate::catalogue::{self, EndpointKind};
use crate::classify::signal::{Address, Configured};
use crate::report::{EnvironmentRecord, Recording};

/// What EC2 says, the id of the VPC endpoint it names, where it is said, and the sentence for it.
pub(super) struct Said {
    pub(super) configured: Configured,
    pub(super) vpc_endpoint_id: Option<String>,
    pub(super) place: &'static str,
    pub(super) text: String,
}

/// What EC2 says of the way to an attempt's address.
pub(super) fn configured_of(
    recording: &Recording,
    address: Address,
    target: &TargetObservation,
    attempt: &Attempt,
) -> Said {
    match address {
        Address::AddressPublic => of_route_table(recording, attempt),
        Address::AddressInVpc => of_endpoints(recording, target),
        _ => unknown("the route table says nothing of this address"),
    }
}

fn unknown(text: &str) -> Said {
    Said {
        configured: Configured::RouteUnknown,
        vpc_endpoint_id: None,
        place: "control_plane",
        text: text.to_owned(),
    }
}

fn of_route_table(recording: &Recording, attempt: &Attempt) -> Said {
    let control_plane = &recording.control_plane;
    let Some(table) = control_plane.route_table.as_ref().and_then(|step| step.done()) else {
        return unknown("the subnet's route table could not be read");
    };
    if leaves_elsewhere(&recording.environment, attempt) {
        return unknown(
            "packets to this address leave by another interface, whose subnet's route table was not read",
        );
    }
    let lists =
        control_plane.prefix_lists.as_ref().and_then(|step| step.done()).map_or(&[][..], Vec::as_slice);
    match winner(table, lists, attempt.address) {
        Winner::Route(route) => of_route(control_plane, table, route),
        Winner::None => Said {
            configured: Configured::NoRoute,
            text: format!("route table {} has no route to it", table.id),
            place: "control_plane/route_table",
            vpc_endpoint_id: None,
        },
        Winner::Open => unknown("the route table has a route to a prefix list whose entries are not known"),
    }
}

/// Which route holds for an address.
pub(crate) enum Winner<'a> {
    /// This one: the most specific that matches.
    Route(&'a Route),
    /// None matches.
    None,
    /// It cannot be told: a prefix list's entries are not known, or two targets are equally specific.
    Open,
}

/// Which route of a table holds for an address: the most specific that matches.
pub(crate) fn winner<'a>(table: &'a RouteTable, lists: &[ManagedPrefixList], address: IpAddr) -> Winner<'a> {
    let mut best: Vec<(u8, &Route)> = Vec::new();
    for route in table.routes.iter().filter(|route| is_known(route, lists, address)) {
        if let Some(length) = route.matches(address, lists) {
            match best.first() {
                Some((longest, _)) if *longest > length => {}
                Some((longest, _)) if *longest == length => best.push((length, route)),
                _ => best = vec![(length, route)],
            }
        }
    }
    // A list that is not known might hold a more specific entry.
    let all_known = table.routes.iter().all(|route| is_known(route, lists, address));
    match best.as_slice() {
        _ if !all_known => Winner::Open,
        [] => Winner::None,
        [(_, route)] => Winner::Route(route),
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other.target == first.target) => {
            Winner::Route(first)
        }
        _ => Winner::Open,
    }
}

/// Whether it can be told if a route matches an address: its prefix list, where it names one, was read.
pub(crate) fn is_known(route: &Route, lists: &[ManagedPrefixList], address: IpAddr) -> bool {
    route
        .prefix_list
        .as_ref()
        .is_none_or(|id| lists.iter().any(|list| list.id == *id && knows_family(list, address)))
}

/// A list without any entry of a family says nothing of that family's addresses.
fn knows_family(list: &ManagedPrefixList, address: IpAddr) -> bool {
    list.cidrs.iter().any(|cidr| cidr.addr().is_ipv4() == address.is_ipv4())
}

fn of_route(control_plane: &ControlPlane, table: &RouteTable, route: &Route) -> Said {
    let destination = match (&route.cidr, &route.prefix_list) {
        (Some(cidr), _) => cidr.to_string(),
        (None, Some(list)) => list.clone(),
        (None, None) => "?".to_owned(),
    };
    let configured =
        if route.blackhole { Configured::RouteBlackhole } else { target_of(control_plane, &route.target) };
    let gone = if route.blackhole { ", which is gone (blackhole)" } else { "" };
    Said {
        configured,
        vpc_endpoint_id: (configured == Configured::RouteToGatewayEndpoint).then(|| route.target.clone()),
        place: "control_plane/route_table",
        text: format!("route table {} sends {destination} to {}{gone}", table.id, route.target),
    }
}

/// What kind of thing a route's target is, by the prefix of its id (EC2 API reference, `Route`).
pub(crate) fn target_of(control_plane: &ControlPlane, target: &str) -> Configured {
    match target.split('-').next().unwrap_or_default() {
        "nat" => Configured::RouteToNatGateway,
        "igw" => Configured::RouteToInternetGateway,
        "eigw" => Configured::RouteToEgressOnlyInternetGateway,
        "eni" | "i" => Configured::RouteToInstance,
        "tgw" => Configured::RouteToTransitGateway,
        "vgw" => Configured::RouteToVpnGateway,
        "pcx" => Configured::RouteToPeering,
        // Gateway endpoints and Gateway Load Balancer endpoints share the prefix; only the list of endpoints tells them apart.
        "vpce" => match endpoints(control_plane).iter().find(|endpoint| endpoint.id == target) {
            Some(endpoint) if endpoint.kind == "Gateway" => Configured::RouteToGatewayEndpoint,
            Some(endpoint) if endpoint.kind == "GatewayLoadBalancer" => Configured::RouteToFirewall,
            Some(_) | None => Configured::RouteUnknown,
        },
        _ => Configured::RouteUnknown,
    }
}

fn of_endpoints(recording: &Recording, target: &TargetObservation) -> Said {
    let control_plane = &recording.control_plane;
    let name = recording.environment.host.region.as_deref().and_then(|region| {
        let service = catalogue::service(&target.service)?;
        Some(service.endpoint_service_name(region, EndpointKind::Interface))
    });
    let of_service: Vec<&VpcEndpoint> = endpoints(control_plane)
        .iter()
        .filter(|endpoint| endpoint.kind == "Interface" && Some(&endpoint.service_name) == name.as_ref())
        .filter(|endpoint| {
            endpoint.state == "available" && endpoint.private_dns && !endpoint.private_dns_inbound_only
        })
        .collect();
    match of_service.as_slice() {
        [endpoint] => Said {
            configured: Configured::InterfaceEndpointInVpc,
            vpc_endpoint_id: Some(endpoint.id.clone()),
            place: "control_plane/vpc_endpoints",
            text: format!("{} is the VPC's interface endpoint for it, with private DNS", endpoint.id),
        },
        // One VPC can have one endpoint with private DNS per service; anything else is not what we take it for.
        _ => unknown("EC2 names no interface endpoint with private DNS for the service in this VPC"),
    }
}

fn endpoints(control_plane: &ControlPlane) -> &[VpcEndpoint] {
    control_plane.vpc_endpoints.as_ref().and_then(|step| step.done()).map_or(&[], Vec::as_slice)
}

/// Whether the packets carry the address of another interface than the one whose subnet was asked about. An attempt without a
/// route, as in a brief report, left by the primary one.
fn leaves_elsewhere(environment: &EnvironmentRecord, attempt: &Attempt) -> bool {
    let Some(source) = attempt.route.as_ref().and_then(|route| route.source) else { return false };
    !is_primary(environment, source)
}

/// Whether an address belongs to the interface in the instance's first subnet.
pub(crate) fn is_primary(environment: &EnvironmentRecord, source: IpAddr) -> bool {
    let host = &environment.host;
    let mut elsewhere = host
        .interfaces
        .iter()
        .filter(|interface| interface.subnet_id.is_some() && interface.subnet_id != host.subnet_id);
    !elsewhere.any(|interface| interface.addresses.iter().any(|net| net.addr() == source))
}
