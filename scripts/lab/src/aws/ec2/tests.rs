//! EC2 as its clients see it, one request at a time and without a network.

mod changes;

use roxmltree::Document;

use super::*;
use crate::aws::testing::{aws, aws_with, signed, text};
use crate::topology::Attachment;
use crate::{prefixes, scenario};

const READER: &str = "identity_policy = 'read-only'";

/// Status and body of a call, whose parameters are written as in a query.
fn ask(aws: &Aws, operation: &str, parameters: &str) -> (u16, String) {
    let url = "https://ec2.us-east-1.amazonaws.com/";
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let form = format!("Action={operation}&Version=2016-11-15&{parameters}");
    let reply = aws.answer(&signed(aws, ("ec2", "us-east-1"), "POST", url, &headers, &form));
    (reply.status, text(&reply))
}

/// The texts of all elements of this name in the answer to an allowed call.
fn found(aws: &Aws, operation: &str, parameters: &str, element: &str) -> Vec<String> {
    let (status, body) = ask(aws, operation, parameters);
    assert_eq!(status, 200, "{operation} {parameters}: {body}");
    let document = Document::parse(&body).unwrap();
    assert_eq!(document.root_element().tag_name().name(), format!("{operation}Response"));
    assert_eq!(
        document.root_element().tag_name().namespace(),
        Some("http://ec2.amazonaws.com/doc/2016-11-15/")
    );
    let elements = document.descendants().filter(|node| node.tag_name().name() == element);
    elements.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// The error of a refused call.
fn error(aws: &Aws, operation: &str, parameters: &str) -> (u16, String, String) {
    let (status, body) = ask(aws, operation, parameters);
    let document = Document::parse(&body).unwrap();
    let field = |name| {
        let node = document.descendants().find(|node| node.has_tag_name(name));
        node.and_then(|node| node.text()).unwrap_or_default().to_owned()
    };
    (status, field("Code"), field("Message"))
}

/// The VPC of a scenario, described to somebody who may read everything.
fn described(name: &str) -> std::sync::Arc<Aws> {
    aws_with(READER, scenario::load(name).unwrap().topology)
}

fn view<T>(aws: &Aws, use_it: impl FnOnce(&View<'_>) -> T) -> T {
    let call = signed(aws, ("ec2", "us-east-1"), "GET", "https://ec2.us-east-1.amazonaws.com/", &[], "");
    let work = ServiceCall::new(aws, "ec2", &call);
    use_it(&View { topology: &aws.live.topology(), work: &work })
}

#[test]
fn every_listing_finds_its_resources_by_id_and_by_every_filter_that_has_a_value() {
    let mut topology = scenario::load("healthy-private").unwrap().topology;
    topology.vpc.public_access_exclusions = vec![crate::topology::Exclusion {
        id: "vpcbpa-exclude-1".to_owned(),
        resource: topology.vpc.id.clone(),
        inward_too: true,
    }];
    let aws = aws_with(READER, topology);
    for listing in LISTINGS {
        let operation = listing.operation;
        let items = view(&aws, |view| (listing.items)(view));
        let first = items.first().unwrap_or_else(|| panic!("{operation} finds nothing"));
        let (parameter, path) = listing.ids;
        let id = xml::at(first, path)[0].to_owned();
        let element = path.rsplit('/').next().unwrap();
        let by_id = found(&aws, operation, &format!("{parameter}.1={id}"), element);
        assert!(by_id.contains(&id), "{operation}: {by_id:?}");
        for (filter, path) in listing.filters {
            let Some(value) =
                xml::at(first, path).into_iter().find(|value| !value.is_empty()).map(str::to_owned)
            else {
                // Understood, and never true of anything in the lab.
                let nothing =
                    found(&aws, operation, &format!("Filter.1.Name={filter}&Filter.1.Value.1=x"), element);
                assert!(nothing.is_empty(), "{operation} {filter}");
                continue;
            };
            let value = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            let parameters = format!("Filter.1.Name={filter}&Filter.1.Value.1=none&Filter.1.Value.2={value}");
            assert!(
                found(&aws, operation, &parameters, element).contains(&id),
                "{operation} {filter}={value}"
            );
            let none = format!("Filter.1.Name={filter}&Filter.1.Value.1=no-such-value");
            assert!(found(&aws, operation, &none, element).is_empty(), "{operation} {filter}");
        }
    }
}

#[test]
fn filters_that_ec2_does_not_know_are_refused() {
    let aws = aws(READER);
    for operation in LISTINGS.map(|listing| listing.operation) {
        let refusal = error(&aws, operation, "Filter.1.Name=vpcid&Filter.1.Value.1=vpc-1");
        let text = "The filter 'vpcid' is invalid".to_owned();
        assert_eq!(refusal, (400, "InvalidParameterValue".to_owned(), text), "{operation}");
    }
}

#[test]
fn several_filters_must_all_hold_and_may_have_wildcards() {
    let aws = aws(READER);
    for (filters, expected) in [
        ("Filter.1.Name=vpc-endpoint-type&Filter.1.Value.1=Gateway", 2),
        ("Filter.1.Name=vpc-endpoint-type&Filter.1.Value.1=Interface", 5),
        ("Filter.1.Name=service-name&Filter.1.Value.1=com.amazonaws.us-east-1.s*", 4),
        (
            "Filter.1.Name=service-name&Filter.1.Value.1=com.amazonaws.us-east-1.s*&Filter.2.Name=vpc-endpoint-type&Filter.2.Value.1=Gateway",
            1,
        ),
        ("Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-0a1b2c3d4e5f60718", 7),
        ("Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-0a1b2c3d4e5f60719", 0),
        ("Filter.1.Name=tag%3AName&Filter.1.Value.1=*", 0),
    ] {
        assert_eq!(
            found(&aws, "DescribeVpcEndpoints", filters, "vpcEndpointId").len(),
            expected,
            "{filters}"
        );
    }
}

#[test]
fn ids_that_do_not_exist_are_named() {
    let aws = aws(READER);
    for (operation, parameters, code, text) in [
        (
            "DescribeRouteTables",
            "RouteTableId.1=rtb-1",
            "InvalidRouteTableID",
            "The routeTable ID 'rtb-1' does not exist",
        ),
        (
            "DescribeSubnets",
            "SubnetId.1=subnet-1",
            "InvalidSubnetID",
            "The subnet ID 'subnet-1' does not exist",
        ),
        (
            "DescribeSecurityGroups",
            "GroupId.1=sg-1",
            "InvalidGroup",
            "The security group 'sg-1' does not exist",
        ),
        (
            "DescribeVpcEndpoints",
            "VpcEndpointId.1=vpce-1",
            "InvalidVpcEndpointId",
            "The Vpc Endpoint Id 'vpce-1' does not exist",
        ),
        (
            "GetManagedPrefixListEntries",
            "PrefixListId=pl-1",
            "InvalidPrefixListID",
            "The prefix list ID 'pl-1' does not exist",
        ),
        (
            "DescribeVpcAttribute",
            "VpcId=vpc-1&Attribute=enableDnsSupport",
            "InvalidVpcID",
            "The vpc ID 'vpc-1' does not exist",
        ),
    ] {
        assert_eq!(error(&aws, operation, parameters), (400, format!("{code}.NotFound"), text.to_owned()));
    }
}

#[test]
fn each_call_needs_its_own_permission() {
    let describing = SPECIALS.map(|(name, _)| name).into_iter().filter(|name| !name.starts_with("Modify"));
    let operations = LISTINGS.map(|listing| listing.operation).into_iter().chain(describing);
    let (ordinary, inspect) = (aws(""), aws("identity_policy = 'inspect'"));
    for operation in operations {
        let (status, code, message) = error(&ordinary, operation, "");
        assert_eq!((status, code.as_str()), (403, "UnauthorizedOperation"));
        assert_eq!(
            message,
            format!(
                "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/\
                 app-instance-role/i-0a1b2c3d4e5f60718 is not authorized to perform: ec2:{operation} because no \
                 identity-based policy allows the ec2:{operation} action"
            )
        );
        // The policy for looking holds no call that changes anything.
        let looks = operation.starts_with("Describe") || operation.starts_with("Get");
        let expected = if looks { (412, "DryRunOperation") } else { (403, "UnauthorizedOperation") };
        let (status, code, _) = error(&inspect, operation, "DryRun=true");
        assert_eq!((status, code.as_str()), expected, "{operation}");
        let (status, code, _) = error(&ordinary, operation, "DryRun=true");
        assert_eq!((status, code.as_str()), (403, "UnauthorizedOperation"), "{operation}");
    }
    assert_eq!(error(&inspect, "DescribeImages", "").1, "UnauthorizedOperation");
    assert_eq!(error(&aws(READER), "DescribeImages", "").1, "UnsupportedOperation");
}

#[test]
fn lists_of_the_accounts_own_are_known_to_the_newer_calls_only() {
    let mut topology = scenario::load("healthy-private").unwrap().topology;
    topology.prefix_lists.push(crate::topology::PrefixList {
        id: "pl-0own".to_owned(),
        service: String::new(),
        name: Some("partners".to_owned()),
        cidrs: Some(vec!["198.51.100.0/24".parse().unwrap()]),
    });
    let aws = aws_with(READER, topology);
    assert!(!found(&aws, "DescribePrefixLists", "", "prefixListId").contains(&"pl-0own".to_owned()));
    let own = "PrefixListId.1=pl-0own";
    assert_eq!(found(&aws, "DescribeManagedPrefixLists", own, "prefixListName"), ["partners"]);
    assert_eq!(found(&aws, "DescribeManagedPrefixLists", own, "ownerId"), ["123456789012"]);
    let entries = found(&aws, "GetManagedPrefixListEntries", "PrefixListId=pl-0own", "cidr");
    assert_eq!(entries, ["198.51.100.0/24"]);
}

#[test]
fn a_nat_gateway_that_failed_says_why() {
    let mut topology = scenario::load("nat").unwrap().topology;
    topology.nat_gateways[0].failure = Some("Gateway.NotAttached".to_owned());
    let aws = aws_with(READER, topology);
    assert_eq!(found(&aws, "DescribeNatGateways", "", "state"), ["failed"]);
    let message = found(&aws, "DescribeNatGateways", "", "failureMessage");
    assert_eq!(message, ["Network vpc-0a1b2c3d4e5f60718 has no Internet gateway attached"]);
}

#[test]
fn prefix_lists_have_the_entries_the_lab_routes_by() {
    let aws = aws(READER);
    let published: Vec<String> = prefixes::of("s3", "us-east-1").iter().map(ToString::to_string).collect();
    let name = "Filter.1.Name=prefix-list-name&Filter.1.Value.1=com.amazonaws.us-east-1.s3";
    assert_eq!(found(&aws, "DescribePrefixLists", name, "prefixListId"), ["pl-63a5400a"]);
    let (_, body) = ask(&aws, "DescribePrefixLists", name);
    let document = Document::parse(&body).unwrap();
    let set = document.descendants().find(|node| node.tag_name().name() == "cidrSet").unwrap();
    let listed: Vec<String> = set
        .descendants()
        .filter_map(|node| node.text())
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(found(&aws, "GetManagedPrefixListEntries", "PrefixListId=pl-63a5400a", "cidr"), published);
    let mut unique = listed;
    unique.dedup();
    assert_eq!(unique, published);
}

#[test]
fn long_lists_come_in_pages() {
    let aws = aws(READER);
    let operation = "GetManagedPrefixListEntries";
    let all = found(&aws, operation, "PrefixListId=pl-63a5400a", "cidr");
    let (mut parts, mut token) = (Vec::new(), String::new());
    loop {
        let parameters = format!("PrefixListId=pl-63a5400a&MaxResults=10&NextToken={token}");
        let part = found(&aws, operation, &parameters, "cidr");
        assert!(!part.is_empty() && part.len() <= 10);
        parts.extend(part);
        match found(&aws, operation, &parameters, "nextToken").pop() {
            Some(next) => token = next,
            None => break,
        }
    }
    assert_eq!(parts, all);
    for (parameters, code, text) in [
        (
            "MaxResults=4",
            "InvalidParameterValue",
            "Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5.",
        ),
        (
            "MaxResults=101",
            "InvalidParameterValue",
            "Value ( 101 ) for parameter maxResults is invalid. Expecting a value smaller than 100.",
        ),
        ("NextToken=abc", "InvalidNextToken", "The token 'abc' is invalid"),
    ] {
        assert_eq!(error(&aws, "DescribeRouteTables", parameters), (400, code.to_owned(), text.to_owned()));
    }
}

#[test]
fn routes_are_described_as_the_scenario_changed_them() {
    let of_subnet = "Filter.1.Name=association.subnet-id&Filter.1.Value.1=subnet-0b1b1b1b1b1b1b1b1";
    let healthy = described("healthy-private");
    let routes = |aws: &Aws, element| found(aws, "DescribeRouteTables", of_subnet, element);
    assert_eq!(routes(&healthy, "destinationCidrBlock"), ["10.0.0.0/16"]);
    assert_eq!(routes(&healthy, "destinationPrefixListId"), ["pl-63a5400a", "pl-02cd2c6b"]);
    assert_eq!(routes(&healthy, "gatewayId"), ["local", "vpce-0a3a3a3a3a3a3a3a3", "vpce-0d4d4d4d4d4d4d4d4"]);
    assert_eq!(routes(&healthy, "origin"), ["CreateRouteTable", "CreateRoute", "CreateRoute"]);
    let mixed = described("mixed");
    assert_eq!(routes(&mixed, "destinationPrefixListId"), ["pl-63a5400a"]);
    assert_eq!(routes(&mixed, "natGatewayId"), ["nat-0f0f0f0f0f0f0f0f0"]);
    let mut topology = scenario::load("healthy-private").unwrap().topology;
    topology.route_tables[1].routes[0].blackhole = true;
    let broken = aws_with(READER, topology);
    let states = routes(&broken, "state");
    assert!(states.contains(&"blackhole".to_owned()) && states.contains(&"active".to_owned()), "{states:?}");
}

#[test]
fn endpoints_are_described_by_type() {
    let aws = aws(&format!("{READER}\nendpoint_policies = {{ vpce-0a3a3a3a3a3a3a3a3 = 'deny-all' }}"));
    let one =
        |id: &str, element| found(&aws, "DescribeVpcEndpoints", &format!("VpcEndpointId.1={id}"), element);
    let (gateway, interface) = ("vpce-0a3a3a3a3a3a3a3a3", "vpce-02222222222222222");
    for (element, of_gateway, of_interface) in [
        ("vpcEndpointType", "Gateway", "Interface"),
        ("serviceName", "com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.ssmmessages"),
        ("privateDnsEnabled", "false", "true"),
        ("dnsRecordIpType", "service-defined", "ipv4"),
    ] {
        assert_eq!(
            (one(gateway, element), one(interface, element)),
            (vec![of_gateway.to_owned()], vec![of_interface.to_owned()])
        );
    }
    assert!(one(gateway, "policyDocument")[0].contains(r#""Effect":"Deny""#));
    assert!(one(interface, "policyDocument")[0].contains(r#""Effect": "Allow""#));
    assert!(one(interface, "dnsName").contains(&"ssmmessages.us-east-1.amazonaws.com".to_owned()));
    assert_eq!(one(interface, "groupId"), ["sg-0e0e0e0e0e0e0e0e0"]);
    let china = described("healthy-private-china");
    let url = "https://ec2.cn-north-1.amazonaws.com.cn/?Action=DescribeVpcEndpoints&Version=2016-11-15";
    let reply = text(&china.answer(&signed(&china, ("ec2", "cn-north-1"), "GET", url, &[], "")));
    for name in
        ["com.amazonaws.cn-north-1.s3", "com.amazonaws.cn-north-1.ssm", "cn.com.amazonaws.cn-north-1.sts"]
    {
        assert!(reply.contains(&format!("<serviceName>{name}</serviceName>")), "{name}: {reply}");
    }
}

#[test]
fn firewalls_are_described_rule_by_rule() {
    let aws = described("sg-without-prefix-list");
    let group = "GroupId.1=sg-0a0a0a0a0a0a0a0a0";
    let ranges = found(&aws, "DescribeSecurityGroups", group, "cidrIp");
    let topology = aws.live.topology();
    let rules = &topology.security_group("sg-0a0a0a0a0a0a0a0a0").unwrap().egress;
    assert_eq!(ranges, rules.iter().map(|rule| rule.peer.clone()).collect::<Vec<_>>());
    let aws = described("acl-blocks-some-addresses");
    let of_subnet = "Filter.1.Name=association.subnet-id&Filter.1.Value.1=subnet-0b1b1b1b1b1b1b1b1";
    let topology = aws.live.topology();
    let acl = &topology.network_acls[0];
    let entries = found(&aws, "DescribeNetworkAcls", of_subnet, "ruleNumber");
    // Both directions end with an entry that is always there.
    assert_eq!(entries.len(), acl.ingress.len() + acl.egress.len() + 2);
    assert_eq!(entries.iter().filter(|number| *number == "32767").count(), 2);
    let denied = acl
        .egress
        .iter()
        .chain(&acl.ingress)
        .filter(|entry| entry.action == crate::topology::AclAction::Deny);
    let actions = found(&aws, "DescribeNetworkAcls", of_subnet, "ruleAction");
    assert_eq!(actions.iter().filter(|action| *action == "deny").count(), denied.count() + 2);
}

#[test]
fn attributes_of_the_vpc_are_told_one_at_a_time() {
    let mut topology = scenario::load("healthy-private").unwrap().topology;
    topology.vpc.enable_dns_hostnames = false;
    let aws = aws_with(READER, topology);
    let value = |attribute: &str| {
        let parameters = format!("VpcId=vpc-0a1b2c3d4e5f60718&Attribute={attribute}");
        found(&aws, "DescribeVpcAttribute", &parameters, "value")
    };
    assert_eq!(
        (value("enableDnsSupport"), value("enableDnsHostnames")),
        (vec!["true".to_owned()], vec!["false".to_owned()])
    );
    assert_eq!(error(&aws, "DescribeVpcAttribute", "VpcId=vpc-0a1b2c3d4e5f60718").1, "MissingParameter");
}

#[test]
fn another_region_is_not_described_as_empty() {
    let aws = aws(READER);
    let url = "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeVpcs&Version=2016-11-15";
    let reply = aws.answer(&signed(&aws, ("ec2", "eu-west-1"), "GET", url, &[], ""));
    assert!(text(&reply).contains("<Code>UnsupportedOperation</Code>"), "{}", text(&reply));
}

#[test]
fn the_main_table_is_marked_and_lists_no_subnet_that_falls_back_to_it() {
    let main = "Filter.1.Name=association.main&Filter.1.Value.1=true";
    let of_subnet = "Filter.1.Name=association.subnet-id&Filter.1.Value.1=subnet-0b1b1b1b1b1b1b1b1";
    let healthy = described("healthy-private");
    assert_eq!(found(&healthy, "DescribeRouteTables", main, "main"), ["true"]);
    assert!(found(&healthy, "DescribeRouteTables", main, "subnetId").is_empty());
    let fallen_back = described("main-route-table");
    assert!(found(&fallen_back, "DescribeRouteTables", of_subnet, "routeTableId").is_empty());
    assert_eq!(found(&fallen_back, "DescribeRouteTables", main, "natGatewayId"), ["nat-0f0f0f0f0f0f0f0f0"]);
}

#[test]
fn every_scenario_can_be_described_whole() {
    for name in scenario::names().unwrap() {
        let definition = scenario::load(&name).unwrap();
        let topology = definition.topology;
        // The link-local address of an instance in an IPv6-only subnet is none that EC2 knows of.
        let ipv6_only = topology.ipv6.as_ref().filter(|_| topology.ipv6_only());
        let address = |each: Attachment<'_>| match ipv6_only {
            Some(ipv6) if each.device_number == 0 => ipv6.address.to_string(),
            _ => each.private_address.to_string(),
        };
        let addresses: Vec<String> = topology.instance.attachments().map(address).collect();
        let interfaces =
            topology.interface_endpoints.iter().map(|each| each.network_interfaces.len()).sum::<usize>();
        let all = addresses.len() + interfaces + topology.nat_gateways.len() + topology.hosts.len();
        let aws = Aws::new(
            definition.aws,
            crate::live::Live::imagined(topology),
            crate::aws::testing::authority(),
            crate::aws::testing::interceptor(),
        );
        let listed = view(&aws, |view| {
            for listing in LISTINGS {
                (listing.items)(view);
            }
            let interfaces = (interfaces::NETWORK_INTERFACES.items)(view);
            interfaces
                .iter()
                .filter_map(|item| {
                    let ipv4 = xml::at(item, "privateIpAddress").into_iter().next();
                    ipv4.or_else(|| xml::at(item, "ipv6AddressesSet/ipv6Address").into_iter().next())
                })
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        assert_eq!(listed.len(), all, "{name}");
        assert!(addresses.iter().all(|address| listed.contains(address)), "{name}");
    }
}
