//! The same for the things around the instance's subnet: further route tables, entries of prefix lists, subnets, network
//! interfaces, NAT gateways, and the block on public access.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Element, cidr, each, name, route_table, unexpected};
use crate::control_plane::{
    Exclusion, InternetGatewayBlock, NatGateway, NetworkInterface, ReadFailure, Subnet, SubnetRoutes,
    VpcEndpoint,
};

/// Route tables with those of the subnets that they are associated with, and the subnets that none is associated with.
pub(in crate::control_plane) fn subnet_routes(
    found: &[Element],
    subnets: &[String],
) -> Result<(Vec<SubnetRoutes>, Vec<String>), ReadFailure> {
    let mut left = subnets.to_vec();
    let mut tables = each(found, |table| {
        let associated = |subnet: &&String| {
            let mut associations = table.items("associationSet").iter();
            associations.any(|association| association.text("subnetId") == Some(subnet.as_str()))
        };
        let mut own: Vec<String> = subnets.iter().filter(associated).cloned().collect();
        own.sort();
        Ok(SubnetRoutes { subnets: own, table: route_table(table, false)? })
    })?;
    left.retain(|subnet| !tables.iter().any(|table| table.subnets.contains(subnet)));
    left.sort();
    tables.sort_by(|one, other| one.table.id.cmp(&other.table.id));
    Ok((tables, left))
}

/// The entries of a prefix list, in EC2's order.
pub(in crate::control_plane) fn prefix_list_entries(found: &[Element]) -> Result<Vec<IpNet>, ReadFailure> {
    each(found, |entry| cidr(entry.text("cidr").unwrap_or_default()))
}

/// Subnets, by id.
pub(in crate::control_plane) fn subnets(found: &[Element]) -> Result<Vec<Subnet>, ReadFailure> {
    let mut subnets = each(found, |subnet| {
        let mut cidrs = each(subnet.text("cidrBlock").as_slice(), |block| cidr(block))?;
        let ipv6 = subnet.items("ipv6CidrBlockAssociationSet").iter();
        let ipv6: Vec<&str> = ipv6.filter_map(|association| association.text("ipv6CidrBlock")).collect();
        cidrs.extend(each(&ipv6, |block| cidr(block))?);
        let zone_id = subnet.text("availabilityZoneId");
        Ok(Subnet {
            id: name("subnet", subnet.text("subnetId"))?,
            availability_zone: name("zone", subnet.text("availabilityZone"))?,
            availability_zone_id: zone_id.map(|id| name("zone", Some(id))).transpose()?,
            cidrs,
        })
    })?;
    subnets.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(subnets)
}

/// Network interfaces, by id, each with those addresses that were asked for and the VPC endpoint that names it as its own.
pub(in crate::control_plane) fn network_interfaces(
    found: &[Element],
    asked: &[IpAddr],
    endpoints: &[VpcEndpoint],
) -> Result<Vec<NetworkInterface>, ReadFailure> {
    let mut interfaces = each(found, |interface| {
        let id = name("network interface", interface.text("networkInterfaceId"))?;
        let ipv4 =
            interface.items("privateIpAddressesSet").iter().filter_map(|held| held.text("privateIpAddress"));
        let ipv6 = interface.items("ipv6AddressesSet").iter().filter_map(|held| held.text("ipv6Address"));
        let mut addresses: Vec<IpAddr> = ipv4.chain(ipv6).filter_map(|held| held.parse().ok()).collect();
        addresses.retain(|address| asked.contains(address));
        addresses.sort();
        addresses.dedup();
        let endpoint = endpoints.iter().find(|endpoint| endpoint.network_interfaces.contains(&id));
        let instance = interface.child("attachment").and_then(|attachment| attachment.text("instanceId"));
        Ok(NetworkInterface {
            kind: name("type of network interface", interface.text("interfaceType"))?,
            vpc_endpoint: endpoint.map(|endpoint| endpoint.id.clone()),
            instance: instance.map(|id| name("instance", Some(id))).transpose()?,
            subnet: name("subnet", interface.text("subnetId"))?,
            security_groups: each(interface.items("groupSet"), |group| {
                name("security group", group.text("groupId"))
            })?,
            id,
            addresses,
        })
    })?;
    interfaces.retain(|interface| !interface.addresses.is_empty());
    interfaces.sort_by(|one, other| one.id.cmp(&other.id));
    interfaces.dedup_by(|one, other| one.id == other.id);
    Ok(interfaces)
}

/// NAT gateways, by id.
pub(in crate::control_plane) fn nat_gateways(found: &[Element]) -> Result<Vec<NatGateway>, ReadFailure> {
    let mut gateways = each(found, |nat| {
        let failure = nat.text("failureCode").filter(|code| !code.is_empty());
        Ok(NatGateway {
            id: name("NAT gateway", nat.text("natGatewayId"))?,
            state: name("state of NAT gateway", nat.text("state"))?,
            failure: failure.map(|code| name("failure of a NAT gateway", Some(code))).transpose()?,
            subnet: nat.text("subnetId").map(|id| name("subnet", Some(id))).transpose()?,
            private: nat.text("connectivityType") == Some("private"),
        })
    })?;
    gateways.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(gateways)
}

/// What is blocked, where EC2 uses a word that is known.
pub(in crate::control_plane) fn internet_gateway_block(
    options: Option<&Element>,
) -> Result<InternetGatewayBlock, ReadFailure> {
    match options.and_then(|options| options.text("internetGatewayBlockMode")) {
        Some("off") => Ok(InternetGatewayBlock::Off),
        Some("block-ingress") => Ok(InternetGatewayBlock::Ingress),
        Some("block-bidirectional") => Ok(InternetGatewayBlock::Bidirectional),
        _ => Err(unexpected("the answer has no known mode of VPC Block Public Access")),
    }
}

/// The exclusions of the VPC and subnets concerned that are in effect, by id.
pub(in crate::control_plane) fn exclusions(
    found: &[Element],
    concerned: &[String],
) -> Result<Vec<Exclusion>, ReadFailure> {
    let in_effect =
        |exclusion: &&Element| matches!(exclusion.text("state"), Some("create-complete" | "update-complete"));
    let found: Vec<_> = found.iter().filter(in_effect).collect();
    let mut exclusions = each(&found, |exclusion| {
        let arn = name("excluded resource", exclusion.text("resourceArn"))?;
        Ok(Exclusion {
            // `arn:aws:ec2:REGION:ACCOUNT:vpc/vpc-…` or `…:subnet/subnet-…`.
            id: arn.rsplit('/').next().unwrap_or_default().to_owned(),
            inward_too: exclusion.text("internetGatewayExclusionMode") == Some("allow-bidirectional"),
        })
    })?;
    exclusions.retain(|exclusion| concerned.contains(&exclusion.id));
    exclusions.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(exclusions)
}
