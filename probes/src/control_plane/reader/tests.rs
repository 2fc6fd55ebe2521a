//! Whole readings against a loopback EC2: what is asked, what is kept, and what silence, refusals and an early end leave.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::control_plane::{
    ACTIONS, BlockPublicAccess, DnsAttributes, Exclusion, InternetGatewayBlock, ManagedPrefixList,
};
use crate::environment::ProxyAuthorizations;
use crate::loopback::{Authority, Service, empty_plan, http, silent_peer, soon};
use crate::plan::{CallPlan, ProbePlan, TargetPlan};
use crate::run::Routed;
use crate::step::Clock;

const HOST: &str = "localhost";

fn inspect() -> InspectPlan {
    InspectPlan {
        region: Some("eu-west-1".to_owned()),
        host: Some(HOST.to_owned()),
        vpc_id: Some("vpc-1".to_owned()),
        subnet_id: Some("subnet-1".to_owned()),
        further_subnet_ids: vec!["subnet-3".to_owned()],
        security_group_ids: vec!["sg-1".to_owned()],
        inside: vec!["10.0.0.0/16".parse().unwrap()],
        prefix_list_names: vec!["com.amazonaws.eu-west-1.s3".to_owned()],
        once_connected: Duration::from_secs(5),
        ..InspectPlan::default()
    }
}

/// A target, so that there are addresses whose holders can be asked for.
fn named() -> TargetPlan {
    TargetPlan {
        target: "ssm".to_owned(),
        service: "ssm".to_owned(),
        host: HOST.to_owned(),
        required: true,
        region: "eu-west-1".to_owned(),
        call: CallPlan::UnsignedGet,
        prefixes: Vec::new(),
        proxy: None,
        elsewhere: false,
    }
}

/// What a reading of this plan leaves, and how long it took.
async fn reading(
    inspect: InspectPlan,
    port: u16,
    authority: Option<&Authority>,
    until: &Until,
) -> (ControlPlane, Duration) {
    let bundle = authority.map(Authority::bundle);
    let plan = ProbePlan {
        inspect: Some(inspect),
        ca_bundle: bundle.as_ref().map(|file| file.path().to_owned()),
        ..empty_plan()
    };
    let plan = ProbePlan { targets: vec![named()], ..plan };
    let board = Board::skeleton(&plan);
    for address in ["10.0.1.7", "52.218.0.1"] {
        board.target(0).open_attempt(address.parse().unwrap(), None, SkipReason::Disabled);
    }
    let credentials = Credentials::new("AKIDEXAMPLE", "hush", Some("TOKENTOKEN".to_owned()), None, "test");
    let (routed, none) = (Routed { ipv4: true, ipv6: false }, ProxyAuthorizations::default());
    let shared = Shared::new(Clock::start(), port, plan, routed, Some(credentials), none).unwrap();
    let began = Instant::now();
    read(Arc::new(shared), board.clone(), until.clone()).await;
    (board.finish().control_plane, began.elapsed())
}

fn xml(operation: &str, body: &str) -> String {
    let namespace = "http://ec2.amazonaws.com/doc/2016-11-15/";
    let text = format!("<{operation}Response xmlns=\"{namespace}\">{body}</{operation}Response>");
    http("200 OK", "Content-Type: text/xml;charset=UTF-8\r\n", &text)
}

fn refusal(status: &str, code: &str, message: &str) -> String {
    let errors = format!("<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>");
    http(status, "", &format!("<Response>{errors}<RequestID>r</RequestID></Response>"))
}

/// The value of a field of the request's form.
fn field<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let body = request.split("\r\n\r\n").nth(1)?;
    body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

const POLICY: &str = "{&quot;Statement&quot;:[{&quot;Effect&quot;:&quot;Allow&quot;,&quot;Principal&quot;:&quot;*&quot;,\
                      &quot;Action&quot;:&quot;*&quot;,&quot;Resource&quot;:&quot;*&quot;}]}";

