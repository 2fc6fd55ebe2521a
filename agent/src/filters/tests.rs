//! Rules by hand, and a network ACL against a reading of it port by port.

use std::net::IpAddr;

use probes::control_plane::{
    AclEntry, ControlPlane, GroupRule, ManagedPrefixList, NetworkAcl, ReadFailure, SecurityGroup,
};
use proptest::prelude::*;

use super::*;
use crate::testing::{done, failed};

const S3: &str = "52.216.1.1";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rule(protocol: &str, ports: Option<Ports>, peer: &str) -> GroupRule {
    let is = |prefix: &str| peer.starts_with(prefix).then(|| peer.to_owned()).into_iter().collect();
    GroupRule {
        protocol: protocol.into(),
        ports,
        cidrs: peer.parse().into_iter().collect(),
        prefix_lists: is("pl-"),
        groups: is("sg-"),
    }
}

fn facts(egress: Vec<GroupRule>) -> ControlPlane {
    let list = |id: &str, cidrs: &[&str]| ManagedPrefixList {
        id: id.into(),
        name: format!("com.amazonaws.us-east-1.{id}"),
        cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
    };
    ControlPlane {
        security_groups: Some(done(vec![SecurityGroup {
            id: "sg-1".into(),
            ingress: egress.clone(),
            egress,
        }])),
        prefix_lists: Some(done(vec![list("pl-s3", &["52.216.0.0/15"]), list("pl-v6", &["2600::/16"])])),
        ..ControlPlane::default()
    }
}

fn passage(rules: Vec<GroupRule>, to: &str) -> GroupPassage {
    let peer = Peer { address: address(to), groups: Some(&[]) };
    groups_passage(&facts(rules), &["sg-1".into()], Direction::Out, peer, HTTPS)
}

fn is_open(passage: &GroupPassage) -> bool {
    matches!(passage, GroupPassage::Open { .. })
}

#[test]
fn a_group_lets_out_what_a_rule_names_and_nothing_else() {
    let rows = [
        (rule("-1", None, "0.0.0.0/0"), true),
        (rule("tcp", Some((443, 443)), "0.0.0.0/0"), true),
        (rule("6", Some((0, 65_535)), "52.216.1.1/32"), true),
        (rule("tcp", None, "52.0.0.0/8"), true),
        (rule("tcp", Some((443, 443)), "pl-s3"), true),
        (rule("tcp", Some((80, 80)), "0.0.0.0/0"), false),
        (rule("tcp", Some((444, 65_535)), "0.0.0.0/0"), false),
        (rule("udp", Some((443, 443)), "0.0.0.0/0"), false),
        (rule("icmp", None, "0.0.0.0/0"), false),
        (rule("tcp", Some((443, 443)), "10.0.0.0/16"), false),
        (rule("-1", None, "::/0"), false),
    ];
    for (rule, expected) in rows {
        let name = format!("{rule:?}");
        assert_eq!(is_open(&passage(vec![rule], S3)), expected, "{name}");
    }
    assert_eq!(passage(Vec::new(), S3), GroupPassage::Closed);
}

#[test]
fn every_protocol_means_every_port_even_if_one_is_written_beside_it() {
    assert!(is_open(&passage(vec![rule("-1", Some((80, 80)), "0.0.0.0/0")], S3)));
}

#[test]
fn what_lets_a_peer_through_is_named() {
    let open = |by| GroupPassage::Open { group: "sg-1".into(), by };
    let rules = |peer: &str| vec![rule("-1", None, peer)];
    assert_eq!(passage(rules("pl-s3"), S3), open(Allowed::PrefixList("pl-s3".into())));
    assert_eq!(passage(rules("52.0.0.0/8"), S3), open(Allowed::Cidr("52.0.0.0/8".parse().unwrap())));
}

#[test]
fn an_unknown_list_leaves_the_question_open_unless_another_rule_answers_it() {
    let unknown = rule("tcp", Some((443, 443)), "pl-other");
    assert!(
        matches!(passage(vec![unknown.clone()], S3), GroupPassage::CannotTell(why) if why.contains("pl-other"))
    );
    assert!(is_open(&passage(vec![unknown.clone(), rule("-1", None, "0.0.0.0/0")], S3)));
    // About another port it says nothing that matters here.
    let other_port = GroupRule { ports: Some((80, 80)), ..unknown };
    assert_eq!(passage(vec![other_port], S3), GroupPassage::Closed);
    // A list that holds entries of the other family only does not answer for this one.
    assert!(matches!(passage(vec![rule("-1", None, "pl-v6")], S3), GroupPassage::CannotTell(_)));
    assert_eq!(passage(vec![rule("-1", None, "pl-s3")], "198.51.100.1"), GroupPassage::Closed);
}

