//! Which addresses share a walk, and whose walk comes first.
//!
//! Addresses that the host sends the same way, and that a route table treats the same way, need one walk between them.
//! Every service gets its first walk before any gets a second, because the routers' answers are scarce.
//!
//! A route table may hold a narrower route than the prefix that made the group. Where the group's walk met no router, which
//! is what a gateway endpoint looks like, that would matter: its other addresses are then walked to by themselves, near the
//! host only, after all groups.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

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
    /// The service that it belongs to, `control`, or the name of a target elsewhere.
    pub(super) service: String,
    /// Whether it is only there to be compared with.
    pub(super) elsewhere: bool,
}

impl Member {
    /// The service, and whether the address is one of IPv4.
    fn way(&self) -> (String, bool) {
        (self.service.clone(), self.address.is_ipv4())
    }
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
    /// Of a service in another Region: whether it is treated as others are is what its walk is to show, so it stands for none.
    Elsewhere(String),
    /// Private, but outside the VPC: each may lie behind another attachment.
    Private(IpAddr),
}

impl Key {
    /// The group of one of a target's addresses.
    pub(super) fn of(target: &TargetPlan, address: IpAddr, route: Route) -> Self {
        let matching = target.prefixes.iter().filter(|prefix| prefix.contains(&address));
        let class = match matching.max_by_key(|prefix| prefix.prefix_len()) {
            Some(prefix) => Class::Prefix(prefix.trunc()),
            None if is_public(address) && target.elsewhere => Class::Elsewhere(target.target.clone()),
            None if is_public(address) => {
                Class::Public(may_have_gateway_endpoint(target).then(|| target.service.clone()))
            }
            None => Class::Private(address),
        };
        Self { route, class }
    }

    /// Whether a gateway endpoint may carry the group, so that a narrower route would be another path.
    fn may_lead_to_gateway_endpoint(&self) -> bool {
        matches!(self.class, Class::Prefix(_) | Class::Public(Some(_)))
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

/// A walk to begin.
pub(super) struct Next {
    /// The group's key.
    pub(super) key: Key,
    /// The address to walk to.
    pub(super) member: Member,
    /// The others for which this walk stands.
    pub(super) sharers: Vec<Member>,
    /// For an address that is walked to although the group has its walk: how quickly that walk's destination answered.
    pub(super) beside: Option<Duration>,
}

/// The groups of a run, in the order in which their first address was found.
#[derive(Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    /// Services with a walk, by family: families take different routes.
    walked_services: HashSet<(String, bool)>,
    /// Services with a walk that met no router, and how quickly its destination answered.
    hiding: HashMap<String, Duration>,
}

struct Group {
    key: Key,
    /// Those to whose addresses no walk has begun.
    members: Vec<Member>,
    /// The addresses to which walks have begun, the group's own first.
    walked: Vec<IpAddr>,
    /// Where the group's walk met no router: how quickly its destination answered.
    hidden: Option<Duration>,
}

impl Groups {
    /// Takes an address in; gives the address whose walk stands for it, where one has begun already.
    pub(super) fn add(&mut self, key: Key, member: Member) -> Option<IpAddr> {
        let Some(group) = self.all.iter_mut().find(|group| group.key == key) else {
            self.all.push(Group { key, members: vec![member], walked: Vec::new(), hidden: None });
            return None;
        };
        if group.walked.contains(&member.address) {
            self.walked_services.insert(member.way());
            return Some(member.address);
        }
        let walked = group.walked.first().copied();
        if walked.is_some() {
            // What the first address found out stands for this one's service too.
            self.walked_services.insert(member.way());
        }
        group.members.push(member);
        walked
    }

    /// Whether any walk has not begun.
    pub(super) fn any_waiting(&self) -> bool {
        self.next(true).is_some()
    }

    /// Whether [`Groups::begin_next`] would begin a walk.
    pub(super) fn may_begin(&self, second: bool) -> bool {
        self.next(second).is_some()
    }

    /// Remembers that a group's walk met no router on a way that works.
    pub(super) fn hides(&mut self, key: &Key, service: &str, round_trip: Duration) {
        self.hiding.entry(service.to_owned()).or_insert(round_trip);
        let group = self.all.iter_mut().find(|group| group.key == *key);
        if let Some(group) = group.filter(|group| group.key.may_lead_to_gateway_endpoint()) {
            group.hidden.get_or_insert(round_trip);
        }
    }

