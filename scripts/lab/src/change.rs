//! The mutations a scenario may make to its base topology: a closed list, each in the words of the console.
//!
//! A change that finds nothing to change is an error, so that a scenario cannot silently test the wrong network.

use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::topology::PacketLimits;
use crate::topology::{
    AclEntry, BlockMode, Exclusion, GroupRule, Host, InterfaceEndpoint, Ipv6, NetworkAcl, PrefixList, Route,
    RouteTable, SecondaryInterface, Subnet, Topology, TransitGateway,
};

/// One edit of a topology.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Change {
    /// The same VPC in another region, and so perhaps in another partition.
    Region {
        region: String,
    },
    VpcAttributes {
        enable_dns_support: Option<bool>,
        enable_dns_hostnames: Option<bool>,
    },
    /// Adds a route, or replaces the one to the same destination.
    SetRoute {
        route_table: String,
        destination: String,
        target: String,
    },
    RemoveRoute {
        route_table: String,
        destination: String,
    },
    /// Leaves the route in place with its target gone.
    BlackholeRoute {
        route_table: String,
        destination: String,
    },
    /// Associates a subnet with a route table; without one, the subnet falls back to the main table.
    Associate {
        subnet: String,
        route_table: Option<String>,
    },
    /// Makes a NAT gateway, a central one too, keep silent where a packet's TTL ends at it.
    HideNatGateway {
        nat_gateway: String,
    },
    /// Makes every router behind the internet gateway keep silent in the same way.
    HideInternetRouters,
    /// Puts a NAT gateway into the state `failed`.
    FailNatGateway {
        nat_gateway: String,
        failure: String,
    },
    /// Blocks the internet gateways of the account.
    BlockPublicAccess {
        mode: BlockMode,
        #[serde(default)]
        exclusions: Vec<Exclusion>,
    },
    /// Gives the account a prefix list of its own.
    AddPrefixList {
        prefix_list: PrefixList,
    },
    AddInterfaceEndpoint {
        interface_endpoint: InterfaceEndpoint,
    },
    /// Deletes a gateway or interface endpoint, with the routes that lead to it.
    RemoveEndpoint {
        endpoint: String,
    },
    /// Deletes several at once.
    RemoveEndpoints {
        endpoints: Vec<String>,
    },
    PrivateDns {
        endpoint: String,
        enabled: bool,
    },
    EndpointSecurityGroups {
        endpoint: String,
        security_groups: Vec<String>,
    },
    /// EC2's state of an interface endpoint; only an `available` one carries anything.
    EndpointState {
        endpoint: String,
        state: String,
    },
    /// Lets one network interface of an interface endpoint swallow everything.
    KillNetworkInterface {
        network_interface: String,
    },
    /// How far away the service behind an endpoint answers.
    AnswersAtTtl {
        endpoint: String,
        ttl: u8,
    },
    Egress {
        security_group: String,
        rules: Vec<GroupRule>,
    },
    Ingress {
        security_group: String,
        rules: Vec<GroupRule>,
    },
    AclEgress {
        network_acl: String,
        entries: Vec<AclEntry>,
    },
    AclIngress {
        network_acl: String,
        entries: Vec<AclEntry>,
    },
    /// Gives subnets a network ACL of their own.
    AddNetworkAcl {
        network_acl: NetworkAcl,
        subnets: Vec<String>,
    },
    InstanceSecurityGroups {
        security_groups: Vec<String>,
    },
    /// The instance's own firewall, as nft reads it.
    InstanceFirewall {
        rules: String,
    },
    /// What somebody did to the instance's routes, as lines of `ip -batch`.
    InstanceRouting {
        commands: Vec<String>,
    },
    /// Lets commands run in a container on the instance, behind a bridge that translates addresses.
    RunInContainer,
    MoveInstance {
        subnet: String,
        private_address: Ipv4Addr,
        public_address: Option<Ipv4Addr>,
    },
    AddHost {
        host: Host,
    },
    /// Gives the instance another network interface.
    AttachNetworkInterface {
        interface: SecondaryInterface,
    },
    /// Makes the instance and its subnet dual-stack, or IPv6-only.
    EnableIpv6 {
        ipv6: Ipv6,
    },
    /// Lets large packets vanish on the way, as a tunnel does behind a network ACL that drops ICMP.
    LimitPackets {
        outgoing: Option<u16>,
        incoming: Option<u16>,
    },
    /// Attaches the VPC to a transit gateway. Routes have to lead there besides.
    AttachTransitGateway {
        transit_gateway: TransitGateway,
    },
}