#[test]
fn a_group_that_a_rule_names_is_compared_with_the_peers_own_where_they_are_known() {
    let facts = facts(vec![rule("tcp", Some((443, 443)), "sg-clients")]);
    let ask = |groups: Option<&[String]>| {
        let peer = Peer { address: address("10.0.1.10"), groups };
        groups_passage(&facts, &["sg-1".into()], Direction::In, peer, HTTPS)
    };
    let by = Allowed::Group("sg-clients".into());
    assert_eq!(
        ask(Some(&["sg-x".into(), "sg-clients".into()])),
        GroupPassage::Open { group: "sg-1".into(), by }
    );
    assert_eq!(ask(Some(&["sg-x".into()])), GroupPassage::Closed);
    assert!(matches!(ask(None), GroupPassage::CannotTell(_)));
}

#[test]
fn the_groups_of_an_interface_add_up_and_one_that_was_not_read_leaves_the_question_open() {
    let facts = facts(vec![rule("tcp", Some((443, 443)), "52.216.0.0/15")]);
    let ask = |groups: &[&str], to: &str| {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let peer = Peer { address: address(to), groups: Some(&[]) };
        groups_passage(&facts, &groups, Direction::Out, peer, HTTPS)
    };
    assert!(is_open(&ask(&["sg-2", "sg-1"], S3)));
    assert!(matches!(ask(&["sg-1", "sg-2"], "3.5.0.9"), GroupPassage::CannotTell(_)));
    assert_eq!(ask(&["sg-1"], "3.5.0.9"), GroupPassage::Closed);
    assert!(matches!(ask(&[], S3), GroupPassage::CannotTell(_)));
    let unread = ControlPlane { security_groups: Some(failed(ReadFailure::TimedOut)), ..facts };
    let peer = Peer { address: address(S3), groups: Some(&[]) };
    let passage = groups_passage(&unread, &["sg-1".into()], Direction::Out, peer, HTTPS);
    assert!(matches!(passage, GroupPassage::CannotTell(_)));
}

fn entry(number: u16, allow: bool, protocol: i16, cidr: &str, ports: Option<Ports>) -> AclEntry {
    AclEntry { number, egress: false, allow, protocol, cidr: cidr.parse().unwrap(), ports }
}

fn acl(entries: Vec<AclEntry>) -> NetworkAcl {
    NetworkAcl { id: "acl-1".into(), subnets: vec!["subnet-1".into()], entries }
}

fn inbound(entries: Vec<AclEntry>) -> AclPassage {
    acl_passage(&acl(entries), Direction::In, address(S3), EPHEMERAL)
}

#[test]
fn the_smallest_number_that_matches_decides_whatever_the_order_they_stand_in() {
    let deny = entry(90, false, 6, "52.216.0.0/15", None);
    let allow = entry(100, true, -1, "0.0.0.0/0", None);
    assert_eq!(inbound(vec![allow.clone(), deny.clone()]), AclPassage::Closed { by: Some(90) });
    let late = AclEntry { number: 110, ..deny };
    assert_eq!(inbound(vec![late, allow]), AclPassage::Open);
}

#[test]
fn what_no_entry_matches_is_denied_and_entries_of_other_kinds_do_not_match() {
    assert_eq!(inbound(Vec::new()), AclPassage::Closed { by: None });
    let others = vec![
        entry(10, true, 17, "0.0.0.0/0", None),
        entry(20, true, 6, "10.0.0.0/8", None),
        entry(30, true, -1, "::/0", None),
        entry(40, true, 6, "0.0.0.0/0", Some((443, 443))),
        AclEntry { egress: true, ..entry(50, true, -1, "0.0.0.0/0", None) },
    ];
    assert_eq!(inbound(others), AclPassage::Closed { by: None });
}

#[test]
fn the_usual_range_of_returning_ports_is_enough_and_half_of_it_is_not() {
    let ports = |range| vec![entry(100, true, 6, "0.0.0.0/0", Some(range))];
    assert_eq!(inbound(ports((1024, 65_535))), AclPassage::Open);
    assert_eq!(inbound(ports(EPHEMERAL)), AclPassage::Open);
    assert_eq!(inbound(ports((49_152, 65_535))), AclPassage::Partly(vec![(32_768, 49_151)]));
    let hole = vec![
        entry(90, false, 6, "0.0.0.0/0", Some((40_000, 40_000))),
        entry(100, true, -1, "0.0.0.0/0", Some((443, 443))),
    ];
    assert_eq!(inbound(hole), AclPassage::Partly(vec![(40_000, 40_000)]));
}

#[test]
fn a_subnet_has_the_acl_that_names_it() {
    let facts = ControlPlane { network_acls: Some(done(vec![acl(Vec::new())])), ..ControlPlane::default() };
    assert_eq!(acl_of(&facts, "subnet-1").map(|acl| acl.id.as_str()), Ok("acl-1"));
    assert!(acl_of(&facts, "subnet-2").is_err());
    assert!(acl_of(&ControlPlane::default(), "subnet-1").is_err());
}

