//! The calls themselves: what is asked of EC2 with which filter, and what its answer is reduced to.
//!
//! Everything is asked for by filter and not by id, because EC2 refuses a whole call for one id that it does not know,
//! and gives what it knows for a filter.

use aws_sdk_ec2::types::{Filter, VpcAttributeName};

use super::ask::{Asker, pages};
use super::{
    DnsAttributes, ManagedPrefixList, NetworkAcl, ReadFailure, RouteTable, SecurityGroup, VpcEndpoint, reduce,
};

/// VPC endpoints on one page: with a policy of the largest size for each, a page stays below the longest answer.
const ENDPOINTS_ON_A_PAGE: i32 = 50;

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
pub(super) async fn vpc_endpoints(asker: &Asker<'_>, vpc_id: &str) -> Result<Vec<VpcEndpoint>, ReadFailure> {
    let found = pages(|token| async {
        let send = |client: aws_sdk_ec2::Client| {
            let request = client.describe_vpc_endpoints().filters(filter("vpc-id", [vpc_id]));
            request.max_results(ENDPOINTS_ON_A_PAGE).set_next_token(token).send()
        };
        let page = asker.ask("ec2:DescribeVpcEndpoints", send).await?;
        Ok((page.vpc_endpoints.unwrap_or_default(), page.next_token))
    })
    .await?;
    reduce::vpc_endpoints(&found)
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
