//! NAT gateways, the internet gateway, the routers beyond it, and the internet, which ends every path.

use std::net::Ipv4Addr;

use super::router::attach;
use super::{INTERNET, Namespace, Wire, Wiring, endpoints, forwarding, invisible, line, namespace};
use crate::topology::Topology;

/// One namespace per NAT gateway, with a single interface in its subnet.
///
/// It is a visible hop under its private address, it translates, and it keeps to itself what routers beyond it complain
/// about: traces show the gateway, then silence, then the destination.
pub(super) fn nat_gateways(topology: &Topology, _wiring: &Wiring) -> Vec<Namespace> {
    let made = topology.nat_gateways.iter().enumerate().map(|(index, nat)| {
        let mut made = namespace(&format!("nat{index}"));
        made.settings = forwarding();
        if let Some(subnet) = topology.subnet(&nat.subnet) {
            attach(&mut made.network, "eth0", nat.private_address, subnet);
        }
        made.firewall = translation(nat.private_address, nat.visible);
        made
    });
    made.collect()
}

/// The firewall of a NAT gateway with this private address.
pub(super) fn translation(address: Ipv4Addr, visible: bool) -> String {
    let output = if visible {
        ""
    } else {
        "\tchain output {\n\t\ttype filter hook output priority 0; policy accept;\n\t\ticmp type time-exceeded drop\n\t}\n"
    };
    format!(
        "table ip nat_gateway {{\n\
         \tchain input {{\n\t\ttype filter hook input priority 0; policy drop;\n\t\tiifname lo accept\n\t}}\n\
         \tchain forward {{\n\t\ttype filter hook forward priority 0; policy accept;\n\
         \t\ticmp type time-exceeded drop\n\t}}\n{output}\
         \tchain postrouting {{\n\t\ttype nat hook postrouting priority 100; policy accept;\n\
         \t\tip saddr != {address} snat to {address}\n\t}}\n}}\n"
    )
}

/// The internet gateway and everything beyond; without a gateway, an internet that nothing reaches.
pub(super) fn internet(topology: &Topology, wiring: &Wiring) -> Vec<Namespace> {
    let Some(gateway) = &topology.internet_gateway else {
        return vec![end(topology, None, Ipv4Addr::UNSPECIFIED)];
    };
    let mut made = vec![internet_gateway(topology, wiring)];
    for (index, responder) in gateway.responders.iter().enumerate() {
        made.push(responder_hop(topology, wiring, index, *responder));
    }
    let wire = wiring.far(INTERNET, "in0");
    made.push(end(topology, wire, wire.map_or(Ipv4Addr::UNSPECIFIED, |wire| wire.addresses[0])));
    made
}

/// Translates one to one between private and public addresses, unseen; who has no public address gets nothing through.
fn internet_gateway(topology: &Topology, wiring: &Wiring) -> Namespace {
    let mut made = namespace("igw");
    made.settings = forwarding();
    if let Some(wire) = wiring.far("igw", "vpc0") {
        made.network.push_str(&wire.far_up());
        for cidr in &topology.vpc.cidrs {
            line(&mut made.network, format_args!("route add {cidr} via {}", wire.addresses[0]));
        }
    }
    let central = topology.transit_gateway.as_ref().and_then(|gateway| gateway.egress.as_ref());
    if let (Some(wire), Some(nat)) = (wiring.far("igw", "cnat0"), central) {
        made.network.push_str(&wire.far_up());
        line(
            &mut made.network,
            format_args!("route add {}/32 via {}", nat.private_address, wire.addresses[0]),
        );
    }
    if let Some(wire) = wiring.near("igw", "out0") {
        made.network.push_str(&wire.near_up());
        line(&mut made.network, format_args!("route add default via {}", wire.addresses[1]));
    }
    made.firewall = invisible();
    let mappings = topology.open_mappings();
    if mappings.is_empty() {
        made.firewall.push_str(
            "table ip gateway {\n\tchain forward {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n",
        );
        return made;
    }
    let join =
        |text: fn(&(Ipv4Addr, Ipv4Addr)) -> String| mappings.iter().map(text).collect::<Vec<_>>().join(", ");
    let (outward, inward) = (
        join(|(private, public)| format!("{private} : {public}")),
        join(|(private, public)| format!("{public} : {private}")),
    );
    let known = join(|(private, _)| private.to_string());
    line(
        &mut made.firewall,
        format_args!(
            "table ip gateway {{\n\
             \tchain prerouting {{\n\t\ttype nat hook prerouting priority -100; policy accept;\n\
             \t\tiifname \"out0\" dnat to ip daddr map {{ {inward} }}\n\t}}\n\
             \tchain postrouting {{\n\t\ttype nat hook postrouting priority 100; policy accept;\n\
             \t\toifname \"out0\" snat to ip saddr map {{ {outward} }}\n\t}}\n\
             \tchain forward {{\n\t\ttype filter hook forward priority 0; policy drop;\n\
             \t\tct state established,related accept\n\
             \t\tiifname != \"out0\" ip saddr {{ {known} }} accept\n\
             \t\tiifname \"out0\" ip daddr {{ {known} }} accept\n\t}}\n}}"
        ),
    );
    made
}

/// A router on the way that answers time-exceeded under its one address.
fn responder_hop(topology: &Topology, wiring: &Wiring, index: usize, address: Ipv4Addr) -> Namespace {
    let name = format!("hop{index}");
    let mut made = namespace(&name);
    made.settings = forwarding();
    line(&mut made.network, format_args!("addr add {address}/32 dev lo"));
    if let Some(wire) = wiring.far(&name, "in0") {
        made.network.push_str(&wire.far_up());
        for (_, public) in topology.public_mappings() {
            // The preferred source makes the router speak under its own address and not the wire's.
            line(
                &mut made.network,
                format_args!("route add {public}/32 via {} src {address}", wire.addresses[0]),
            );
        }
    }
    if let Some(wire) = wiring.near(&name, "out0") {
        made.network.push_str(&wire.near_up());
        line(&mut made.network, format_args!("route add default via {} src {address}", wire.addresses[1]));
    }
    made
}

/// The internet: every address is local here, except those that lead back.
fn end(topology: &Topology, wire: Option<&Wire>, back: Ipv4Addr) -> Namespace {
    let mut made = namespace(INTERNET);
    made.settings = endpoints::quiet_end();
    if let Some(wire) = wire {
        made.network.push_str(&wire.far_up());
        for (_, public) in topology.public_mappings() {
            line(&mut made.network, format_args!("route add {public}/32 via {back}"));
        }
    }
    line(&mut made.network, format_args!("route add local 0.0.0.0/0 dev lo table main"));
    made
}
