//! The same for the things around the instance's subnet: further route tables, entries of prefix lists, subnets, network
//! interfaces, NAT gateways, and the block on public access.

use std::net::IpAddr;

use aws_sdk_ec2::types as ec2;
use ipnet::IpNet;

use super::{cidr, each, name, route_table, unexpected};
use crate::control_plane::{
    Exclusion, InternetGatewayBlock, NatGateway, NetworkInterface, ReadFailure, Subnet, SubnetRoutes,
    VpcEndpoint,
};

/// Route tables with those of the subnets that they are associated with, and the subnets that none is associated with.
pub(in crate::control_plane) fn subnet_routes(
    found: &[ec2::RouteTable],
    subnets: &[String],
) -> Result<(Vec<SubnetRoutes>, Vec<String>), ReadFailure> {
    let mut left = subnets.to_vec();
    let mut tables = each(found, |table| {
        let associated = |subnet: &&String| {
            let mut associations = table.associations().iter();
            associations.any(|association| association.subnet_id() == Some(subnet.as_str()))
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
pub(in crate::control_plane) fn prefix_list_entries(
    found: &[ec2::PrefixListEntry],
) -> Result<Vec<IpNet>, ReadFailure> {
    each(found, |entry| cidr(entry.cidr().unwrap_or_default()))
}

/// Subnets, by id.
pub(in crate::control_plane) fn subnets(found: &[ec2::Subnet]) -> Result<Vec<Subnet>, ReadFailure> {
    let mut subnets = each(found, |subnet| {
        let mut cidrs = each(subnet.cidr_block().as_slice(), |block| cidr(block))?;
        let ipv6 = subnet.ipv6_cidr_block_association_set().iter();
        let ipv6: Vec<&str> = ipv6.filter_map(|association| association.ipv6_cidr_block()).collect();
        cidrs.extend(each(&ipv6, |block| cidr(block))?);
        let zone_id = subnet.availability_zone_id();
        Ok(Subnet {
            id: name("subnet", subnet.subnet_id())?,
            availability_zone: name("zone", subnet.availability_zone())?,
            availability_zone_id: zone_id.map(|id| name("zone", Some(id))).transpose()?,
            cidrs,
        })
    })?;
    subnets.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(subnets)
}

/// Network interfaces, by id, each with those addresses that were asked for and the VPC endpoint that names it as its own.
pub(in crate::control_plane) fn network_interfaces(
    found: &[ec2::NetworkInterface],
    asked: &[IpAddr],
    endpoints: &[VpcEndpoint],
) -> Result<Vec<NetworkInterface>, ReadFailure> {
    let mut interfaces = each(found, |interface| {
        let id = name("network interface", interface.network_interface_id())?;
        let ipv4 = interface.private_ip_addresses().iter().filter_map(|held| held.private_ip_address());
        let ipv6 = interface.ipv6_addresses().iter().filter_map(|held| held.ipv6_address());
        let mut addresses: Vec<IpAddr> = ipv4.chain(ipv6).filter_map(|held| held.parse().ok()).collect();
        addresses.retain(|address| asked.contains(address));
        addresses.sort();
        addresses.dedup();
        let endpoint = endpoints.iter().find(|endpoint| endpoint.network_interfaces.contains(&id));
        let instance = interface.attachment().and_then(ec2::NetworkInterfaceAttachment::instance_id);
        Ok(NetworkInterface {
            kind: name(
                "type of network interface",
                interface.interface_type().map(ec2::NetworkInterfaceType::as_str),
            )?,
            vpc_endpoint: endpoint.map(|endpoint| endpoint.id.clone()),
            instance: instance.map(|id| name("instance", Some(id))).transpose()?,
            subnet: name("subnet", interface.subnet_id())?,
            security_groups: each(interface.groups(), |group| name("security group", group.group_id()))?,
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
pub(in crate::control_plane) fn nat_gateways(
    found: &[ec2::NatGateway],
) -> Result<Vec<NatGateway>, ReadFailure> {
    let mut gateways = each(found, |nat| {
        let failure = nat.failure_code().filter(|code| !code.is_empty());
        Ok(NatGateway {
            id: name("NAT gateway", nat.nat_gateway_id())?,
            state: name("state of NAT gateway", nat.state().map(ec2::NatGatewayState::as_str))?,
            failure: failure.map(|code| name("failure of a NAT gateway", Some(code))).transpose()?,
            subnet: nat.subnet_id().map(|id| name("subnet", Some(id))).transpose()?,
            private: nat.connectivity_type() == Some(&ec2::ConnectivityType::Private),
        })
    })?;
    gateways.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(gateways)
}

/// What is blocked, where EC2 uses a word that is known.
pub(in crate::control_plane) fn internet_gateway_block(
    options: Option<&ec2::VpcBlockPublicAccessOptions>,
) -> Result<InternetGatewayBlock, ReadFailure> {
    match options.and_then(ec2::VpcBlockPublicAccessOptions::internet_gateway_block_mode) {
        Some(ec2::InternetGatewayBlockMode::Off) => Ok(InternetGatewayBlock::Off),
        Some(ec2::InternetGatewayBlockMode::BlockIngress) => Ok(InternetGatewayBlock::Ingress),
        Some(ec2::InternetGatewayBlockMode::BlockBidirectional) => Ok(InternetGatewayBlock::Bidirectional),
        _ => Err(unexpected("the answer has no known mode of VPC Block Public Access")),
    }
}

/// The exclusions of the VPC and subnets concerned that are in effect, by id.
pub(in crate::control_plane) fn exclusions(
    found: &[ec2::VpcBlockPublicAccessExclusion],
    concerned: &[String],
) -> Result<Vec<Exclusion>, ReadFailure> {
    use ec2::VpcBlockPublicAccessExclusionState as State;
    let in_effect = |exclusion: &&ec2::VpcBlockPublicAccessExclusion| {
        matches!(exclusion.state(), Some(State::CreateComplete | State::UpdateComplete))
    };
    let found: Vec<_> = found.iter().filter(in_effect).collect();
    let mut exclusions = each(&found, |exclusion| {
        let arn = name("excluded resource", exclusion.resource_arn())?;
        Ok(Exclusion {
            // `arn:aws:ec2:REGION:ACCOUNT:vpc/vpc-…` or `…:subnet/subnet-…`.
            id: arn.rsplit('/').next().unwrap_or_default().to_owned(),
            inward_too: exclusion.internet_gateway_exclusion_mode()
                == Some(&ec2::InternetGatewayExclusionMode::AllowBidirectional),
        })
    })?;
    exclusions.retain(|exclusion| concerned.contains(&exclusion.id));
    exclusions.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(exclusions)
}
