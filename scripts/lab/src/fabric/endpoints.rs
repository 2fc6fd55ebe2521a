//! The far ends of endpoints: one namespace answers for every gateway endpoint, one holds the network interfaces of all
//! interface endpoints.

use std::collections::BTreeSet;

use super::router::interface_addresses;
use super::{ENDPOINT_MSS, GATEWAY_ENDPOINTS, INTERFACES, Namespace, Wiring, line, namespace};
use crate::topology::Topology;

/// Gateway endpoints: whatever address is dialled is local here, so the service answers as if it were one step away.
///
/// They carry TCP and ICMP echo only. A TTL lower than the endpoint asks for is dropped in silence: the routers on the
/// way exist, and never answer.
pub(super) fn gateway_endpoints(topology: &Topology, wiring: &Wiring) -> Namespace {
    let mut made = namespace(GATEWAY_ENDPOINTS);
    made.settings = quiet_end();
    let mut floors = String::new();
    for (index, endpoint) in topology.gateway_endpoints.iter().enumerate() {
        let interface = format!("gwe{index}");
        let Some(wire) = wiring.far(GATEWAY_ENDPOINTS, &interface) else { continue };
        made.network.push_str(&wire.far_up());
        if index == 0 {
            // Answers may all leave by one wire, since only requests are attributed to an endpoint.
            for cidr in &topology.vpc.cidrs {
                line(&mut made.network, format_args!("route add {cidr} via {}", wire.addresses[0]));
            }
        }
        if endpoint.answers_at_ttl > 1 {
            line(
                &mut floors,
                format_args!("\t\tiifname \"{interface}\" ip ttl < {} drop", endpoint.answers_at_ttl),
            );
        }
    }
    line(&mut made.network, format_args!("route add local 0.0.0.0/0 dev lo table main"));
    made.firewall = format!(
        "table ip endpoint {{\n\tchain input {{\n\t\ttype filter hook input priority 0; policy drop;\n\
         \t\tiifname lo accept\n{floors}\t\tip protocol tcp accept\n\t\ticmp type echo-request accept\n\t}}\n}}\n"
    );
    made
}

/// The network interfaces of interface endpoints and the addresses of other hosts.
///
/// Endpoints take TCP and do not answer a ping. Some were seen to name themselves as the first hop: a packet whose
/// TTL is 1 is then sent back towards the router, which makes the kernel complain in the name of the endpoint. The hosts take the
/// large packets of their VPC; endpoints clamp the segment size ("VPC endpoints enforce MSS clamping for all packets", AWS
/// `PrivateLink` guide, quotas).
pub(super) fn interfaces(topology: &Topology, wiring: &Wiring) -> Namespace {
    let mut made = namespace(INTERFACES);
    made.settings = super::forwarding();
    let mut floors = String::new();
    let mut marks = String::new();
    let mut names = String::new();
    for endpoint in &topology.interface_endpoints {
        let Some(ttl) = endpoint.answers_at_ttl else { continue };
        for interface in &endpoint.network_interfaces {
            let address = interface.address;
            line(&mut marks, format_args!("\t\tip daddr {address} ip ttl 1 meta mark set 1"));
            line(&mut floors, format_args!("\t\tip daddr {address} ip ttl < {ttl} drop"));
            // The header of the packet complained about starts after 8 bytes of ICMP, its destination 16 bytes later.
            let quoted = u32::from(address);
            line(
                &mut names,
                format_args!("\t\ticmp type time-exceeded @th,192,32 {quoted:#x} ip saddr set {address}"),
            );
        }
    }
    let endpoints = endpoint_addresses(topology);
    let clamp = |side: &str| {
        if endpoints.is_empty() {
            return String::new();
        }
        format!(
            "\t\tip {side} {{ {endpoints} }} tcp flags & syn == syn tcp option maxseg size set {ENDPOINT_MSS}\n"
        )
    };
    let (from_clients, to_clients) = (clamp("daddr"), clamp("saddr"));
    if let Some(wire) = wiring.far(INTERFACES, "eth0") {
        made.network.push_str(&wire.far_up());
        for address in interface_addresses(topology) {
            line(&mut made.network, format_args!("addr add {address}/32 dev eth0"));
        }
        line(&mut made.network, format_args!("route add default via {}", wire.addresses[0]));
        if !marks.is_empty() {
            line(&mut made.network, format_args!("route add default via {} table 10", wire.addresses[0]));
            line(&mut made.network, format_args!("rule add pref 5 fwmark 1 lookup 10"));
            line(&mut made.network, format_args!("rule add pref 10 lookup local"));
            line(&mut made.network, format_args!("rule del pref 0"));
        }
    }
    made.firewall = format!(
        "table ip endpoint {{\n\
         \tchain prerouting {{\n\t\ttype filter hook prerouting priority -150; policy accept;\n{marks}{from_clients}\t}}\n\
         \tchain input {{\n\t\ttype filter hook input priority 0; policy accept;\n{floors}\
         \t\ticmp type echo-request drop\n\t}}\n\
         \tchain output {{\n\t\ttype filter hook output priority 0; policy accept;\n{names}{to_clients}\t}}\n}}\n"
    );
    made
}

/// The addresses of interface endpoints, with commas between them.
fn endpoint_addresses(topology: &Topology) -> String {
    let interfaces = topology.interface_endpoints.iter().flat_map(|endpoint| &endpoint.network_interfaces);
    let addresses: BTreeSet<_> = interfaces.map(|interface| interface.address).collect();
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A namespace where paths end: nothing is forwarded, and answers may leave by another wire than requests came.
pub(super) fn quiet_end() -> Vec<(String, String)> {
    ["all", "default"]
        .into_iter()
        .map(|scope| (format!("net/ipv4/conf/{scope}/rp_filter"), "0".to_owned()))
        .collect()
}
