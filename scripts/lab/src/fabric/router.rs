//! The instance's own namespace and the VPC router with its route tables, ACLs, security groups and packet counts.
//!
//! Every EC2 route table is a Linux routing table that is chosen by the interface (and so the subnet) a packet came
//! from. Where a route is missing Linux would say so by ICMP; a VPC says nothing, and neither does this router.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{
    INSTANCE, METADATA, Namespace, RESOLVER, ROUTER, Silences, Wiring, acl, entries, forwarding, group,
    invisible, line, namespace,
};
use crate::topology::{RouteTable, Subnet, Topology};

/// The routing table of the local route that every EC2 route table has.
const LOCAL_TABLE: u32 = 100;
/// What gives the instance its link-local address in an IPv6-only subnet, and claims to route.
const LINK_LOCAL_ROUTER: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
/// The first routing table that stands for an EC2 route table.
const FIRST_TABLE: u32 = 1000;

/// The instance: its interfaces addressed as by DHCP, and routed by source address where there are several, as Amazon's own
/// tools set them up.
pub(super) fn instance(topology: &Topology) -> Namespace {
    let mut made = namespace(INSTANCE);
    let several = !topology.instance.secondary.is_empty();
    for each in topology.instance.attachments() {
        let Some(subnet) = topology.subnet(each.subnet) else { continue };
        let (device, address) = (each.device(), each.private_address);
        if each.device_number == 0 && topology.ipv6_only() {
            line(&mut made.network, format_args!("addr add {address}/32 dev {device}"));
            line(&mut made.network, format_args!("link set {device} up"));
            line(
                &mut made.network,
                format_args!("route add default via {LINK_LOCAL_ROUTER} dev {device} onlink"),
            );
            continue;
        }
        if !several {
            attach(&mut made.network, &device, address, subnet);
            continue;
        }
        let (gateway, table) = (gateway(subnet), 10_000 + each.device_number);
        let metric = if each.preferred { 500 } else { 512 } + 10 * each.device_number;
        let network = &mut made.network;
        line(network, format_args!("addr add {address}/{} dev {device}", subnet.cidr.prefix_len()));
        line(network, format_args!("link set {device} up"));
        line(network, format_args!("route add default via {gateway} dev {device} metric {metric}"));
        line(network, format_args!("route add default via {gateway} dev {device} table {table}"));
        line(network, format_args!("route add {} dev {device} table {table}", subnet.cidr));
        line(network, format_args!("rule add pref {table} from {address} lookup {table}"));
    }
    for command in &topology.instance.routing {
        line(&mut made.network, format_args!("{command}"));
    }
    made.firewall.clone_from(&topology.instance.firewall);
    made
}

/// The router in the middle.
pub(super) fn router(topology: &Topology, wiring: &Wiring, silences: Silences) -> Namespace {
    let mut made = namespace(ROUTER);
    made.settings = forwarding();
    made.settings.push(("net/ipv4/conf/default/proxy_arp".to_owned(), "1".to_owned()));
    // In its own subnet the instance asks by ARP for addresses that are a hop away here; answer for them, at once.
    for wire in wiring.wires.iter().filter(|wire| wire.near.1 == ROUTER) {
        made.interface_settings.push((format!("net/ipv4/neigh/{}/proxy_delay", wire.near.0), "0".to_owned()));
    }
    addresses(topology, wiring, &mut made.network);
    local_routes(topology, wiring, &mut made.network);
    for (table, number) in topology.route_tables.iter().zip(FIRST_TABLE..) {
        routes(topology, wiring, table, number, &mut made.network);
    }
    rules(topology, &mut made.network);
    made.firewall = firewall(topology, silences);
    made
}

/// Gives a namespace its place in a subnet: address, gateway and default route.
pub(super) fn attach(network: &mut String, interface: &str, address: Ipv4Addr, subnet: &Subnet) {
    line(network, format_args!("addr add {address}/{} dev {interface}", subnet.cidr.prefix_len()));
    line(network, format_args!("link set {interface} up"));
    line(network, format_args!("route add default via {} dev {interface}", gateway(subnet)));
}

/// The router's address in a subnet: its base plus one.
fn gateway(subnet: &Subnet) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet.cidr.network()) + 1)
}

fn addresses(topology: &Topology, wiring: &Wiring, network: &mut String) {
    for address in [METADATA, RESOLVER, topology.resolver()] {
        line(network, format_args!("addr add {address}/32 dev lo"));
    }
    if topology.ipv6_only() {
        line(network, format_args!("addr add {LINK_LOCAL_ROUTER}/32 dev inst0"));
    }
    let mut in_subnet = |interface: &str, subnet: &str| {
        if let Some(subnet) = topology.subnet(subnet) {
            let length = subnet.cidr.prefix_len();
            line(
                network,
                format_args!("addr add {}/{length} dev {interface} noprefixroute", gateway(subnet)),
            );
            line(network, format_args!("link set {interface} up"));
        }
    };
    for each in topology.instance.attachments() {
        in_subnet(&each.wire(), each.subnet);
    }
    for (index, nat) in topology.nat_gateways.iter().enumerate() {
        in_subnet(&format!("nat{index}"), &nat.subnet);
    }
    for wire in wiring.wires.iter().filter(|wire| wire.near.1 == ROUTER) {
        if !wire.near.0.starts_with("inst") && !wire.near.0.starts_with("nat") {
            network.push_str(&wire.near_up());
        }
    }
}

