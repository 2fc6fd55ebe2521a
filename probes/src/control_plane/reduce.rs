//! From EC2's answers to the facts that are kept. Pure: types of the SDK in, types of the report out.
//!
//! What is not understood is a failure and no gap: a route, an entry or a rule that was left out would let the rest say
//! something that is not so. Names, tags, descriptions and policies are not kept.

mod around;

use aws_sdk_ec2::types as ec2;
use ipnet::IpNet;

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
pub(super) fn route_table(table: &ec2::RouteTable, is_main: bool) -> Result<RouteTable, ReadFailure> {
    let in_effect = |route: &&ec2::Route| route.state() != Some(&ec2::RouteState::Filtered);
    let routes: Vec<&ec2::Route> = table.routes().iter().filter(in_effect).collect();
    Ok(RouteTable {
        id: name("route table", table.route_table_id())?,
        is_main,
        routes: each(&routes, |r| route(r))?,
    })
}

fn route(route: &ec2::Route) -> Result<Route, ReadFailure> {
    let block = route.destination_cidr_block().or(route.destination_ipv6_cidr_block());
    let list = route.destination_prefix_list_id();
    if block.is_none() && list.is_none() {
        return Err(unexpected("a route has no destination"));
    }
    // An instance as target is given with its interface, which says more. A target of a kind that is not known yet is
    // told by none of these fields.
    let targets = [
        route.gateway_id(),
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.vpc_peering_connection_id(),
        route.egress_only_internet_gateway_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
        route.odb_network_arn(),
        route.network_interface_id(),
        route.instance_id(),
        Some("unknown"),
    ];
    Ok(Route {
        cidr: block.map(cidr).transpose()?,
        prefix_list: list.map(|list| name("prefix list", Some(list))).transpose()?,
        target: name("target", targets.into_iter().flatten().next())?,
        blackhole: route.state() == Some(&ec2::RouteState::Blackhole),
    })
}

/// VPC endpoints, by id, those for S3 with what their policies keep away of what the plan names.
pub(super) fn vpc_endpoints(
    found: &[ec2::VpcEndpoint],
    plan: &InspectPlan,
) -> Result<Vec<VpcEndpoint>, ReadFailure> {
    let mut endpoints = each(found, |endpoint| {
        let names = |what, ids: &[String]| each(ids, |id| name(what, Some(id)));
        let dns = endpoint.dns_options();
        let for_s3 = endpoint.service_name().is_some_and(|name| name.rsplit('.').next() == Some("s3"));
        let policy = endpoint.policy_document().filter(|_| for_s3);
        let kept = plan.aws_buckets.iter().filter(|bucket| {
            policy.is_some_and(|policy| keeps_away(policy, bucket, plan.account_id.as_deref()))
        });
        Ok(VpcEndpoint {
            id: name("VPC endpoint", endpoint.vpc_endpoint_id())?,
            service_name: name("endpoint service", endpoint.service_name())?,
            kind: name(
                "type of VPC endpoint",
                endpoint.vpc_endpoint_type().map(ec2::VpcEndpointType::as_str),
            )?,
            state: state(&name("state of VPC endpoint", endpoint.state().map(ec2::State::as_str))?),
            route_tables: names("route table", endpoint.route_table_ids())?,
            subnets: names("subnet", endpoint.subnet_ids())?,
            network_interfaces: names("network interface", endpoint.network_interface_ids())?,
            addresses: Vec::new(),
            security_groups: each(endpoint.groups(), |group| name("security group", group.group_id()))?,
            private_dns: endpoint.private_dns_enabled().unwrap_or_default(),
            private_dns_inbound_only: dns
                .and_then(ec2::DnsOptions::private_dns_only_for_inbound_resolver_endpoint)
                .unwrap_or_default(),
            has_policy: endpoint.policy_document().is_some_and(|policy| !allows_everything(policy)),
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
pub(super) fn prefix_lists(found: &[ec2::PrefixList]) -> Result<Vec<ManagedPrefixList>, ReadFailure> {
    let mut lists = each(found, |list| {
        Ok(ManagedPrefixList {
            id: name("prefix list", list.prefix_list_id())?,
            name: name("name of a prefix list", list.prefix_list_name())?,
            cidrs: each(list.cidrs(), |block| cidr(block))?,
        })
    })?;
    lists.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(lists)
}

/// Security groups, by id.
pub(super) fn security_groups(found: &[ec2::SecurityGroup]) -> Result<Vec<SecurityGroup>, ReadFailure> {
    let mut groups = each(found, |group| {
        Ok(SecurityGroup {
            id: name("security group", group.group_id())?,
            egress: each(group.ip_permissions_egress(), group_rule)?,
            ingress: each(group.ip_permissions(), group_rule)?,
        })
    })?;
    groups.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(groups)
}

fn group_rule(permission: &ec2::IpPermission) -> Result<GroupRule, ReadFailure> {
    let protocol = name("protocol", permission.ip_protocol())?;
    // For ICMP the same two fields hold a type and a code.
    let has_ports = matches!(protocol.as_str(), "tcp" | "udp" | "6" | "17");
    let ports = if has_ports { ports(permission.from_port(), permission.to_port())? } else { None };
    let mut cidrs = each(permission.ip_ranges(), |range| cidr(range.cidr_ip().unwrap_or_default()))?;
    cidrs.extend(each(permission.ipv6_ranges(), |range| cidr(range.cidr_ipv6().unwrap_or_default()))?);
    Ok(GroupRule {
        protocol,
        ports,
        cidrs,
        prefix_lists: each(permission.prefix_list_ids(), |list| name("prefix list", list.prefix_list_id()))?,
        groups: each(permission.user_id_group_pairs(), |pair| name("security group", pair.group_id()))?,
    })
}

/// Network ACLs, by id, each with those of the subnets concerned that it holds for.
pub(super) fn network_acls(
    found: &[ec2::NetworkAcl],
    concerned: &[String],
) -> Result<Vec<NetworkAcl>, ReadFailure> {
    let mut acls = each(found, |acl| {
        let subnets = acl.associations().iter().filter_map(|association| association.subnet_id());
        let mut subnets: Vec<String> =
            concerned.iter().filter(|wanted| subnets.clone().any(|id| id == *wanted)).cloned().collect();
        subnets.sort();
        let mut entries = each(acl.entries(), acl_entry)?;
        entries.sort_by_key(|entry| (entry.egress, entry.number));
        Ok(NetworkAcl { id: name("network ACL", acl.network_acl_id())?, subnets, entries })
    })?;
    acls.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(acls)
}

fn acl_entry(entry: &ec2::NetworkAclEntry) -> Result<AclEntry, ReadFailure> {
    let number = entry.rule_number().and_then(|number| u16::try_from(number).ok());
    let protocol = entry.protocol().and_then(|number| number.parse().ok());
    let range = entry.port_range();
    Ok(AclEntry {
        number: number.ok_or_else(|| unexpected("an entry of a network ACL has no number"))?,
        egress: entry.egress().ok_or_else(|| unexpected("an entry of a network ACL has no direction"))?,
        allow: match entry.rule_action() {
            Some(ec2::RuleAction::Allow) => true,
            Some(ec2::RuleAction::Deny) => false,
            _ => return Err(unexpected("an entry of a network ACL neither allows nor denies")),
        },
        protocol: protocol.ok_or_else(|| unexpected("an entry of a network ACL has no protocol number"))?,
        cidr: cidr(entry.cidr_block().or(entry.ipv6_cidr_block()).unwrap_or_default())?,
        ports: range.map_or(Ok(None), |range| ports(range.from(), range.to()))?,
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
