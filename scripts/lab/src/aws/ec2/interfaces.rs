//! The instance and every network interface of the VPC: the instance's, those of interface endpoints, NAT gateways and other hosts.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

use super::gateways::nat_interface;
use super::listing::Listing;
use super::xml::{Node, list, node, text};
use super::{CREATED, View, derived};
use crate::dns::{host_label, internal_domain};
use crate::topology::Topology;
use crate::zone::zone_id;

/// `DescribeNetworkInterfaces`.
pub(super) const NETWORK_INTERFACES: Listing = Listing {
    operation: "DescribeNetworkInterfaces",
    set: "networkInterfaceSet",
    ids: ("NetworkInterfaceId", "networkInterfaceId"),
    unknown: ("InvalidNetworkInterfaceID", "networkInterface ID"),
    page: (5, 1000),
    filters: &[
        ("addresses.association.owner-id", "privateIpAddressesSet/association/ipOwnerId"),
        ("addresses.association.public-ip", "privateIpAddressesSet/association/publicIp"),
        ("addresses.primary", "privateIpAddressesSet/primary"),
        ("addresses.private-ip-address", "privateIpAddressesSet/privateIpAddress"),
        ("association.allocation-id", "association/allocationId"),
        ("association.association-id", "association/associationId"),
        ("association.ip-owner-id", "association/ipOwnerId"),
        ("association.public-dns-name", "association/publicDnsName"),
        ("association.public-ip", "association/publicIp"),
        ("attachment.attachment-id", "attachment/attachmentId"),
        ("attachment.delete-on-termination", "attachment/deleteOnTermination"),
        ("attachment.device-index", "attachment/deviceIndex"),
        ("attachment.instance-id", "attachment/instanceId"),
        ("attachment.instance-owner-id", "attachment/instanceOwnerId"),
        ("attachment.status", "attachment/status"),
        ("availability-zone", "availabilityZone"),
        ("availability-zone-id", "availabilityZoneId"),
        ("description", "description"),
        ("group-id", "groupSet/groupId"),
        ("interface-type", "interfaceType"),
        ("ipv6-addresses.ipv6-address", "ipv6AddressesSet/ipv6Address"),
        ("mac-address", "macAddress"),
        ("network-interface-id", "networkInterfaceId"),
        ("owner-id", "ownerId"),
        ("private-dns-name", "privateDnsName"),
        ("private-ip-address", "privateIpAddress"),
        ("requester-id", "requesterId"),
        ("requester-managed", "requesterManaged"),
        ("source-dest-check", "sourceDestCheck"),
        ("status", "status"),
        ("subnet-id", "subnetId"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| interfaces(view).iter().map(|interface| interface.describe(view)).collect(),
};

/// `DescribeInstances`.
pub(super) const INSTANCES: Listing = Listing {
    operation: "DescribeInstances",
    set: "reservationSet",
    ids: ("InstanceId", "instancesSet/instanceId"),
    unknown: ("InvalidInstanceID", "instance ID"),
    page: (5, 1000),
    filters: &[
        ("architecture", "instancesSet/architecture"),
        ("availability-zone", "instancesSet/placement/availabilityZone"),
        ("dns-name", "instancesSet/dnsName"),
        ("iam-instance-profile.arn", "instancesSet/iamInstanceProfile/arn"),
        ("image-id", "instancesSet/imageId"),
        ("instance-id", "instancesSet/instanceId"),
        ("instance-state-code", "instancesSet/instanceState/code"),
        ("instance-state-name", "instancesSet/instanceState/name"),
        ("instance-type", "instancesSet/instanceType"),
        ("instance.group-id", "instancesSet/groupSet/groupId"),
        ("instance.group-name", "instancesSet/groupSet/groupName"),
        ("ip-address", "instancesSet/ipAddress"),
        ("network-interface.group-id", "instancesSet/networkInterfaceSet/groupSet/groupId"),
        ("network-interface.mac-address", "instancesSet/networkInterfaceSet/macAddress"),
        ("network-interface.network-interface-id", "instancesSet/networkInterfaceSet/networkInterfaceId"),
        ("network-interface.private-ip-address", "instancesSet/networkInterfaceSet/privateIpAddress"),
        ("network-interface.subnet-id", "instancesSet/networkInterfaceSet/subnetId"),
        ("network-interface.vpc-id", "instancesSet/networkInterfaceSet/vpcId"),
        ("owner-id", "ownerId"),
        ("private-dns-name", "instancesSet/privateDnsName"),
        ("private-ip-address", "instancesSet/privateIpAddress"),
        ("reservation-id", "reservationId"),
        ("source-dest-check", "instancesSet/sourceDestCheck"),
        ("subnet-id", "instancesSet/subnetId"),
        ("tag-key", "instancesSet/tagSet/key"),
        ("tenancy", "instancesSet/placement/tenancy"),
        ("vpc-id", "instancesSet/vpcId"),
    ],
    items: |view| vec![reservation(view)],
};

/// Every address in use in the VPC, with its subnet.
pub(super) fn addresses(topology: &Topology) -> impl Iterator<Item = (&str, Ipv4Addr)> {
    let instance = topology.instance.attachments().map(|each| (each.subnet, each.private_address));
    let endpoints = topology.interface_endpoints.iter().flat_map(|endpoint| &endpoint.network_interfaces);
    let endpoints = endpoints.map(|interface| (interface.subnet.as_str(), interface.address));
    let nat = topology.nat_gateways.iter().map(|nat| (nat.subnet.as_str(), nat.private_address));
    let hosts = topology.hosts.iter().map(|host| (host.subnet.as_str(), host.address));
    instance.chain(endpoints).chain(nat).chain(hosts)
}

/// One network interface, whoever holds it.
struct Interface<'a> {
    id: String,
    kind: &'static str,
    description: String,
    subnet: &'a str,
    address: Ipv4Addr,
    ipv6_address: Option<Ipv6Addr>,
    public_address: Option<Ipv4Addr>,
    groups: &'a [String],
    mac: String,
    /// The instance it is attached to, and as which device; the others belong to services of AWS.
    instance: Option<(&'a str, usize)>,
    source_dest_check: bool,
}

fn interfaces<'a>(view: &View<'a>) -> Vec<Interface<'a>> {
    let topology = view.topology;
    let mut found: Vec<Interface<'a>> = own(topology).collect();
    for endpoint in &topology.interface_endpoints {
        let ipv6 = topology.ipv6_addresses(&endpoint.id);
        found.extend(endpoint.network_interfaces.iter().enumerate().map(|(index, interface)| Interface {
            id: interface.id.clone(),
            kind: "vpc_endpoint",
            description: format!("VPC Endpoint Interface {}", endpoint.id),
            subnet: &interface.subnet,
            address: interface.address,
            ipv6_address: ipv6.get(index).copied(),
            public_address: None,
            groups: &endpoint.security_groups,
            mac: mac(&interface.id),
            instance: None,
            source_dest_check: true,
        }));
    }
    found.extend(topology.nat_gateways.iter().map(|nat| Interface {
        id: nat_interface(nat),
        kind: "nat_gateway",
        description: format!("Interface for NAT Gateway {}", nat.id),
        subnet: &nat.subnet,
        address: nat.private_address,
        ipv6_address: None,
        public_address: Some(nat.public_address),
        groups: &[],
        mac: mac(&nat.id),
        instance: None,
        source_dest_check: false,
    }));
    found.extend(topology.hosts.iter().map(|host| {
        let attached = host.id.starts_with("i-").then_some((host.id.as_str(), 0));
        Interface {
            id: if host.id.starts_with("eni-") { host.id.clone() } else { derived("eni", &[&host.id]) },
            kind: "interface",
            description: String::new(),
            subnet: &host.subnet,
            address: host.address,
            ipv6_address: None,
            public_address: None,
            groups: &host.security_groups,
            mac: mac(&host.id),
            instance: attached,
            source_dest_check: !leads_to(topology, &host.id),
        }
    }));
    found
}

