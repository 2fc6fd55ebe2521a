//! The calls themselves: what is asked of EC2 with which filter, and what its answer is reduced to.
//!
//! Everything is asked for by filter and not by id, because EC2 refuses a whole call for one id that it does not know,
//! and gives what it knows for a filter.

use std::net::IpAddr;

use ipnet::IpNet;

use super::answer::Element;
use super::ask::{Asker, Parameters};
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
const ENDPOINTS_ON_A_PAGE: &str = "50";
/// Entries of a prefix list on one page, the most that EC2 gives.
const ENTRIES_ON_A_PAGE: &str = "100";

/// The route table of a subnet: the one it is associated with, else the VPC's main one.
pub(super) async fn route_table(
    asker: &Asker<'_>,
    vpc_id: &str,
    subnet_id: &str,
) -> Result<RouteTable, ReadFailure> {
    let own = route_tables(asker, Parameters::default().filter("association.subnet-id", [subnet_id])).await?;
    if let Some(table) = own.first() {
        return reduce::route_table(table, false);
    }
    match main_route_table(asker, vpc_id).await?.first() {
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
    let own = route_tables(asker, Parameters::default().filter("association.subnet-id", subnets)).await?;
    let (mut found, unassociated) = reduce::subnet_routes(&own, subnets)?;
    if !unassociated.is_empty() {
        let main = main_route_table(asker, vpc_id).await?;
        let table = main.first().ok_or_else(|| ReadFailure::Unexpected {
            text: "no route table of a subnet's own and no main one".to_owned(),
        })?;
        found.push(SubnetRoutes { subnets: unassociated, table: reduce::route_table(table, true)? });
    }
    Ok(found)
}

async fn main_route_table(asker: &Asker<'_>, vpc_id: &str) -> Result<Vec<Element>, ReadFailure> {
    let main = Parameters::default().filter("vpc-id", [vpc_id]).filter("association.main", ["true"]);
    route_tables(asker, main).await
}

async fn route_tables(asker: &Asker<'_>, parameters: Parameters) -> Result<Vec<Element>, ReadFailure> {
    asker.ask_all("DescribeRouteTables", parameters, "routeTableSet").await
}

/// The VPC endpoints of a VPC.
pub(super) async fn vpc_endpoints(
    asker: &Asker<'_>,
    vpc_id: &str,
    plan: &InspectPlan,
) -> Result<Vec<VpcEndpoint>, ReadFailure> {
    let parameters = Parameters::default().filter("vpc-id", [vpc_id]);
    let parameters = parameters.with("MaxResults", ENDPOINTS_ON_A_PAGE);
    reduce::vpc_endpoints(&asker.ask_all("DescribeVpcEndpoints", parameters, "vpcEndpointSet").await?, plan)
}

/// The prefix lists with these names; a Region that has no such service has no such list.
pub(super) async fn prefix_lists(
    asker: &Asker<'_>,
    names: &[String],
) -> Result<Vec<ManagedPrefixList>, ReadFailure> {
    let parameters = Parameters::default().filter("prefix-list-name", names);
    reduce::prefix_lists(&asker.ask_all("DescribePrefixLists", parameters, "prefixListSet").await?)
}

/// The entries of a prefix list.
pub(super) async fn prefix_list_entries(asker: &Asker<'_>, id: &str) -> Result<Vec<IpNet>, ReadFailure> {
    let parameters = Parameters::default().with("PrefixListId", id).with("MaxResults", ENTRIES_ON_A_PAGE);
    let found = asker.ask_all("GetManagedPrefixListEntries", parameters, "entrySet").await?;
    reduce::prefix_list_entries(&found)
}

/// The subnets with these ids, as far as EC2 knows them.
pub(super) async fn subnets(asker: &Asker<'_>, ids: &[String]) -> Result<Vec<Subnet>, ReadFailure> {
    let parameters = Parameters::default().filter("subnet-id", ids);
    reduce::subnets(&asker.ask_all("DescribeSubnets", parameters, "subnetSet").await?)
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
        let parameters = Parameters::default().filter("vpc-id", [vpc_id]).filter(name, &wanted);
        asker.ask_all("DescribeNetworkInterfaces", parameters, "networkInterfaceSet").await
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
    let parameters = Parameters::default().filter("vpc-id", [vpc_id]);
    reduce::nat_gateways(&asker.ask_all("DescribeNatGateways", parameters, "natGatewaySet").await?)
}

/// What keeps the account's VPCs in this Region from the internet.
pub(super) async fn internet_gateway_block(asker: &Asker<'_>) -> Result<InternetGatewayBlock, ReadFailure> {
    let answer = asker.ask("DescribeVpcBlockPublicAccessOptions", &Parameters::default()).await?;
    reduce::internet_gateway_block(answer.child("vpcBlockPublicAccessOptions"))
}

/// What is excluded from that block, of the VPC and subnets with these ids.
pub(super) async fn exclusions(
    asker: &Asker<'_>,
    concerned: &[String],
) -> Result<Vec<Exclusion>, ReadFailure> {
    let (all, list) = (Parameters::default(), "vpcBlockPublicAccessExclusionSet");
    let found = asker.ask_all("DescribeVpcBlockPublicAccessExclusions", all, list).await?;
    reduce::exclusions(&found, concerned)
}

/// The security groups with these ids, as far as EC2 knows them.
pub(super) async fn security_groups(
    asker: &Asker<'_>,
    ids: &[String],
) -> Result<Vec<SecurityGroup>, ReadFailure> {
    let parameters = Parameters::default().filter("group-id", ids);
    reduce::security_groups(&asker.ask_all("DescribeSecurityGroups", parameters, "securityGroupInfo").await?)
}

/// The network ACLs of these subnets.
pub(super) async fn network_acls(
    asker: &Asker<'_>,
    subnets: &[String],
) -> Result<Vec<NetworkAcl>, ReadFailure> {
    let parameters = Parameters::default().filter("association.subnet-id", subnets);
    let found = asker.ask_all("DescribeNetworkAcls", parameters, "networkAclSet").await?;
    reduce::network_acls(&found, subnets)
}

/// Both DNS attributes of a VPC; EC2 gives one a call.
pub(super) async fn dns(asker: &Asker<'_>, vpc_id: &str) -> Result<DnsAttributes, ReadFailure> {
    let attribute = |name: &'static str| async move {
        let parameters = Parameters::default().with("VpcId", vpc_id).with("Attribute", name);
        let answer = asker.ask("DescribeVpcAttribute", &parameters).await?;
        let value = answer.child(name).map_or(Ok(None), |attribute| attribute.flag("value"))?;
        value.ok_or_else(|| ReadFailure::Unexpected { text: format!("the answer has no value of {name}") })
    };
    let (support, hostnames) = tokio::join!(attribute("enableDnsSupport"), attribute("enableDnsHostnames"));
    Ok(DnsAttributes { support: support?, hostnames: hostnames? })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ACTIONS;

    #[test]
    fn the_table_of_operations_names_what_is_asked_and_nothing_else() {
        let this_file = include_str!("calls.rs");
        // Only this file asks; a call gives its operation as the first argument.
        let calls = [".ask(", ".ask_all("].into_iter().flat_map(|call| this_file.split(call).skip(1));
        let first = calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        let actions = first.filter(|action| action.chars().all(char::is_alphanumeric));
        let asked: BTreeSet<String> = actions.map(|action| format!("ec2:{action}")).collect();
        let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
        assert_eq!(asked, BTreeSet::from(ACTIONS));
    }
}
