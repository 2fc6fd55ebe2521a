//! Calls that change the VPC, seen by what EC2 describes afterwards.

use super::*;

const WRITER: &str = "identity_policy = 'full-access'";
const TABLE: &str = "rtb-0b1b1b1b1b1b1b1b1";

fn writer(scenario: &str) -> std::sync::Arc<Aws> {
    aws_with(WRITER, scenario::load(scenario).unwrap().topology)
}

/// The first error of calls of one operation, each with what it must say.
fn refusals(aws: &Aws, cases: &[(&str, &str, &str, &str)]) {
    let before = aws.live.topology();
    for (operation, parameters, code, text) in cases {
        let (_, found_code, found_text) = error(aws, operation, parameters);
        assert_eq!((found_code.as_str(), found_text.as_str()), (*code, *text), "{operation} {parameters}");
    }
    assert_eq!(aws.live.topology(), before, "a refused change changes nothing");
}

#[test]
fn a_gateway_endpoint_brings_its_routes() {
    let aws = writer("mixed");
    let parameters = "VpcId=vpc-0a1b2c3d4e5f60718&ServiceName=com.amazonaws.us-east-1.dynamodb&RouteTableId.1=rtb-0b1b1b1b1b1b1b1b1";
    let made = found(&aws, "CreateVpcEndpoint", parameters, "vpcEndpointId").pop().unwrap();
    let one = format!("VpcEndpointId.1={made}");
    assert_eq!(found(&aws, "DescribeVpcEndpoints", &one, "vpcEndpointType"), ["Gateway"]);
    let leads = format!("Filter.1.Name=route.gateway-id&Filter.1.Value.1={made}");
    assert_eq!(found(&aws, "DescribeRouteTables", &leads, "routeTableId")[0], TABLE);
    let again = error(&aws, "CreateVpcEndpoint", parameters);
    assert_eq!(again.1, "RouteAlreadyExists");
    let away = format!("VpcEndpointId={made}&RemoveRouteTableId.1={TABLE}");
    found(&aws, "ModifyVpcEndpoint", &away, "return");
    assert!(found(&aws, "DescribeRouteTables", &leads, "routeTableId").is_empty());
}

#[test]
fn an_interface_endpoint_takes_free_addresses_and_its_names() {
    let aws = writer("mixed");
    let base = "VpcEndpointType=Interface&VpcId=vpc-0a1b2c3d4e5f60718&SecurityGroupId.1=sg-0e0e0e0e0e0e0e0e0";
    let parameters = format!(
        "{base}&ServiceName=com.amazonaws.us-east-1.sts&SubnetId.1=subnet-0b1b1b1b1b1b1b1b1&SubnetId.2=subnet-0c2c2c2c2c2c2c2c2"
    );
    let made = found(&aws, "CreateVpcEndpoint", &parameters, "vpcEndpointId").pop().unwrap();
    let topology = aws.live.topology();
    let endpoint = topology.interface_endpoints.iter().find(|endpoint| endpoint.id == made).unwrap();
    let addresses: Vec<String> =
        endpoint.network_interfaces.iter().map(|each| each.address.to_string()).collect();
    assert_eq!((addresses, endpoint.private_dns), (vec!["10.0.1.4".to_owned(), "10.0.2.4".to_owned()], true));
    let conflict = error(&aws, "CreateVpcEndpoint", &parameters);
    assert!(conflict.2.contains("conflicting DNS domain for sts.us-east-1.amazonaws.com"), "{conflict:?}");
    let dynamodb = format!("{base}&ServiceName=com.amazonaws.us-east-1.dynamodb&PrivateDnsEnabled=true");
    assert!(error(&aws, "CreateVpcEndpoint", &dynamodb).2.contains("does not provide a private DNS name"));
    let two = format!(
        "{base}&ServiceName=com.amazonaws.us-east-1.kms&SubnetId.1=subnet-0a0a0a0a0a0a0a0a0&SubnetId.2=subnet-0b1b1b1b1b1b1b1b1"
    );
    assert_eq!(error(&aws, "CreateVpcEndpoint", &two).1, "DuplicateSubnetsInSameZone");
    let odd = format!("{base}&ServiceName=com.amazonaws.eu-west-1.kms");
    assert_eq!(error(&aws, "CreateVpcEndpoint", &odd).1, "InvalidServiceName");
}