    /// Begins the next walk: one for a service that has none yet, those here before those elsewhere; else, if `second` ones may
    /// begin, one beside a walk that met no router, else one for any group.
    pub(super) fn begin_next(&mut self, second: bool) -> Option<Next> {
        let index = self.next(second)?;
        Some(self.begin(index))
    }

    /// Begins a walk near the host only, beside one that met no router: for a group of the same service that has no walk yet,
    /// else for a further address of such a group.
    pub(super) fn begin_near(&mut self) -> Option<Next> {
        let index = self.near()?;
        let hiding =
            self.all[index].members.iter().find_map(|member| self.hiding.get(&member.service)).copied();
        let next = self.begin(index);
        Some(Next { beside: next.beside.or(hiding), ..next })
    }

    /// Whether [`Groups::begin_near`] would begin a walk.
    pub(super) fn may_begin_near(&self) -> bool {
        self.near().is_some()
    }

    /// Begins a walk to the smallest address that has none, so that it does not depend on which resolver was faster.
    fn begin(&mut self, index: usize) -> Next {
        let group = &mut self.all[index];
        // Only a group with members is next.
        group.members.sort_by_key(|member| member.address);
        let member = group.members.remove(0);
        let first = group.walked.is_empty();
        group.walked.push(member.address);
        let (same, others): (Vec<Member>, Vec<Member>) =
            group.members.drain(..).partition(|other| other.address == member.address);
        let sharers: Vec<Member> = if first { same.iter().chain(&others).cloned().collect() } else { same };
        group.members = others;
        self.walked_services.insert(member.way());
        self.walked_services.extend(sharers.iter().map(Member::way));
        let beside = group.hidden.filter(|_| !first);
        Next { key: group.key.clone(), member, sharers, beside }
    }

    fn next(&self, second: bool) -> Option<usize> {
        let walked = &self.walked_services;
        let waiting = |group: &Group| group.walked.is_empty();
        let unwalked = |group: &Group| group.members.iter().any(|member| !walked.contains(&member.way()));
        let here = |group: &Group| group.members.iter().any(|member| !member.elsewhere);
        let position = |wanted: &dyn Fn(&Group) -> bool| self.all.iter().position(wanted);
        let first = position(&|group| waiting(group) && unwalked(group) && here(group))
            .or_else(|| position(&|group| waiting(group) && unwalked(group)));
        // Where a service's walk met no router its other addresses matter more than those that a router was seen before.
        let any = || self.near().or_else(|| position(&waiting));
        first.or_else(|| any().filter(|_| second))
    }

    fn near(&self) -> Option<usize> {
        let hides = |member: &Member| self.hiding.contains_key(&member.service);
        let waiting = |group: &Group| group.walked.is_empty() && group.members.iter().any(hides);
        self.all.iter().position(waiting).or_else(|| self.further())
    }

    /// Of the groups whose walk met no router the one to whose further addresses the fewest walks have begun.
    fn further(&self) -> Option<usize> {
        let wanted = |group: &Group| group.hidden.is_some() && !group.members.is_empty();
        let groups = self.all.iter().enumerate().filter(|(_, group)| wanted(group));
        groups.min_by_key(|(_, group)| group.walked.len()).map(|(index, _)| index)
    }

    /// The members that were to be walked to and never were.
    pub(super) fn left_over(&self) -> impl Iterator<Item = &Member> {
        let left = |group: &&Group| group.walked.is_empty() || group.hidden.is_some();
        self.all.iter().filter(left).flat_map(|group| &group.members)
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
            elsewhere: false,
        }
    }

