//! IPv6, laid over the namespaces that IPv4 has made: static addresses, no router advertisements, and a chain of its own from
//! the egress-only internet gateway to the internet.
//!
//! The router passes hop limits on as they came, for it is no more visible in this family than in the other.

use super::{
    ENDPOINT_MTU, GATEWAY_ENDPOINTS, INSTANCE, INTERFACES, INTERNET, INTERNET_MTU, METADATA_IPV6, Namespace,
    RESOLVER_IPV6, ROUTER, Wiring, line, namespace,
};
use crate::topology::{GatewayEndpoint, Ipv6, Topology};

/// The link-local addresses of the near and far end of every wire.
const NEAR: &str = "fe80::1";
const FAR: &str = "fe80::2";

/// Adds the wires of the chain, nearest first.
pub(super) fn wires(topology: &Topology, wiring: &mut Wiring) {
    let Some(gateway) = topology.ipv6.as_ref().and_then(|ipv6| ipv6.egress_only_internet_gateway.as_ref())
    else {
        return;
    };
    wiring.add("eigw0", ROUTER, "in6", "eigw", INTERNET_MTU);
    let mut last = "eigw".to_owned();
    for index in 0..gateway.responders.len() {
        let hop = format!("six{index}");
        wiring.add("out6", &last, "in6", &hop, INTERNET_MTU);
        last = hop;
    }
    wiring.add("out6", &last, "in6", INTERNET, INTERNET_MTU);
}

/// Gives the namespaces their second family, and adds those that have no other.
pub(super) fn extend(topology: &Topology, namespaces: &mut Vec<Namespace>) {
    let Some(ipv6) = &topology.ipv6 else { return };
    for each in namespaces.iter_mut() {
        match each.name.as_str() {
            INSTANCE => {
                let length = ipv6.subnet_cidr.prefix_len();
                line(&mut each.network, format_args!("addr add {}/{length} dev eth0 nodad", ipv6.address));
                line(&mut each.network, format_args!("route add default via {NEAR} dev eth0"));
                each.settings.extend(quiet());
            }
            ROUTER => router(topology, ipv6, each),
            GATEWAY_ENDPOINTS => {
                each.settings.extend(quiet());
                for index in dual_stack(topology, ipv6).map(|(index, _)| index) {
                    let device = format!("gwe{index}");
                    line(&mut each.network, format_args!("addr add {FAR}/64 dev {device} nodad"));
                    // Answers may all leave by one wire.
                    let back = format_args!("route replace {} via {NEAR} dev {device}", ipv6.vpc_cidr);
                    line(&mut each.network, back);
                    line(&mut each.network, format_args!("route replace local ::/0 dev lo table main"));
                }
            }
            INTERFACES => {
                each.settings.extend(quiet());
                line(&mut each.network, format_args!("addr add {FAR}/64 dev eth0 nodad"));
                for address in ipv6.interface_endpoints.iter().flat_map(|endpoint| &endpoint.addresses) {
                    line(&mut each.network, format_args!("addr add {address}/128 dev eth0 nodad"));
                }
                line(&mut each.network, format_args!("route add {} via {NEAR} dev eth0", ipv6.vpc_cidr));
                each.firewall.push_str(&clamp(ipv6));
            }
            INTERNET => {
                each.settings.extend(quiet());
                if ipv6.egress_only_internet_gateway.is_some() {
                    far_up(ipv6, each, None);
                    line(&mut each.network, format_args!("route add local ::/0 dev lo table main"));
                }
            }
            _ => {}
        }
    }
    let Some(gateway) = &ipv6.egress_only_internet_gateway else { return };
    let mut unseen = namespace("eigw");
    unseen.settings = forwarding();
    far_up(ipv6, &mut unseen, None);
    near_up(&mut unseen, None);
    unseen.firewall = invisible();
    let policy = if topology.egress_only_open() { "accept" } else { "drop" };
    line(
        &mut unseen.firewall,
        format_args!(
            "table ip6 gateway {{\n\tchain forward {{\n\t\ttype filter hook forward priority 0; policy {policy};\n\
             \t\tiifname \"out6\" ct state new drop\n\t}}\n}}"
        ),
    );
    namespaces.push(unseen);
    for (index, responder) in gateway.responders.iter().enumerate() {
        let mut hop = namespace(&format!("six{index}"));
        hop.settings = forwarding();
        line(&mut hop.network, format_args!("addr add {responder}/128 dev lo nodad"));
        // The preferred source makes the router speak under its own address and not the wire's.
        let source = format!(" src {responder}");
        far_up(ipv6, &mut hop, Some(&source));
        near_up(&mut hop, Some(&source));
        namespaces.push(hop);
    }
}

/// The gateway endpoints that carry IPv6, with their numbers.
fn dual_stack<'a>(
    topology: &'a Topology,
    ipv6: &'a Ipv6,
) -> impl Iterator<Item = (usize, &'a GatewayEndpoint)> {
    let endpoints = topology.gateway_endpoints.iter().enumerate();
    endpoints.filter(|(_, endpoint)| ipv6.gateway_endpoints.contains(&endpoint.id))
}