/// A change named something that the topology does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {wanted} {id} to change")]
pub(crate) struct NothingToChange {
    wanted: &'static str,
    id: String,
}

/// Makes one edit.
pub(crate) fn apply(topology: &mut Topology, change: Change) -> Result<(), NothingToChange> {
    match change {
        Change::Region { region } => topology.region = region,
        Change::VpcAttributes { enable_dns_support, enable_dns_hostnames } => {
            let vpc = &mut topology.vpc;
            vpc.enable_dns_support = enable_dns_support.unwrap_or(vpc.enable_dns_support);
            vpc.enable_dns_hostnames = enable_dns_hostnames.unwrap_or(vpc.enable_dns_hostnames);
        }
        Change::SetRoute { route_table, destination, target } => {
            let routes = &mut route_table_mut(topology, &route_table)?.routes;
            routes.retain(|route| route.destination != destination);
            routes.push(Route { destination, target, blackhole: false });
        }
        Change::RemoveRoute { route_table, destination } => {
            let table = route_table_mut(topology, &route_table)?;
            route_mut(table, &destination)?;
            table.routes.retain(|route| route.destination != destination);
        }
        Change::BlackholeRoute { route_table, destination } => {
            route_mut(route_table_mut(topology, &route_table)?, &destination)?.blackhole = true;
        }
        Change::Associate { subnet, route_table } => {
            subnet_mut(topology, &subnet)?.route_table = route_table;
        }
        Change::HideNatGateway { nat_gateway } => *visible_mut(topology, &nat_gateway)? = false,
        Change::HideInternetRouters => {
            let gateway = topology.internet_gateway.as_mut();
            gateway.ok_or_else(|| nothing("internet gateway", ""))?.responders.clear();
        }
        Change::FailNatGateway { nat_gateway, failure } => {
            let gateway = topology.nat_gateways.iter_mut().find(|each| each.id == nat_gateway);
            gateway.ok_or_else(|| nothing("NAT gateway", &nat_gateway))?.failure = Some(failure);
        }
        Change::BlockPublicAccess { mode, exclusions } => {
            topology.vpc.block_public_access = mode;
            topology.vpc.public_access_exclusions = exclusions;
        }
        Change::AddPrefixList { prefix_list } => topology.prefix_lists.push(prefix_list),
        Change::AddInterfaceEndpoint { interface_endpoint } => {
            topology.interface_endpoints.push(interface_endpoint);
        }
        Change::RemoveEndpoint { endpoint } => remove_endpoint(topology, &endpoint)?,
        Change::RemoveEndpoints { endpoints } => {
            endpoints.iter().try_for_each(|endpoint| remove_endpoint(topology, endpoint))?;
        }
        Change::PrivateDns { endpoint, enabled } => {
            interface_endpoint_mut(topology, &endpoint)?.private_dns = enabled;
        }
        Change::EndpointSecurityGroups { endpoint, security_groups } => {
            interface_endpoint_mut(topology, &endpoint)?.security_groups = security_groups;
        }
        Change::AnswersAtTtl { endpoint, ttl } => answers_at_ttl(topology, &endpoint, ttl)?,
        Change::EndpointState { endpoint, state } => {
            interface_endpoint_mut(topology, &endpoint)?.state = state;
        }
        Change::KillNetworkInterface { network_interface } => {
            let mut all =
                topology.interface_endpoints.iter_mut().flat_map(|each| &mut each.network_interfaces);
            let found = all.find(|each| each.id == network_interface);
            found.ok_or_else(|| nothing("network interface", &network_interface))?.dead = true;
        }
        Change::AddNetworkAcl { network_acl, subnets } => {
            for id in &subnets {
                subnet_mut(topology, id)?.network_acl.clone_from(&network_acl.id);
            }
            topology.network_acls.push(network_acl);
        }
        Change::InstanceFirewall { rules } => topology.instance.firewall = rules,
        Change::InstanceRouting { commands } => topology.instance.routing = commands,
        Change::RunInContainer => topology.instance.container = true,
        Change::Egress { security_group, rules } => {
            security_group_mut(topology, &security_group)?.egress = rules;
        }
        Change::Ingress { security_group, rules } => {
            security_group_mut(topology, &security_group)?.ingress = rules;
        }
        Change::AclEgress { network_acl, entries } => {
            network_acl_mut(topology, &network_acl)?.egress = entries;
        }
        Change::AclIngress { network_acl, entries } => {
            network_acl_mut(topology, &network_acl)?.ingress = entries;
        }
        Change::InstanceSecurityGroups { security_groups } => {
            topology.instance.security_groups = security_groups;
        }
        Change::MoveInstance { subnet, private_address, public_address } => {
            topology.instance.subnet = subnet;
            topology.instance.private_address = private_address;
            topology.instance.public_address = public_address;
        }
        Change::AddHost { host } => topology.hosts.push(host),
        Change::AttachNetworkInterface { interface } => topology.instance.secondary.push(interface),
        Change::EnableIpv6 { ipv6 } => enable_ipv6(topology, ipv6),
        Change::LimitPackets { outgoing, incoming } => {
            topology.packet_limits = Some(PacketLimits { outgoing, incoming });
        }
        Change::AttachTransitGateway { transit_gateway } => topology.transit_gateway = Some(transit_gateway),
    }
    Ok(())
}

