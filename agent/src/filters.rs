//! What a VPC's packet filters do with a connection, worked out from their rules as EC2 describes them: security groups, which
//! are stateful and only allow, and network ACLs, which are stateless and decide by the smallest rule number that matches.
//!
//! Pure and without any guess: a list whose entries are not known, a group whose members are not known or an ACL that was not
//! read makes the answer "cannot be told", with the reason. This module does not know what way packets take, nor which
//! filters lie on it; [`diagnose`](crate::diagnose) asks it for each filter on the way.

use std::net::IpAddr;

use ipnet::IpNet;
use probes::control_plane::{AclEntry, ControlPlane, GroupRule, NetworkAcl, SecurityGroup};

#[cfg(test)]
mod tests;

/// The port of every service that is asked here.
pub const HTTPS: Ports = (443, 443);
/// The ports from which Linux opens connections (`net.ipv4.ip_local_port_range`, the kernel's default), so the ports that
/// answers come back to.
pub const EPHEMERAL: Ports = (32_768, 60_999);

/// TCP's number, as network ACLs name it.
const TCP: i16 = 6;
/// The number by which EC2 means every protocol.
const ALL: i16 = -1;

/// A first and a last port.
pub type Ports = (u16, u16);

/// Which way packets cross a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Out of the interface or the subnet.
    Out,
    /// Into it.
    In,
}

/// The other end of a connection, as a security group sees it.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Its address.
    pub address: IpAddr,
    /// The security groups of its interface; `None` where they are not known. A public address has none.
    pub groups: Option<&'a [String]>,
}

/// What the security groups of an interface do with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupPassage {
    /// A rule lets it through.
    Open {
        /// The group whose rule it is.
        group: String,
        /// The peers that the rule names, as it names them.
        by: Allowed,
    },
    /// No rule of any of the groups does.
    Closed,
    /// It depends on something that was not read.
    CannotTell(String),
}

/// How a rule of a security group names the peer that it lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// By a CIDR block.
    Cidr(IpNet),
    /// By a prefix list.
    PrefixList(String),
    /// By a security group that the peer has.
    Group(String),
}

/// What a network ACL does with packets to a range of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclPassage {
    /// It lets all of them through.
    Open,
    /// It lets some ports through and not these.
    Partly(Vec<Ports>),
    /// It lets none through.
    Closed {
        /// The entry that says so; `None` where no entry matches, which denies.
        by: Option<u16>,
    },
}

/// What the security groups of an interface do with a TCP connection to (or from) a peer's port.
#[must_use]
pub fn groups_passage(
    facts: &ControlPlane,
    groups: &[String],
    direction: Direction,
    peer: Peer<'_>,
    ports: Ports,
) -> GroupPassage {
    let Some(read) = facts.security_groups.as_ref().and_then(|step| step.done()) else {
        return GroupPassage::CannotTell("the security groups were not read".to_owned());
    };
    if groups.is_empty() {
        return GroupPassage::CannotTell("the interface's security groups are not known".to_owned());
    }
    let mut open_question = None;
    for id in groups {
        match read.iter().find(|group| group.id == *id) {
            Some(group) => match group_passage(facts, group, direction, peer, ports) {
                GroupPassage::Closed => {}
                GroupPassage::CannotTell(why) => open_question = Some(why),
                open @ GroupPassage::Open { .. } => return open,
            },
            None => open_question = Some(format!("security group {id} was not read")),
        }
    }
    open_question.map_or(GroupPassage::Closed, GroupPassage::CannotTell)
}

/// The network ACL of a subnet.
///
/// # Errors
///
/// Why it is not known.
pub fn acl_of<'a>(facts: &'a ControlPlane, subnet: &str) -> Result<&'a NetworkAcl, String> {
    let acls = facts.network_acls.as_ref().and_then(|step| step.done());
    let acls = acls.ok_or_else(|| "the network ACLs were not read".to_owned())?;
    // A subnet has exactly one (Amazon VPC user guide, network ACL basics).
    acls.iter()
        .find(|acl| acl.subnets.iter().any(|id| id == subnet))
        .ok_or_else(|| format!("the network ACL of {subnet} was not read"))
}

/// What a network ACL does with TCP packets between its subnet and a peer, by the packets' destination ports.
#[must_use]
pub fn acl_passage(acl: &NetworkAcl, direction: Direction, peer: IpAddr, ports: Ports) -> AclPassage {
    let mut entries: Vec<&AclEntry> = acl
        .entries
        .iter()
        .filter(|entry| entry.egress == (direction == Direction::Out))
        .filter(|entry| matches!(entry.protocol, TCP | ALL) && entry.cidr.contains(&peer))
        .collect();
    entries.sort_by_key(|entry| entry.number);
    // What no entry has decided yet, and what was denied.
    let (mut undecided, mut denied) = (vec![ports], Vec::new());
    let mut by = None;
    for entry in entries {
        let range = entry_ports(entry);
        let hit: Vec<Ports> = undecided.iter().filter_map(|open| common(*open, range)).collect();
        if !entry.allow {
            by = by.or((!hit.is_empty()).then_some(entry.number));
            denied.extend(hit);
        }
        undecided = undecided.into_iter().flat_map(|open| without(open, range)).collect();
    }
    denied.extend(undecided);
    let closed = merged(denied);
    match closed.as_slice() {
        [] => AclPassage::Open,
        [all] if *all == ports => AclPassage::Closed { by },
        _ => AclPassage::Partly(closed),
    }
}