/// A VPC whose subnet has no route table of its own and whose endpoints come in two pages.
fn answer(request: &str) -> String {
    let operation = field(request, "Action").unwrap();
    let first_filter = field(request, "Filter.1.Name");
    let value = field(request, "Filter.1.Value.1").unwrap_or_default();
    let body = match (operation, first_filter) {
        ("DescribeRouteTables", Some("association.subnet-id")) if value == "subnet-4" => {
            "<routeTableSet><item><routeTableId>rtb-4</routeTableId><associationSet><item><subnetId>subnet-4</subnetId></item>\
             </associationSet><routeSet><item><destinationPrefixListId>pl-own</destinationPrefixListId>\
             <gatewayId>igw-1</gatewayId></item></routeSet></item></routeTableSet>"
                .to_owned()
        }
        ("DescribeRouteTables", Some("association.subnet-id")) => "<routeTableSet/>".to_owned(),
        ("DescribeRouteTables", _) => {
            assert_eq!(field(request, "Filter.2.Name"), Some("association.main"));
            "<routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>\
             <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>\
             <item><destinationPrefixListId>pl-1</destinationPrefixListId><gatewayId>vpce-1</gatewayId>\
             <state>blackhole</state></item></routeSet></item></routeTableSet>"
                .to_owned()
        }
        ("DescribeVpcEndpoints", _) => match field(request, "NextToken") {
            None => format!(
                "<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId><vpcEndpointType>Gateway</vpcEndpointType>\
                 <serviceName>com.amazonaws.eu-west-1.s3</serviceName><state>available</state><policyDocument>{POLICY}\
                 </policyDocument><routeTableIdSet><item>rtb-1</item></routeTableIdSet></item></vpcEndpointSet>\
                 <nextToken>more</nextToken>"
            ),
            Some(token) => {
                assert_eq!(token, "more");
                "<vpcEndpointSet><item><vpcEndpointId>vpce-2</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType>\
                 <serviceName>com.amazonaws.eu-west-1.ssm</serviceName><state>available</state>\
                 <privateDnsEnabled>true</privateDnsEnabled><subnetIdSet><item>subnet-1</item><item>subnet-2</item></subnetIdSet>\
                 <networkInterfaceIdSet><item>eni-2</item></networkInterfaceIdSet>\
                 <groupSet><item><groupId>sg-2</groupId></item></groupSet></item></vpcEndpointSet>"
                    .to_owned()
            }
        },
        ("DescribePrefixLists", Some("prefix-list-name")) => format!(
            "<prefixListSet><item><prefixListId>pl-1</prefixListId><prefixListName>{value}</prefixListName>\
             <cidrSet><item>52.218.0.0/17</item></cidrSet></item></prefixListSet>"
        ),
        ("DescribeSecurityGroups", Some("group-id")) => format!(
            "<securityGroupInfo><item><groupId>{value}</groupId><ipPermissions/><ipPermissionsEgress><item>\
             <ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>\
             </ipPermissionsEgress></item></securityGroupInfo>"
        ),
        ("DescribeNetworkAcls", Some("association.subnet-id")) => format!(
            "<networkAclSet><item><networkAclId>acl-1</networkAclId><associationSet>{}</associationSet><entrySet><item><ruleNumber>100</ruleNumber><protocol>-1</protocol>\
             <ruleAction>allow</ruleAction><egress>true</egress><cidrBlock>0.0.0.0/0</cidrBlock></item></entrySet></item>\
             </networkAclSet>",
            [1, 2, 3, 4].map(|n| format!("<item><subnetId>subnet-{n}</subnetId></item>")).concat()
        ),
        ("DescribeNatGateways", Some("vpc-id")) => {
            "<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><subnetId>subnet-4</subnetId><state>failed</state>\
             <failureCode>Gateway.NotAttached</failureCode><connectivityType>public</connectivityType></item></natGatewaySet>"
                .to_owned()
        }
        ("GetManagedPrefixListEntries", None) => {
            assert_eq!(field(request, "PrefixListId"), Some("pl-own"));
            "<entrySet><item><cidr>198.51.100.0/24</cidr></item></entrySet>".to_owned()
        }
        ("DescribeSubnets", Some("subnet-id")) => {
            "<subnetSet><item><subnetId>subnet-1</subnetId><availabilityZone>eu-west-1a</availabilityZone>\
             <availabilityZoneId>euw1-az1</availabilityZoneId><cidrBlock>10.0.1.0/24</cidrBlock></item></subnetSet>"
                .to_owned()
        }
        ("DescribeNetworkInterfaces", Some("vpc-id")) => {
            assert_eq!(field(request, "Filter.2.Value.1"), Some("10.0.1.7"));
            assert_eq!(field(request, "Filter.2.Value.2"), None);
            "<networkInterfaceSet><item><networkInterfaceId>eni-2</networkInterfaceId><subnetId>subnet-1</subnetId>\
             <interfaceType>vpc_endpoint</interfaceType><privateIpAddressesSet><item>\
             <privateIpAddress>10.0.1.7</privateIpAddress></item></privateIpAddressesSet></item></networkInterfaceSet>"
                .to_owned()
        }
        ("DescribeVpcBlockPublicAccessOptions", None) => {
            "<vpcBlockPublicAccessOptions><internetGatewayBlockMode>block-ingress</internetGatewayBlockMode>\
             </vpcBlockPublicAccessOptions>"
                .to_owned()
        }
        ("DescribeVpcBlockPublicAccessExclusions", None) => {
            let exclusion = |resource: &str, state: &str| {
                format!(
                    "<item><resourceArn>arn:aws:ec2:eu-west-1:111122223333:{resource}</resourceArn><state>{state}</state>\
                     <internetGatewayExclusionMode>allow-bidirectional</internetGatewayExclusionMode></item>"
                )
            };
            format!(
                "<vpcBlockPublicAccessExclusionSet>{}{}{}</vpcBlockPublicAccessExclusionSet>",
                exclusion("vpc/vpc-2", "create-complete"),
                exclusion("vpc/vpc-1", "delete-in-progress"),
                exclusion("subnet/subnet-4", "update-complete")
            )
        }
        ("DescribeVpcAttribute", _) => {
            let name = field(request, "Attribute").unwrap();
            let value = name == "enableDnsSupport";
            format!("<vpcId>vpc-1</vpcId><{name}><value>{value}</value></{name}>")
        }
        other => panic!("not to be asked: {other:?}"),
    };
    xml(operation, &body)
}

