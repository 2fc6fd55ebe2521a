//! The VPC compiled for the kernel: namespaces, the wires between them, and for each namespace its addresses, routes and
//! firewall as input for `ip -batch` and `nft -f`.
//!
//! Pure text: [`crate::realise`] carries it out. The namespaces form a star around `vpc`, which plays the VPC's own
//! fabric: it forwards without lowering the TTL and never says a word by ICMP, because that is how a VPC looks from
//! inside.

mod acl;
mod container;
mod endpoints;
mod gateways;
mod group;
mod ipv6;
mod router;
#[cfg(test)]
mod tests;
mod transit;
mod update;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::Ipv4Net;

pub(crate) use container::CONTAINER;
pub(crate) use update::{Update, update};

use crate::topology::{Attachment, PrefixList, Topology};

/// The namespace of the instance.
pub(crate) const INSTANCE: &str = "inst";
/// The namespace of the VPC router, where IMDS and the VPC resolver live too.
pub(crate) const ROUTER: &str = "vpc";
/// The namespace that plays every gateway endpoint: it answers on any address.
pub(crate) const GATEWAY_ENDPOINTS: &str = "gwe";
/// The namespace of the network interfaces of interface endpoints and of other hosts.
pub(crate) const INTERFACES: &str = "eni";
/// The namespace that plays the internet and the public front of AWS: it answers on any address.
pub(crate) const INTERNET: &str = "net";

/// The namespace of interface endpoints in another VPC.
pub(crate) const HUB: &str = "hub";

/// The instance metadata service.
pub(crate) const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The VPC resolver under the address that is the same in every VPC.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
/// The same two for IPv6; metadata only where that was switched on.
pub(crate) const METADATA_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
pub(crate) const RESOLVER_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253);

/// Faults of the fabric's own services that show as silence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Silences {
    /// Packets to the metadata service vanish.
    pub(crate) metadata: bool,
    /// Packets to the VPC resolver vanish.
    pub(crate) resolver: bool,
}

/// A whole VPC, ready for the kernel.
#[derive(Debug, Clone)]
pub(crate) struct Fabric {
    pub(crate) namespaces: Vec<Namespace>,
    /// Input for `ip -batch` that makes the wires, once the namespaces exist.
    pub(crate) wires: String,
    /// The wires on which packets travel for a while, which no program makes.
    pub(crate) long_wires: Vec<LongWire>,
    /// What lies behind each interface of the router, for the packet counts.
    pub(crate) elements: Vec<Element>,
}

/// A wire on which every packet travels for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LongWire {
    /// Interface and namespace of either end.
    pub(crate) ends: [(String, String); 2],
    pub(crate) mtu: u16,
    /// How long one way takes.
    pub(crate) one_way: Duration,
}

/// One network namespace and how it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    /// Kernel settings as (key with slashes, value), written before any wire arrives.
    pub(crate) settings: Vec<(String, String)>,
    /// Kernel settings of interfaces, which exist only once the wires are there.
    pub(crate) interface_settings: Vec<(String, String)>,
    /// Input for `ip -batch`.
    pub(crate) network: String,
    /// Input for `nft -f`.
    pub(crate) firewall: String,
}

/// One thing a packet can leave the VPC router to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// The router's interface that leads there.
    pub(crate) interface: String,
    /// The id in EC2's words; for `eni0` the addresses decide.
    pub(crate) id: String,
    pub(crate) kind: ElementKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ElementKind {
    Instance,
    GatewayEndpoint,
    /// An interface endpoint's network interface.
    NetworkInterface,
    /// Another host, such as one with a proxy.
    Host,
    NatGateway,
    InternetGateway,
    EgressOnlyInternetGateway,
    /// Its way to the internet; what goes to an endpoint behind it counts as gone to a network interface.
    TransitGateway,
}

/// Compiles a checked topology.
pub(crate) fn compile(topology: &Topology, silences: Silences) -> Fabric {
    let wiring = Wiring::of(topology);
    let mut namespaces = vec![router::instance(topology), router::router(topology, &wiring, silences)];
    namespaces.push(endpoints::gateway_endpoints(topology, &wiring));
    namespaces.push(endpoints::interfaces(topology, &wiring));
    namespaces.extend(gateways::nat_gateways(topology, &wiring));
    namespaces.extend(gateways::internet(topology, &wiring));
    namespaces.extend(transit::namespaces(topology, &wiring));
    ipv6::extend(topology, &mut namespaces);
    container::extend(topology, &mut namespaces);
    // The container's first, so that a further one of the VPC's moves none.
    let wires = container::wires(topology) + &wiring.commands();
    Fabric { namespaces, wires, long_wires: wiring.long(), elements: elements(topology) }
}

/// The addresses in a prefix list: its own, or the published ones of its service.
pub(crate) fn entries(topology: &Topology, list: &PrefixList) -> Vec<Ipv4Net> {
    list.cidrs.clone().unwrap_or_else(|| crate::prefixes::of(&list.service, &topology.region))
}

