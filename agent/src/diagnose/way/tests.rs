//! Ways through a VPC that EC2 describes, with one thing closed at a time.

use probes::Outcome;
use probes::control_plane::{
    AclEntry, ControlPlane, GroupRule, ManagedPrefixList, NetworkAcl, Route, RouteTable, SecurityGroup,
    VpcEndpoint,
};

use super::*;
use crate::classify;
use crate::filters::EPHEMERAL;
use crate::testing::{S3, answering, done, recording, silent, target};

const NEAR: &str = "10.0.1.50";
const FAR: &str = "10.0.2.50";

fn ids(id: &str) -> Vec<String> {
    vec![id.to_owned()]
}

fn any(protocol: &str, cidr: &str) -> GroupRule {
    GroupRule {
        protocol: protocol.into(),
        ports: None,
        cidrs: vec![cidr.parse().unwrap()],
        prefix_lists: Vec::new(),
        groups: Vec::new(),
    }
}

fn open_acl(id: &str, subnet: &str) -> NetworkAcl {
    let entry = |egress| AclEntry {
        number: 100,
        egress,
        allow: true,
        protocol: -1,
        cidr: "0.0.0.0/0".parse().unwrap(),
        ports: None,
    };
    NetworkAcl { id: id.into(), subnets: ids(subnet), entries: vec![entry(true), entry(false)] }
}

/// A private subnet from which everything is open: S3 by gateway endpoint, SSM by an endpoint with an interface here and one
/// in another subnet.
fn open() -> Recording {
    let mut recording = recording();
    let interface = &mut recording.environment.host.interfaces[0];
    interface.subnet_cidrs = vec!["10.0.1.0/24".parse().unwrap()];
    let route = |list: Option<&str>, target: &str| Route {
        cidr: list.is_none().then(|| "10.0.0.0/16".parse().unwrap()),
        prefix_list: list.map(str::to_owned),
        target: target.into(),
        blackhole: false,
    };
    recording.control_plane = ControlPlane {
        route_table: Some(done(RouteTable {
            id: "rtb-1".into(),
            is_main: false,
            routes: vec![route(None, "local"), route(Some("pl-s3"), "vpce-s3")],
        })),
        vpc_endpoints: Some(done(vec![
            VpcEndpoint {
                id: "vpce-s3".into(),
                service_name: "com.amazonaws.us-east-1.s3".into(),
                kind: "Gateway".into(),
                state: "available".into(),
                route_tables: ids("rtb-1"),
                ..VpcEndpoint::default()
            },
            VpcEndpoint {
                id: "vpce-ssm".into(),
                service_name: "com.amazonaws.us-east-1.ssm".into(),
                kind: "Interface".into(),
                state: "available".into(),
                subnets: vec!["subnet-0a1b2c3d".into(), "subnet-far".into()],
                security_groups: ids("sg-endpoint"),
                private_dns: true,
                ..VpcEndpoint::default()
            },
        ])),
        prefix_lists: Some(done(vec![ManagedPrefixList {
            id: "pl-s3".into(),
            name: "com.amazonaws.us-east-1.s3".into(),
            cidrs: vec!["52.216.0.0/15".parse().unwrap()],
        }])),
        security_groups: Some(done(vec![
            SecurityGroup {
                id: "sg-0a1b2c3d".into(),
                egress: vec![any("-1", "0.0.0.0/0")],
                ingress: Vec::new(),
            },
            SecurityGroup {
                id: "sg-endpoint".into(),
                egress: Vec::new(),
                ingress: vec![GroupRule {
                    cidrs: Vec::new(),
                    groups: ids("sg-0a1b2c3d"),
                    ..any("tcp", "::/0")
                }],
            },
        ])),
        network_acls: Some(done(vec![
            open_acl("acl-own", "subnet-0a1b2c3d"),
            open_acl("acl-far", "subnet-far"),
        ])),
        ..ControlPlane::not_asked(probes::control_plane::NotAsked::Disabled)
    };
    recording.control_plane.not_asked_because = None;
    recording.targets =
        vec![target("s3", true, vec![silent(S3)]), target("ssm", true, vec![silent(NEAR), silent(FAR)])];
    recording
}

fn done_mut<T, F>(step: &mut Option<probes::Step<T, F>>) -> &mut T {
    match step.as_mut().map(|step| &mut step.outcome) {
        Some(Outcome::Done(value)) => value,
        _ => panic!("not done"),
    }
}

/// What stops each silent address.
fn obstacles(recording: &Recording) -> Vec<(String, Vec<Obstacle>, bool)> {
    let verdicts = classify::verdicts(recording);
    let ways = Ways::of(&Case { recording, verdicts: &verdicts });
    ways.silent
        .iter()
        .map(|way| (way.address().to_string(), way.obstacles.clone(), !way.open.is_empty()))
        .collect()
}

fn stopped(recording: &Recording, address: &str) -> Vec<Obstacle> {
    obstacles(recording).into_iter().find(|(found, ..)| found == address).unwrap().1
}

#[test]
fn where_everything_is_open_nothing_stops_the_packets_and_nothing_is_left_to_ask() {
    for (address, obstacles, open) in obstacles(&open()) {
        assert_eq!((obstacles, open), (Vec::new(), false), "{address}");
    }
}

#[test]
fn the_instances_own_groups_stop_what_they_do_not_name() {
    let mut recording = open();
    done_mut(&mut recording.control_plane.security_groups)[0].egress = vec![any("tcp", "10.0.0.0/16")];
    assert_eq!(stopped(&recording, S3), [Obstacle::OwnGroups { groups: ids("sg-0a1b2c3d") }]);
    assert_eq!(stopped(&recording, NEAR), []);
}

