//! The VPC itself: its attributes, its subnets, and the DHCP options that its instances got.

use ipnet::Ipv6Net;

use super::form::Form;
use super::listing::Listing;
use super::xml::{Node, list, node, text};
use super::{View, derived, missing};
use crate::aws::errors::Fault;
use crate::dns::internal_domain;
use crate::topology::{DhcpOptions, Subnet, Topology};
use crate::zone::zone_id;

/// `DescribeVpcs`.
pub(super) const VPCS: Listing = Listing {
    operation: "DescribeVpcs",
    set: "vpcSet",
    ids: ("VpcId", "vpcId"),
    unknown: ("InvalidVpcID", "vpc ID"),
    page: (5, 1000),
    filters: &[
        ("cidr", "cidrBlock"),
        ("cidr-block-association.association-id", "cidrBlockAssociationSet/associationId"),
        ("cidr-block-association.cidr-block", "cidrBlockAssociationSet/cidrBlock"),
        ("cidr-block-association.state", "cidrBlockAssociationSet/cidrBlockState/state"),
        ("dhcp-options-id", "dhcpOptionsId"),
        ("ipv6-cidr-block-association.association-id", "ipv6CidrBlockAssociationSet/associationId"),
        ("ipv6-cidr-block-association.ipv6-cidr-block", "ipv6CidrBlockAssociationSet/ipv6CidrBlock"),
        ("ipv6-cidr-block-association.ipv6-pool", "ipv6CidrBlockAssociationSet/ipv6Pool"),
        ("ipv6-cidr-block-association.state", "ipv6CidrBlockAssociationSet/ipv6CidrBlockState/state"),
        ("is-default", "isDefault"),
        ("owner-id", "ownerId"),
        ("state", "state"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| vec![vpc(view)],
};

/// `DescribeSubnets`.
pub(super) const SUBNETS: Listing = Listing {
    operation: "DescribeSubnets",
    set: "subnetSet",
    ids: ("SubnetId", "subnetId"),
    unknown: ("InvalidSubnetID", "subnet ID"),
    page: (5, 1000),
    filters: &[
        ("availability-zone", "availabilityZone"),
        ("availability-zone-id", "availabilityZoneId"),
        ("available-ip-address-count", "availableIpAddressCount"),
        ("cidr-block", "cidrBlock"),
        ("default-for-az", "defaultForAz"),
        ("ipv6-cidr-block-association.association-id", "ipv6CidrBlockAssociationSet/associationId"),
        ("ipv6-cidr-block-association.ipv6-cidr-block", "ipv6CidrBlockAssociationSet/ipv6CidrBlock"),
        ("ipv6-cidr-block-association.state", "ipv6CidrBlockAssociationSet/ipv6CidrBlockState/state"),
        ("ipv6-native", "ipv6Native"),
        ("map-public-ip-on-launch", "mapPublicIpOnLaunch"),
        ("outpost-arn", "outpostArn"),
        ("owner-id", "ownerId"),
        ("state", "state"),
        ("subnet-arn", "subnetArn"),
        ("subnet-id", "subnetId"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| view.topology.subnets.iter().map(|each| subnet(view, each)).collect(),
};

/// `DescribeDhcpOptions`.
pub(super) const DHCP_OPTIONS: Listing = Listing {
    operation: "DescribeDhcpOptions",
    set: "dhcpOptionsSet",
    ids: ("DhcpOptionsId", "dhcpOptionsId"),
    unknown: ("InvalidDhcpOptionID", "dhcpOption ID"),
    page: (5, 1000),
    filters: &[
        ("dhcp-options-id", "dhcpOptionsId"),
        ("key", "dhcpConfigurationSet/key"),
        ("owner-id", "ownerId"),
        ("tag-key", "tagSet/key"),
        ("value", "dhcpConfigurationSet/valueSet/value"),
    ],
    items: |view| view.topology.dhcp_options.iter().map(|each| dhcp_options(view, each)).collect(),
};

/// `DescribeVpcAttribute`.
///
/// # Errors
///
/// When VPC or attribute are missing, or unknown.
pub(super) fn attribute(view: &View<'_>, form: &Form) -> Result<Vec<Node>, Fault> {
    let id = form.value("VpcId").ok_or_else(|| missing("vpcId"))?;
    let attribute = form.value("Attribute").ok_or_else(|| missing("attribute"))?;
    let vpc = &view.topology.vpc;
    if id != vpc.id {
        let text = format!("The vpc ID '{id}' does not exist");
        return Err(Fault::new(400, "InvalidVpcID.NotFound", text));
    }
    let (name, value) = match attribute {
        "enableDnsSupport" => ("enableDnsSupport", vpc.enable_dns_support),
        "enableDnsHostnames" => ("enableDnsHostnames", vpc.enable_dns_hostnames),
        "enableNetworkAddressUsageMetrics" => ("enableNetworkAddressUsageMetrics", false),
        other => {
            let text = format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.");
            return Err(Fault::new(400, "InvalidParameterValue", text));
        }
    };
    Ok(vec![text("vpcId", id), node(name, vec![text("value", value)])])
}

fn vpc(view: &View<'_>) -> Vec<Node> {
    let vpc = &view.topology.vpc;
    let associations = vpc.cidrs.iter().map(|cidr| {
        let cidr = cidr.to_string();
        vec![
            text("associationId", derived("vpc-cidr-assoc", &[&vpc.id, &cidr])),
            text("cidrBlock", cidr),
            node("cidrBlockState", vec![text("state", "associated")]),
        ]
    });
    let mut nodes = vec![text("vpcId", &vpc.id), view.owner(), text("state", "available")];
    nodes.extend(vpc.cidrs.first().map(|cidr| text("cidrBlock", cidr)));
    let ipv6 = view.topology.ipv6.as_ref().map(|ipv6| ipv6_association("vpc", &vpc.id, &ipv6.vpc_cidr));
    nodes.extend([
        list("cidrBlockAssociationSet", associations),
        list("ipv6CidrBlockAssociationSet", ipv6),
        text("dhcpOptionsId", dhcp_options_id(view.topology, &view.topology.dhcp())),
        text("instanceTenancy", "default"),
        text("isDefault", false),
        node("tagSet", vec![]),
    ]);
    nodes
}

fn subnet(view: &View<'_>, subnet: &Subnet) -> Vec<Node> {
    let topology = view.topology;
    let arn =
        format!("arn:{}:ec2:{}:{}:subnet/{}", view.partition(), view.region(), view.account(), subnet.id);
    // The first four addresses and the last are EC2's own.
    let size = 1_u64 << (32 - u32::from(subnet.cidr.prefix_len()));
    let used = super::interfaces::addresses(topology).filter(|(holder, _)| *holder == subnet.id).count();
    let free = size.saturating_sub(5 + u64::try_from(used).unwrap_or(u64::MAX));
    let ipv6 = topology.ipv6.as_ref().filter(|_| subnet.id == topology.instance.subnet);
    let native = ipv6.is_some_and(|ipv6| ipv6.link_local_ipv4.is_some());
    let mut nodes = vec![
        text("subnetId", &subnet.id),
        text("subnetArn", arn),
        text("state", "available"),
        view.owner(),
        view.vpc(),
        list(
            "ipv6CidrBlockAssociationSet",
            ipv6.map(|ipv6| ipv6_association("subnet", &subnet.id, &ipv6.subnet_cidr)),
        ),
        text("availabilityZone", topology.zone_name(subnet)),
        text("availabilityZoneId", zone_id(view.region(), subnet.zone)),
        text("defaultForAz", false),
        text("mapPublicIpOnLaunch", false),
        text("assignIpv6AddressOnCreation", native),
        text("ipv6Native", native),
        text("enableDns64", false),
        node("tagSet", vec![]),
    ];
    if !native {
        nodes.extend([text("cidrBlock", subnet.cidr), text("availableIpAddressCount", free)]);
    }
    nodes
}

fn ipv6_association(kind: &str, holder: &str, cidr: &Ipv6Net) -> Vec<Node> {
    let cidr = cidr.to_string();
    vec![
        text("associationId", derived(&format!("{kind}-cidr-assoc"), &[holder, &cidr])),
        text("ipv6CidrBlock", cidr),
        node("ipv6CidrBlockState", vec![text("state", "associated")]),
    ]
}

/// The description of one DHCP option set.
pub(super) fn dhcp_options(view: &View<'_>, dhcp: &DhcpOptions) -> Vec<Node> {
    let option = |key: &str, values: Vec<String>| {
        let values = values.into_iter().map(|value| vec![text("value", value)]);
        vec![text("key", key), list("valueSet", values)]
    };
    let domains = dhcp.domain_names.clone().unwrap_or_else(|| vec![internal_domain(view.region())]);
    let servers = dhcp.name_servers.as_ref().map_or_else(
        || vec!["AmazonProvidedDNS".to_owned()],
        |servers| servers.iter().map(ToString::to_string).collect(),
    );
    let options = [option("domain-name", vec![domains.join(" ")]), option("domain-name-servers", servers)];
    vec![
        text("dhcpOptionsId", dhcp_options_id(view.topology, dhcp)),
        view.owner(),
        list("dhcpConfigurationSet", options),
        node("tagSet", vec![]),
    ]
}

/// The id of a DHCP option set.
pub(super) fn dhcp_options_id(topology: &Topology, dhcp: &DhcpOptions) -> String {
    dhcp.id.clone().unwrap_or_else(|| derived("dopt", &[&topology.vpc.id]))
}
