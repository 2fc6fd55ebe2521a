//! The VPC as EC2 would describe it: subnets, route tables, endpoints, gateways, groups and lists, by their ids.
//!
//! It knows nothing of namespaces, interfaces or nftables. A topology file gives the base, [`crate::change`] edits
//! it for a scenario, and [`crate::fabric`] compiles the outcome into what the kernel is told.

mod check;
mod instance;
mod ipv6;
mod public_access;
mod transit;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;

pub(crate) use check::{Invalid, check};
pub(crate) use instance::{Attachment, Instance, SecondaryInterface};
pub(crate) use ipv6::Ipv6;
pub(crate) use public_access::{BlockMode, Exclusion};
pub(crate) use transit::{CentralNatGateway, TransitGateway};

/// Everything EC2 knows about one VPC and the instance under test.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Topology {
    /// The region, such as `us-east-1`; partition and domain suffix follow from it.
    pub(crate) region: String,
    pub(crate) vpc: Vpc,
    pub(crate) instance: Instance,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) route_tables: Vec<RouteTable>,
    #[serde(default)]
    pub(crate) prefix_lists: Vec<PrefixList>,
    #[serde(default)]
    pub(crate) gateway_endpoints: Vec<GatewayEndpoint>,
    #[serde(default)]
    pub(crate) interface_endpoints: Vec<InterfaceEndpoint>,
    #[serde(default)]
    pub(crate) nat_gateways: Vec<NatGateway>,
    pub(crate) internet_gateway: Option<InternetGateway>,
    pub(crate) transit_gateway: Option<TransitGateway>,
    pub(crate) ipv6: Option<Ipv6>,
    pub(crate) packet_limits: Option<PacketLimits>,
    /// What the way to AWS and back takes, in milliseconds, besides what this machine needs for it.
    #[serde(default)]
    pub(crate) round_trip_ms: u32,
    #[serde(default)]
    pub(crate) hosts: Vec<Host>,
    pub(crate) security_groups: Vec<SecurityGroup>,
    pub(crate) network_acls: Vec<NetworkAcl>,
    /// Elastic IP addresses that were allocated while the VPC runs.
    #[serde(skip)]
    pub(crate) elastic_addresses: Vec<ElasticAddress>,
    /// The DHCP option sets of the account; the first is the VPC's at the start, and is filled in from the `[dns]` table.
    #[serde(skip)]
    pub(crate) dhcp_options: Vec<DhcpOptions>,
    /// The set that the VPC has, by its place among them.
    #[serde(skip)]
    pub(crate) dhcp: usize,
}

/// An Elastic IP address of the account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ElasticAddress {
    pub(crate) allocation: String,
    pub(crate) address: Ipv4Addr,
}

/// What instances of the VPC are told by DHCP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DhcpOptions {
    /// The id; nothing for the set that the VPC came with, whose id follows from the VPC's.
    pub(crate) id: Option<String>,
    /// The name servers; Amazon's own if absent.
    pub(crate) name_servers: Option<Vec<Ipv4Addr>>,
    /// The search domains; that of the region if absent.
    pub(crate) domain_names: Option<Vec<String>>,
}

/// The VPC itself, with the two DNS attributes that decide what its resolver answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) cidrs: Vec<Ipv4Net>,
    #[serde(default = "yes")]
    pub(crate) enable_dns_support: bool,
    #[serde(default = "yes")]
    pub(crate) enable_dns_hostnames: bool,
    /// What VPC Block Public Access keeps the account's VPCs in this region from.
    #[serde(default)]
    pub(crate) block_public_access: BlockMode,
    /// The VPC or subnets that it does not hold for.
    #[serde(default)]
    pub(crate) public_access_exclusions: Vec<Exclusion>,
}

/// One subnet and what it is associated with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) cidr: Ipv4Net,
    /// The zone's letter (`a` in `us-east-1a`), so that a topology can be moved to another region.
    pub(crate) zone: char,
    /// The table it is explicitly associated with; the main one without.
    pub(crate) route_table: Option<String>,
    pub(crate) network_acl: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteTable {
    pub(crate) id: String,
    /// The VPC's main table serves every subnet that has no association of its own.
    #[serde(default)]
    pub(crate) main: bool,
    /// The routes besides the local one, which every table has.
    #[serde(default)]
    pub(crate) routes: Vec<Route>,
}