/// A wire from one namespace to another; both ends have addresses that no packet of the VPC ever shows.
#[derive(Debug, Clone)]
struct Wire {
    /// Interface and namespace of the end nearer to the instance's router.
    near: (String, String),
    far: (String, String),
    /// Addresses of the near and far end.
    addresses: [Ipv4Addr; 2],
    mac: Option<String>,
    mtu: u16,
}

/// All wires of a topology.
struct Wiring {
    wires: Vec<Wire>,
    /// How long packets travel to what AWS runs, one way.
    one_way: Duration,
}

/// Instances send frames of this size by default, and take them from each other.
const JUMBO: u16 = 9001;
/// Endpoints and NAT gateways take packets of this size.
const ENDPOINT_MTU: u16 = 8500;
/// The largest segment that fits into such a packet. Interface endpoints lower what either side announces to this.
const ENDPOINT_MSS: u16 = ENDPOINT_MTU - 40;
/// The internet.
const INTERNET_MTU: u16 = 1500;

impl Wiring {
    fn of(topology: &Topology) -> Self {
        let one_way = Duration::from_millis(topology.round_trip_ms.into()) / 2;
        let mut wiring = Self { wires: Vec::new(), one_way };
        wiring.attachments(topology.instance.attachments().take(1));
        wiring.add("eni0", ROUTER, "eth0", INTERFACES, JUMBO);
        for index in 0..topology.nat_gateways.len() {
            wiring.add(&format!("nat{index}"), ROUTER, "eth0", &format!("nat{index}"), ENDPOINT_MTU);
        }
        if let Some(gateway) = &topology.internet_gateway {
            wiring.add("igw0", ROUTER, "vpc0", "igw", INTERNET_MTU);
            let mut last = "igw".to_owned();
            for index in 0..gateway.responders.len() {
                let hop = format!("hop{index}");
                wiring.add("out0", &last, "in0", &hop, INTERNET_MTU);
                last = hop;
            }
            wiring.add("out0", &last, "in0", INTERNET, INTERNET_MTU);
        }
        wiring.attachments(topology.instance.attachments().skip(1));
        if let Some(gateway) = &topology.transit_gateway {
            wiring.add("tgw0", ROUTER, "vpc0", "tgw", ENDPOINT_MTU);
            if gateway.egress.is_some() {
                wiring.add("cnat0", "tgw", "in0", "cnat", ENDPOINT_MTU);
                if topology.internet_gateway.is_some() {
                    wiring.add("out0", "cnat", "cnat0", "igw", INTERNET_MTU);
                }
            }
            if !gateway.interface_endpoints.is_empty() {
                wiring.add("hub0", "tgw", "eth0", HUB, ENDPOINT_MTU);
            }
        }
        ipv6::wires(topology, &mut wiring);
        // Last, so that one more of them moves no other wire.
        for index in 0..topology.gateway_endpoints.len() {
            wiring.add(
                &format!("gwe{index}"),
                ROUTER,
                &format!("gwe{index}"),
                GATEWAY_ENDPOINTS,
                ENDPOINT_MTU,
            );
        }
        wiring
    }

    fn attachments<'a>(&mut self, attachments: impl Iterator<Item = Attachment<'a>>) {
        for each in attachments {
            self.add(&each.wire(), ROUTER, &each.device(), INSTANCE, JUMBO);
            if let Some(wire) = self.wires.last_mut() {
                wire.mac = Some(each.mac.to_owned());
            }
        }
    }

    /// Wires use the range that RFC 2544 sets aside for benchmarks between devices.
    fn add(&mut self, near: &str, near_namespace: &str, far: &str, far_namespace: &str, mtu: u16) {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0));
        let number = u32::try_from(self.wires.len()).unwrap_or(u32::MAX);
        let address = |offset| Ipv4Addr::from(base + number * 4 + offset);
        self.wires.push(Wire {
            near: (near.to_owned(), near_namespace.to_owned()),
            far: (far.to_owned(), far_namespace.to_owned()),
            addresses: [address(1), address(2)],
            mac: None,
            mtu,
        });
    }

    /// The wire whose near end is this interface of this namespace. Compiling asks only for wires it made itself.
    fn near(&self, namespace: &str, interface: &str) -> Option<&Wire> {
        self.wires.iter().find(|wire| wire.near.0 == interface && wire.near.1 == namespace)
    }

    fn far(&self, namespace: &str, interface: &str) -> Option<&Wire> {
        self.wires.iter().find(|wire| wire.far.0 == interface && wire.far.1 == namespace)
    }

    fn commands(&self) -> String {
        let mut text = String::new();
        for wire in self.wires.iter().filter(|wire| !self.is_long(wire)) {
            let mac = wire.mac.as_ref().map_or_else(String::new, |mac| format!(" address {mac}"));
            line(
                &mut text,
                format_args!(
                    "link add {} mtu {} netns {} type veth peer name {} mtu {} netns {}{mac}",
                    wire.near.0, wire.mtu, wire.near.1, wire.far.0, wire.mtu, wire.far.1
                ),
            );
        }
        text
    }

    fn long(&self) -> Vec<LongWire> {
        let long = |wire: &Wire| LongWire {
            ends: [wire.near.clone(), wire.far.clone()],
            mtu: wire.mtu,
            one_way: self.one_way,
        };
        self.wires.iter().filter(|wire| self.is_long(wire)).map(long).collect()
    }

    /// Whether packets travel for a while on a wire: those do that lead to what AWS, or somebody on the internet, runs.
    fn is_long(&self, wire: &Wire) -> bool {
        let far = [INTERFACES, GATEWAY_ENDPOINTS, INTERNET, HUB];
        self.one_way > Duration::ZERO && far.contains(&wire.far.1.as_str())
    }
}

