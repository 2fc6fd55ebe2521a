//! What EC2 says about the way of an address: the subnet's route table, longest prefix first, and the VPC's endpoints.

use std::net::IpAddr;

use probes::control_plane::{
    ControlPlane, ManagedPrefixList, NetworkInterface, Route, RouteTable, VpcEndpoint,
};
use probes::observations::{Attempt, TargetObservation};

use crate::catalogue::{self, EndpointKind};
use crate::classify::signal::{Address, Configured};
use crate::report::{EnvironmentRecord, Recording};

/// What EC2 says, the id of the VPC endpoint it names, where it is said, and the sentence for it.
#[derive(Clone)]
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
        Address::AddressInVpc | Address::AddressInVpcByOverride => of_holder(recording, attempt)
            .unwrap_or_else(|| match address {
                Address::AddressInVpc => of_endpoints(recording, target),
                _ => unknown("EC2 did not say who holds this address"),
            }),
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
    let (table, place) = match table_for(recording, attempt) {
        Ok(found) => found,
        Err(said) => return said,
    };
    let lists = control_plane.lists();
    match winner(table, &lists, attempt.address) {
        Winner::Route(route) => {
            let said = Said { place, ..of_route(control_plane, table, route) };
            match said.configured {
                Configured::RouteToNatGateway => {
                    beyond_nat(recording, &lists, said, &route.target, attempt.address)
                }
                _ => said,
            }
        }
        Winner::None => Said {
            configured: Configured::NoRoute,
            text: format!("route table {} has no route to it", table.id),
            place,
            vpc_endpoint_id: None,
        },
        Winner::Open => unknown("the route table has a route to a prefix list whose entries are not known"),
    }
}

/// Where the NAT gateway that a route leads to sends an address: its own subnet's route table says so.
fn beyond_nat(
    recording: &Recording,
    lists: &[ManagedPrefixList],
    to_nat: Said,
    nat: &str,
    address: IpAddr,
) -> Said {
    let control_plane = &recording.control_plane;
    let gateways = control_plane.nat_gateways.as_ref().and_then(|step| step.done());
    let subnet = gateways
        .into_iter()
        .flatten()
        .find(|gateway| gateway.id == nat)
        .and_then(|gateway| gateway.subnet.as_deref());
    let primary = recording.environment.host.subnet_id.as_deref();
    let table = subnet.and_then(|subnet| control_plane.route_table_of(subnet, primary));
    let unknown_from_there =
        || Said { configured: Configured::RouteToNatGatewayThenUnknown, ..to_nat.clone() };
    let Some(table) = table else { return unknown_from_there() };
    let onward = match winner(table, lists, address) {
        Winner::Route(route) => of_route(control_plane, table, route),
        // A NAT gateway in a subnet that leads nowhere is one all the same.
        Winner::None => return to_nat,
        Winner::Open => return unknown_from_there(),
    };
    match onward.configured {
        Configured::RouteToGatewayEndpoint => Said {
            configured: Configured::RouteToNatGatewayThenGatewayEndpoint,
            vpc_endpoint_id: onward.vpc_endpoint_id,
            place: "control_plane/further_route_tables",
            text: format!("{}; in the NAT gateway's subnet {}", to_nat.text, onward.text),
        },
        Configured::RouteToInternetGateway | Configured::RouteBlackhole => to_nat,
        _ => unknown_from_there(),
    }
}

/// The route table that holds for an attempt's packets, which is that of the subnet they leave by, and its place in the report.
fn table_for<'a>(
    recording: &'a Recording,
    attempt: &Attempt,
) -> Result<(&'a RouteTable, &'static str), Said> {
    let (host, control_plane) = (&recording.environment.host, &recording.control_plane);
    match left_by(&recording.environment, attempt) {
        None => control_plane
            .route_table
            .as_ref()
            .and_then(|step| step.done())
            .map(|table| (table, "control_plane/route_table"))
            .ok_or_else(|| unknown("the subnet's route table could not be read")),
        Some(subnet) => control_plane
            .route_table_of(subnet, host.subnet_id.as_deref())
            .map(|table| (table, "control_plane/further_route_tables"))
            .ok_or_else(|| {
                unknown(&format!(
                    "packets to this address leave by an interface in {subnet}, whose route table could not be read"
                ))
            }),
    }
}

/// Who holds a private address: nothing but the VPC's own local route may lead there, else its holder is not the first that the
/// packets meet.
fn of_holder(recording: &Recording, attempt: &Attempt) -> Option<Said> {
    let control_plane = &recording.control_plane;
    let holds = |addresses: &[IpAddr]| addresses.contains(&attempt.address);
    let endpoint = endpoints(control_plane).iter().find(|endpoint| holds(&endpoint.addresses));
    let interfaces = control_plane.network_interfaces.as_ref().and_then(|step| step.done());
    let interface = interfaces.into_iter().flatten().find(|interface| holds(&interface.addresses));
    let said = match (endpoint, interface) {
        (Some(endpoint), _) => Said {
            configured: Configured::InterfaceEndpointHoldsAddress,
            vpc_endpoint_id: Some(endpoint.id.clone()),
            place: "control_plane/vpc_endpoints",
            text: format!("it belongs to interface endpoint {}", endpoint.id),
        },
        (None, Some(interface)) => of_interface(interface),
        (None, None) => return None,
    };
    if let Ok((table, _)) = table_for(recording, attempt) {
        match winner(table, &control_plane.lists(), attempt.address) {
            Winner::Route(route) if route.target != LOCAL => {
                let text = format!("route table {} sends this address to {} first", table.id, route.target);
                return Some(unknown(&text));
            }
            Winner::Open => return Some(unknown("routes to this address cannot be told")),
            Winner::Route(_) | Winner::None => {}
        }
    }
    Some(said)
}

fn of_interface(interface: &NetworkInterface) -> Said {
    let owner = match &interface.instance {
        Some(instance) => format!(" of instance {instance}"),
        None if interface.kind == "interface" => String::new(),
        None => format!(" of type {}", interface.kind),
    };
    Said {
        configured: if interface.kind == "vpc_endpoint" {
            Configured::InterfaceEndpointHoldsAddress
        } else {
            Configured::OtherHoldsAddress
        },
        vpc_endpoint_id: None,
        place: "control_plane/network_interfaces",
        text: format!("it belongs to network interface {}{owner}", interface.id),
    }
}

/// The target of the route that every route table has for the VPC's own blocks.
const LOCAL: &str = "local";

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

/// The subnet that packets to an address leave by, where it is not the instance's first one. An attempt without a route, as in a
/// brief report, left by the primary one.
pub(super) fn left_by<'a>(environment: &'a EnvironmentRecord, attempt: &Attempt) -> Option<&'a str> {
    let source = attempt.route.as_ref().and_then(|route| route.source)?;
    further_subnet_of(environment, source)
}

/// The subnet of the interface that has an address, where it is not the instance's first one.
fn further_subnet_of(environment: &EnvironmentRecord, source: IpAddr) -> Option<&str> {
    let host = &environment.host;
    host.interfaces
        .iter()
        .filter(|interface| interface.subnet_id != host.subnet_id)
        .find(|interface| interface.addresses.iter().any(|net| net.addr() == source))
        .and_then(|interface| interface.subnet_id.as_deref())
}

/// Whether an address belongs to the interface in the instance's first subnet.
pub(crate) fn is_primary(environment: &EnvironmentRecord, source: IpAddr) -> bool {
    further_subnet_of(environment, source).is_none()
}