#[tokio::test]
async fn a_readable_control_plane_is_read_whole() {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(HOST, 2100), answer).await;
    let (seen, _) = reading(inspect(), service.address.port(), Some(&authority), &soon()).await;
    assert_eq!(seen.not_asked_because, None);
    let table = seen.route_table.as_ref().unwrap().done().unwrap();
    assert!(table.is_main && table.routes[1].blackhole, "{table:?}");
    let endpoints = seen.vpc_endpoints.as_ref().unwrap().done().unwrap();
    let ids: Vec<_> = endpoints.iter().map(|one| (one.id.as_str(), one.has_policy)).collect();
    assert_eq!(ids, [("vpce-1", false), ("vpce-2", false)]);
    let lists = seen.prefix_lists.as_ref().unwrap().done().unwrap();
    let expected = ManagedPrefixList {
        id: "pl-1".to_owned(),
        name: "com.amazonaws.eu-west-1.s3".to_owned(),
        cidrs: vec!["52.218.0.0/17".parse().unwrap()],
    };
    assert_eq!(*lists, [expected]);
    let groups = seen.security_groups.as_ref().unwrap().done().unwrap();
    assert_eq!(groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["sg-1", "sg-2"]);
    let acls = seen.network_acls.as_ref().unwrap().done().unwrap();
    assert_eq!(acls.len(), 1, "{acls:?}");
    assert_eq!(acls[0].subnets, ["subnet-1", "subnet-2", "subnet-3", "subnet-4"]);
    let dns = seen.dns.as_ref().unwrap().done();
    assert_eq!(dns, Some(&DnsAttributes { support: true, hostnames: false }));

    let further = seen.further_route_tables.as_ref().unwrap().done().unwrap();
    let tables: Vec<_> =
        further.iter().map(|table| (table.table.id.as_str(), table.subnets.as_slice())).collect();
    assert_eq!(tables, [("rtb-1", &["subnet-3".to_owned()][..]), ("rtb-4", &["subnet-4".to_owned()][..])]);
    assert_eq!(seen.route_table_of("subnet-4", Some("subnet-1")).unwrap().id, "rtb-4");
    let [own] = seen.further_prefix_lists.as_slice() else { panic!("{:?}", seen.further_prefix_lists) };
    assert_eq!((own.id.as_str(), own.entries.done().map(Vec::len)), ("pl-own", Some(1)));
    assert_eq!(seen.lists().len(), 2);
    let holders = seen.network_interfaces.as_ref().unwrap().done().unwrap();
    assert_eq!(holders[0].vpc_endpoint.as_deref(), Some("vpce-2"), "{holders:?}");
    let gateways = seen.nat_gateways.as_ref().unwrap().done().unwrap();
    assert_eq!(
        (gateways[0].state.as_str(), gateways[0].failure.as_deref()),
        ("failed", Some("Gateway.NotAttached"))
    );
    let subnets = seen.subnets.as_ref().unwrap().done().unwrap();
    assert_eq!(subnets[0].availability_zone_id.as_deref(), Some("euw1-az1"));
    let blocked = seen.block_public_access.as_ref().unwrap().done();
    let exclusions = Some(vec![Exclusion { id: "subnet-4".to_owned(), inward_too: true }]);
    let expected = BlockPublicAccess { internet_gateways: InternetGatewayBlock::Ingress, exclusions };
    assert_eq!(blocked, Some(&expected));

    let requests = service.requests();
    // Two for the route table, three for the further ones, two pages of endpoints, two waves of groups and of ACLs, two
    // attributes, two for what is blocked, and one for each of AWS's lists, the account's own list, NAT gateways, subnets
    // and holders of addresses.
    assert_eq!(requests.len(), 20, "{requests:?}");
    let asked: BTreeSet<String> =
        requests.iter().map(|request| format!("ec2:{}", field(request, "Action").unwrap())).collect();
    assert_eq!(asked.iter().map(String::as_str).collect::<Vec<_>>(), ACTIONS);
    let scope = "/eu-west-1/ec2/aws4_request";
    assert!(requests.iter().all(|request| request.contains("AKIDEXAMPLE") && request.contains(scope)));
}

