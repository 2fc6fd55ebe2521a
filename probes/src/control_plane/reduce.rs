//! From EC2's answers to the facts that are kept. Pure: elements of an answer in, types of the report out.
//!
//! What is not understood is a failure and no gap: a route, an entry or a rule that was left out would let the rest say
//! something that is not so. Names, tags, descriptions and policies are not kept.

mod around;

use ipnet::IpNet;

use super::answer::Element;
use super::policy::{allows_everything, keeps_away};
use super::{
    AclEntry, GroupRule, ManagedPrefixList, NetworkAcl, ReadFailure, Route, RouteTable, SecurityGroup,
    VpcEndpoint,
};
use crate::plan::InspectPlan;

pub(super) use around::{
    exclusions, internet_gateway_block, nat_gateways, network_interfaces, prefix_list_entries, subnet_routes,
    subnets,
};

/// The longest id or name that is kept; ARNs of core networks have about 100 characters.
const LONGEST_NAME: usize = 200;
/// The most entries of any one list. AWS's own limits are lower: 1,000 for the rules of a security group, the routes of a
/// table and the entries of a prefix list (Amazon VPC quotas).
const MOST_ENTRIES: usize = 2_000;

/// A route table, its routes in EC2's order.
pub(super) fn route_table(table: &Element, is_main: bool) -> Result<RouteTable, ReadFailure> {
    let in_effect = |route: &&Element| route.text("state") != Some("filtered");
    let routes: Vec<&Element> = table.items("routeSet").iter().filter(in_effect).collect();
    Ok(RouteTable {
        id: name("route table", table.text("routeTableId"))?,
        is_main,
        routes: each(&routes, |r| route(r))?,
    })
}

fn route(route: &Element) -> Result<Route, ReadFailure> {
    let block = route.text("destinationCidrBlock").or(route.text("destinationIpv6CidrBlock"));
    let list = route.text("destinationPrefixListId");
    if block.is_none() && list.is_none() {
        return Err(unexpected("a route has no destination"));
    }
    // An instance as target is given with its interface, which says more. A target of a kind that is not known yet is
    // told by none of these fields.
    let targets = [
        route.text("gatewayId"),
        route.text("natGatewayId"),
        route.text("transitGatewayId"),
        route.text("vpcPeeringConnectionId"),
        route.text("egressOnlyInternetGatewayId"),
        route.text("localGatewayId"),
        route.text("carrierGatewayId"),
        route.text("coreNetworkArn"),
        route.text("odbNetworkArn"),
        route.text("networkInterfaceId"),
        route.text("instanceId"),
        Some("unknown"),
    ];
    Ok(Route {
        cidr: block.map(cidr).transpose()?,
        prefix_list: list.map(|list| name("prefix list", Some(list))).transpose()?,
        target: name("target", targets.into_iter().flatten().next())?,
        blackhole: route.text("state") == Some("blackhole"),
    })
}

/// VPC endpoints, by id, those for S3 with what their policies keep away of what the plan names.
pub(super) fn vpc_endpoints(found: &[Element], plan: &InspectPlan) -> Result<Vec<VpcEndpoint>, ReadFailure> {
    let mut endpoints = each(found, |endpoint| {
        let names = |what, list| each(endpoint.items(list), |id| name(what, Some(id.own_text())));
        let inbound_only = endpoint
            .child("dnsOptions")
            .map_or(Ok(None), |dns| dns.flag("privateDnsOnlyForInboundResolverEndpoint"))?;
        let policy = endpoint.text("policyDocument");
        let for_s3 = endpoint.text("serviceName").is_some_and(|name| name.rsplit('.').next() == Some("s3"));
        let kept = plan.aws_buckets.iter().filter(|bucket| {
            let keeps = |policy: &str| keeps_away(policy, bucket, plan.account_id.as_deref());
            policy.filter(|_| for_s3).is_some_and(keeps)
        });
        Ok(VpcEndpoint {
            id: name("VPC endpoint", endpoint.text("vpcEndpointId"))?,
            service_name: name("endpoint service", endpoint.text("serviceName"))?,
            kind: name("type of VPC endpoint", endpoint.text("vpcEndpointType"))?,
            state: state(&name("state of VPC endpoint", endpoint.text("state"))?),
            route_tables: names("route table", "routeTableIdSet")?,
            subnets: names("subnet", "subnetIdSet")?,
            network_interfaces: names("network interface", "networkInterfaceIdSet")?,
            addresses: Vec::new(),
            security_groups: each(endpoint.items("groupSet"), |group| {
                name("security group", group.text("groupId"))
            })?,
            private_dns: endpoint.flag("privateDnsEnabled")?.unwrap_or_default(),
            private_dns_inbound_only: inbound_only.unwrap_or_default(),
            has_policy: policy.is_some_and(|policy| !allows_everything(policy)),
            keeps_away: kept.map(|bucket| bucket.name.clone()).collect(),
        })
    })?;
    endpoints.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(endpoints)
}