#[test]
fn acls_stop_what_leaves_the_subnet_and_nothing_that_stays_in_it() {
    let mut recording = open();
    done_mut(&mut recording.control_plane.network_acls)[0].entries.retain(|entry| !entry.egress);
    let out = Obstacle::OwnAcl {
        acl: "acl-own".into(),
        direction: Direction::Out,
        passage: AclPassage::Closed { by: None },
    };
    assert_eq!(stopped(&recording, S3), std::slice::from_ref(&out));
    assert_eq!(stopped(&recording, FAR), [out]);
    assert_eq!(stopped(&recording, NEAR), []);
}

#[test]
fn half_of_the_returning_ports_is_told_apart_from_none() {
    let mut recording = open();
    for entry in &mut done_mut(&mut recording.control_plane.network_acls)[0].entries {
        if !entry.egress {
            (entry.protocol, entry.ports) = (6, Some((40_000, 65_535)));
        }
    }
    let passage = AclPassage::Partly(vec![(EPHEMERAL.0, 39_999)]);
    let expected = Obstacle::OwnAcl { acl: "acl-own".into(), direction: Direction::In, passage };
    assert_eq!(stopped(&recording, S3), [expected]);
}

#[test]
fn an_endpoint_has_its_own_groups_everywhere_and_its_own_acl_in_each_subnet() {
    let mut recording = open();
    done_mut(&mut recording.control_plane.security_groups)[1].ingress.clear();
    done_mut(&mut recording.control_plane.network_acls)[1].entries.clear();
    let groups = Obstacle::EndpointGroups { endpoint: "vpce-ssm".into(), groups: ids("sg-endpoint") };
    let acl = |direction| Obstacle::EndpointAcl {
        endpoint: "vpce-ssm".into(),
        subnet: "subnet-far".into(),
        acl: "acl-far".into(),
        direction,
        passage: AclPassage::Closed { by: None },
    };
    assert_eq!(stopped(&recording, NEAR), std::slice::from_ref(&groups));
    assert_eq!(stopped(&recording, FAR), [acl(Direction::In), groups, acl(Direction::Out)]);
}

#[test]
fn routes_that_are_missing_gone_or_of_no_use_are_told_apart() {
    let mut recording = open();
    done_mut(&mut recording.control_plane.route_table).routes[1].blackhole = true;
    let gone =
        Obstacle::Blackhole { table: "rtb-1".into(), destination: "pl-s3".into(), target: "vpce-s3".into() };
    assert_eq!(stopped(&recording, S3), [gone]);
    done_mut(&mut recording.control_plane.route_table).routes.truncate(1);
    assert_eq!(stopped(&recording, S3), [Obstacle::NoRoute { table: "rtb-1".into() }]);
    done_mut(&mut recording.control_plane.route_table).routes.push(Route {
        cidr: Some("0.0.0.0/0".parse().unwrap()),
        prefix_list: None,
        target: "igw-1".into(),
        blackhole: false,
    });
    let expected = Obstacle::NoPublicAddress { table: "rtb-1".into(), gateway: "igw-1".into() };
    assert_eq!(stopped(&recording, S3), [expected]);
    recording.environment.host.public_ipv4 = Some("203.0.113.9".parse().unwrap());
    assert_eq!(stopped(&recording, S3), []);
}

#[test]
fn what_would_have_stopped_a_connection_that_stands_is_not_blamed() {
    let mut recording = open();
    done_mut(&mut recording.control_plane.security_groups)[0].egress.clear();
    assert_eq!(obstacles(&recording).iter().filter(|(_, found, _)| found.is_empty()).count(), 0);
    recording.targets.push(target("sts", true, vec![answering("52.46.1.1")]));
    for (address, obstacles, open) in obstacles(&recording) {
        assert_eq!((obstacles, open), (Vec::new(), true), "{address}");
    }
}

#[test]
fn what_was_not_read_is_an_open_question_and_no_obstacle() {
    let mut recording = open();
    recording.control_plane.security_groups = None;
    recording.control_plane.network_acls = None;
    recording.control_plane.route_table = None;
    for (address, obstacles, open) in obstacles(&recording) {
        assert_eq!((obstacles, open), (Vec::new(), true), "{address}");
    }
}

#[test]
fn packets_of_another_interface_pass_that_ones_filters() {
    let mut recording = open();
    recording.environment.host.interfaces[0].device_number = Some(0);
    recording.environment.host.interfaces.push(Interface {
        name: "eth1".into(),
        addresses: vec!["10.0.2.20/24".parse().unwrap()],
        device_number: Some(1),
        subnet_id: Some("subnet-far".into()),
        subnet_cidrs: vec!["10.0.2.0/24".parse().unwrap()],
        security_group_ids: ids("sg-other"),
        ..Interface::default()
    });
    recording.targets[0].attempts[0].route = Some(probes::observations::ChosenRoute {
        source: Some("10.0.2.20".parse().unwrap()),
        next_hop: None,
        interface: Some("eth1".into()),
    });
    let verdicts = classify::verdicts(&recording);
    let ways = Ways::of(&Case { recording: &recording, verdicts: &verdicts });
    let place = ways.silent[0].place;
    assert_eq!((place.subnet, place.first), (Some("subnet-far"), false));
    // Neither its group nor its subnet's route table was read.
    assert_eq!(ways.silent[0].obstacles, []);
    assert_eq!(ways.silent[0].open.len(), 2);
}
