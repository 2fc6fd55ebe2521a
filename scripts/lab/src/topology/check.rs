//! What a topology must fulfil before it can be built: ids exist, are unique, and addresses lie where they say.
//!
//! A typing error in a topology would otherwise show as a mysterious network, so everything is named here.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{GroupRule, Topology};

/// Why a topology cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    /// Two things carry the same id.
    #[error("{0} is defined twice")]
    Twice(String),
    /// Something refers to an id that does not exist.
    #[error("{holder} refers to {id}, which is not a {wanted} of this topology")]
    Unknown { holder: String, id: String, wanted: &'static str },
    /// An address is outside the subnet, or a subnet outside the VPC, that holds it.
    #[error("{what} is not inside {container}")]
    Outside { what: String, container: String },
    /// A route leads to something that carries no packets of that kind.
    #[error("route {destination} of {table} needs a {wanted} as its target")]
    WrongTarget { table: String, destination: String, wanted: &'static str },
    /// A security group rule's peer is neither a CIDR, a prefix list nor a group.
    #[error("rule of {group} has the peer {peer}, which is no CIDR, prefix list or security group")]
    UnknownPeer { group: String, peer: String },
    /// A prefix list has neither a service nor a name, or both.
    #[error("prefix list {0} needs either the service it is of or the name of the account's own")]
    Owner(String),
}

/// Checks everything [`Invalid`] names; the first fault found is returned.
pub(crate) fn check(topology: &Topology) -> Result<(), Invalid> {
    unique_ids(topology)?;
    subnets(topology)?;
    routes(topology)?;
    groups(topology)?;
    prefix_lists(topology)?;
    interfaces(topology)
}

fn unique_ids(topology: &Topology) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    let ids = topology
        .subnets
        .iter()
        .map(|each| &each.id)
        .chain(topology.route_tables.iter().map(|each| &each.id))
        .chain(topology.prefix_lists.iter().map(|each| &each.id))
        .chain(topology.gateway_endpoints.iter().map(|each| &each.id))
        .chain(topology.interface_endpoints.iter().map(|each| &each.id))
        .chain(topology.nat_gateways.iter().map(|each| &each.id))
        .chain(topology.hosts.iter().map(|each| &each.id))
        .chain(topology.security_groups.iter().map(|each| &each.id))
        .chain(topology.network_acls.iter().map(|each| &each.id));
    for id in ids {
        if !seen.insert(id) {
            return Err(Invalid::Twice(id.clone()));
        }
    }
    Ok(())
}

fn subnets(topology: &Topology) -> Result<(), Invalid> {
    for subnet in &topology.subnets {
        if !topology.vpc.cidrs.iter().any(|cidr| cidr.contains(&subnet.cidr)) {
            return Err(Invalid::Outside {
                what: subnet.cidr.to_string(),
                container: topology.vpc.id.clone(),
            });
        }
        if topology.effective_route_table(subnet).is_none() {
            let id = subnet.route_table.as_deref().unwrap_or("the main one");
            return Err(unknown(&subnet.id, id, "route table"));
        }
        if topology.network_acl(&subnet.network_acl).is_none() {
            return Err(unknown(&subnet.id, &subnet.network_acl, "network ACL"));
        }
    }
    Ok(())
}

fn routes(topology: &Topology) -> Result<(), Invalid> {
    for table in &topology.route_tables {
        for route in &table.routes {
            let gateway_endpoint = topology.gateway_endpoints.iter().any(|each| each.id == route.target);
            let gateway = topology.nat_gateways.iter().any(|each| each.id == route.target)
                || topology.internet_gateway.as_ref().is_some_and(|each| each.id == route.target)
                || topology.transit_gateway.as_ref().is_some_and(|each| each.id == route.target)
                || topology.hosts.iter().any(|each| each.id == route.target);
            let list = route.destination.starts_with("pl-");
            if list && topology.prefix_list(&route.destination).is_none() {
                return Err(unknown(&table.id, &route.destination, "prefix list"));
            }
            if !list && route.destination.parse::<Ipv4Net>().is_err() {
                return Err(unknown(&table.id, &route.destination, "CIDR or prefix list"));
            }
            if !route.blackhole && !gateway && !gateway_endpoint {
                return Err(unknown(&table.id, &route.target, "route target"));
            }
            if !list && gateway_endpoint {
                return Err(Invalid::WrongTarget {
                    table: table.id.clone(),
                    destination: route.destination.clone(),
                    wanted: "gateway that takes a CIDR",
                });
            }
        }
    }
    Ok(())
}

fn groups(topology: &Topology) -> Result<(), Invalid> {
    let peer_known = |rule: &GroupRule| {
        rule.peer.parse::<Ipv4Net>().is_ok()
            || topology.prefix_list(&rule.peer).is_some()
            || topology.security_group(&rule.peer).is_some()
    };
    for group in &topology.security_groups {
        if let Some(rule) = group.ingress.iter().chain(&group.egress).find(|rule| !peer_known(rule)) {
            return Err(Invalid::UnknownPeer { group: group.id.clone(), peer: rule.peer.clone() });
        }
    }
    Ok(())
}

fn prefix_lists(topology: &Topology) -> Result<(), Invalid> {
    let nobodys = |list: &&super::PrefixList| list.service.is_empty() == list.name.is_none();
    match topology.prefix_lists.iter().find(nobodys) {
        Some(list) => Err(Invalid::Owner(list.id.clone())),
        None => Ok(()),
    }
}

fn interfaces(topology: &Topology) -> Result<(), Invalid> {
    let instance = &topology.instance;
    for each in instance.attachments() {
        // The first interface's address is a link-local one where the subnet is IPv6-only.
        if each.device_number > 0 || !topology.ipv6_only() {
            placed(topology, &instance.id, each.subnet, each.private_address)?;
        }
        carried(topology, &instance.id, each.security_groups)?;
    }
    for endpoint in &topology.interface_endpoints {
        carried(topology, &endpoint.id, &endpoint.security_groups)?;
        for interface in &endpoint.network_interfaces {
            placed(topology, &interface.id, &interface.subnet, interface.address)?;
        }
    }
    for nat in &topology.nat_gateways {
        placed(topology, &nat.id, &nat.subnet, nat.private_address)?;
    }
    for host in &topology.hosts {
        placed(topology, &host.id, &host.subnet, host.address)?;
        carried(topology, &host.id, &host.security_groups)?;
    }
    Ok(())
}

fn placed(topology: &Topology, holder: &str, subnet: &str, address: Ipv4Addr) -> Result<(), Invalid> {
    let found = topology.subnet(subnet).ok_or_else(|| unknown(holder, subnet, "subnet"))?;
    if found.cidr.contains(&address) {
        return Ok(());
    }
    Err(Invalid::Outside { what: format!("{address} of {holder}"), container: found.cidr.to_string() })
}

fn carried(topology: &Topology, holder: &str, groups: &[String]) -> Result<(), Invalid> {
    match groups.iter().find(|group| topology.security_group(group).is_none()) {
        Some(group) => Err(unknown(holder, group, "security group")),
        None => Ok(()),
    }
}

fn unknown(holder: &str, id: &str, wanted: &'static str) -> Invalid {
    Invalid::Unknown { holder: holder.to_owned(), id: id.to_owned(), wanted }
}