impl Wire {
    /// Commands that bring up the near end with its wire address.
    fn near_up(&self) -> String {
        up(&self.near.0, self.addresses[0])
    }

    fn far_up(&self) -> String {
        up(&self.far.0, self.addresses[1])
    }
}

fn up(interface: &str, address: Ipv4Addr) -> String {
    format!("addr add {address}/30 dev {interface}\nlink set {interface} up\n")
}

/// What lies behind each of the router's interfaces, which [`Wiring::of`] names the same way.
fn elements(topology: &Topology) -> Vec<Element> {
    let element = |interface: String, id: &str, kind| Element { interface, id: id.to_owned(), kind };
    let instance = topology.instance.attachments();
    let mut elements: Vec<Element> =
        instance.map(|each| element(each.wire(), &topology.instance.id, ElementKind::Instance)).collect();
    elements.push(element("eni0".to_owned(), "", ElementKind::NetworkInterface));
    for (index, endpoint) in topology.gateway_endpoints.iter().enumerate() {
        elements.push(element(format!("gwe{index}"), &endpoint.id, ElementKind::GatewayEndpoint));
    }
    for (index, nat) in topology.nat_gateways.iter().enumerate() {
        elements.push(element(format!("nat{index}"), &nat.id, ElementKind::NatGateway));
    }
    if let Some(gateway) = &topology.internet_gateway {
        elements.push(element("igw0".to_owned(), &gateway.id, ElementKind::InternetGateway));
    }
    if let Some(gateway) = &topology.transit_gateway {
        elements.push(element("tgw0".to_owned(), &gateway.id, ElementKind::TransitGateway));
    }
    let egress_only = topology.ipv6.as_ref().and_then(|ipv6| ipv6.egress_only_internet_gateway.as_ref());
    if let Some(gateway) = egress_only {
        elements.push(element("eigw0".to_owned(), &gateway.id, ElementKind::EgressOnlyInternetGateway));
    }
    elements
}

/// A namespace that has nothing but a loopback yet.
fn namespace(name: &str) -> Namespace {
    Namespace {
        name: name.to_owned(),
        settings: Vec::new(),
        interface_settings: Vec::new(),
        network: "link set lo up\n".to_owned(),
        firewall: String::new(),
    }
}

/// The settings of a namespace that forwards. ICMP limits stay as the kernel has them: they are part of the truth.
fn forwarding() -> Vec<(String, String)> {
    let mut settings = vec![("net/ipv4/ip_forward".to_owned(), "1".to_owned())];
    for scope in ["all", "default"] {
        for (key, value) in [("rp_filter", "0"), ("send_redirects", "0"), ("accept_redirects", "0")] {
            settings.push((format!("net/ipv4/conf/{scope}/{key}"), value.to_owned()));
        }
    }
    settings
}

/// Rules of a router that nobody can see: the TTL comes out as it went in.
fn invisible() -> String {
    // From the top down, so that a packet meets only one rule. A map from TTL to TTL would be shorter, but nft 1.0.6
    // refuses it, and with a raw payload expression it forgets the header checksum.
    let mut steps = String::new();
    for ttl in (1..255).rev() {
        line(&mut steps, format_args!("\t\tip ttl {ttl} ip ttl set {}", ttl + 1));
    }
    format!(
        "table ip invisible {{\n\
         \tchain prerouting {{\n\
         \t\ttype filter hook prerouting priority -300; policy accept;\n\
         {steps}\
         \t}}\n\
         \tchain output {{\n\
         \t\ttype filter hook output priority 0; policy accept;\n\
         \t\ticmp type destination-unreachable icmp code != 4 drop\n\
         \t\ticmp type {{ time-exceeded, redirect }} drop\n\
         \t}}\n\
         }}\n"
    )
}

/// Appends one line. Writing to a string cannot fail.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{arguments}");
}