/// One route: a CIDR or prefix-list id, and the gateway it leads to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) destination: String,
    /// The id of a gateway endpoint, NAT gateway, internet gateway or host.
    pub(crate) target: String,
    /// EC2's state `blackhole`: the target is gone, packets vanish.
    #[serde(default)]
    pub(crate) blackhole: bool,
}

/// A managed prefix list: AWS's, of one gateway service, or one of the account's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrefixList {
    pub(crate) id: String,
    /// The gateway service; empty for a list of the account's own.
    #[serde(default)]
    pub(crate) service: String,
    /// The name of a list of the account's own.
    pub(crate) name: Option<String>,
    /// The entries; by default the published ranges of the service in this region.
    pub(crate) cidrs: Option<Vec<Ipv4Net>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayEndpoint {
    pub(crate) id: String,
    pub(crate) service: String,
    /// The lowest TTL a packet must carry for the service to answer: 1 in the newest traces, 5 to 7 in older ones. No
    /// router on the way ever answers.
    #[serde(default = "one")]
    pub(crate) answers_at_ttl: u8,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InterfaceEndpoint {
    pub(crate) id: String,
    pub(crate) service: String,
    #[serde(default = "yes")]
    pub(crate) private_dns: bool,
    /// EC2's state; only an `available` one carries anything.
    #[serde(default = "available")]
    pub(crate) state: String,
    /// S3's option by which only queries that come in through an inbound resolver endpoint see the private names.
    #[serde(default)]
    pub(crate) private_dns_only_for_inbound_resolver: bool,
    pub(crate) network_interfaces: Vec<NetworkInterface>,
    pub(crate) security_groups: Vec<String>,
    /// When set, a packet whose TTL is 1 is answered by a time-exceeded message from the endpoint's own address and
    /// lower TTLs than this one are dropped, as in a trace of 2020.
    pub(crate) answers_at_ttl: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkInterface {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) address: Ipv4Addr,
    /// Whether it swallows every packet, as in a zone that is down.
    #[serde(default)]
    pub(crate) dead: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NatGateway {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) private_address: Ipv4Addr,
    pub(crate) public_address: Ipv4Addr,
    /// Whether it answers a packet whose TTL ends at it. Every trace of the field shows one that does; the others would be
    /// hard to tell from a gateway endpoint.
    #[serde(default = "yes")]
    pub(crate) visible: bool,
    /// Why it could not be made: it is in the state `failed`, and packets to it vanish.
    pub(crate) failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InternetGateway {
    pub(crate) id: String,
    /// The routers behind it that answer time-exceeded, nearest first.
    pub(crate) responders: Vec<Ipv4Addr>,
}

/// A way that takes smaller packets than the hosts believe, and nobody tells them: what is larger vanishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PacketLimits {
    /// The largest packet from the instance to what is outside it, in bytes.
    pub(crate) outgoing: Option<u16>,
    /// The largest packet to the instance.
    pub(crate) incoming: Option<u16>,
}

/// Another machine in the VPC that the lab runs a service on, such as a company resolver.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) security_groups: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) ingress: Vec<GroupRule>,
    #[serde(default)]
    pub(crate) egress: Vec<GroupRule>,
}

/// One security group rule; groups only allow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRule {
    pub(crate) protocol: Protocol,
    /// First and last port; absent for all.
    pub(crate) ports: Option<[u16; 2]>,
    /// A CIDR, a prefix-list id or a security group id.
    pub(crate) peer: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    All,
    Tcp,
    Udp,
    Icmp,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkAcl {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) ingress: Vec<AclEntry>,
    #[serde(default)]
    pub(crate) egress: Vec<AclEntry>,
}

