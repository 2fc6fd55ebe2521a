//! Security groups: stateful, only allowing, at each network interface.
//!
//! A packet that belongs to a connection already let through has been accepted before these chains; what comes here
//! opens a connection, and must be allowed out of its source and into its destination.

use std::net::Ipv4Addr;

use super::{acl::matching, entries, line};
use crate::topology::{GroupRule, Topology};

/// One chain per interface and direction, the union of its groups' rules: allowed returns, the end drops.
pub(super) fn chains(topology: &Topology, text: &mut String) {
    for holder in holders(topology) {
        for (direction, side) in [("in", "saddr"), ("out", "daddr")] {
            line(text, format_args!("\tchain {}_{direction} {{", holder.name));
            for id in holder.groups {
                let Some(group) = topology.security_group(id) else { continue };
                let rules = if direction == "in" { &group.ingress } else { &group.egress };
                for rule in rules {
                    allow(topology, rule, side, text);
                }
            }
            line(text, format_args!("\t\tdrop\n\t}}"));
        }
    }
}

/// Sends packets that open a connection through the chains of both ends.
pub(super) fn jumps(topology: &Topology, text: &mut String) {
    for holder in holders(topology) {
        let (interface, address, name) = (&holder.interface, holder.address, &holder.name);
        line(text, format_args!("\t\tiifname \"{interface}\" ip saddr {address} jump {name}_out"));
        line(text, format_args!("\t\toifname \"{interface}\" ip daddr {address} jump {name}_in"));
    }
}

/// A network interface that has security groups. NAT and internet gateways have none.
struct Holder<'a> {
    /// The start of its chains' names.
    name: String,
    interface: String,
    address: Ipv4Addr,
    groups: &'a [String],
}

fn holders(topology: &Topology) -> Vec<Holder<'_>> {
    let instance = topology.instance.attachments().map(|each| Holder {
        name: if each.device_number == 0 { "instance".to_owned() } else { each.wire() },
        interface: each.wire(),
        address: each.private_address,
        groups: each.security_groups,
    });
    let mut holders: Vec<Holder<'_>> = instance.collect();
    let interfaces = topology.interface_endpoints.iter().flat_map(|endpoint| {
        endpoint.network_interfaces.iter().map(|interface| (interface.address, &endpoint.security_groups))
    });
    let hosts = topology.hosts.iter().map(|host| (host.address, &host.security_groups));
    for (index, (address, groups)) in interfaces.chain(hosts).enumerate() {
        holders.push(Holder {
            name: format!("interface{index}"),
            interface: "eni0".to_owned(),
            address,
            groups,
        });
    }
    holders
}

fn allow(topology: &Topology, rule: &GroupRule, side: &str, text: &mut String) {
    let peers: Vec<String> = if let Some(list) = topology.prefix_list(&rule.peer) {
        entries(topology, list).iter().map(ToString::to_string).collect()
    } else if topology.security_group(&rule.peer).is_some() {
        topology.group_members(&rule.peer).iter().map(ToString::to_string).collect()
    } else {
        vec![rule.peer.clone()]
    };
    if peers.is_empty() {
        return;
    }
    let ports = matching(rule.protocol, rule.ports);
    line(text, format_args!("\t\tip {side} {{ {} }}{ports} return", peers.join(", ")));
}