#[tokio::test]
async fn a_peer_that_is_not_trusted_is_told_nothing() {
    let service = Service::start(Authority::new("Interceptor").server(HOST, 2100), answer).await;
    let trusted = Authority::new("Test Authority");
    let (seen, _) = reading(inspect(), service.address.port(), Some(&trusted), &soon()).await;
    assert_eq!(seen, ControlPlane::not_asked(NotAsked::NotTrusted));
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn a_role_that_may_see_one_thing_gives_that_and_the_refusals() {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(HOST, 2100), |request| match field(request, "Action") {
        Some("DescribePrefixLists") => answer(request),
        Some("DescribeVpcAttribute") => refusal("401 Unauthorized", "AuthFailure", "key AKIDEXAMPLE is bad"),
        Some("DescribeNetworkAcls") => {
            refusal("503 Service Unavailable", "RequestLimitExceeded", "slow down")
        }
        _ => refusal(
            "403 Forbidden",
            "UnauthorizedOperation",
            "no, TOKENTOKEN. Encoded authorization failure message: x",
        ),
    })
    .await;
    let (seen, _) = reading(inspect(), service.address.port(), Some(&authority), &soon()).await;
    let denied = ReadFailure::Denied { message: "no, (hidden).".to_owned() };
    assert_eq!(seen.route_table.unwrap().failed(), Some(&denied));
    assert_eq!(seen.vpc_endpoints.unwrap().failed(), Some(&denied));
    assert_eq!(seen.security_groups.unwrap().failed(), Some(&denied));
    let rejected = ReadFailure::CredentialsRejected { code: "AuthFailure".to_owned() };
    assert_eq!(seen.dns.unwrap().failed(), Some(&rejected));
    let limited = ReadFailure::Refused { code: "RequestLimitExceeded".to_owned() };
    assert_eq!(seen.network_acls.unwrap().failed(), Some(&limited));
    assert_eq!(seen.prefix_lists.unwrap().done().map(Vec::len), Some(1));
    // A refusal is what SDKs retry in part; here each call is one request.
    assert_eq!(service.requests().len(), 12);
}

