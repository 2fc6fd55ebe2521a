//! Which addresses share a walk, and whose walk comes first.
//!
//! Addresses that the host sends the same way, and that a route table treats the same way, need one walk between them.
//! Every service gets its first walk before any gets a second, because the routers' answers are scarce.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::attempt::Route;
use crate::observations::ChosenRoute;
use crate::plan::{CallPlan, TargetPlan};
use crate::run::Slot;

/// An address that may be walked to, and where its walk is written down.
#[derive(Clone)]
pub(super) struct Member {
    /// Its attempt's place.
    pub(super) slot: Slot,
    /// The address.
    pub(super) address: IpAddr,
    /// The service that it belongs to, or `control`.
    pub(super) service: String,
}

/// What addresses must have in common to share a walk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    route: Route,
    class: Class,
}

/// How a route table outside this host may tell addresses apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Class {
    /// By one of the service's prefixes, which a managed prefix list may send elsewhere.
    Prefix(IpNet),
    /// Public, and in no prefix that is known: the default route takes them. For a service that gateway endpoints serve
    /// this holds its name: our prefixes may be older than the endpoint's, so its walk must not stand for others'.
    Public(Option<String>),
    /// Private, but outside the VPC: each may lie behind another attachment.
    Private(IpAddr),
}

impl Key {
    /// The group of one of a target's addresses.
    pub(super) fn of(target: &TargetPlan, address: IpAddr, route: Route) -> Self {
        let matching = target.prefixes.iter().filter(|prefix| prefix.contains(&address));
        let class = match matching.max_by_key(|prefix| prefix.prefix_len()) {
            Some(prefix) => Class::Prefix(prefix.trunc()),
            None if is_public(address) => {
                Class::Public(may_have_gateway_endpoint(target).then(|| target.service.clone()))
            }
            None => Class::Private(address),
        };
        Self { route, class }
    }

    /// The kernel's choice of route for the group.
    pub(super) fn route(&self) -> Option<&ChosenRoute> {
        self.route.as_ref()
    }
}

/// Gateway endpoints exist for S3 and DynamoDB alone, whether or not their prefixes are known here.
fn may_have_gateway_endpoint(target: &TargetPlan) -> bool {
    let by_call = match target.call {
        CallPlan::S3ListBuckets
        | CallPlan::S3HeadBucket { .. }
        | CallPlan::S3PublicObject { .. }
        | CallPlan::DynamoDbListTables
        | CallPlan::DynamoDbDescribeTable { .. } => true,
        CallPlan::SsmListAssociations | CallPlan::StsGetCallerIdentity | CallPlan::UnsignedGet => false,
    };
    by_call || !target.prefixes.is_empty()
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (v4.octets()[1] & 0xc0) == 64;
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared)
        }
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local()),
    }
}

/// How far a group's walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It has not begun.
    Waiting,
    /// It has begun, to this member's address.
    Begun(IpAddr),
}

/// The groups of a run, in the order in which their first address was found.
#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    walked_services: HashSet<String>,
}

struct Group {
    key: Key,
    members: Vec<Member>,
    state: State,
}

impl Groups {
    /// Takes an address in; gives the address whose walk has begun already for its group.
    pub(super) fn add(&mut self, key: Key, member: Member) -> Option<IpAddr> {
        let Some(group) = self.groups.iter_mut().find(|group| group.key == key) else {
            self.groups.push(Group { key, members: vec![member], state: State::Waiting });
            return None;
        };
        if let State::Begun(walked) = group.state {
            // What the first address found out stands for this one's service too.
            self.walked_services.insert(member.service);
            return Some(walked);
        }
        group.members.push(member);
        None
    }

    /// Whether any walk has not begun.
    pub(super) fn any_waiting(&self) -> bool {
        self.groups.iter().any(|group| group.state == State::Waiting)
    }

    /// Whether [`Groups::begin_next`] would begin a walk.
    pub(super) fn may_begin(&self, second: bool) -> bool {
        self.next(second).is_some()
    }

    /// Begins the next walk: one for a service that has none yet, else, if `second` ones may begin, any.
    ///
    /// Gives the group's key and its members, the one to walk to first: the smallest address, so that it does not
    /// depend on which resolver was faster.
    pub(super) fn begin_next(&mut self, second: bool) -> Option<(Key, Vec<Member>)> {
        let index = self.next(second)?;
        let group = &mut self.groups[index];
        // A group is made with its first member and never loses one before it is begun.
        let mut members = std::mem::take(&mut group.members);
        members.sort_by_key(|member| member.address);
        group.state = State::Begun(members[0].address);
        self.walked_services.extend(members.iter().map(|member| member.service.clone()));
        Some((group.key.clone(), members))
    }

