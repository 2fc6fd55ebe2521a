//! The calls themselves: what is asked of EC2 with which filter, and what its answer is reduced to.
//!
//! Everything is asked for by filter and not by id, because EC2 refuses a whole call for one id that it does not know,
//! and gives what it knows for a filter.

use std::net::IpAddr;

use aws_sdk_ec2::types::{Filter, VpcAttributeName};
use ipnet::IpNet;

use super::ask::{Asker, pages};
use super::{
    DnsAttributes, Exclusion, InternetGatewayBlock, ManagedPrefixList, NatGateway, NetworkAcl,
    NetworkInterface, ReadFailure, RouteTable, SecurityGroup, Subnet, SubnetRoutes, VpcEndpoint, reduce,
};
use crate::plan::InspectPlan;

/// Every operation of EC2 that is asked, which is also the name of the permission that it needs.
pub const ACTIONS: [&str; 12] = [
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribePrefixLists",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcBlockPublicAccessExclusions",
    "ec2:DescribeVpcBlockPublicAccessOptions",
    "ec2:DescribeVpcEndpoints",
    "ec2:GetManagedPrefixListEntries",
];

/// VPC endpoints on one page: with a policy of the largest size for each, a page stays below the longest answer.
const ENDPOINTS_ON_A_PAGE: i32 = 50;
/// Entries of a prefix list on one page, the most that EC2 gives.
const ENTRIES_ON_A_PAGE: i32 = 100;

/// The route table of a subnet: the one it is associated with, else the VPC's main one.
pub(super) async fn route_table(
    asker: &Asker<'_>,
    vpc_id: &str,
    subnet_id: &str,
) -> Result<RouteTable, ReadFailure> {
    let own = route_tables(asker, vec![filter("association.subnet-id", [subnet_id])]).await?;
    if let Some(table) = own.first() {
        return reduce::route_table(table, false);
    }
    let main = [filter("vpc-id", [vpc_id]), filter("association.main", ["true"])];
    match route_tables(asker, main.into()).await?.first() {
        Some(table) => reduce::route_table(table, true),
        None => Err(ReadFailure::Unexpected {
            text: "no route table of the subnet's own and no main one".to_owned(),
        }),
    }
}

/// The route tables of several subnets: those that they are associated with, and the VPC's main one for the others.
pub(super) async fn route_tables_of(
    asker: &Asker<'_>,
    vpc_id: &str,
    subnets: &[String],
) -> Result<Vec<SubnetRoutes>, ReadFailure> {
    let own = route_tables(asker, vec![filter("association.subnet-id", subnets)]).await?;
    let (mut found, unassociated) = reduce::subnet_routes(&own, subnets)?;
    if !unassociated.is_empty() {
        let main = [filter("vpc-id", [vpc_id]), filter("association.main", ["true"])];
        let main = route_tables(asker, main.into()).await?;
        let table = main.first().ok_or_else(|| ReadFailure::Unexpected {
            text: "no route table of a subnet's own and no main one".to_owned(),
        })?;
        found.push(SubnetRoutes { subnets: unassociated, table: reduce::route_table(table, true)? });
    }
    Ok(found)
}

async fn route_tables(
    asker: &Asker<'_>,
    filters: Vec<Filter>,
) -> Result<Vec<aws_sdk_ec2::types::RouteTable>, ReadFailure> {
    pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            client.describe_route_tables().set_filters(Some(filters.clone())).set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeRouteTables", send).await?;
        Ok((page.route_tables.unwrap_or_default(), page.next_token))
    })
    .await
}

