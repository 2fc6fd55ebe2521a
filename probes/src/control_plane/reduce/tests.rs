//! Answers of EC2, put together with the SDK's own builders, and what is kept of them.

use aws_sdk_ec2::types::builders::{NetworkAclEntryBuilder, RouteBuilder};

use super::*;
use crate::plan::AwsBucketPlan;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn to_pl(route: RouteBuilder) -> RouteBuilder {
    route.destination_prefix_list_id("pl-63a5400a")
}

#[test]
fn every_kind_of_route_gives_its_destination_and_its_target() {
    type Make = fn(RouteBuilder) -> RouteBuilder;
    let rows: [(Make, Option<&str>, &str); 14] = [
        (|r| r.destination_cidr_block("10.0.0.0/16").gateway_id("local"), Some("10.0.0.0/16"), "local"),
        (|r| r.destination_cidr_block("0.0.0.0/0").gateway_id("igw-1"), Some("0.0.0.0/0"), "igw-1"),
        (|r| r.destination_cidr_block("0.0.0.0/0").nat_gateway_id("nat-1"), Some("0.0.0.0/0"), "nat-1"),
        (|r| to_pl(r).gateway_id("vpce-1"), None, "vpce-1"),
        (
            |r| r.destination_ipv6_cidr_block("::/0").egress_only_internet_gateway_id("eigw-1"),
            Some("::/0"),
            "eigw-1",
        ),
        (|r| to_pl(r).transit_gateway_id("tgw-1"), None, "tgw-1"),
        (|r| to_pl(r).vpc_peering_connection_id("pcx-1"), None, "pcx-1"),
        (|r| to_pl(r).local_gateway_id("lgw-1"), None, "lgw-1"),
        (|r| to_pl(r).carrier_gateway_id("cagw-1"), None, "cagw-1"),
        (
            |r| to_pl(r).core_network_arn("arn:aws:networkmanager::1:core-network/c"),
            None,
            "arn:aws:networkmanager::1:core-network/c",
        ),
        (|r| to_pl(r).network_interface_id("eni-1").instance_id("i-1"), None, "eni-1"),
        (|r| to_pl(r).instance_id("i-1"), None, "i-1"),
        (|r| to_pl(r), None, "unknown"),
        // EC2 clears host bits itself; a block that still has some means the same network.
        (|r| r.destination_cidr_block("10.1.2.3/16").gateway_id("vgw-1"), Some("10.1.0.0/16"), "vgw-1"),
    ];
    for (make, block, target) in rows {
        let seen = route(&make(ec2::Route::builder()).build()).unwrap();
        assert_eq!(seen.cidr, block.map(net));
        assert_eq!(seen.prefix_list.is_none(), block.is_some());
        assert_eq!((seen.target.as_str(), seen.blackhole), (target, false));
    }
}