#[test]
fn private_dns_of_s3_may_be_kept_for_inbound_resolvers() {
    let aws = writer("healthy-private");
    let parameters = "VpcEndpointType=Interface&VpcId=vpc-0a1b2c3d4e5f60718&SecurityGroupId.1=sg-0e0e0e0e0e0e0e0e0&\
                      ServiceName=com.amazonaws.us-east-1.s3&SubnetId.1=subnet-0b1b1b1b1b1b1b1b1";
    let only = "privateDnsOnlyForInboundResolverEndpoint";
    assert_eq!(found(&aws, "CreateVpcEndpoint", parameters, only), ["true"]);
    let made = aws.live.topology().interface_endpoints.last().unwrap().id.clone();
    let modify = format!("VpcEndpointId={made}&DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint=false");
    found(&aws, "ModifyVpcEndpoint", &modify, "return");
    assert_eq!(found(&aws, "DescribeVpcEndpoints", &format!("VpcEndpointId.1={made}"), only), ["false"]);
}

#[test]
fn an_endpoints_policy_can_be_replaced_and_reset() {
    let aws = writer("healthy-private");
    let one = "VpcEndpointId=vpce-0a3a3a3a3a3a3a3a3";
    let described =
        || found(&aws, "DescribeVpcEndpoints", "VpcEndpointId.1=vpce-0a3a3a3a3a3a3a3a3", "policyDocument");
    let default = described();
    let document = "%7B%22Statement%22%3A%5B%5D%7D";
    found(&aws, "ModifyVpcEndpoint", &format!("{one}&PolicyDocument={document}"), "return");
    assert_eq!(described(), [r#"{"Statement":[]}"#]);
    assert!(aws.endpoint_policy("vpce-0a3a3a3a3a3a3a3a3").is_some());
    found(&aws, "ModifyVpcEndpoint", &format!("{one}&ResetPolicy=true"), "return");
    assert_eq!(described(), default);
}

#[test]
fn routes_are_made_replaced_and_deleted() {
    let aws = writer("healthy-private");
    let route = format!("RouteTableId={TABLE}&DestinationCidrBlock=0.0.0.0%2F0");
    let nat = "Filter.1.Name=route.nat-gateway-id&Filter.1.Value.1=nat-0f0f0f0f0f0f0f0f0";
    found(&aws, "CreateRoute", &format!("{route}&NatGatewayId=nat-0f0f0f0f0f0f0f0f0"), "return");
    assert_eq!(found(&aws, "DescribeRouteTables", nat, "natGatewayId"), ["nat-0f0f0f0f0f0f0f0f0"]);
    refusals(
        &aws,
        &[
            (
                "CreateRoute",
                &format!("{route}&GatewayId=igw-0e0e0e0e0e0e0e0e0"),
                "RouteAlreadyExists",
                "The route identified by 0.0.0.0/0 already exists.",
            ),
            (
                "ReplaceRoute",
                &format!("{route}&GatewayId=igw-1"),
                "InvalidGatewayID.NotFound",
                "The gateway ID 'igw-1' does not exist",
            ),
            (
                "CreateRoute",
                &format!("RouteTableId={TABLE}&GatewayId=igw-1&DestinationCidrBlock=x"),
                "InvalidParameterValue",
                "Value (x) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.",
            ),
            (
                "ReplaceRoute",
                &format!("RouteTableId={TABLE}&GatewayId=igw-1&DestinationCidrBlock=1.0.0.0%2F8"),
                "InvalidParameterValue",
                "There is no route defined for '1.0.0.0/8' in the route table. Use CreateRoute instead.",
            ),
            (
                "DeleteRoute",
                &format!("RouteTableId={TABLE}&DestinationPrefixListId=pl-63a5400a"),
                "InvalidParameterValue",
                "cannot remove VPC endpoint route vpce-0a3a3a3a3a3a3a3a3 in route table rtb-0b1b1b1b1b1b1b1b1",
            ),
            (
                "DeleteRoute",
                "RouteTableId=rtb-1&DestinationCidrBlock=0.0.0.0%2F0",
                "InvalidRouteTableID.NotFound",
                "The routeTable ID 'rtb-1' does not exist",
            ),
            (
                "CreateRoute",
                "DestinationCidrBlock=0.0.0.0%2F0",
                "MissingParameter",
                "The request must contain the parameter RouteTableId",
            ),
        ],
    );
    found(&aws, "ReplaceRoute", &format!("{route}&GatewayId=igw-0e0e0e0e0e0e0e0e0"), "return");
    assert!(found(&aws, "DescribeRouteTables", nat, "natGatewayId").is_empty());
    found(&aws, "DeleteRoute", &route, "return");
    assert_eq!(aws.live.topology(), writer("healthy-private").live.topology());
}

#[test]
fn a_subnet_without_an_association_can_get_one() {
    let aws = writer("main-route-table");
    let parameters = format!("RouteTableId={TABLE}&SubnetId=subnet-0b1b1b1b1b1b1b1b1");
    let association = found(&aws, "AssociateRouteTable", &parameters, "associationId");
    let of_subnet = "Filter.1.Name=association.subnet-id&Filter.1.Value.1=subnet-0b1b1b1b1b1b1b1b1";
    assert!(
        found(&aws, "DescribeRouteTables", of_subnet, "routeTableAssociationId").contains(&association[0])
    );
    assert_eq!(error(&aws, "AssociateRouteTable", &parameters).1, "Resource.AlreadyAssociated");
}

#[test]
fn rules_of_groups_are_added_and_taken_away() {
    let aws = writer("sg-without-prefix-list");
    let rule = "GroupId=sg-0a0a0a0a0a0a0a0a0&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=443&\
                IpPermissions.1.ToPort=443&IpPermissions.1.PrefixListIds.1.PrefixListId=pl-63a5400a";
    let lists = || found(&aws, "DescribeSecurityGroups", "GroupId.1=sg-0a0a0a0a0a0a0a0a0", "prefixListId");
    let before = lists();
    found(&aws, "AuthorizeSecurityGroupEgress", rule, "return");
    assert_eq!(lists().len(), before.len() + 1);
    refusals(
        &aws,
        &[
            (
                "AuthorizeSecurityGroupEgress",
                rule,
                "InvalidPermission.Duplicate",
                "the specified rule \"peer: pl-63a5400a, TCP, from port: 443, to port: 443, ALLOW\" already exists",
            ),
            (
                "AuthorizeSecurityGroupIngress",
                "GroupId=sg-1&IpProtocol=-1&CidrIp=10.0.0.0%2F8",
                "InvalidGroup.NotFound",
                "The security group 'sg-1' does not exist",
            ),
            (
                "AuthorizeSecurityGroupIngress",
                "GroupId=sg-0a0a0a0a0a0a0a0a0&IpProtocol=-1&CidrIp=x",
                "InvalidParameterValue",
                "CIDR block x is malformed",
            ),
            (
                "RevokeSecurityGroupIngress",
                rule,
                "InvalidPermission.NotFound",
                "The specified rule does not exist in this security group.",
            ),
        ],
    );
    found(&aws, "RevokeSecurityGroupEgress", rule, "return");
    assert_eq!(lists(), before);
}

#[test]
fn dns_attributes_are_modified_one_at_a_time() {
    let aws = writer("healthy-private");
    let off = "VpcId=vpc-0a1b2c3d4e5f60718&EnableDnsHostnames.Value=false";
    found(&aws, "ModifyVpcAttribute", off, "return");
    let asked = "VpcId=vpc-0a1b2c3d4e5f60718&Attribute=enableDnsHostnames";
    assert_eq!(found(&aws, "DescribeVpcAttribute", asked, "value"), ["false"]);
    let both = format!("{off}&EnableDnsSupport.Value=true");
    assert_eq!(error(&aws, "ModifyVpcAttribute", &both).1, "InvalidParameterCombination");
}

#[test]
fn who_may_read_may_not_write() {
    let aws = aws(READER);
    let route = "RouteTableId=rtb-0b1b1b1b1b1b1b1b1&DestinationCidrBlock=0.0.0.0%2F0&NatGatewayId=nat-0f0f0f0f0f0f0f0f0";
    let (status, code, text) = error(&aws, "CreateRoute", route);
    assert_eq!((status, code.as_str()), (403, "UnauthorizedOperation"));
    assert!(
        text.ends_with(
            "is not authorized to perform: ec2:CreateRoute on resource: \
             arn:aws:ec2:us-east-1:123456789012:route-table/rtb-0b1b1b1b1b1b1b1b1 because no identity-based policy \
             allows the ec2:CreateRoute action"
        ),
        "{text}"
    );
}
