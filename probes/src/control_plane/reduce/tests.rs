//! Parts of EC2's answers, and what is kept of them.

use super::*;
use crate::control_plane::answer::tests::element;
use crate::plan::AwsBucketPlan;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

const TO_LIST: &str = "<destinationPrefixListId>pl-63a5400a</destinationPrefixListId>";

fn item(fields: &str) -> Element {
    element(&format!("<item>{fields}</item>"))
}

#[test]
fn every_kind_of_route_gives_its_destination_and_its_target() {
    let (v4, v6) = ("destinationCidrBlock", "destinationIpv6CidrBlock");
    let rows = [
        (Some((v4, "10.0.0.0/16", "10.0.0.0/16")), "gatewayId", "local"),
        (Some((v4, "0.0.0.0/0", "0.0.0.0/0")), "gatewayId", "igw-1"),
        (Some((v4, "0.0.0.0/0", "0.0.0.0/0")), "natGatewayId", "nat-1"),
        (None, "gatewayId", "vpce-1"),
        (Some((v6, "::/0", "::/0")), "egressOnlyInternetGatewayId", "eigw-1"),
        (None, "transitGatewayId", "tgw-1"),
        (None, "vpcPeeringConnectionId", "pcx-1"),
        (None, "localGatewayId", "lgw-1"),
        (None, "carrierGatewayId", "cagw-1"),
        (None, "coreNetworkArn", "arn:aws:networkmanager::1:core-network/c"),
        (None, "odbNetworkArn", "arn:aws:odb:us-east-1:1:odb-network/o"),
        (None, "networkInterfaceId", "eni-1"),
        (None, "instanceId", "i-1"),
        // EC2 clears host bits itself; a block that still has some means the same network.
        (Some((v4, "10.1.2.3/16", "10.1.0.0/16")), "gatewayId", "vgw-1"),
    ];
    for (block, kind, target) in rows {
        let to =
            block.map_or(TO_LIST.to_owned(), |(field, written, _)| format!("<{field}>{written}</{field}>"));
        let seen = route(&item(&format!("{to}<{kind}>{target}</{kind}>"))).unwrap();
        assert_eq!(seen.cidr, block.map(|(_, _, meant)| net(meant)));
        assert_eq!(seen.prefix_list.is_none(), block.is_some());
        assert_eq!((seen.target.as_str(), seen.blackhole), (target, false));
    }
    let both = format!("{TO_LIST}<instanceId>i-1</instanceId><networkInterfaceId>eni-1</networkInterfaceId>");
    assert_eq!(route(&item(&both)).unwrap().target, "eni-1");
    assert_eq!(route(&item(TO_LIST)).unwrap().target, "unknown");
}