/// The local route: known addresses are delivered, the rest of the VPC's range vanishes.
fn local_routes(topology: &Topology, wiring: &Wiring, network: &mut String) {
    let limits = topology.packet_limits;
    let mut host = |address: Ipv4Addr, via: &str, limit: Option<u16>| {
        let limit = mtu(limit);
        line(network, format_args!("route add {address}/32 {via}{limit} table {LOCAL_TABLE}"));
    };
    for each in topology.instance.attachments() {
        let limit = limits.and_then(|limits| limits.incoming);
        host(each.private_address, &format!("dev {}", each.wire()), limit);
    }
    for (index, nat) in topology.nat_gateways.iter().enumerate() {
        host(nat.private_address, &format!("dev nat{index}"), None);
    }
    let interfaces = via(wiring, "eni0");
    for address in interface_addresses(topology) {
        host(address, &interfaces, limits.and_then(|limits| limits.outgoing));
    }
    for cidr in &topology.vpc.cidrs {
        line(network, format_args!("route add blackhole {cidr} table {LOCAL_TABLE}"));
    }
}

/// What a route says of the largest packet that it takes. The kernel drops what is larger, and by [`silence`] nobody hears of it.
fn mtu(limit: Option<u16>) -> String {
    limit.map_or_else(String::new, |limit| format!(" mtu lock {limit}"))
}

/// The addresses of endpoints' network interfaces that swallow everything.
fn dead_addresses(topology: &Topology) -> Vec<Ipv4Addr> {
    topology
        .interface_endpoints
        .iter()
        .flat_map(|endpoint| {
            let carries = endpoint.state == "available";
            endpoint.network_interfaces.iter().filter(move |interface| interface.dead || !carries)
        })
        .map(|interface| interface.address)
        .collect()
}

/// The addresses that live in the namespace of network interfaces.
pub(super) fn interface_addresses(topology: &Topology) -> Vec<Ipv4Addr> {
    let endpoints = topology.interface_endpoints.iter().flat_map(|endpoint| &endpoint.network_interfaces);
    endpoints
        .map(|interface| interface.address)
        .chain(topology.hosts.iter().map(|host| host.address))
        .collect()
}

fn routes(topology: &Topology, wiring: &Wiring, table: &RouteTable, number: u32, network: &mut String) {
    let limit = mtu(topology.packet_limits.and_then(|limits| limits.outgoing));
    for route in &table.routes {
        let destinations: Vec<Ipv4Net> = match topology.prefix_list(&route.destination) {
            Some(list) => entries(topology, list),
            None => route.destination.parse().into_iter().collect(),
        };
        let target = if route.blackhole { None } else { target(topology, wiring, &route.target) };
        for destination in destinations {
            match &target {
                Some(via) => {
                    line(network, format_args!("route replace {destination} {via}{limit} table {number}"));
                }
                None => line(network, format_args!("route replace blackhole {destination} table {number}")),
            }
        }
    }
}

/// How the router reaches a route's target.
fn target(topology: &Topology, wiring: &Wiring, id: &str) -> Option<String> {
    if let Some(index) = topology.gateway_endpoints.iter().position(|endpoint| endpoint.id == id) {
        return Some(via(wiring, &format!("gwe{index}")));
    }
    if let Some(index) = topology.nat_gateways.iter().position(|nat| nat.id == id) {
        let nat = topology.nat_gateways.get(index)?;
        let address = nat.private_address;
        return Some(format!("via {address} dev nat{index} onlink"));
    }
    if let Some(host) = topology.hosts.iter().find(|host| host.id == id) {
        return Some(format!("via {} dev eni0 onlink", host.address));
    }
    if topology.transit_gateway.as_ref().is_some_and(|gateway| gateway.id == id) {
        return Some(via(wiring, "tgw0"));
    }
    topology.internet_gateway.as_ref().filter(|gateway| gateway.id == id).map(|_| via(wiring, "igw0"))
}

fn via(wiring: &Wiring, interface: &str) -> String {
    match wiring.near(ROUTER, interface) {
        // The kernel looks a gateway up by the rules, and in a router that runs those end before the wires' own routes.
        Some(wire) => format!("via {} dev {interface} onlink", wire.addresses[1]),
        None => format!("dev {interface}"),
    }
}