/// The API's documentation begins states with a capital, its answers do not.
fn state(state: &str) -> String {
    let mut letters = state.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Prefix lists with their entries, by name.
pub(super) fn prefix_lists(found: &[Element]) -> Result<Vec<ManagedPrefixList>, ReadFailure> {
    let mut lists = each(found, |list| {
        Ok(ManagedPrefixList {
            id: name("prefix list", list.text("prefixListId"))?,
            name: name("name of a prefix list", list.text("prefixListName"))?,
            cidrs: each(list.items("cidrSet"), |block| cidr(block.own_text()))?,
        })
    })?;
    lists.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(lists)
}

/// Security groups, by id.
pub(super) fn security_groups(found: &[Element]) -> Result<Vec<SecurityGroup>, ReadFailure> {
    let mut groups = each(found, |group| {
        Ok(SecurityGroup {
            id: name("security group", group.text("groupId"))?,
            egress: each(group.items("ipPermissionsEgress"), group_rule)?,
            ingress: each(group.items("ipPermissions"), group_rule)?,
        })
    })?;
    groups.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(groups)
}

fn group_rule(permission: &Element) -> Result<GroupRule, ReadFailure> {
    let protocol = name("protocol", permission.text("ipProtocol"))?;
    // For ICMP the same two fields hold a type and a code.
    let has_ports = matches!(protocol.as_str(), "tcp" | "udp" | "6" | "17");
    let ports =
        if has_ports { ports(permission.number("fromPort")?, permission.number("toPort")?)? } else { None };
    let mut cidrs =
        each(permission.items("ipRanges"), |range| cidr(range.text("cidrIp").unwrap_or_default()))?;
    cidrs.extend(each(permission.items("ipv6Ranges"), |range| {
        cidr(range.text("cidrIpv6").unwrap_or_default())
    })?);
    Ok(GroupRule {
        protocol,
        ports,
        cidrs,
        prefix_lists: each(permission.items("prefixListIds"), |list| {
            name("prefix list", list.text("prefixListId"))
        })?,
        groups: each(permission.items("groups"), |pair| name("security group", pair.text("groupId")))?,
    })
}

/// Network ACLs, by id, each with those of the subnets concerned that it holds for.
pub(super) fn network_acls(found: &[Element], concerned: &[String]) -> Result<Vec<NetworkAcl>, ReadFailure> {
    let mut acls = each(found, |acl| {
        let subnets =
            acl.items("associationSet").iter().filter_map(|association| association.text("subnetId"));
        let mut subnets: Vec<String> =
            concerned.iter().filter(|wanted| subnets.clone().any(|id| id == *wanted)).cloned().collect();
        subnets.sort();
        let mut entries = each(acl.items("entrySet"), acl_entry)?;
        entries.sort_by_key(|entry| (entry.egress, entry.number));
        Ok(NetworkAcl { id: name("network ACL", acl.text("networkAclId"))?, subnets, entries })
    })?;
    acls.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(acls)
}

fn acl_entry(entry: &Element) -> Result<AclEntry, ReadFailure> {
    let number = entry.number("ruleNumber")?.and_then(|number| u16::try_from(number).ok());
    let protocol = entry.text("protocol").and_then(|number| number.parse().ok());
    let range = entry.child("portRange");
    Ok(AclEntry {
        number: number.ok_or_else(|| unexpected("an entry of a network ACL has no number"))?,
        egress: entry
            .flag("egress")?
            .ok_or_else(|| unexpected("an entry of a network ACL has no direction"))?,
        allow: match entry.text("ruleAction") {
            Some("allow") => true,
            Some("deny") => false,
            _ => return Err(unexpected("an entry of a network ACL neither allows nor denies")),
        },
        protocol: protocol.ok_or_else(|| unexpected("an entry of a network ACL has no protocol number"))?,
        cidr: cidr(entry.text("cidrBlock").or(entry.text("ipv6CidrBlock")).unwrap_or_default())?,
        ports: range.map_or(Ok(None), |range| ports(range.number("from")?, range.number("to")?))?,
    })
}

/// Converts every item of a list.
fn each<T, U>(items: &[T], convert: impl Fn(&T) -> Result<U, ReadFailure>) -> Result<Vec<U>, ReadFailure> {
    if items.len() > MOST_ENTRIES {
        return Err(unexpected(&format!("a list has more than {MOST_ENTRIES} entries")));
    }
    items.iter().map(convert).collect()
}

/// An id or a name that may stand in a report.
fn name(what: &str, text: Option<&str>) -> Result<String, ReadFailure> {
    let fits = |text: &&str| {
        !text.is_empty() && text.len() <= LONGEST_NAME && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match text.filter(fits) {
        Some(text) => Ok(text.to_owned()),
        None => Err(unexpected(&format!("the id or name of a {what} is missing or malformed"))),
    }
}

fn cidr(text: &str) -> Result<IpNet, ReadFailure> {
    let block: Result<IpNet, _> = text.parse();
    block.map(|block| block.trunc()).map_err(|_| {
        let start: String = text.chars().filter(char::is_ascii_graphic).take(50).collect();
        unexpected(&format!("{start:?} is no CIDR block"))
    })
}

/// A range of ports; -1 or nothing at either end is all of them.
fn ports(from: Option<i32>, to: Option<i32>) -> Result<Option<(u16, u16)>, ReadFailure> {
    let (Some(from), Some(to)) = (from, to) else { return Ok(None) };
    if from == -1 || to == -1 {
        return Ok(None);
    }
    match (u16::try_from(from), u16::try_from(to)) {
        (Ok(from), Ok(to)) if from <= to => Ok(Some((from, to))),
        _ => Err(unexpected(&format!("{from} to {to} is no range of ports"))),
    }
}

fn unexpected(text: &str) -> ReadFailure {
    ReadFailure::Unexpected { text: text.to_owned() }
}

#[cfg(test)]
mod tests;