/// The instance's own interfaces, by device number.
fn own(topology: &Topology) -> impl Iterator<Item = Interface<'_>> {
    topology.instance.attachments().map(|each| Interface {
        id: each.network_interface.to_owned(),
        kind: "interface",
        description: String::new(),
        subnet: each.subnet,
        address: each.private_address,
        ipv6_address: topology.ipv6.as_ref().filter(|_| each.device_number == 0).map(|ipv6| ipv6.address),
        public_address: each.public_address,
        groups: each.security_groups,
        mac: each.mac.to_owned(),
        instance: Some((&topology.instance.id, each.device_number)),
        source_dest_check: true,
    })
}

/// Whether some route makes a host forward what is not its own, for which the check must be off.
fn leads_to(topology: &Topology, host: &str) -> bool {
    topology.route_tables.iter().flat_map(|table| &table.routes).any(|route| route.target == host)
}

impl Interface<'_> {
    fn describe(&self, view: &View<'_>) -> Vec<Node> {
        let mut nodes = self.core(view);
        nodes.extend(self.attachment(view));
        if let Some(subnet) = view.topology.subnet(self.subnet) {
            nodes.push(text("availabilityZone", view.topology.zone_name(subnet)));
            nodes.push(text("availabilityZoneId", zone_id(view.region(), subnet.zone)));
        }
        nodes.push(text("requesterManaged", self.instance.is_none() && self.kind != "interface"));
        nodes.push(node("tagSet", vec![]));
        nodes
    }

    /// What an instance's description says of its interfaces, too.
    fn core(&self, view: &View<'_>) -> Vec<Node> {
        let name = self.name(view);
        let association = self.association(view);
        let mut address = vec![
            text("privateIpAddress", self.address),
            text("privateDnsName", &name),
            text("primary", true),
        ];
        address.extend(association.clone());
        // What an instance has of IPv4 in an IPv6-only subnet is none of EC2's addresses.
        let ipv6_only = view.topology.ipv6_only() && self.address == view.topology.instance.private_address;
        let mut nodes = vec![
            text("networkInterfaceId", &self.id),
            text("subnetId", self.subnet),
            view.vpc(),
            text("description", &self.description),
            view.owner(),
            text("status", "in-use"),
            text("macAddress", &self.mac),
            text("privateDnsName", name),
            text("sourceDestCheck", self.source_dest_check),
            list("groupSet", groups(view.topology, self.groups)),
            list("privateIpAddressesSet", (!ipv6_only).then_some(address)),
            list("ipv6AddressesSet", self.ipv6_address.map(|address| vec![text("ipv6Address", address)])),
            text("interfaceType", self.kind),
        ];
        nodes.extend((!ipv6_only).then(|| text("privateIpAddress", self.address)));
        nodes.extend(association);
        nodes
    }

    fn attachment(&self, view: &View<'_>) -> Option<Node> {
        let (holder, device) = self.instance?;
        Some(node(
            "attachment",
            vec![
                text("attachmentId", derived("eni-attach", &[&self.id])),
                text("instanceId", holder),
                text("instanceOwnerId", view.account()),
                text("deviceIndex", device),
                text("status", "attached"),
                text("attachTime", CREATED),
                text("deleteOnTermination", true),
            ],
        ))
    }

    fn association(&self, view: &View<'_>) -> Option<Node> {
        let address = self.public_address?;
        // The address of an instance comes from Amazon's own pool, that of a NAT gateway was allocated.
        let owner = if self.instance.is_some() { "amazon" } else { view.account() };
        let mut nodes = vec![text("publicIp", address), text("ipOwnerId", owner)];
        if self.instance.is_none() {
            nodes.push(text("allocationId", derived("eipalloc", &[&self.id])));
            nodes.push(text("associationId", derived("eipassoc", &[&self.id])));
        }
        Some(node("association", nodes))
    }

    fn name(&self, view: &View<'_>) -> String {
        if self.instance.is_some_and(|(_, device)| device == 0) && view.topology.ipv6_only() {
            return format!("{}.{}", host_label(view.topology), internal_domain(view.region()));
        }
        let address = self.address.to_string().replace('.', "-");
        format!("ip-{address}.{}", internal_domain(view.region()))
    }
}

