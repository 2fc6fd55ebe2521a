//! Security groups and network ACLs.

use ipnet::Ipv4Net;

use super::listing::Listing;
use super::xml::{Node, list, node, text};
use super::{View, derived};
use crate::topology::{AclAction, AclEntry, GroupRule, NetworkAcl, Protocol, SecurityGroup};

/// `DescribeSecurityGroups`.
pub(super) const SECURITY_GROUPS: Listing = Listing {
    operation: "DescribeSecurityGroups",
    set: "securityGroupInfo",
    ids: ("GroupId", "groupId"),
    unknown: ("InvalidGroup", "security group"),
    page: (5, 1000),
    filters: &[
        ("description", "groupDescription"),
        ("egress.ip-permission.cidr", "ipPermissionsEgress/ipRanges/cidrIp"),
        ("egress.ip-permission.from-port", "ipPermissionsEgress/fromPort"),
        ("egress.ip-permission.group-id", "ipPermissionsEgress/groups/groupId"),
        ("egress.ip-permission.group-name", "ipPermissionsEgress/groups/groupName"),
        ("egress.ip-permission.ipv6-cidr", "ipPermissionsEgress/ipv6Ranges/cidrIpv6"),
        ("egress.ip-permission.prefix-list-id", "ipPermissionsEgress/prefixListIds/prefixListId"),
        ("egress.ip-permission.protocol", "ipPermissionsEgress/ipProtocol"),
        ("egress.ip-permission.to-port", "ipPermissionsEgress/toPort"),
        ("egress.ip-permission.user-id", "ipPermissionsEgress/groups/userId"),
        ("group-id", "groupId"),
        ("group-name", "groupName"),
        ("ip-permission.cidr", "ipPermissions/ipRanges/cidrIp"),
        ("ip-permission.from-port", "ipPermissions/fromPort"),
        ("ip-permission.group-id", "ipPermissions/groups/groupId"),
        ("ip-permission.group-name", "ipPermissions/groups/groupName"),
        ("ip-permission.ipv6-cidr", "ipPermissions/ipv6Ranges/cidrIpv6"),
        ("ip-permission.prefix-list-id", "ipPermissions/prefixListIds/prefixListId"),
        ("ip-permission.protocol", "ipPermissions/ipProtocol"),
        ("ip-permission.to-port", "ipPermissions/toPort"),
        ("ip-permission.user-id", "ipPermissions/groups/userId"),
        ("owner-id", "ownerId"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| view.topology.security_groups.iter().map(|group| security_group(view, group)).collect(),
};

/// `DescribeNetworkAcls`.
pub(super) const NETWORK_ACLS: Listing = Listing {
    operation: "DescribeNetworkAcls",
    set: "networkAclSet",
    ids: ("NetworkAclId", "networkAclId"),
    unknown: ("InvalidNetworkAclID", "networkAcl ID"),
    page: (5, 1000),
    filters: &[
        ("association.association-id", "associationSet/networkAclAssociationId"),
        ("association.network-acl-id", "associationSet/networkAclId"),
        ("association.subnet-id", "associationSet/subnetId"),
        ("default", "default"),
        ("entry.cidr", "entrySet/cidrBlock"),
        ("entry.egress", "entrySet/egress"),
        ("entry.icmp.code", "entrySet/icmpTypeCode/code"),
        ("entry.icmp.type", "entrySet/icmpTypeCode/type"),
        ("entry.ipv6-cidr", "entrySet/ipv6CidrBlock"),
        ("entry.port-range.from", "entrySet/portRange/from"),
        ("entry.port-range.to", "entrySet/portRange/to"),
        ("entry.protocol", "entrySet/protocol"),
        ("entry.rule-action", "entrySet/ruleAction"),
        ("entry.rule-number", "entrySet/ruleNumber"),
        ("network-acl-id", "networkAclId"),
        ("owner-id", "ownerId"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| {
        let acls = view.topology.network_acls.iter().enumerate();
        acls.map(|(index, acl)| network_acl(view, acl, index == 0)).collect()
    },
};

fn security_group(view: &View<'_>, group: &SecurityGroup) -> Vec<Node> {
    let arn = format!(
        "arn:{}:ec2:{}:{}:security-group/{}",
        view.partition(),
        view.region(),
        view.account(),
        group.id
    );
    vec![
        view.owner(),
        text("groupId", &group.id),
        text("groupName", &group.name),
        text("groupDescription", &group.name),
        view.vpc(),
        list("ipPermissions", permissions(view, &group.ingress)),
        list("ipPermissionsEgress", permissions(view, &group.egress)),
        text("securityGroupArn", arn),
        node("tagSet", vec![]),
    ]
}

/// EC2 keeps one permission for each protocol and port range, with all peers in it.
fn permissions(view: &View<'_>, rules: &[GroupRule]) -> Vec<Vec<Node>> {
    let mut kinds: Vec<(Protocol, Option<[u16; 2]>)> = Vec::new();
    for rule in rules {
        if !kinds.contains(&(rule.protocol, rule.ports)) {
            kinds.push((rule.protocol, rule.ports));
        }
    }
    let permission = |(protocol, ports): (Protocol, Option<[u16; 2]>)| {
        let same = rules.iter().filter(|rule| (rule.protocol, rule.ports) == (protocol, ports));
        let peers: Vec<&str> = same.map(|rule| rule.peer.as_str()).collect();
        let mut nodes = vec![text("ipProtocol", protocol_name(protocol))];
        if let Some([first, last]) = bounds(protocol, ports) {
            nodes.extend([text("fromPort", first), text("toPort", last)]);
        }
        let peers = Peers::of(&peers);
        nodes.extend([
            list(
                "groups",
                peers.groups.iter().map(|id| vec![text("userId", view.account()), text("groupId", id)]),
            ),
            list("ipRanges", peers.ranges.iter().map(|cidr| vec![text("cidrIp", cidr)])),
            list("ipv6Ranges", peers.ipv6_ranges.iter().map(|cidr| vec![text("cidrIpv6", cidr)])),
            list("prefixListIds", peers.prefix_lists.iter().map(|id| vec![text("prefixListId", id)])),
        ]);
        nodes
    };
    kinds.into_iter().map(permission).collect()
}

/// The peers of one permission, by what they are.
#[derive(Default)]
struct Peers<'a> {
    groups: Vec<&'a str>,
    ranges: Vec<&'a str>,
    ipv6_ranges: Vec<&'a str>,
    prefix_lists: Vec<&'a str>,
}

impl<'a> Peers<'a> {
    fn of(peers: &[&'a str]) -> Self {
        let mut sorted = Self::default();
        for peer in peers {
            let kind = if peer.parse::<Ipv4Net>().is_ok() {
                &mut sorted.ranges
            } else if peer.contains(':') {
                &mut sorted.ipv6_ranges
            } else if peer.starts_with("pl-") {
                &mut sorted.prefix_lists
            } else {
                &mut sorted.groups
            };
            kind.push(peer);
        }
        sorted
    }
}

/// The ports of a rule, or type and code for ICMP, where the lab has no finer rules than all.
fn bounds(protocol: Protocol, ports: Option<[u16; 2]>) -> Option<[i32; 2]> {
    match protocol {
        Protocol::All => None,
        Protocol::Icmp => Some([-1, -1]),
        Protocol::Tcp | Protocol::Udp => Some(ports.unwrap_or([0, u16::MAX]).map(i32::from)),
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::All => "-1",
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    }
}

/// A VPC always has a default ACL; the first of a topology is taken for the one that came with the VPC.
fn network_acl(view: &View<'_>, acl: &NetworkAcl, default: bool) -> Vec<Node> {
    let associations =
        view.topology.subnets.iter().filter(|subnet| subnet.network_acl == acl.id).map(|subnet| {
            vec![
                text("networkAclAssociationId", derived("aclassoc", &[&acl.id, &subnet.id])),
                text("networkAclId", &acl.id),
                text("subnetId", &subnet.id),
            ]
        });
    let entries = [(true, &acl.egress), (false, &acl.ingress)].into_iter().flat_map(|(egress, entries)| {
        let mut sorted: Vec<&AclEntry> = entries.iter().collect();
        sorted.sort_by_key(|entry| entry.number);
        let own = sorted.into_iter().map(move |each| entry(each, egress));
        own.chain(std::iter::once(last_entry(egress)))
    });
    vec![
        text("networkAclId", &acl.id),
        view.vpc(),
        text("default", default),
        list("entrySet", entries),
        list("associationSet", associations),
        node("tagSet", vec![]),
        view.owner(),
    ]
}

fn entry(entry: &AclEntry, egress: bool) -> Vec<Node> {
    let number = match entry.protocol {
        Protocol::All => -1,
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Icmp => 1,
    };
    let action = match entry.action {
        AclAction::Allow => "allow",
        AclAction::Deny => "deny",
    };
    let mut nodes = vec![
        text("ruleNumber", entry.number),
        text("protocol", number),
        text("ruleAction", action),
        text("egress", egress),
        text("cidrBlock", entry.cidr),
    ];
    match (entry.protocol, bounds(entry.protocol, entry.ports)) {
        (Protocol::Icmp, Some([kind, code])) => {
            nodes.push(node("icmpTypeCode", vec![text("code", code), text("type", kind)]));
        }
        (_, Some([first, last])) => {
            nodes.push(node("portRange", vec![text("from", first), text("to", last)]));
        }
        (_, None) => {}
    }
    nodes
}

/// The entry that nobody can remove, shown with an asterisk in the console.
fn last_entry(egress: bool) -> Vec<Node> {
    vec![
        text("ruleNumber", i16::MAX),
        text("protocol", -1),
        text("ruleAction", "deny"),
        text("egress", egress),
        text("cidrBlock", "0.0.0.0/0"),
    ]
}
