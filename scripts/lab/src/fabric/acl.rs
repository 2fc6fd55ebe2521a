//! Network ACLs: stateless, in order, at the boundary of each subnet and in both directions.
//!
//! Packets that stay inside a subnet meet none. Traffic with the VPC's own services (metadata, resolver) never comes
//! here either, because it ends in the router.

use super::line;
use crate::topology::{AclAction, AclEntry, Protocol, Subnet, Topology};

/// One chain per ACL and direction: an entry that allows returns, one that denies drops, and so does the end.
pub(super) fn chains(topology: &Topology, text: &mut String) {
    for (index, acl) in topology.network_acls.iter().enumerate() {
        chain(text, &format!("acl{index}_in"), &acl.ingress, "saddr");
        chain(text, &format!("acl{index}_out"), &acl.egress, "daddr");
    }
}

/// Sends packets that leave or enter a subnet to its ACL, leaving first.
pub(super) fn jumps(topology: &Topology, text: &mut String) {
    for (interface, subnet) in places(topology) {
        if let Some(index) = number(topology, subnet) {
            let (from, to) = (source(&interface, subnet), format!("ip daddr != {}", subnet.cidr));
            line(text, format_args!("\t\t{from} {to} jump acl{index}_out"));
        }
    }
    for (interface, subnet) in places(topology) {
        if let Some(index) = number(topology, subnet) {
            let (from, to) = (format!("ip saddr != {}", subnet.cidr), destination(&interface, subnet));
            line(text, format_args!("\t\t{to} {from} jump acl{index}_in"));
        }
    }
}

/// Each interface of the router that stands for (a part of) a subnet.
fn places(topology: &Topology) -> Vec<(String, &Subnet)> {
    let instance = topology.instance.attachments();
    let instance =
        instance.filter_map(|each| topology.subnet(each.subnet).map(|subnet| (each.wire(), subnet)));
    let nat = topology.nat_gateways.iter().enumerate().filter_map(|(index, nat)| {
        topology.subnet(&nat.subnet).map(|subnet| (format!("nat{index}"), subnet))
    });
    let interfaces = topology.subnets.iter().map(|subnet| ("eni0".to_owned(), subnet));
    instance.chain(nat).chain(interfaces).collect()
}

/// Behind `eni0` lie several subnets, told apart by address; other interfaces are in one subnet, and what a NAT gateway
/// forwards bears foreign addresses.
fn source(interface: &str, subnet: &Subnet) -> String {
    if interface == "eni0" {
        return format!("iifname \"eni0\" ip saddr {}", subnet.cidr);
    }
    format!("iifname \"{interface}\"")
}

fn destination(interface: &str, subnet: &Subnet) -> String {
    if interface == "eni0" {
        return format!("oifname \"eni0\" ip daddr {}", subnet.cidr);
    }
    format!("oifname \"{interface}\"")
}

fn number(topology: &Topology, subnet: &Subnet) -> Option<usize> {
    topology.network_acls.iter().position(|acl| acl.id == subnet.network_acl)
}

fn chain(text: &mut String, name: &str, entries: &[AclEntry], side: &str) {
    let mut entries: Vec<&AclEntry> = entries.iter().collect();
    entries.sort_by_key(|entry| entry.number);
    line(text, format_args!("\tchain {name} {{"));
    for entry in entries {
        let verdict = match entry.action {
            AclAction::Allow => "return",
            AclAction::Deny => "drop",
        };
        let ports = matching(entry.protocol, entry.ports);
        line(text, format_args!("\t\tip {side} {}{ports} {verdict}", entry.cidr));
    }
    line(text, format_args!("\t\tdrop\n\t}}"));
}

/// The match on protocol and destination ports, with a blank before it.
pub(super) fn matching(protocol: Protocol, ports: Option<[u16; 2]>) -> String {
    let name = match protocol {
        Protocol::All => return String::new(),
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => return " ip protocol icmp".to_owned(),
    };
    match ports {
        Some([first, last]) if first == last => format!(" {name} dport {first}"),
        Some([first, last]) => format!(" {name} dport {first}-{last}"),
        None => format!(" ip protocol {name}"),
    }
}