fn enable_ipv6(topology: &mut Topology, ipv6: Ipv6) {
    let instance = &mut topology.instance;
    instance.private_address = ipv6.link_local_ipv4.unwrap_or(instance.private_address);
    topology.ipv6 = Some(ipv6);
}

fn remove_endpoint(topology: &mut Topology, id: &str) -> Result<(), NothingToChange> {
    let before = topology.gateway_endpoints.len() + topology.interface_endpoints.len();
    topology.gateway_endpoints.retain(|endpoint| endpoint.id != id);
    topology.interface_endpoints.retain(|endpoint| endpoint.id != id);
    if before == topology.gateway_endpoints.len() + topology.interface_endpoints.len() {
        return Err(nothing("endpoint", id));
    }
    for table in &mut topology.route_tables {
        table.routes.retain(|route| route.target != id);
    }
    Ok(())
}

fn answers_at_ttl(topology: &mut Topology, id: &str, ttl: u8) -> Result<(), NothingToChange> {
    if let Some(endpoint) = topology.gateway_endpoints.iter_mut().find(|endpoint| endpoint.id == id) {
        endpoint.answers_at_ttl = ttl;
        return Ok(());
    }
    interface_endpoint_mut(topology, id)?.answers_at_ttl = Some(ttl);
    Ok(())
}

fn route_table_mut<'a>(topology: &'a mut Topology, id: &str) -> Result<&'a mut RouteTable, NothingToChange> {
    topology.route_tables.iter_mut().find(|table| table.id == id).ok_or_else(|| nothing("route table", id))
}

fn route_mut<'a>(table: &'a mut RouteTable, destination: &str) -> Result<&'a mut Route, NothingToChange> {
    table
        .routes
        .iter_mut()
        .find(|route| route.destination == destination)
        .ok_or_else(|| nothing("route to", destination))
}

fn subnet_mut<'a>(topology: &'a mut Topology, id: &str) -> Result<&'a mut Subnet, NothingToChange> {
    topology.subnets.iter_mut().find(|subnet| subnet.id == id).ok_or_else(|| nothing("subnet", id))
}

/// Whether the NAT gateway of this id, of this VPC or the central one, shows itself.
fn visible_mut<'a>(topology: &'a mut Topology, id: &str) -> Result<&'a mut bool, NothingToChange> {
    let central = topology.transit_gateway.as_mut().and_then(|gateway| gateway.egress.as_mut());
    if let Some(nat) = central.filter(|nat| nat.id == id) {
        return Ok(&mut nat.visible);
    }
    let mut own = topology.nat_gateways.iter_mut();
    own.find(|nat| nat.id == id).map(|nat| &mut nat.visible).ok_or_else(|| nothing("NAT gateway", id))
}

fn interface_endpoint_mut<'a>(
    topology: &'a mut Topology,
    id: &str,
) -> Result<&'a mut InterfaceEndpoint, NothingToChange> {
    topology
        .interface_endpoints
        .iter_mut()
        .find(|endpoint| endpoint.id == id)
        .ok_or_else(|| nothing("interface endpoint", id))
}

fn security_group_mut<'a>(
    topology: &'a mut Topology,
    id: &str,
) -> Result<&'a mut crate::topology::SecurityGroup, NothingToChange> {
    topology
        .security_groups
        .iter_mut()
        .find(|group| group.id == id)
        .ok_or_else(|| nothing("security group", id))
}

fn network_acl_mut<'a>(
    topology: &'a mut Topology,
    id: &str,
) -> Result<&'a mut crate::topology::NetworkAcl, NothingToChange> {
    topology.network_acls.iter_mut().find(|acl| acl.id == id).ok_or_else(|| nothing("network ACL", id))
}

fn nothing(wanted: &'static str, id: &str) -> NothingToChange {
    NothingToChange { wanted, id: id.to_owned() }
}