    fn next(&self, second: bool) -> Option<usize> {
        let walked = &self.walked_services;
        let waiting = |group: &Group| group.state == State::Waiting;
        let unwalked = |group: &Group| group.members.iter().any(|member| !walked.contains(&member.service));
        let first = self.groups.iter().position(|group| waiting(group) && unwalked(group));
        first.or_else(|| self.groups.iter().position(waiting).filter(|_| second))
    }

    /// The members of the groups that were never walked.
    pub(super) fn left_over(&self) -> impl Iterator<Item = &Member> {
        self.groups.iter().filter(|group| group.state == State::Waiting).flat_map(|group| &group.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ProbePlan;
    use crate::run::Board;

    fn target(service: &str, prefixes: &[&str], call: CallPlan) -> TargetPlan {
        TargetPlan {
            target: service.to_owned(),
            service: service.to_owned(),
            host: format!("{service}.test"),
            required: true,
            region: "eu-west-1".to_owned(),
            call,
            prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
            proxy: None,
        }
    }

    fn member(target: &TargetPlan, address: &str) -> Member {
        let plan = ProbePlan { targets: vec![target.clone()], ..crate::loopback::empty_plan() };
        let slot = Board::skeleton(&plan).target(0);
        Member { slot, address: address.parse().unwrap(), service: target.service.clone() }
    }

    fn key(target: &TargetPlan, address: &str) -> Key {
        Key::of(target, address.parse().unwrap(), None)
    }

    #[test]
    fn addresses_share_a_walk_by_longest_prefix_and_not_beyond_it() {
        let s3 = target("s3", &["52.216.0.0/15", "52.217.0.0/16"], CallPlan::S3ListBuckets);
        assert_eq!(key(&s3, "52.216.1.1"), key(&s3, "52.216.2.2"));
        assert_ne!(key(&s3, "52.216.1.1"), key(&s3, "52.217.1.1"));
    }

    #[test]
    fn public_addresses_share_a_walk_unless_a_gateway_endpoint_may_carry_them() {
        let ssm = target("ssm", &[], CallPlan::SsmListAssociations);
        let control = target("control", &[], CallPlan::UnsignedGet);
        let s3 = target("s3", &["52.216.0.0/15"], CallPlan::S3ListBuckets);
        let unlisted = target("dynamodb", &[], CallPlan::DynamoDbListTables);
        assert_eq!(key(&ssm, "3.4.5.6"), key(&control, "18.1.1.1"));
        assert_ne!(key(&s3, "9.9.9.9"), key(&control, "9.9.9.9"));
        assert_ne!(key(&unlisted, "9.9.9.9"), key(&control, "9.9.9.9"));
    }

    #[test]
    fn private_addresses_outside_the_vpc_are_walked_one_by_one() {
        let ssm = target("ssm", &[], CallPlan::SsmListAssociations);
        assert_ne!(key(&ssm, "10.9.0.1"), key(&ssm, "10.9.0.2"));
        assert_ne!(key(&ssm, "100.64.0.1"), key(&ssm, "3.4.5.6"));
        assert_ne!(key(&ssm, "fd00::1"), key(&ssm, "2600::1"));
    }

    #[test]
    fn every_service_begins_a_walk_before_any_begins_a_second() {
        let s3 = target("s3", &["52.216.0.0/16", "52.217.0.0/16"], CallPlan::S3ListBuckets);
        let ssm = target("ssm", &[], CallPlan::SsmListAssociations);
        let mut groups = Groups::default();
        for (target, address) in
            [(&s3, "52.216.0.9"), (&s3, "52.216.0.1"), (&s3, "52.217.0.1"), (&ssm, "3.4.5.6")]
        {
            assert_eq!(groups.add(key(target, address), member(target, address)), None);
        }
        let mut begin = |second| groups.begin_next(second).map(|(_, members)| members[0].address.to_string());
        assert_eq!(begin(false).as_deref(), Some("52.216.0.1"));
        assert_eq!(begin(false).as_deref(), Some("3.4.5.6"));
        assert_eq!(begin(false), None);
        assert_eq!(begin(true).as_deref(), Some("52.217.0.1"));
        assert!(!groups.any_waiting());
        let walked = groups.add(key(&s3, "52.216.7.7"), member(&s3, "52.216.7.7"));
        assert_eq!(walked, Some("52.216.0.1".parse().unwrap()));
    }
}
