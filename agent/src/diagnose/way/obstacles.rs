//! The walk itself: every filter and route on the way to one address, in the order in which packets meet them.

use std::net::IpAddr;

use probes::control_plane::ControlPlane;

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
    // Which of its subnets an address is in is known where there is one besides the instance's own.
    let others: Vec<&String> =
        endpoint.subnets.iter().filter(|subnet| Some(subnet.as_str()) != way.place.subnet).collect();
    let [subnet] = others.as_slice() else {
        return way.open.push(format!("in which subnet {} is", way.address()));
    };
    match acl_of(facts, subnet) {
        Ok(acl) => match acl_passage(acl, direction, source, ports) {
            AclPassage::Open => {}
            passage => way.obstacles.push(Obstacle::EndpointAcl {
                endpoint: endpoint.id.clone(),
                subnet: (*subnet).clone(),
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
    if !way.place.first && way.place.subnet != recording.environment.host.subnet_id.as_deref() {
        return way.open.push("the route table of the interface's subnet was not read".to_owned());
    }
    let Some(table) = facts.route_table.as_ref().and_then(|step| step.done()) else {
        return way.open.push("the route table was not read".to_owned());
    };
    let lists = facts.prefix_lists.as_ref().and_then(|step| step.done()).map_or(&[][..], Vec::as_slice);
    match winner(table, lists, way.address()) {
        Winner::None => way.obstacles.push(Obstacle::NoRoute { table: table.id.clone() }),
        Winner::Open => way.open.push("which route of the table holds cannot be told".to_owned()),
        Winner::Route(route) if route.blackhole => way.obstacles.push(Obstacle::Blackhole {
            table: table.id.clone(),
            destination: destination(route),
            target: route.target.clone(),
        }),
        Winner::Route(route) => match target_of(facts, &route.target) {
            Configured::RouteToInternetGateway => {
                let host = &recording.environment.host;
                let public = way.place.first && host.public_ipv4.is_some()
                    || !way.place.interface.public_ipv4s.is_empty();
                if way.address().is_ipv4() && !public && host.instance_id.is_some() {
                    way.obstacles.push(Obstacle::NoPublicAddress {
                        table: table.id.clone(),
                        gateway: route.target.clone(),
                    });
                }
            }
            Configured::RouteUnknown => way.open.push(format!("what {} is", route.target)),
            _ => {}
        },
    }
}

/// A route's destination, as EC2 writes it.
pub(crate) fn destination(route: &probes::control_plane::Route) -> String {
    match (&route.cidr, &route.prefix_list) {
        (Some(cidr), _) => cidr.to_string(),
        (None, Some(list)) => list.clone(),
        (None, None) => "?".to_owned(),
    }
}