#[test]
fn a_blackhole_is_kept_and_a_filtered_route_is_not_in_effect() {
    let in_state =
        |state: &str| format!("<item>{TO_LIST}<gatewayId>vpce-1</gatewayId><state>{state}</state></item>");
    let routes = ["active", "filtered", "blackhole"].map(in_state).concat();
    let table = item(&format!("<routeTableId>rtb-1</routeTableId><routeSet>{routes}</routeSet>"));
    let seen = route_table(&table, true).unwrap();
    assert_eq!((seen.id.as_str(), seen.is_main), ("rtb-1", true));
    assert_eq!(seen.routes.iter().map(|route| route.blackhole).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn an_endpoint_is_reduced_to_what_leads_to_it_and_what_guards_it() {
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
    let gateway = item(&format!(
        "<vpcEndpointId>vpce-2</vpcEndpointId><vpcEndpointType>Gateway</vpcEndpointType>\
         <serviceName>com.amazonaws.us-east-1.s3</serviceName><state>available</state>\
         <routeTableIdSet><item>rtb-1</item></routeTableIdSet><policyDocument>{policy}</policyDocument>"
    ));
    let interface = item(
        "<vpcEndpointId>vpce-1</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType>\
         <serviceName>com.amazonaws.us-east-1.ssm</serviceName><state>PendingAcceptance</state>\
         <subnetIdSet><item>subnet-1</item><item>subnet-2</item></subnetIdSet>\
         <groupSet><item><groupId>sg-1</groupId><groupName>secret name</groupName></item></groupSet>\
         <privateDnsEnabled>true</privateDnsEnabled><dnsOptions>\
         <privateDnsOnlyForInboundResolverEndpoint>true</privateDnsOnlyForInboundResolverEndpoint></dnsOptions>",
    );
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
        item(&format!(
            "<vpcEndpointId>{id}</vpcEndpointId><vpcEndpointType>Gateway</vpcEndpointType>\
             <serviceName>{service}</serviceName><state>available</state><policyDocument>{policy}</policyDocument>"
        ))
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
    let group = item(
        "<groupId>sg-1</groupId><ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort>\
         <toPort>443</toPort><ipRanges><item><cidrIp>10.0.0.0/16</cidrIp><description>office of Jane</description>\
         </item></ipRanges><ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges><prefixListIds><item>\
         <prefixListId>pl-63a5400a</prefixListId></item></prefixListIds><groups><item><groupId>sg-2</groupId></item>\
         </groups></item></ipPermissions><ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item>\
         <cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item><item><ipProtocol>icmp</ipProtocol><fromPort>8</fromPort>\
         <toPort>-1</toPort></item></ipPermissionsEgress>",
    );
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

/// An entry of a network ACL that lets TCP pass from and to anywhere, with some of its fields said otherwise.
fn entry(number: i32, egress: bool, otherwise: &[(&str, &str)]) -> String {
    let usual = [("protocol", "6"), ("ruleAction", "allow"), ("cidrBlock", "0.0.0.0/0")];
    let value = |(name, value): (&str, &str)| {
        let other = otherwise.iter().find(|(changed, _)| *changed == name);
        format!("<{name}>{}</{name}>", other.map_or(value, |(_, value)| value))
    };
    let ports = otherwise.iter().filter(|(name, _)| *name == "portRange");
    let ports: String = ports.map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
    let fields = usual.map(value).concat();
    format!("<item><ruleNumber>{number}</ruleNumber><egress>{egress}</egress>{fields}{ports}</item>")
}

fn acl_with(entries: &str) -> Element {
    item(&format!(
        "<networkAclId>acl-1</networkAclId><associationSet><item><subnetId>subnet-9</subnetId></item>\
         <item><subnetId>subnet-1</subnetId></item></associationSet><entrySet>{entries}</entrySet>"
    ))
}

#[test]
fn a_network_acl_keeps_the_subnets_concerned_and_its_entries_by_number() {
    let acl = acl_with(
        &[
            entry(32767, true, &[("protocol", "-1"), ("ruleAction", "deny")]),
            entry(100, true, &[]),
            entry(90, false, &[("portRange", "<from>1024</from><to>65535</to>")]),
        ]
        .concat(),
    );
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
    let acl = |number, otherwise: &[(&str, &str)]| {
        network_acls(&[acl_with(&entry(number, true, otherwise))], &[]).map(drop)
    };
    let table = |route: &str| {
        let table = format!("<routeTableId>rtb-1</routeTableId><routeSet><item>{route}</item></routeSet>");
        route_table(&item(&table), false).map(drop)
    };
    let list = |id: &str, block: &str| {
        let list = format!(
            "<prefixListId>{id}</prefixListId><prefixListName>n</prefixListName><cidrSet><item>{block}</item></cidrSet>"
        );
        prefix_lists(&[item(&list)]).map(drop)
    };
    let group = |from: &str, to: &str| {
        let group = format!(
            "<groupId>sg-1</groupId><ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>{from}</fromPort>\
             <toPort>{to}</toPort></item></ipPermissions>"
        );
        security_groups(&[item(&group)]).map(drop)
    };
    let to = |target: &str| format!("{TO_LIST}<gatewayId>{target}</gatewayId>");
    assert_eq!(acl(1, &[]), Ok(()));
    assert_eq!(table(&to("igw-1")), Ok(()));
    assert_eq!(list("pl-1", "10.0.0.0/8"), Ok(()));
    assert_eq!(group("0", "65535"), Ok(()));
    let refused = [
        acl(70_000, &[]),
        acl(1, &[("protocol", "tcp")]),
        acl(1, &[("cidrBlock", "10.0.0.0/33")]),
        acl(1, &[("ruleAction", "log")]),
        table("<gatewayId>igw-1</gatewayId>"),
        table(&to("igw 1")),
        table(&to("igw-\u{e9}")),
        table(&to(&"x".repeat(LONGEST_NAME + 1))),
        list("", "10.0.0.0/8"),
        list("pl-1", "ten/8"),
        group("10", "9"),
        group("0", "70000"),
        group("zero", "1"),
    ];
    for (row, result) in refused.into_iter().enumerate() {
        assert!(matches!(result, Err(ReadFailure::Unexpected { .. })), "row {row}: {result:?}");
    }
}

#[test]
fn a_list_without_end_is_refused() {
    let blocks = "<item>10.0.0.0/8</item>".repeat(MOST_ENTRIES + 1);
    let list = format!(
        "<prefixListId>pl-1</prefixListId><prefixListName>n</prefixListName><cidrSet>{blocks}</cidrSet>"
    );
    assert!(matches!(prefix_lists(&[item(&list)]), Err(ReadFailure::Unexpected { .. })));
}