#[tokio::test]
async fn silence_before_the_connection_ends_with_the_budget_of_the_evidence() {
    let silent = silent_peer().await;
    let until = Until::at(Instant::now() + Duration::from_millis(400));
    let (seen, took) = reading(inspect(), silent.port(), None, &until).await;
    assert_eq!(seen, ControlPlane::not_asked(NotAsked::Unreachable));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_port_that_is_closed_is_unreachable_at_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (seen, took) = reading(inspect(), closed, None, &soon()).await;
    assert_eq!(seen, ControlPlane::not_asked(NotAsked::Unreachable));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_name_without_an_address_is_not_resolved() {
    let nowhere = InspectPlan { host: Some("no-such-name.invalid".to_owned()), ..inspect() };
    let (seen, _) = reading(nowhere, 443, None, &soon()).await;
    assert_eq!(seen, ControlPlane::not_asked(NotAsked::NotResolved));
}

#[tokio::test]
async fn silence_after_the_connection_costs_the_plans_own_budget_and_keeps_what_was_answered() {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(HOST, 2100), |request| match field(request, "Action") {
        Some("DescribeVpcEndpoints") => {
            // The head promises a body that does not come.
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".to_owned()
        }
        _ => answer(request),
    })
    .await;
    let plan = InspectPlan { once_connected: Duration::from_millis(1500), ..inspect() };
    let (seen, took) = reading(plan, service.address.port(), Some(&authority), &soon()).await;
    assert!(took > Duration::from_millis(1400) && took < Duration::from_secs(4), "{took:?}");
    assert_eq!(seen.vpc_endpoints.unwrap().failed(), Some(&ReadFailure::TimedOut));
    assert!(seen.route_table.unwrap().done().is_some());
    assert!(seen.dns.unwrap().done().is_some());
    let groups = seen.security_groups.unwrap();
    assert_eq!(groups.done().map(Vec::len), Some(1), "{groups:?}");
}

#[tokio::test]
async fn an_end_of_the_run_in_the_middle_leaves_what_was_answered_and_the_rest_as_out_of_time() {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(HOST, 2100), |request| match field(request, "Action") {
        Some("DescribeVpcEndpoints") => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".to_owned(),
        _ => answer(request),
    })
    .await;
    let bundle = authority.bundle();
    let plan = ProbePlan {
        inspect: Some(InspectPlan { prefix_list_names: vec!["a".to_owned()], ..inspect() }),
        ca_bundle: Some(bundle.path().to_owned()),
        ..empty_plan()
    };
    let board = Board::skeleton(&plan);
    let credentials = Credentials::new("AKIDEXAMPLE", "hush", None, None, "test");
    let (routed, none) = (Routed { ipv4: true, ipv6: false }, ProxyAuthorizations::default());
    let port = service.address.port();
    let shared = Arc::new(Shared::new(Clock::start(), port, plan, routed, Some(credentials), none).unwrap());
    let reading = read(shared, board.clone(), soon());
    assert_eq!(board.finish().control_plane, ControlPlane::not_asked(NotAsked::OutOfTime));
    assert!(tokio::time::timeout(Duration::from_secs(2), reading).await.is_err());
    let seen = board.finish().control_plane;
    assert_eq!(seen.not_asked_because, None);
    assert_eq!(seen.prefix_lists.unwrap().done().map(Vec::len), Some(1));
    assert_eq!(seen.vpc_endpoints.unwrap().skip_reason(), Some(SkipReason::OutOfTime));
}

