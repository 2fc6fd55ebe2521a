//! The compiled text, where it carries a decision of the topology.

use super::*;
use crate::change::{self, Change};
use crate::scenario;

#[derive(serde::Deserialize)]
struct Changes {
    change: Vec<Change>,
}

fn topology(changes: &str) -> Topology {
    let mut topology = scenario::load("healthy-private").unwrap().topology;
    let changes: Changes = toml::from_str(&format!("change = [{changes}]")).unwrap();
    for each in changes.change {
        change::apply(&mut topology, each).unwrap();
    }
    crate::topology::check(&topology).unwrap();
    topology
}

fn router(changes: &str) -> Namespace {
    router_with(changes, Silences::default())
}

fn router_with(changes: &str, silences: Silences) -> Namespace {
    let fabric = compile(&topology(changes), silences);
    fabric.namespaces.into_iter().find(|namespace| namespace.name == ROUTER).unwrap()
}

/// The lines of one chain of a firewall.
fn chain(namespace: &Namespace, name: &str) -> Vec<String> {
    let start = format!("chain {name} {{");
    namespace
        .firewall
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != start)
        .skip(1)
        .take_while(|line| *line != "}")
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_prefix_list_route_becomes_a_route_per_range() {
    let network = router("").network;
    for range in crate::prefixes::of("s3", "us-east-1") {
        let route = format!("route replace {range} via 198.18.0.34 dev gwe0 onlink table 1001");
        assert!(network.contains(&route), "{route}");
    }
}

#[test]
fn a_route_whose_target_is_gone_swallows_packets() {
    let network = router(
        "{ kind = 'blackhole_route', route_table = 'rtb-0b1b1b1b1b1b1b1b1', destination = 'pl-63a5400a' }",
    )
    .network;
    assert!(network.contains("route replace blackhole 3.5.0.0/19 table 1001"), "{network}");
    assert!(!network.contains("dev gwe0 table"), "{network}");
}

#[test]
fn every_lookup_ends_in_silence() {
    let network = router("").network;
    assert!(network.contains("route add blackhole 10.0.0.0/16 table 100"));
    assert!(network.contains("rule add pref 30000 blackhole"));
    assert!(router("").firewall.contains("icmp type { time-exceeded, redirect } drop"));
}

#[test]
fn what_nat_sends_on_is_routed_by_the_table_of_its_own_subnet() {
    let network = router("").network;
    assert!(network.contains("rule add pref 200 iif inst0 lookup 1001"));
    assert!(network.contains("rule add pref 200 iif nat0 lookup 1000"));
    assert!(
        network.contains("route replace 0.0.0.0/0 via 198.18.0.14 dev igw0 onlink table 1000"),
        "{network}"
    );
}

#[test]
fn a_subnet_without_an_association_is_routed_by_the_main_table() {
    let network = router("{ kind = 'associate', subnet = 'subnet-0b1b1b1b1b1b1b1b1' }").network;
    assert!(network.contains("rule add pref 200 iif inst0 lookup 1002"), "{network}");
}

#[test]
fn every_network_interface_is_routed_by_the_table_of_its_subnet() {
    let changes = "{ kind = 'attach_network_interface', interface = { network_interface = 'eni-1', \
                   mac = '0a:12:34:56:78:9b', subnet = 'subnet-0a0a0a0a0a0a0a0a0', private_address = '10.0.0.20', \
                   security_groups = ['sg-0a0a0a0a0a0a0a0a0'] } }";
    let made = router(changes);
    assert!(made.network.contains("rule add pref 200 iif inst0 lookup 1001"), "{}", made.network);
    assert!(made.network.contains("rule add pref 200 iif inst1 lookup 1000"), "{}", made.network);
    assert_eq!(chain(&made, "inst1_out"), ["ip daddr { 0.0.0.0/0 } return", "drop"]);
}

#[test]
fn only_the_wires_to_what_aws_runs_are_long() {
    let mut topology = topology("");
    let short = compile(&topology, Silences::default());
    assert_eq!(short.long_wires, []);
    topology.round_trip_ms = 20;
    let long = compile(&topology, Silences::default());
    let ends: Vec<&str> = long.long_wires.iter().map(|wire| wire.ends[1].1.as_str()).collect();
    assert_eq!(ends, [INTERFACES, INTERNET, GATEWAY_ENDPOINTS, GATEWAY_ENDPOINTS]);
    assert!(long.long_wires.iter().all(|wire| wire.one_way == Duration::from_millis(10)));
    assert_eq!(long.wires.lines().count() + ends.len(), short.wires.lines().count());
    assert_eq!(update(&short, &long), None, "a wire that stands cannot get longer");
}