/// One numbered entry of a network ACL; the lowest number that matches decides, and no match denies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AclEntry {
    pub(crate) number: u16,
    pub(crate) action: AclAction,
    pub(crate) protocol: Protocol,
    pub(crate) ports: Option<[u16; 2]>,
    pub(crate) cidr: Ipv4Net,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AclAction {
    Allow,
    Deny,
}

impl Topology {
    pub(crate) fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    pub(crate) fn route_table(&self, id: &str) -> Option<&RouteTable> {
        self.route_tables.iter().find(|table| table.id == id)
    }

    /// The table that routes a subnet's packets: its own, or the main one.
    pub(crate) fn effective_route_table(&self, subnet: &Subnet) -> Option<&RouteTable> {
        match &subnet.route_table {
            Some(id) => self.route_table(id),
            None => self.route_tables.iter().find(|table| table.main),
        }
    }

    pub(crate) fn security_group(&self, id: &str) -> Option<&SecurityGroup> {
        self.security_groups.iter().find(|group| group.id == id)
    }

    pub(crate) fn network_acl(&self, id: &str) -> Option<&NetworkAcl> {
        self.network_acls.iter().find(|acl| acl.id == id)
    }

    pub(crate) fn prefix_list(&self, id: &str) -> Option<&PrefixList> {
        self.prefix_lists.iter().find(|list| list.id == id)
    }

    /// The VPC resolver's address inside the VPC: the base of the first CIDR plus two.
    pub(crate) fn resolver(&self) -> Ipv4Addr {
        let base = self.vpc.cidrs.first().map_or(Ipv4Addr::UNSPECIFIED, Ipv4Net::network);
        Ipv4Addr::from(u32::from(base) + 2)
    }

    /// What the VPC's instances are told by DHCP.
    pub(crate) fn dhcp(&self) -> DhcpOptions {
        self.dhcp_options.get(self.dhcp).cloned().unwrap_or_default()
    }

    /// The zone name of a subnet, such as `us-east-1a`.
    pub(crate) fn zone_name(&self, subnet: &Subnet) -> String {
        format!("{}{}", self.region, subnet.zone)
    }

    /// Every address that holds a public one, as pairs of private and public address.
    pub(crate) fn public_mappings(&self) -> Vec<(Ipv4Addr, Ipv4Addr)> {
        let nat = self.nat_gateways.iter().map(|nat| (nat.private_address, nat.public_address));
        let instance = self.instance.public_address.map(|public| (self.instance.private_address, public));
        let central = self.transit_gateway.iter().filter_map(|gateway| gateway.egress.as_ref());
        let central = central.map(|nat| (nat.private_address, nat.public_address));
        nat.chain(instance).chain(central).collect()
    }

    /// The subnet of the instance's interface, NAT gateway or host that has this private address.
    pub(crate) fn subnet_of(&self, address: Ipv4Addr) -> Option<&Subnet> {
        let instance = self.instance.attachments().map(|each| (each.private_address, each.subnet));
        let nat = self.nat_gateways.iter().map(|nat| (nat.private_address, nat.subnet.as_str()));
        let hosts = self.hosts.iter().map(|host| (host.address, host.subnet.as_str()));
        let (_, subnet) = instance.chain(nat).chain(hosts).find(|(each, _)| *each == address)?;
        self.subnet(subnet)
    }

    /// The private addresses of the network interfaces that carry this security group.
    pub(crate) fn group_members(&self, group: &str) -> Vec<Ipv4Addr> {
        let carries = |groups: &[String]| groups.iter().any(|each| each == group);
        let instance = self.instance.attachments().filter(|each| carries(each.security_groups));
        let instance = instance.map(|each| each.private_address);
        let endpoints = self
            .interface_endpoints
            .iter()
            .filter(|endpoint| carries(&endpoint.security_groups))
            .flat_map(|endpoint| endpoint.network_interfaces.iter().map(|interface| interface.address));
        let hosts = self.hosts.iter().filter(|host| carries(&host.security_groups)).map(|host| host.address);
        instance.chain(endpoints).chain(hosts).collect()
    }
}

const fn yes() -> bool {
    true
}

fn available() -> String {
    "available".to_owned()
}

const fn one() -> u8 {
    1
}