#[tokio::test]
async fn answers_that_are_no_answers_fail_their_own_call_only() {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(HOST, 2100), |request| match field(request, "Action") {
        Some("DescribePrefixLists") => http("200 OK", "", "<html><body>Sign in</body></html>"),
        Some("DescribeRouteTables") => http("200 OK", "", &"<a>".repeat(1024 * 1024)),
        Some("DescribeVpcEndpoints") => {
            xml("DescribeVpcEndpoints", "<vpcEndpointSet/><nextToken>again</nextToken>")
        }
        Some("DescribeVpcAttribute") => xml("DescribeVpcAttribute", "<vpcId>vpc-1</vpcId>"),
        Some("DescribeNetworkAcls") => "SSH-2.0-OpenSSH_9.6\r\nConnection: close".to_owned(),
        _ => answer(request),
    })
    .await;
    let (seen, took) = reading(inspect(), service.address.port(), Some(&authority), &soon()).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    let unexpected = |failure: Option<&ReadFailure>| matches!(failure, Some(ReadFailure::Unexpected { .. }));
    assert!(unexpected(seen.prefix_lists.as_ref().unwrap().failed()), "{:?}", seen.prefix_lists);
    let too_long = seen.route_table.as_ref().unwrap().failed();
    assert!(matches!(too_long, Some(ReadFailure::Unclassified(_))), "{too_long:?}");
    assert!(unexpected(seen.vpc_endpoints.as_ref().unwrap().failed()), "{:?}", seen.vpc_endpoints);
    assert!(unexpected(seen.dns.as_ref().unwrap().failed()), "{:?}", seen.dns);
    assert!(seen.network_acls.as_ref().unwrap().failed().is_some(), "{:?}", seen.network_acls);
    assert!(seen.security_groups.as_ref().unwrap().done().is_some(), "{:?}", seen.security_groups);
}

#[tokio::test]
async fn of_several_addresses_the_first_that_stands_is_taken() {
    let authority = Authority::new("Test Authority");
    let bundle = authority.bundle();
    let service = Service::start(authority.server(HOST, 2100), answer).await;
    let silent = silent_peer().await;
    let plan = ProbePlan { ca_bundle: Some(bundle.path().to_owned()), ..empty_plan() };
    let (routed, none) = (Routed { ipv4: true, ipv6: false }, ProxyAuthorizations::default());
    let shared = Arc::new(Shared::new(Clock::start(), 443, plan, routed, None, none).unwrap());
    let addresses: [SocketAddr; 2] = [silent, service.address];
    let began = Instant::now();
    assert!(Pool::connect(&shared, HOST, addresses.into_iter(), &soon()).await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn without_credentials_or_a_subject_nothing_is_asked() {
    let credentials = Credentials::new("AKIDEXAMPLE", "hush", None, None, "test");
    let because = |plan: &InspectPlan, credentials| subject(plan, credentials).err();
    assert_eq!(because(&inspect(), Some(&credentials)), None);
    assert_eq!(because(&inspect(), None), Some(NotAsked::NoCredentials));
    let without = [
        InspectPlan { region: None, ..inspect() },
        InspectPlan { host: None, ..inspect() },
        InspectPlan { vpc_id: None, ..inspect() },
        InspectPlan { subnet_id: None, ..inspect() },
    ];
    for plan in without {
        assert_eq!(because(&plan, Some(&credentials)), Some(NotAsked::NothingToAskFor), "{plan:?}");
    }
    let board = Board::skeleton(&empty_plan());
    assert_eq!(board.finish().control_plane, ControlPlane::not_asked(NotAsked::Disabled));
}