    fn member(target: &TargetPlan, address: &str) -> Member {
        let plan = ProbePlan { targets: vec![target.clone()], ..crate::loopback::empty_plan() };
        let slot = Board::skeleton(&plan).target(0);
        let service = if target.elsewhere { &target.target } else { &target.service };
        Member {
            slot,
            address: address.parse().unwrap(),
            service: service.clone(),
            elsewhere: target.elsewhere,
        }
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
    fn a_service_elsewhere_is_walked_for_itself_and_after_those_here() {
        let ssm = target("ssm", &[], CallPlan::SsmListAssociations);
        let s3 = target("s3", &["52.216.0.0/15"], CallPlan::S3ListBuckets);
        let far = TargetPlan {
            target: "control:s3".to_owned(),
            elsewhere: true,
            ..target("s3", &[], CallPlan::UnsignedGet)
        };
        assert_ne!(key(&far, "3.5.128.1"), key(&ssm, "3.4.5.6"));
        assert_eq!(key(&far, "3.5.128.1"), key(&far, "52.219.1.1"));
        let mut groups = Groups::default();
        for (target, address) in [(&far, "3.5.128.1"), (&s3, "52.216.0.1"), (&ssm, "3.4.5.6")] {
            assert_eq!(groups.add(key(target, address), member(target, address)), None);
        }
        let mut begin = || groups.begin_next(false).map(|next| next.member.address.to_string());
        assert_eq!(begin().as_deref(), Some("52.216.0.1"));
        assert_eq!(begin().as_deref(), Some("3.4.5.6"));
        assert_eq!(begin().as_deref(), Some("3.5.128.1"));
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
        let mut begin = |second| groups.begin_next(second).map(|next| next.member.address.to_string());
        assert_eq!(begin(false).as_deref(), Some("52.216.0.1"));
        assert_eq!(begin(false).as_deref(), Some("3.4.5.6"));
        assert_eq!(begin(false), None);
        assert_eq!(begin(true).as_deref(), Some("52.217.0.1"));
        assert!(!groups.any_waiting());
        let walked = groups.add(key(&s3, "52.216.7.7"), member(&s3, "52.216.7.7"));
        assert_eq!(walked, Some("52.216.0.1".parse().unwrap()));
    }

    #[test]
    fn further_addresses_are_walked_to_after_all_groups_where_the_groups_walk_met_no_router() {
        let s3 = target("s3", &["52.216.0.0/16", "52.217.0.0/16"], CallPlan::S3ListBuckets);
        let bucket = TargetPlan { target: "s3:bucket".to_owned(), ..s3.clone() };
        let mut groups = Groups::default();
        for (target, address) in [
            (&s3, "52.216.0.1"),
            (&s3, "52.216.0.2"),
            (&bucket, "52.216.0.2"),
            (&s3, "52.217.0.1"),
            (&s3, "52.217.0.2"),
        ] {
            groups.add(key(target, address), member(target, address));
        }
        let first = groups.begin_next(true).unwrap();
        assert_eq!((first.sharers.len(), first.beside), (2, None));
        groups.hides(&first.key, &first.member.service, Duration::from_millis(1));
        let mut begin =
            || groups.begin_next(true).map(|next| (next.member.address.to_string(), next.sharers.len()));
        assert_eq!(begin(), Some(("52.217.0.1".to_owned(), 1)));
        assert_eq!(begin(), Some(("52.216.0.2".to_owned(), 1)), "for both targets");
        assert_eq!(begin(), None, "the other group's walk has not shown that it hides its routers");
        let again = groups.add(key(&bucket, "52.216.0.2"), member(&bucket, "52.216.0.2"));
        assert_eq!(again, Some("52.216.0.2".parse().unwrap()));
        assert_eq!(groups.left_over().count(), 0);
    }

    #[test]
    fn near_the_host_groups_without_a_walk_come_before_further_addresses() {
        let s3 = target("s3", &["52.216.0.0/16", "52.217.0.0/16"], CallPlan::S3ListBuckets);
        let dynamodb = target("dynamodb", &["3.218.0.0/16"], CallPlan::DynamoDbListTables);
        let mut groups = Groups::default();
        for (target, address) in
            [(&s3, "52.216.0.1"), (&s3, "52.216.0.2"), (&s3, "52.217.0.1"), (&dynamodb, "3.218.0.1")]
        {
            groups.add(key(target, address), member(target, address));
        }
        assert!(!groups.may_begin_near());
        let first = groups.begin_next(false).unwrap();
        groups.hides(&first.key, "s3", Duration::from_millis(1));
        let mut begin =
            || groups.begin_near().map(|next| (next.member.address.to_string(), next.beside.is_some()));
        assert_eq!(begin(), Some(("52.217.0.1".to_owned(), true)));
        assert_eq!(begin(), Some(("52.216.0.2".to_owned(), true)));
        assert_eq!(begin(), None, "of the other service nothing is known");
    }

    #[test]
    fn no_further_address_is_walked_to_where_no_gateway_endpoint_can_be() {
        let ssm = target("ssm", &[], CallPlan::SsmListAssociations);
        let mut groups = Groups::default();
        for address in ["3.4.5.6", "3.4.5.7"] {
            groups.add(key(&ssm, address), member(&ssm, address));
        }
        let first = groups.begin_next(true).unwrap();
        groups.hides(&first.key, &first.member.service, Duration::from_millis(1));
        assert!(groups.begin_next(true).is_none());
    }
}
