//! What lies behind a transit gateway: nothing of the gateway itself is ever seen, but a central NAT gateway shows its
//! private address, which is none of this VPC's.

use super::{HUB, Namespace, Wiring, endpoints, forwarding, gateways, invisible, line, namespace};
use crate::topology::{CentralNatGateway, Topology, TransitGateway};

/// The transit gateway, the central NAT gateway and the hub's endpoints, as far as the topology has them.
pub(super) fn namespaces(topology: &Topology, wiring: &Wiring) -> Vec<Namespace> {
    let Some(gateway) = &topology.transit_gateway else { return Vec::new() };
    let mut made = vec![transit_gateway(topology, wiring, gateway)];
    made.extend(gateway.egress.as_ref().map(|nat| central_nat_gateway(topology, wiring, nat)));
    if !gateway.interface_endpoints.is_empty() {
        made.push(hub(wiring, gateway));
    }
    made
}

fn transit_gateway(topology: &Topology, wiring: &Wiring, gateway: &TransitGateway) -> Namespace {
    let mut made = namespace("tgw");
    made.settings = forwarding();
    made.firewall = invisible();
    if let Some(wire) = wiring.far("tgw", "vpc0") {
        made.network.push_str(&wire.far_up());
        for cidr in &topology.vpc.cidrs {
            line(&mut made.network, format_args!("route add {cidr} via {}", wire.addresses[0]));
        }
    }
    if let Some(wire) = wiring.near("tgw", "cnat0") {
        made.network.push_str(&wire.near_up());
        line(&mut made.network, format_args!("route add default via {}", wire.addresses[1]));
    }
    if let Some(wire) = wiring.near("tgw", "hub0") {
        made.network.push_str(&wire.near_up());
        for address in gateway.interface_endpoints.iter().flat_map(|endpoint| &endpoint.addresses) {
            line(&mut made.network, format_args!("route add {address}/32 via {}", wire.addresses[1]));
        }
    }
    made
}

fn central_nat_gateway(topology: &Topology, wiring: &Wiring, nat: &CentralNatGateway) -> Namespace {
    let mut made = namespace("cnat");
    made.settings = forwarding();
    let address = nat.private_address;
    line(&mut made.network, format_args!("addr add {address}/32 dev lo"));
    if let Some(wire) = wiring.far("cnat", "in0") {
        made.network.push_str(&wire.far_up());
        for cidr in &topology.vpc.cidrs {
            // The preferred source makes it speak under its own address and not the wire's.
            line(&mut made.network, format_args!("route add {cidr} via {} src {address}", wire.addresses[0]));
        }
    }
    if let Some(wire) = wiring.near("cnat", "out0") {
        made.network.push_str(&wire.near_up());
        line(&mut made.network, format_args!("route add default via {} src {address}", wire.addresses[1]));
    }
    made.firewall = gateways::translation(address, nat.visible);
    made
}

/// The network interfaces of the hub's endpoints, which take TCP and do not answer a ping.
fn hub(wiring: &Wiring, gateway: &TransitGateway) -> Namespace {
    let mut made = namespace(HUB);
    made.settings = endpoints::quiet_end();
    if let Some(wire) = wiring.far(HUB, "eth0") {
        made.network.push_str(&wire.far_up());
        for address in gateway.interface_endpoints.iter().flat_map(|endpoint| &endpoint.addresses) {
            line(&mut made.network, format_args!("addr add {address}/32 dev eth0"));
        }
        line(&mut made.network, format_args!("route add default via {}", wire.addresses[0]));
    }
    "table ip endpoint {\n\tchain input {\n\t\ttype filter hook input priority 0; policy accept;\n\t\ticmp type echo-request drop\n\t}\n}\n"
        .clone_into(&mut made.firewall);
    made
}