#[test]
fn a_blackhole_is_kept_and_a_filtered_route_is_not_in_effect() {
    let in_state = |state| to_pl(ec2::Route::builder()).gateway_id("vpce-1").state(state).build();
    let table = ec2::RouteTable::builder()
        .route_table_id("rtb-1")
        .routes(in_state(ec2::RouteState::Active))
        .routes(in_state(ec2::RouteState::Filtered))
        .routes(in_state(ec2::RouteState::Blackhole))
        .build();
    let seen = route_table(&table, true).unwrap();
    assert_eq!((seen.id.as_str(), seen.is_main), ("rtb-1", true));
    assert_eq!(seen.routes.iter().map(|route| route.blackhole).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn an_endpoint_is_reduced_to_what_leads_to_it_and_what_guards_it() {
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
    let gateway = ec2::VpcEndpoint::builder()
        .vpc_endpoint_id("vpce-2")
        .vpc_endpoint_type(ec2::VpcEndpointType::Gateway)
        .service_name("com.amazonaws.us-east-1.s3")
        .state(ec2::State::from("available"))
        .route_table_ids("rtb-1")
        .policy_document(policy)
        .build();
    let dns = ec2::DnsOptions::builder().private_dns_only_for_inbound_resolver_endpoint(true).build();
    let interface = ec2::VpcEndpoint::builder()
        .vpc_endpoint_id("vpce-1")
        .vpc_endpoint_type(ec2::VpcEndpointType::Interface)
        .service_name("com.amazonaws.us-east-1.ssm")
        .state(ec2::State::PendingAcceptance)
        .subnet_ids("subnet-1")
        .subnet_ids("subnet-2")
        .groups(ec2::SecurityGroupIdentifier::builder().group_id("sg-1").group_name("secret name").build())
        .private_dns_enabled(true)
        .dns_options(dns)
        .build();
    let seen = vpc_endpoints(&[gateway, interface], &InspectPlan::default()).unwrap();
    let expected_interface = VpcEndpoint {
        id: "vpce-1".to_owned(),
        service_name: "com.amazonaws.us-east-1.ssm".to_owned(),
        kind: "Interface".to_owned(),
        state: "pendingAcceptance".to_owned(),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        security_groups: vec!["sg-1".to_owned()],
        private_dns: true,
        private_dns_inbound_only: true,
        ..VpcEndpoint::default()
    };
    let expected_gateway = VpcEndpoint {
        id: "vpce-2".to_owned(),
        service_name: "com.amazonaws.us-east-1.s3".to_owned(),
        kind: "Gateway".to_owned(),
        state: "available".to_owned(),
        route_tables: vec!["rtb-1".to_owned()],
        has_policy: true,
        ..VpcEndpoint::default()
    };
    assert_eq!(seen, [expected_interface, expected_gateway]);
    assert!(!serde_json::to_string(&seen).unwrap().contains("Principal"));
}

#[test]
fn what_the_policy_of_an_endpoint_for_s3_keeps_away_is_kept_by_name() {
    let policy =
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::own/*"}]}"#;
    let endpoint = |id: &str, service: &str| {
        ec2::VpcEndpoint::builder()
            .vpc_endpoint_id(id)
            .vpc_endpoint_type(ec2::VpcEndpointType::Gateway)
            .service_name(service)
            .state(ec2::State::from("available"))
            .policy_document(policy)
            .build()
    };
    let plan = InspectPlan {
        aws_buckets: vec![AwsBucketPlan {
            name: "amazon-ssm-us-east-1".to_owned(),
            partition: "aws".to_owned(),
            actions: vec!["s3:GetObject".to_owned()],
            signed_by_aws: false,
        }],
        ..InspectPlan::default()
    };
    let found = [
        endpoint("vpce-1", "com.amazonaws.us-east-1.s3"),
        endpoint("vpce-2", "com.amazonaws.us-east-1.dynamodb"),
    ];
    let seen = vpc_endpoints(&found, &plan).unwrap();
    assert_eq!(seen[0].keeps_away, ["amazon-ssm-us-east-1"]);
    assert!(seen[1].keeps_away.is_empty());
}

#[test]
fn a_security_groups_rules_keep_peers_of_every_kind() {
    let permission = ec2::IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(443)
        .to_port(443)
        .ip_ranges(ec2::IpRange::builder().cidr_ip("10.0.0.0/16").description("office of Jane").build())
        .ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6("::/0").build())
        .prefix_list_ids(ec2::PrefixListId::builder().prefix_list_id("pl-63a5400a").build())
        .user_id_group_pairs(ec2::UserIdGroupPair::builder().group_id("sg-2").build())
        .build();
    let all = ec2::IpPermission::builder()
        .ip_protocol("-1")
        .ip_ranges(ec2::IpRange::builder().cidr_ip("0.0.0.0/0").build())
        .build();
    let ping = ec2::IpPermission::builder().ip_protocol("icmp").from_port(8).to_port(-1).build();
    let group = ec2::SecurityGroup::builder()
        .group_id("sg-1")
        .ip_permissions(permission)
        .ip_permissions_egress(all)
        .ip_permissions_egress(ping)
        .build();
    let seen = security_groups(&[group]).unwrap();
    let rule = &seen[0].ingress[0];
    assert_eq!((rule.protocol.as_str(), rule.ports), ("tcp", Some((443, 443))));
    assert_eq!(rule.cidrs, [net("10.0.0.0/16"), net("::/0")]);
    assert_eq!(rule.prefix_lists, ["pl-63a5400a"]);
    assert_eq!(rule.groups, ["sg-2"]);
    let egress: Vec<_> = seen[0].egress.iter().map(|rule| (rule.protocol.as_str(), rule.ports)).collect();
    assert_eq!(egress, [("-1", None), ("icmp", None)]);
    assert!(!serde_json::to_string(&seen).unwrap().contains("Jane"));
}

fn entry(number: i32, egress: bool) -> NetworkAclEntryBuilder {
    let entry = ec2::NetworkAclEntry::builder().rule_number(number).egress(egress).protocol("6");
    entry.rule_action(ec2::RuleAction::Allow).cidr_block("0.0.0.0/0")
}

#[test]
fn a_network_acl_keeps_the_subnets_concerned_and_its_entries_by_number() {
    let association = |subnet: &str| ec2::NetworkAclAssociation::builder().subnet_id(subnet).build();
    let range = ec2::PortRange::builder().from(1024).to(65535).build();
    let rest = entry(32767, true).protocol("-1").rule_action(ec2::RuleAction::Deny).build();
    let acl = ec2::NetworkAcl::builder()
        .network_acl_id("acl-1")
        .associations(association("subnet-9"))
        .associations(association("subnet-1"))
        .entries(rest)
        .entries(entry(100, true).build())
        .entries(entry(90, false).port_range(range).build())
        .build();
    let concerned = ["subnet-1".to_owned(), "subnet-2".to_owned()];
    let seen = network_acls(&[acl], &concerned).unwrap();
    assert_eq!(seen[0].subnets, ["subnet-1"]);
    let entries: Vec<_> = seen[0]
        .entries
        .iter()
        .map(|entry| (entry.number, entry.egress, entry.allow, entry.protocol, entry.ports))
        .collect();
    let expected = [
        (90, false, true, 6, Some((1024, 65535))),
        (100, true, true, 6, None),
        (32767, true, false, -1, None),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn what_is_not_understood_is_a_failure_and_no_gap() {
    let acl = |entry: NetworkAclEntryBuilder| {
        let acl = ec2::NetworkAcl::builder().network_acl_id("acl-1").entries(entry.build()).build();
        network_acls(&[acl], &[]).map(drop)
    };
    let table = |route: RouteBuilder| {
        let table = ec2::RouteTable::builder().route_table_id("rtb-1").routes(route.build()).build();
        route_table(&table, false).map(drop)
    };
    let list = |id: &str, block: &str| {
        let list = ec2::PrefixList::builder().prefix_list_id(id).prefix_list_name("n").cidrs(block).build();
        prefix_lists(&[list]).map(drop)
    };
    let group = |from: i32, to: i32| {
        let rule = ec2::IpPermission::builder().ip_protocol("tcp").from_port(from).to_port(to).build();
        let group = ec2::SecurityGroup::builder().group_id("sg-1").ip_permissions(rule).build();
        security_groups(&[group]).map(drop)
    };
    assert_eq!(acl(entry(1, true)), Ok(()));
    assert_eq!(table(to_pl(ec2::Route::builder())), Ok(()));
    assert_eq!(list("pl-1", "10.0.0.0/8"), Ok(()));
    assert_eq!(group(0, 65535), Ok(()));
    let refused = [
        acl(entry(70_000, true)),
        acl(entry(1, true).protocol("tcp")),
        acl(entry(1, true).cidr_block("10.0.0.0/33")),
        acl(entry(1, true).rule_action(ec2::RuleAction::from("log"))),
        table(ec2::Route::builder().gateway_id("igw-1")),
        table(to_pl(ec2::Route::builder()).gateway_id("igw-1\u{1b}[31m")),
        table(to_pl(ec2::Route::builder()).gateway_id("x".repeat(LONGEST_NAME + 1))),
        list("", "10.0.0.0/8"),
        list("pl-1", "ten/8"),
        group(10, 9),
        group(0, 70_000),
    ];
    for (row, result) in refused.into_iter().enumerate() {
        assert!(matches!(result, Err(ReadFailure::Unexpected { .. })), "row {row}: {result:?}");
    }
}

#[test]
fn a_list_without_end_is_refused() {
    let blocks = vec!["10.0.0.0/8".to_owned(); MOST_ENTRIES + 1];
    let list =
        ec2::PrefixList::builder().prefix_list_id("pl-1").prefix_list_name("n").set_cidrs(Some(blocks));
    assert!(matches!(prefix_lists(&[list.build()]), Err(ReadFailure::Unexpected { .. })));
}
