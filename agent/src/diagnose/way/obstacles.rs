//! The walk itself: every filter and route on the way to one address, in the order in which packets meet them.

use std::net::IpAddr;

use probes::control_plane::{ControlPlane, InternetGatewayBlock, Route, RouteTable};

use super::{Obstacle, Way};
use crate::classify::evidence::{Winner, is_private, target_of, winner};
use crate::classify::signal::Configured;
use crate::filters::{
    AclPassage, Direction, EPHEMERAL, GroupPassage, HTTPS, Peer, Ports, acl_of, acl_passage, groups_passage,
};
use crate::report::Recording;

/// Notes everything that stops the packets of a way, and what was not read.
pub(super) fn meet(recording: &Recording, way: &mut Way<'_>) {
    let facts = &recording.control_plane;
    let address = way.address();
    let host = &recording.environment.host;
    let inside = host.vpc_cidrs.iter().any(|cidr| cidr.contains(&address));
    // Packets that stay in a subnet meet no network ACL. NOT VERIFIED in Amazon's documentation, long-standing behaviour.
    let leaves_subnet = !way.place.is_neighbour(address);
    own_groups(facts, way, inside);
    if leaves_subnet {
        own_acl(facts, way, Direction::Out, HTTPS);
    }
    if inside {
        at_endpoint(facts, way, leaves_subnet);
    } else {
        route(recording, way);
    }
    if leaves_subnet {
        own_acl(facts, way, Direction::In, EPHEMERAL);
    }
}

fn own_groups(facts: &ControlPlane, way: &mut Way<'_>, inside: bool) {
    let groups = &way.place.interface.security_group_ids;
    // Nothing outside the VPC has a security group that could be named here, but for peered VPCs; those are not read.
    let public = !inside && !is_private(way.address());
    let peer_groups: Option<&[String]> =
        if public { Some(&[]) } else { way.endpoint.map(|endpoint| endpoint.security_groups.as_slice()) };
    let peer = Peer { address: way.address(), groups: peer_groups };
    match groups_passage(facts, groups, Direction::Out, peer, HTTPS) {
        GroupPassage::Open { .. } => {}
        GroupPassage::Closed => way.obstacles.push(Obstacle::OwnGroups { groups: groups.clone() }),
        GroupPassage::CannotTell(why) => way.open.push(why),
    }
}

fn own_acl(facts: &ControlPlane, way: &mut Way<'_>, direction: Direction, ports: Ports) {
    let Some(subnet) = way.place.subnet else {
        return way.open.push("the instance's subnet is not known".to_owned());
    };
    match acl_of(facts, subnet) {
        Ok(acl) => match acl_passage(acl, direction, way.address(), ports) {
            AclPassage::Open => {}
            passage => way.obstacles.push(Obstacle::OwnAcl { acl: acl.id.clone(), direction, passage }),
        },
        Err(why) => way.open.push(why),
    }
}

/// The endpoint's own side: its subnet's network ACL in both directions, and its security groups.
fn at_endpoint(facts: &ControlPlane, way: &mut Way<'_>, leaves_subnet: bool) {
    let Some(endpoint) = way.endpoint else {
        return way.open.push(format!("EC2 names no interface endpoint at {}", way.address()));
    };
    let Some(source) = way.place.source else {
        return way.open.push("the address that packets leave with is not known".to_owned());
    };
    if leaves_subnet {
        endpoint_acl(facts, way, source, Direction::In, HTTPS);
    }
    let groups = &way.place.interface.security_group_ids;
    let peer = Peer { address: source, groups: Some(groups) };
    match groups_passage(facts, &endpoint.security_groups, Direction::In, peer, HTTPS) {
        GroupPassage::Open { .. } => {}
        GroupPassage::Closed => way.obstacles.push(Obstacle::EndpointGroups {
            endpoint: endpoint.id.clone(),
            groups: endpoint.security_groups.clone(),
        }),
        GroupPassage::CannotTell(why) => way.open.push(why),
    }
    if leaves_subnet {
        endpoint_acl(facts, way, source, Direction::Out, EPHEMERAL);
    }
}

fn endpoint_acl(facts: &ControlPlane, way: &mut Way<'_>, source: IpAddr, direction: Direction, ports: Ports) {
    let Some(endpoint) = way.endpoint else { return };
    let interfaces = facts.network_interfaces.as_ref().and_then(|step| step.done());
    let address = way.address();
    let holder = interfaces.into_iter().flatten().find(|interface| interface.addresses.contains(&address));
    // Else which of its subnets an address is in is known where there is one besides the instance's own.
    let others: Vec<&String> =
        endpoint.subnets.iter().filter(|subnet| Some(subnet.as_str()) != way.place.subnet).collect();
    let subnet = match (holder, others.as_slice()) {
        (Some(holder), _) => &holder.subnet,
        (None, [only]) => *only,
        _ => return way.open.push(format!("in which subnet {address} is")),
    };
    match acl_of(facts, subnet) {
        Ok(acl) => match acl_passage(acl, direction, source, ports) {
            AclPassage::Open => {}
            passage => way.obstacles.push(Obstacle::EndpointAcl {
                endpoint: endpoint.id.clone(),
                subnet: subnet.clone(),
                acl: acl.id.clone(),
                direction,
                passage,
            }),
        },
        Err(why) => way.open.push(why),
    }
}