#[test]
fn a_nat_gateway_that_hides_keeps_its_complaints_to_itself() {
    let nat = |changes: &str| {
        let fabric = compile(&topology(changes), Silences::default());
        let nat = fabric.namespaces.into_iter().find(|namespace| namespace.name == "nat0").unwrap();
        chain(&nat, "output").join("\n")
    };
    assert_eq!(nat(""), "");
    let hidden = nat("{ kind = 'hide_nat_gateway', nat_gateway = 'nat-0f0f0f0f0f0f0f0f0' }");
    assert!(hidden.ends_with("icmp type time-exceeded drop"), "{hidden}");
}

#[test]
fn a_group_rule_that_names_a_group_allows_its_members() {
    let changes = "{ kind = 'egress', security_group = 'sg-0a0a0a0a0a0a0a0a0', rules = [{ protocol = 'tcp', \
                   ports = [443, 443], peer = 'sg-0e0e0e0e0e0e0e0e0' }] }, { kind = 'endpoint_security_groups', \
                   endpoint = 'vpce-02222222222222222', security_groups = ['sg-0c0c0c0c0c0c0c0c0'] }";
    let lines = chain(&router(changes), "instance_out");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("ip daddr { 10.0.1.101, 10.0.2.101, 10.0.1.103,"), "{lines:?}");
    assert!(lines[0].ends_with("} tcp dport 443 return"), "{lines:?}");
    assert_eq!(lines[1], "drop");
}

#[test]
fn acl_entries_are_asked_in_the_order_of_their_numbers() {
    let changes = "{ kind = 'acl_egress', network_acl = 'acl-0d0d0d0d0d0d0d0d0', entries = [\
                   { number = 200, action = 'allow', protocol = 'all', cidr = '0.0.0.0/0' },\
                   { number = 100, action = 'deny', protocol = 'tcp', ports = [443, 443], cidr = '3.5.0.0/19' }] }";
    let expected = ["ip daddr 3.5.0.0/19 tcp dport 443 drop", "ip daddr 0.0.0.0/0 return", "drop"];
    assert_eq!(chain(&router(changes), "acl0_out"), expected);
}

#[test]
fn acls_are_stateless_and_groups_are_not() {
    let forward = chain(&router(""), "forward");
    let position = |part: &str| forward.iter().position(|line| line.contains(part)).unwrap();
    let tracked = position("ct state established,related accept");
    assert!(position("jump acl0_in") < tracked);
    assert!(tracked < position("jump instance_out"));
}

#[test]
fn silenced_services_are_not_let_in() {
    let heard = chain(&router(""), "input").join("\n");
    assert!(heard.contains("169.254.169.254 tcp dport 80") && heard.contains("udp dport 53"));
    let silenced = router_with("", Silences { metadata: true, resolver: true });
    assert_eq!(chain(&silenced, "input").len(), 2);
    let attribute = router("{ kind = 'vpc_attributes', enable_dns_support = false }");
    assert!(!chain(&attribute, "input").join("\n").contains("dport 53"));
}

#[test]
fn a_change_that_finds_nothing_is_an_error() {
    let mut topology = topology("");
    for change in [
        "kind = 'remove_endpoint'\nendpoint = 'vpce-1'",
        "kind = 'remove_route'\nroute_table = 'rtb-0b1b1b1b1b1b1b1b1'\ndestination = '0.0.0.0/0'",
        "kind = 'private_dns'\nendpoint = 'vpce-0a3a3a3a3a3a3a3a3'\nenabled = false",
    ] {
        let parsed: Change = toml::from_str(change).unwrap();
        assert!(change::apply(&mut topology, parsed).is_err(), "{change}");
    }
    assert!(toml::from_str::<Change>("kind = 'region'\nregion = 'x'\nzone = 'y'").is_err());
}

#[test]
fn a_topology_that_does_not_fit_together_is_refused() {
    let refused = |edit: fn(&mut Topology)| {
        let mut topology = topology("");
        edit(&mut topology);
        crate::topology::check(&topology).unwrap_err().to_string()
    };
    let outside = refused(|topology| topology.instance.private_address = Ipv4Addr::new(10, 9, 0, 1));
    assert_eq!(outside, "10.9.0.1 of i-0123456789abcdef0 is not inside 10.0.1.0/24");
    let unknown = refused(|topology| topology.route_tables[1].routes[0].target = "vpce-0".to_owned());
    assert_eq!(
        unknown,
        "rtb-0b1b1b1b1b1b1b1b1 refers to vpce-0, which is not a route target of this topology"
    );
    let twice =
        refused(|topology| topology.gateway_endpoints[1].id = topology.gateway_endpoints[0].id.clone());
    assert_eq!(twice, "vpce-0a3a3a3a3a3a3a3a3 is defined twice");
}