fn router(topology: &Topology, ipv6: &Ipv6, made: &mut Namespace) {
    made.settings.extend(forwarding());
    line(&mut made.network, format_args!("addr add {NEAR}/64 dev inst0 nodad"));
    line(&mut made.network, format_args!("route add {}/128 dev inst0", ipv6.address));
    line(&mut made.network, format_args!("addr add {NEAR}/64 dev eni0 nodad"));
    for address in ipv6.interface_endpoints.iter().flat_map(|endpoint| &endpoint.addresses) {
        line(&mut made.network, format_args!("route add {address}/128 via {FAR} dev eni0"));
    }
    line(&mut made.network, format_args!("route add blackhole {}", ipv6.vpc_cidr));
    // The VPC's own services; whether anything listens there is not for the router to say.
    for address in [METADATA_IPV6, RESOLVER_IPV6] {
        line(&mut made.network, format_args!("addr add {address}/128 dev lo nodad"));
    }
    for (index, endpoint) in dual_stack(topology, ipv6) {
        line(&mut made.network, format_args!("addr add {NEAR}/64 dev gwe{index} nodad"));
        for range in crate::prefixes::of_ipv6(&endpoint.service, &topology.region) {
            line(&mut made.network, format_args!("route add {range} via {FAR} dev gwe{index}"));
        }
    }
    if ipv6.egress_only_internet_gateway.is_some() {
        line(&mut made.network, format_args!("addr add {NEAR}/64 dev eigw0 nodad"));
        line(&mut made.network, format_args!("route add default via {FAR} dev eigw0"));
    } else {
        line(&mut made.network, format_args!("route add blackhole ::/0"));
    }
    made.firewall.push_str(&invisible());
    made.firewall.push_str(
        &super::router::COUNTS
            .replace("table ip ", "table ip6 ")
            .replace("ipv4_addr", "ipv6_addr")
            .replace("ip daddr", "ip6 daddr")
            .replace("ip saddr", "ip6 saddr"),
    );
}

/// Interface endpoints clamp the segment size in this family, too; its header is 20 bytes longer.
fn clamp(ipv6: &Ipv6) -> String {
    let addresses = ipv6.interface_endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
    let addresses = addresses.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if addresses.is_empty() {
        return String::new();
    }
    let size = ENDPOINT_MTU - 60;
    let chain = |hook: &str, side: &str| {
        format!(
            "\tchain {hook} {{\n\t\ttype filter hook {hook} priority -150; policy accept;\n\t\tip6 {side} {{ {addresses} }} \
             tcp flags & syn == syn tcp option maxseg size set {size}\n\t}}\n"
        )
    };
    format!("table ip6 endpoint {{\n{}{}}}\n", chain("prerouting", "daddr"), chain("output", "saddr"))
}

/// The end towards the instance, with the way back.
fn far_up(ipv6: &Ipv6, made: &mut Namespace, source: Option<&str>) {
    line(&mut made.network, format_args!("link set in6 up"));
    line(&mut made.network, format_args!("addr add {FAR}/64 dev in6 nodad"));
    let source = source.unwrap_or_default();
    line(&mut made.network, format_args!("route add {} via {NEAR} dev in6{source}", ipv6.vpc_cidr));
}

/// The end towards the internet.
fn near_up(made: &mut Namespace, source: Option<&str>) {
    line(&mut made.network, format_args!("link set out6 up"));
    line(&mut made.network, format_args!("addr add {NEAR}/64 dev out6 nodad"));
    line(
        &mut made.network,
        format_args!("route add default via {FAR} dev out6{}", source.unwrap_or_default()),
    );
}

/// No address or route but those given here.
fn quiet() -> Vec<(String, String)> {
    let keys = ["accept_ra", "autoconf", "accept_dad"].into_iter();
    keys.flat_map(|key| {
        ["all", "default"].map(|scope| (format!("net/ipv6/conf/{scope}/{key}"), "0".to_owned()))
    })
    .collect()
}

fn forwarding() -> Vec<(String, String)> {
    let mut settings = quiet();
    settings.push(("net/ipv6/conf/all/forwarding".to_owned(), "1".to_owned()));
    settings
}

/// Rules of a router that nobody can see: the hop limit comes out as it went in.
fn invisible() -> String {
    let mut steps = String::new();
    for limit in (1..255).rev() {
        line(&mut steps, format_args!("\t\tip6 hoplimit {limit} ip6 hoplimit set {}", limit + 1));
    }
    format!(
        "table ip6 invisible {{\n\
         \tchain prerouting {{\n\t\ttype filter hook prerouting priority -300; policy accept;\n{steps}\t}}\n\
         \tchain output {{\n\t\ttype filter hook output priority 0; policy accept;\n\
         \t\ticmpv6 type {{ destination-unreachable, time-exceeded, nd-redirect }} drop\n\t}}\n}}\n"
    )
}