/// A free rule number of an ACL, a multiple of ten where there is one, by which an entry comes before every other that denies one
/// of these peers. `None` where there is no room.
#[must_use]
pub fn free_number(acl: &NetworkAcl, direction: Direction, peers: &[IpAddr], taken: &[u16]) -> Option<u16> {
    let same = acl.entries.iter().filter(|entry| entry.egress == (direction == Direction::Out));
    let first = same
        .clone()
        .filter(|entry| matches!(entry.protocol, TCP | ALL) && !entry.allow)
        .filter(|entry| peers.iter().any(|peer| entry.cidr.contains(peer)))
        .map(|entry| entry.number)
        .min();
    // EC2 takes numbers from 1 to 32766 (Amazon VPC user guide, network ACL rules).
    let below = first.unwrap_or(32_767).min(32_767);
    let used = |number: &u16| same.clone().any(|entry| entry.number == *number) || taken.contains(number);
    let usual = (10..below).step_by(10).find(|number| !used(number));
    usual.or_else(|| (1..below).find(|number| !used(number)))
}

fn group_passage(
    facts: &ControlPlane,
    group: &SecurityGroup,
    direction: Direction,
    peer: Peer<'_>,
    ports: Ports,
) -> GroupPassage {
    let rules = match direction {
        Direction::Out => &group.egress,
        Direction::In => &group.ingress,
    };
    let mut open_question = None;
    for rule in rules.iter().filter(|rule| is_for(rule, ports)) {
        match lets_through(facts, rule, peer) {
            Ok(Some(by)) => return GroupPassage::Open { group: group.id.clone(), by },
            Ok(None) => {}
            Err(why) => open_question = Some(why),
        }
    }
    open_question.map_or(GroupPassage::Closed, GroupPassage::CannotTell)
}

/// Whether a rule is about TCP to all of these ports.
#[must_use]
pub fn is_for(rule: &GroupRule, ports: Ports) -> bool {
    let protocol = matches!(rule.protocol.as_str(), "-1" | "tcp" | "6");
    // With every protocol come all ports, whatever is written beside it.
    protocol
        && (rule.protocol == "-1"
            || rule.ports.is_none_or(|(first, last)| first <= ports.0 && ports.1 <= last))
}

/// By which of its peers a rule lets this one through.
///
/// # Errors
///
/// What would have to be known to say.
fn lets_through(facts: &ControlPlane, rule: &GroupRule, peer: Peer<'_>) -> Result<Option<Allowed>, String> {
    if let Some(cidr) = rule.cidrs.iter().find(|cidr| cidr.contains(&peer.address)) {
        return Ok(Some(Allowed::Cidr(*cidr)));
    }
    let mut open_question = None;
    for id in &rule.prefix_lists {
        match in_list(facts, id, peer.address) {
            Some(true) => return Ok(Some(Allowed::PrefixList(id.clone()))),
            Some(false) => {}
            None => open_question = Some(format!("the entries of prefix list {id} are not known")),
        }
    }
    match peer.groups {
        Some(groups) => {
            if let Some(group) = rule.groups.iter().find(|group| groups.contains(group)) {
                return Ok(Some(Allowed::Group(group.clone())));
            }
        }
        None if !rule.groups.is_empty() => {
            open_question =
                Some(format!("whether {} has security group {}", peer.address, rule.groups.join(" or ")));
        }
        None => {}
    }
    open_question.map_or(Ok(None), Err)
}

/// Whether an address is in a prefix list; `None` where its entries of that family are not known.
fn in_list(facts: &ControlPlane, id: &str, address: IpAddr) -> Option<bool> {
    let managed = facts.prefix_lists.as_ref().and_then(|step| step.done()).into_iter().flatten();
    let managed = managed.map(|list| (&list.id, &list.cidrs));
    let further = facts.further_prefix_lists.iter();
    let further = further.filter_map(|list| list.entries.done().map(|cidrs| (&list.id, cidrs)));
    let (_, cidrs) = managed.chain(further).find(|(known, _)| *known == id)?;
    // A list without any entry of a family says nothing of that family's addresses.
    let knows_family = cidrs.iter().any(|cidr| cidr.addr().is_ipv4() == address.is_ipv4());
    knows_family.then(|| cidrs.iter().any(|cidr| cidr.contains(&address)))
}

/// All protocols mean all ports.
fn entry_ports(entry: &AclEntry) -> Ports {
    if entry.protocol == ALL { (0, u16::MAX) } else { entry.ports.unwrap_or((0, u16::MAX)) }
}

fn common(one: Ports, other: Ports) -> Option<Ports> {
    let (first, last) = (one.0.max(other.0), one.1.min(other.1));
    (first <= last).then_some((first, last))
}

/// What is left of a range without another one.
fn without(range: Ports, gone: Ports) -> impl Iterator<Item = Ports> {
    let before = gone.0.checked_sub(1).map(|last| (range.0, last.min(range.1)));
    let after = gone.1.checked_add(1).map(|first| (first.max(range.0), range.1));
    before.into_iter().chain(after).filter(|(first, last)| first <= last)
}

/// Ranges in order, those that touch joined.
fn merged(mut ranges: Vec<Ports>) -> Vec<Ports> {
    ranges.sort_unstable();
    let mut joined: Vec<Ports> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if u32::from(range.0) <= u32::from(last.1) + 1 => last.1 = last.1.max(range.1),
            _ => joined.push(range),
        }
    }
    joined
}