fn route(recording: &Recording, way: &mut Way<'_>) {
    let facts = &recording.control_plane;
    let primary = recording.environment.host.subnet_id.as_deref();
    let table = match way.place.subnet.or(primary) {
        Some(subnet) => facts.route_table_of(subnet, primary),
        None => None,
    };
    let Some(table) = table else { return way.open.push("the route table was not read".to_owned()) };
    match winner(table, &facts.lists(), way.address()) {
        Winner::None => way.obstacles.push(Obstacle::NoRoute { table: table.id.clone() }),
        Winner::Open => way.open.push("which route of the table holds cannot be told".to_owned()),
        Winner::Route(route) if route.blackhole => way.obstacles.push(Obstacle::Blackhole {
            table: table.id.clone(),
            destination: destination(route),
            target: route.target.clone(),
        }),
        Winner::Route(route) => leads_to(recording, way, table, route),
    }
}

/// What is at the end of the route that holds.
fn leads_to(recording: &Recording, way: &mut Way<'_>, table: &RouteTable, route: &Route) {
    let facts = &recording.control_plane;
    let host = &recording.environment.host;
    match target_of(facts, &route.target) {
        Configured::RouteToInternetGateway => {
            let public =
                way.place.first && host.public_ipv4.is_some() || !way.place.interface.public_ipv4s.is_empty();
            if way.address().is_ipv4() && !public && host.instance_id.is_some() {
                let (table, gateway) = (table.id.clone(), route.target.clone());
                way.obstacles.push(Obstacle::NoPublicAddress { table, gateway });
            }
            let subnet = way.place.subnet.map(str::to_owned);
            public_access(recording, way, &route.target, subnet.as_deref(), false);
        }
        Configured::RouteToNatGateway => nat_gateway(recording, way, &route.target),
        Configured::RouteToEgressOnlyInternetGateway => {
            let subnet = way.place.subnet.map(str::to_owned);
            public_access(recording, way, &route.target, subnet.as_deref(), true);
        }
        Configured::RouteUnknown => way.open.push(format!("what {} is", route.target)),
        _ => {}
    }
}

/// A NAT gateway carries packets while it is available, and its own subnet leads to the internet.
fn nat_gateway(recording: &Recording, way: &mut Way<'_>, id: &str) {
    let facts = &recording.control_plane;
    let gateways = facts.nat_gateways.as_ref().and_then(|step| step.done());
    let Some(gateway) = gateways.into_iter().flatten().find(|gateway| gateway.id == id) else {
        return way.open.push(format!("the state of {id}"));
    };
    let address = way.address();
    let mut stop = |why: String| way.obstacles.push(Obstacle::NatGateway { gateway: id.to_owned(), why });
    if gateway.state != "available" {
        let because = gateway.failure.as_ref().map(|failure| format!(" ({failure})")).unwrap_or_default();
        return stop(format!("is in the state {}{because}", gateway.state));
    }
    if gateway.private {
        return stop("is a private one, which leads to no internet".to_owned());
    }
    let primary = recording.environment.host.subnet_id.as_deref();
    let Some(subnet) = gateway.subnet.clone() else { return way.open.push(format!("the subnet of {id}")) };
    match facts.route_table_of(&subnet, primary) {
        Some(table) => match winner(table, &facts.lists(), address) {
            Winner::None => {
                stop(format!("stands in {subnet}, whose route table {} has no way out", table.id));
            }
            Winner::Route(route) if route.blackhole || route.target == id => {
                stop(format!("stands in {subnet}, whose route table {} leads nowhere", table.id));
            }
            _ => {}
        },
        None => way.open.push(format!("the route table of {subnet}")),
    }
    public_access(recording, way, id, Some(&subnet), true);
}

/// VPC Block Public Access (Amazon VPC user guide). What it does to gateway endpoints is not documented; they are not asked
/// about here.
fn public_access(
    recording: &Recording,
    way: &mut Way<'_>,
    target: &str,
    subnet: Option<&str>,
    outward: bool,
) {
    let Some(block) = recording.control_plane.block_public_access.as_ref().and_then(|step| step.done())
    else {
        return way.open.push("whether public access is blocked".to_owned());
    };
    match (block.internet_gateways, outward) {
        (InternetGatewayBlock::Off, _) | (InternetGatewayBlock::Ingress, true) => return,
        _ => {}
    }
    let vpc = recording.environment.host.vpc_id.as_deref();
    match &block.exclusions {
        None => way.open.push("what is excluded from the block on public access".to_owned()),
        Some(exclusions) => {
            let excluded = exclusions
                .iter()
                .filter(|exclusion| outward || exclusion.inward_too)
                .any(|exclusion| Some(exclusion.id.as_str()) == vpc || Some(exclusion.id.as_str()) == subnet);
            if !excluded {
                way.obstacles.push(Obstacle::BlockedPublicAccess { target: target.to_owned() });
            }
        }
    }
}

/// A route's destination, as EC2 writes it.
pub(crate) fn destination(route: &Route) -> String {
    match (&route.cidr, &route.prefix_list) {
        (Some(cidr), _) => cidr.to_string(),
        (None, Some(list)) => list.clone(),
        (None, None) => "?".to_owned(),
    }
}