fn reservation(view: &View<'_>) -> Vec<Node> {
    let topology = view.topology;
    let instance = &topology.instance;
    let config = &view.work.aws.config;
    let profile =
        format!("arn:{}:iam::{}:instance-profile/{}", view.partition(), config.account_id, config.role_name);
    let zone = topology.subnet(&instance.subnet).map(|subnet| topology.zone_name(subnet)).unwrap_or_default();
    let described = own(topology).map(|interface| {
        let mut nodes = interface.core(view);
        nodes.extend(interface.attachment(view));
        nodes
    });
    let name = own(topology).map(|interface| interface.name(view)).next().unwrap_or_default();
    let mut nodes = vec![
        text("instanceId", &instance.id),
        text("imageId", &instance.image_id),
        node("instanceState", vec![text("code", 16), text("name", "running")]),
        text("privateDnsName", name),
        text("instanceType", &instance.instance_type),
        text("launchTime", CREATED),
        node("placement", vec![text("availabilityZone", zone), text("tenancy", "default")]),
        node("monitoring", vec![text("state", "disabled")]),
        text("subnetId", &instance.subnet),
        view.vpc(),
    ];
    nodes.extend((!topology.ipv6_only()).then(|| text("privateIpAddress", instance.private_address)));
    nodes.extend(instance.public_address.map(|address| text("ipAddress", address)));
    nodes.extend([
        text("sourceDestCheck", true),
        list("groupSet", groups(topology, &instance.security_groups)),
        text("architecture", "x86_64"),
        node("iamInstanceProfile", vec![text("arn", profile), text("id", "AIPAJEXAMPLEPROFILE00")]),
        list("networkInterfaceSet", described),
        node("tagSet", vec![]),
    ]);
    vec![
        text("reservationId", derived("r", &[&instance.id])),
        view.owner(),
        node("groupSet", vec![]),
        list("instancesSet", [nodes]),
    ]
}

fn groups<'a>(topology: &'a Topology, ids: &'a [String]) -> impl Iterator<Item = Vec<Node>> + 'a {
    ids.iter().map(|id| {
        let name = topology.security_group(id).map_or("", |group| group.name.as_str());
        vec![text("groupId", id), text("groupName", name)]
    })
}

/// A locally administered address that is always the same for the same interface.
fn mac(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let rest: Vec<String> = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("0a:{}", rest.join(":"))
}