#[test]
fn a_free_number_comes_before_what_denies() {
    let number = |entries| free_number(&acl(entries), Direction::In, &[address(S3)], &[]);
    let deny = |number, cidr| entry(number, false, -1, cidr, None);
    assert_eq!(number(Vec::new()), Some(10));
    assert_eq!(number(vec![entry(10, true, -1, "0.0.0.0/0", None)]), Some(20));
    assert_eq!(number(vec![deny(8, "0.0.0.0/0")]), Some(1));
    assert_eq!(number(vec![deny(1, "0.0.0.0/0")]), None);
    assert_eq!(number(vec![deny(1, "10.0.0.0/8")]), Some(10));
    assert_eq!(free_number(&acl(Vec::new()), Direction::In, &[address(S3)], &[10, 20]), Some(30));
}

fn entries() -> impl Strategy<Value = Vec<AclEntry>> {
    let cidrs =
        prop::sample::select(vec!["0.0.0.0/0", "52.216.0.0/15", "52.216.1.1/32", "10.0.0.0/8", "::/0"]);
    let ports = prop::option::of(
        (30_000u16..63_000, 0u16..9_000).prop_map(|(first, more)| (first, first + more % 2_500)),
    );
    let one =
        (1u16..60, any::<bool>(), any::<bool>(), prop::sample::select(vec![-1i16, 6, 17]), cidrs, ports);
    let one = one.prop_map(|(number, egress, allow, protocol, cidr, ports)| AclEntry {
        egress,
        ..entry(number, allow, protocol, cidr, ports)
    });
    prop::collection::vec(one, 0..8).prop_map(|mut entries: Vec<AclEntry>| {
        // A number stands once in each direction.
        entries.sort_by_key(|entry| (entry.egress, entry.number));
        entries.dedup_by_key(|entry| (entry.egress, entry.number));
        entries
    })
}

/// One packet against the list, as the documentation tells it.
fn packet_passes(entries: &[AclEntry], peer: IpAddr, port: u16) -> bool {
    let mut inbound: Vec<&AclEntry> = entries.iter().filter(|entry| !entry.egress).collect();
    inbound.sort_by_key(|entry| entry.number);
    let matches = |entry: &&&AclEntry| {
        entry.cidr.contains(&peer)
            && (entry.protocol == -1
                || entry.protocol == 6
                    && entry.ports.is_none_or(|(first, last)| (first..=last).contains(&port)))
    };
    inbound.iter().find(matches).is_some_and(|entry| entry.allow)
}

proptest! {
    #[test]
    fn an_acl_does_with_a_range_what_it_does_with_each_packet(entries in entries(), first in 30_000u16..64_000, more in 0u16..1_500) {
        let ports = (first, first.saturating_add(more));
        let peer = address(S3);
        let passes = |port: &u16| packet_passes(&entries, peer, *port);
        let passage = acl_passage(&acl(entries.clone()), Direction::In, peer, ports);
        let closed: Vec<u16> = (ports.0..=ports.1).filter(|port| !passes(port)).collect();
        match passage {
            AclPassage::Open => prop_assert!(closed.is_empty()),
            AclPassage::Closed { .. } => prop_assert_eq!(closed.len(), usize::from(ports.1 - ports.0) + 1),
            AclPassage::Partly(ranges) => {
                let listed: Vec<u16> = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
                prop_assert_eq!(listed, closed);
            }
        }
    }

    #[test]
    fn an_entry_at_a_free_number_opens_what_it_names(entries in entries()) {
        let peer = address(S3);
        let mut opened = acl(entries);
        if let Some(number) = free_number(&opened, Direction::In, &[peer], &[]) {
            prop_assert!(opened.entries.iter().all(|entry| entry.egress || entry.number != number));
            opened.entries.push(entry(number, true, 6, "52.216.1.1/32", Some(EPHEMERAL)));
            prop_assert_eq!(acl_passage(&opened, Direction::In, peer, EPHEMERAL), AclPassage::Open);
        }
    }

    #[test]
    fn more_rules_never_close_a_group(one in 0usize..11, other in 0usize..11) {
        let rules = |index: usize| {
            let peers = ["0.0.0.0/0", "52.216.0.0/15", "10.0.0.0/8", "pl-s3", "pl-unknown", "sg-other"];
            let ports = [None, Some((443, 443)), Some((80, 80))];
            rule("tcp", ports[index % 3], peers[index % 6])
        };
        let alone = passage(vec![rules(one)], S3);
        let both = passage(vec![rules(one), rules(other)], S3);
        prop_assert!(!is_open(&alone) || is_open(&both));
        // And what is closed with both was closed with either.
        prop_assert!(both != GroupPassage::Closed || alone == GroupPassage::Closed);
    }
}