/// Which routing table decides, by where a packet came from; at the end of all of them, silence.
fn rules(topology: &Topology, network: &mut String) {
    let number = |subnet: &Subnet| {
        let effective = topology.effective_route_table(subnet);
        let position = topology.route_tables.iter().position(|table| Some(table) == effective);
        FIRST_TABLE + position.and_then(|position| u32::try_from(position).ok()).unwrap_or_default()
    };
    line(network, format_args!("rule add pref 100 lookup {LOCAL_TABLE}"));
    for each in topology.instance.attachments() {
        if let Some(subnet) = topology.subnet(each.subnet) {
            line(network, format_args!("rule add pref 200 iif {} lookup {}", each.wire(), number(subnet)));
        }
    }
    for (index, nat) in topology.nat_gateways.iter().enumerate() {
        if let Some(subnet) = topology.subnet(&nat.subnet) {
            line(network, format_args!("rule add pref 200 iif nat{index} lookup {}", number(subnet)));
        }
    }
    for subnet in &topology.subnets {
        line(
            network,
            format_args!("rule add pref 200 iif eni0 from {} lookup {}", subnet.cidr, number(subnet)),
        );
    }
    line(network, format_args!("rule add pref 30000 blackhole"));
}

fn firewall(topology: &Topology, silences: Silences) -> String {
    let mut text = invisible();
    line(&mut text, format_args!("table ip vpc {{"));
    input(topology, silences, &mut text);
    acl::chains(topology, &mut text);
    group::chains(topology, &mut text);
    line(&mut text, format_args!("\tchain forward {{"));
    line(&mut text, format_args!("\t\ttype filter hook forward priority 0; policy drop;"));
    if topology.ipv6_only() {
        line(&mut text, format_args!("\t\tiifname \"inst0\" drop"));
    }
    // The source/destination check of the instance's interfaces: each sends with its own address only.
    for each in topology.instance.attachments() {
        let (wire, address) = (each.wire(), each.private_address);
        line(&mut text, format_args!("\t\tiifname \"{wire}\" ip saddr != {address} drop"));
    }
    for address in dead_addresses(topology) {
        line(&mut text, format_args!("\t\tip daddr {address} drop"));
    }
    for (index, _) in topology.nat_gateways.iter().enumerate().filter(|(_, nat)| nat.failure.is_some()) {
        line(&mut text, format_args!("\t\toifname \"nat{index}\" drop"));
    }
    acl::jumps(topology, &mut text);
    line(&mut text, format_args!("\t\tct state established,related accept"));
    group::jumps(topology, &mut text);
    line(&mut text, format_args!("\t\taccept"));
    line(&mut text, format_args!("\t}}\n}}"));
    text.push_str(COUNTS);
    if topology.packet_limits.is_some() {
        silence(&mut text);
    }
    text
}

/// Keeps the router from telling anyone that a packet was too large.
fn silence(text: &mut String) {
    text.push_str(
        "table ip silence {\n\tchain output {\n\t\ttype filter hook output priority 1; policy accept;\n\
         \t\ticmp type destination-unreachable drop\n\t}\n}\n",
    );
}

/// The router answers as metadata service and resolver, which no security group or ACL filters, and is silent else.
fn input(topology: &Topology, silences: Silences, text: &mut String) {
    line(text, format_args!("\tchain input {{"));
    line(text, format_args!("\t\ttype filter hook input priority 0; policy drop;"));
    line(text, format_args!("\t\tiifname lo accept"));
    if !silences.metadata {
        line(text, format_args!("\t\tip daddr {METADATA} tcp dport 80 accept"));
    }
    if !silences.resolver && topology.vpc.enable_dns_support {
        let both = format!("{{ {RESOLVER}, {} }}", topology.resolver());
        line(text, format_args!("\t\tip daddr {both} udp dport 53 accept"));
        line(text, format_args!("\t\tip daddr {both} tcp dport 53 accept"));
    }
    line(text, format_args!("\t}}"));
}

/// Packets to port 443, or that of a proxy, per destination and element: sent towards it before any filter, let through by all filters, and
/// answered; and where NAT gateways sent on what they had translated.
pub(super) const COUNTS: &str = "table ip counts {
\tset offered {
\t\ttype ipv4_addr . ifname
\t\tflags dynamic
\t\tsize 65535
\t\tcounter
\t}
\tset carried {
\t\ttype ipv4_addr . ifname
\t\tflags dynamic
\t\tsize 65535
\t\tcounter
\t}
\tset answered {
\t\ttype ipv4_addr . ifname
\t\tflags dynamic
\t\tsize 65535
\t\tcounter
\t}
\tset onward {
\t\ttype ipv4_addr . ifname
\t\tflags dynamic
\t\tsize 65535
\t\tcounter
\t}
\tchain before {
\t\ttype filter hook forward priority -10; policy accept;
\t\tiifname \"inst*\" tcp dport { 443, 3128 } update @offered { ip daddr . oifname }
\t}
\tchain after {
\t\ttype filter hook forward priority 10; policy accept;
\t\tiifname \"inst*\" tcp dport { 443, 3128 } update @carried { ip daddr . oifname }
\t\tiifname \"nat*\" tcp dport { 443, 3128 } update @onward { ip daddr . oifname }
\t\toifname \"inst*\" tcp sport { 443, 3128 } update @answered { ip saddr . iifname }
\t}
}
";