/// The VPC endpoints of a VPC.
pub(super) async fn vpc_endpoints(
    asker: &Asker<'_>,
    vpc_id: &str,
    plan: &InspectPlan,
) -> Result<Vec<VpcEndpoint>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.describe_vpc_endpoints().filters(filter("vpc-id", [vpc_id]));
            request.max_results(ENDPOINTS_ON_A_PAGE).set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeVpcEndpoints", send).await?;
        Ok((page.vpc_endpoints.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::vpc_endpoints(&found, plan)
}

/// The prefix lists with these names; a Region that has no such service has no such list.
pub(super) async fn prefix_lists(
    asker: &Asker<'_>,
    names: &[String],
) -> Result<Vec<ManagedPrefixList>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.describe_prefix_lists().filters(filter("prefix-list-name", names));
            request.set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribePrefixLists", send).await?;
        Ok((page.prefix_lists.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::prefix_lists(&found)
}

/// The entries of a prefix list.
pub(super) async fn prefix_list_entries(asker: &Asker<'_>, id: &str) -> Result<Vec<IpNet>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.get_managed_prefix_list_entries().prefix_list_id(id);
            request.max_results(ENTRIES_ON_A_PAGE).set_next_token(token).send()
        };
        let page = asker.ask("ec2:GetManagedPrefixListEntries", send).await?;
        Ok((page.entries.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::prefix_list_entries(&found)
}

/// The subnets with these ids, as far as EC2 knows them.
pub(super) async fn subnets(asker: &Asker<'_>, ids: &[String]) -> Result<Vec<Subnet>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            client.describe_subnets().filters(filter("subnet-id", ids)).set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeSubnets", send).await?;
        Ok((page.subnets.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::subnets(&found)
}

/// The network interfaces of a VPC that hold one of these addresses. Filters add up, so each family is a call of its own.
pub(super) async fn network_interfaces(
    asker: &Asker<'_>,
    vpc_id: &str,
    addresses: &[IpAddr],
    endpoints: &[VpcEndpoint],
) -> Result<Vec<NetworkInterface>, ReadFailure> {
    let holding = |name: &'static str, is_family: fn(&IpAddr) -> bool| async move {
        let wanted: Vec<String> =
            addresses.iter().filter(|address| is_family(address)).map(ToString::to_string).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let filters = vec![filter("vpc-id", [vpc_id]), filter(name, &wanted)];
        pages(|token| async {
            let send = |client: aws_sdk_ec2::Client| {
                let request = client.describe_network_interfaces().set_filters(Some(filters.clone()));
                request.set_next_token(token).send()
            };
            let page = asker.ask("ec2:DescribeNetworkInterfaces", send).await?;
            Ok((page.network_interfaces.unwrap_or_default(), page.next_token))
        })
        .await
    };
    let (ipv4, ipv6) = tokio::join!(
        Box::pin(holding("addresses.private-ip-address", IpAddr::is_ipv4)),
        Box::pin(holding("ipv6-addresses.ipv6-address", IpAddr::is_ipv6))
    );
    let mut found = ipv4?;
    found.extend(ipv6?);
    reduce::network_interfaces(&found, addresses, endpoints)
}

/// The NAT gateways of a VPC.
pub(super) async fn nat_gateways(asker: &Asker<'_>, vpc_id: &str) -> Result<Vec<NatGateway>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.describe_nat_gateways().filter(filter("vpc-id", [vpc_id]));
            request.set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeNatGateways", send).await?;
        Ok((page.nat_gateways.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::nat_gateways(&found)
}

/// What keeps the account's VPCs in this Region from the internet.
pub(super) async fn internet_gateway_block(asker: &Asker<'_>) -> Result<InternetGatewayBlock, ReadFailure> {
    let send = |client: aws_sdk_ec2::Client| client.describe_vpc_block_public_access_options().send();
    let answer = asker.ask("ec2:DescribeVpcBlockPublicAccessOptions", send).await?;
    reduce::internet_gateway_block(answer.vpc_block_public_access_options())
}

/// What is excluded from that block, of the VPC and subnets with these ids.
pub(super) async fn exclusions(
    asker: &Asker<'_>,
    concerned: &[String],
) -> Result<Vec<Exclusion>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            client.describe_vpc_block_public_access_exclusions().set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeVpcBlockPublicAccessExclusions", send).await?;
        Ok((page.vpc_block_public_access_exclusions.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::exclusions(&found, concerned)
}

/// The security groups with these ids, as far as EC2 knows them.
pub(super) async fn security_groups(
    asker: &Asker<'_>,
    ids: &[String],
) -> Result<Vec<SecurityGroup>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.describe_security_groups().filters(filter("group-id", ids));
            request.set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeSecurityGroups", send).await?;
        Ok((page.security_groups.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::security_groups(&found)
}

/// The network ACLs of these subnets.
pub(super) async fn network_acls(
    asker: &Asker<'_>,
    subnets: &[String],
) -> Result<Vec<NetworkAcl>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.describe_network_acls().filters(filter("association.subnet-id", subnets));
            request.set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeNetworkAcls", send).await?;
        Ok((page.network_acls.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::network_acls(&found, subnets)
}

/// Both DNS attributes of a VPC; EC2 gives one a call.
pub(super) async fn dns(asker: &Asker<'_>, vpc_id: &str) -> Result<DnsAttributes, ReadFailure> {
    let attribute = |name: VpcAttributeName| async move {
        let send = |client: aws_sdk_ec2::Client| {
            client.describe_vpc_attribute().vpc_id(vpc_id).attribute(name.clone()).send()
        };
        let answer = asker.ask("ec2:DescribeVpcAttribute", send).await?;
        let value = match name {
            VpcAttributeName::EnableDnsSupport => answer.enable_dns_support,
            _ => answer.enable_dns_hostnames,
        };
        value.and_then(|value| value.value).ok_or_else(|| ReadFailure::Unexpected {
            text: format!("the answer has no value of {}", name.as_str()),
        })
    };
    let (support, hostnames) = tokio::join!(
        attribute(VpcAttributeName::EnableDnsSupport),
        attribute(VpcAttributeName::EnableDnsHostnames)
    );
    Ok(DnsAttributes { support: support?, hostnames: hostnames? })
}

fn filter(name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> Filter {
    let values = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ACTIONS;

    #[test]
    fn the_table_of_operations_names_what_is_asked_and_nothing_else() {
        let this_file = include_str!("calls.rs");
        // Only this file asks; a call gives its operation as the first argument.
        let asked = this_file.split(".ask(").skip(1).filter_map(|rest| rest.split('"').nth(1));
        let asked: BTreeSet<&str> = asked.filter(|operation| operation.starts_with("ec2:")).collect();
        assert_eq!(asked, BTreeSet::from(ACTIONS));
    }
}
