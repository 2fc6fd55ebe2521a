//! VPC endpoints, gateway and interface.
//!
//! An endpoint's policy is the one that the lab evaluates; without one, it is the document that EC2 gives an endpoint made without
//! a policy, whose text differs between the two types.

use super::listing::Listing;
use super::xml::{Node, at, list, node, text, texts};
use super::{CREATED, View, derived};
use crate::aws::names::partition_of;
use crate::dns;
use crate::topology::{GatewayEndpoint, InterfaceEndpoint};

/// `DescribeVpcEndpoints`.
pub(super) const VPC_ENDPOINTS: Listing = Listing {
    operation: "DescribeVpcEndpoints",
    set: "vpcEndpointSet",
    ids: ("VpcEndpointId", "vpcEndpointId"),
    unknown: ("InvalidVpcEndpointId", "Vpc Endpoint Id"),
    page: (1, 1000),
    filters: &[
        ("ip-address-type", "ipAddressType"),
        ("service-name", "serviceName"),
        ("service-region", "serviceRegion"),
        ("tag-key", "tagSet/key"),
        ("vpc-endpoint-id", "vpcEndpointId"),
        ("vpc-endpoint-state", "state"),
        ("vpc-endpoint-type", "vpcEndpointType"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| {
        let gateways = view.topology.gateway_endpoints.iter().map(|endpoint| gateway(view, endpoint));
        let interfaces = view.topology.interface_endpoints.iter().map(|endpoint| interface(view, endpoint));
        gateways.chain(interfaces).collect()
    },
};

/// One endpoint as the list describes it.
pub(super) fn describe(view: &View<'_>, id: &str) -> Vec<Node> {
    let all = (VPC_ENDPOINTS.items)(view);
    all.into_iter().find(|nodes| at(nodes, "vpcEndpointId").contains(&id)).unwrap_or_default()
}

/// The policy of a gateway endpoint that was made without one.
const GATEWAY_POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
/// The policy of an interface endpoint that was made without one.
const INTERFACE_POLICY: &str = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \
     \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}";

fn gateway(view: &View<'_>, endpoint: &GatewayEndpoint) -> Vec<Node> {
    let leads_here =
        |table: &&crate::topology::RouteTable| table.routes.iter().any(|route| route.target == endpoint.id);
    let tables = view.topology.route_tables.iter().filter(leads_here).map(|table| &table.id);
    let mut nodes = common(view, &endpoint.id, &endpoint.service, "Gateway", GATEWAY_POLICY);
    nodes.extend([
        texts("routeTableIdSet", tables),
        node("subnetIdSet", vec![]),
        node("groupSet", vec![]),
        text("privateDnsEnabled", false),
        node("dnsOptions", vec![text("dnsRecordIpType", "service-defined")]),
        node("networkInterfaceIdSet", vec![]),
        node("dnsEntrySet", vec![]),
    ]);
    nodes
}

fn interface(view: &View<'_>, endpoint: &InterfaceEndpoint) -> Vec<Node> {
    let interfaces = &endpoint.network_interfaces;
    let groups = endpoint.security_groups.iter().map(|id| {
        let name = view.topology.security_group(id).map_or("", |group| group.name.as_str());
        vec![text("groupId", id), text("groupName", name)]
    });
    let dual_stack = !view.topology.ipv6_addresses(&endpoint.id).is_empty();
    let mut options = vec![text("dnsRecordIpType", if dual_stack { "dualstack" } else { "ipv4" })];
    // Only S3 has private names that may be kept for inbound resolver endpoints.
    if endpoint.service == "s3" && endpoint.private_dns {
        options.push(text(
            "privateDnsOnlyForInboundResolverEndpoint",
            endpoint.private_dns_only_for_inbound_resolver,
        ));
    }
    let mut nodes = common(view, &endpoint.id, &endpoint.service, "Interface", INTERFACE_POLICY);
    nodes.extend([
        node("routeTableIdSet", vec![]),
        texts("subnetIdSet", interfaces.iter().map(|interface| &interface.subnet)),
        list("groupSet", groups),
        text("privateDnsEnabled", endpoint.private_dns),
        node("dnsOptions", options),
        texts("networkInterfaceIdSet", interfaces.iter().map(|interface| &interface.id)),
        list("dnsEntrySet", dns_entries(view, endpoint)),
    ]);
    nodes
}

fn common(view: &View<'_>, id: &str, service: &str, kind: &str, policy: &str) -> Vec<Node> {
    let interface = view.topology.interface_endpoints.iter().find(|endpoint| endpoint.id == id);
    let state = interface.map_or("available", |endpoint| endpoint.state.as_str());
    let own = view.work.aws.endpoint_policy(id);
    let ipv6 = view.topology.ipv6.as_ref();
    let dual_stack = ipv6.is_some_and(|ipv6| ipv6.gateway_endpoints.iter().any(|each| each == id))
        || !view.topology.ipv6_addresses(id).is_empty();
    vec![
        text("vpcEndpointId", id),
        text("vpcEndpointType", kind),
        view.vpc(),
        text("serviceName", service_name(service, view.region(), kind == "Gateway")),
        text("state", state),
        text("policyDocument", own.as_ref().map_or(policy, |own| own.source())),
        text("ipAddressType", if dual_stack { "dualstack" } else { "ipv4" }),
        text("requesterManaged", false),
        text("creationTimestamp", CREATED),
        node("tagSet", vec![]),
        view.owner(),
        text("serviceRegion", view.region()),
    ]
}

/// The endpoint's own names, for all its zones and for each, and the private ones where they are on.
fn dns_entries(view: &View<'_>, endpoint: &InterfaceEndpoint) -> Vec<Vec<Node>> {
    let topology = view.topology;
    let zones = endpoint.network_interfaces.iter().filter_map(|interface| topology.subnet(&interface.subnet));
    let own = std::iter::once(None).chain(zones.map(|subnet| Some(topology.zone_name(subnet))));
    let own = own.map(|zone| dns::endpoint_name(topology, endpoint, zone.as_deref()));
    // Buckets stand in front of the endpoint's names.
    let own = own.map(|name| if endpoint.service == "s3" { format!("*.{name}") } else { name });
    let private = endpoint.private_dns.then(|| dns::taken_over(topology, endpoint));
    let entry = |name: String, zone: &str| {
        let zone = derived("Z", &[zone]).to_ascii_uppercase().replace('-', "");
        vec![text("dnsName", name), text("hostedZoneId", zone)]
    };
    own.map(|name| entry(name, "public"))
        .chain(private.into_iter().flatten().map(|name| entry(name, &endpoint.id)))
        .collect()
}

/// The full name of an endpoint service, by the last part of it; in China S3 has one for each type of endpoint.
///
/// Source: the documentation's lists for China and the constants of public infrastructure libraries for the others.
pub(super) fn service_name(service: &str, region: &str, gateway: bool) -> String {
    let newer = match partition_of(region).id {
        "aws-cn" if !gateway && CHINAS_OWN.contains(&service) => Some("cn.com.amazonaws"),
        "aws-eusc" if ["ecr.api", "ecr.dkr", "execute-api", "securityhub"].contains(&service) => {
            Some("eu.amazonaws")
        }
        "aws-iso" if ISOLATED_OWN.contains(&service) => Some("gov.ic.c2s"),
        "aws-iso-b" if ISOLATED_OWN.contains(&service) => Some("gov.sgov.sc2s"),
        "aws-iso-f" if ["ebs", "ecr.api", "ecr.dkr", "execute-api"].contains(&service) => {
            Some("gov.ic.hci.csp")
        }
        "aws-iso-e" if ["ebs", "ecr.api", "ecr.dkr", "execute-api"].contains(&service) => {
            Some("uk.adc-e.cloud")
        }
        _ => None,
    };
    format!("{}.{region}.{service}", newer.unwrap_or("com.amazonaws"))
}

/// The services of interest whose interface endpoints have the prefix `cn.com.amazonaws` in China.
const CHINAS_OWN: [&str; 16] = [
    "athena",
    "autoscaling",
    "cloudformation",
    "ebs",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "elasticbeanstalk",
    "execute-api",
    "lambda",
    "monitoring",
    "s3",
    "sqs",
    "states",
    "sts",
];

/// The services that have a prefix of their own in the older isolated partitions.
const ISOLATED_OWN: [&str; 7] = ["autoscaling", "ebs", "ec2", "ecr.api", "ecr.dkr", "sns", "sqs"];
