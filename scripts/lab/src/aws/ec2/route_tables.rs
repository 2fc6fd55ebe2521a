//! Route tables with their associations and routes.

use super::listing::Listing;
use super::xml::{Node, list, node, text};
use super::{View, derived};
use crate::topology::{Route, RouteTable, Subnet};

/// `DescribeRouteTables`.
pub(super) const ROUTE_TABLES: Listing = Listing {
    operation: "DescribeRouteTables",
    set: "routeTableSet",
    ids: ("RouteTableId", "routeTableId"),
    unknown: ("InvalidRouteTableID", "routeTable ID"),
    page: (5, 100),
    filters: &[
        ("association.gateway-id", "associationSet/gatewayId"),
        ("association.main", "associationSet/main"),
        ("association.route-table-association-id", "associationSet/routeTableAssociationId"),
        ("association.route-table-id", "associationSet/routeTableId"),
        ("association.subnet-id", "associationSet/subnetId"),
        ("owner-id", "ownerId"),
        ("route-table-id", "routeTableId"),
        ("route.destination-cidr-block", "routeSet/destinationCidrBlock"),
        ("route.destination-ipv6-cidr-block", "routeSet/destinationIpv6CidrBlock"),
        ("route.destination-prefix-list-id", "routeSet/destinationPrefixListId"),
        ("route.egress-only-internet-gateway-id", "routeSet/egressOnlyInternetGatewayId"),
        ("route.gateway-id", "routeSet/gatewayId"),
        ("route.instance-id", "routeSet/instanceId"),
        ("route.nat-gateway-id", "routeSet/natGatewayId"),
        ("route.origin", "routeSet/origin"),
        ("route.state", "routeSet/state"),
        ("route.transit-gateway-id", "routeSet/transitGatewayId"),
        ("route.vpc-peering-connection-id", "routeSet/vpcPeeringConnectionId"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| view.topology.route_tables.iter().map(|table| describe(view, table)).collect(),
};

fn describe(view: &View<'_>, table: &RouteTable) -> Vec<Node> {
    let local = view.topology.vpc.cidrs.iter().map(|cidr| {
        let target = text("gatewayId", "local");
        route(destination(&cidr.to_string()), vec![target], "CreateRouteTable", false)
    });
    let others = table.routes.iter().map(|each| {
        let target = target(view, each);
        route(destination(&each.destination), target, "CreateRoute", each.blackhole)
    });
    vec![
        text("routeTableId", &table.id),
        view.vpc(),
        view.owner(),
        list("routeSet", local.chain(others)),
        list("associationSet", associations(view, table)),
        node("propagatingVgwSet", vec![]),
        node("tagSet", vec![]),
    ]
}

/// The main table has an association of its own, without a subnet; subnets that have none fall back to it and are not listed.
fn associations(view: &View<'_>, table: &RouteTable) -> Vec<Vec<Node>> {
    let association = |id: &str, subnet: Option<&Subnet>| {
        let mut nodes = vec![
            text("routeTableAssociationId", derived("rtbassoc", &[&table.id, id])),
            text("routeTableId", &table.id),
        ];
        nodes.extend(subnet.map(|subnet| text("subnetId", &subnet.id)));
        nodes.push(text("main", subnet.is_none()));
        nodes.push(node("associationState", vec![text("state", "associated")]));
        nodes
    };
    let topology = view.topology;
    let subnets = topology.subnets.iter().filter(|subnet| subnet.route_table.as_deref() == Some(&table.id));
    let main = table.main.then(|| association(&topology.vpc.id, None));
    main.into_iter().chain(subnets.map(|subnet| association(&subnet.id, Some(subnet)))).collect()
}

fn route(destination: Node, target: Vec<Node>, origin: &str, blackhole: bool) -> Vec<Node> {
    let mut nodes = vec![destination];
    nodes.extend(target);
    nodes.push(text("state", if blackhole { "blackhole" } else { "active" }));
    nodes.push(text("origin", origin));
    nodes
}

fn destination(destination: &str) -> Node {
    let name = if destination.starts_with("pl-") {
        "destinationPrefixListId"
    } else if destination.contains(':') {
        "destinationIpv6CidrBlock"
    } else {
        "destinationCidrBlock"
    };
    text(name, destination)
}

/// Which element names a target follows from the kind of its id; a virtual private gateway and an endpoint count as gateways.
fn target(view: &View<'_>, route: &Route) -> Vec<Node> {
    let id = route.target.as_str();
    let name = match id.split('-').next().unwrap_or_default() {
        "nat" => "natGatewayId",
        "tgw" => "transitGatewayId",
        "pcx" => "vpcPeeringConnectionId",
        "eigw" => "egressOnlyInternetGatewayId",
        "lgw" => "localGatewayId",
        "cagw" => "carrierGatewayId",
        "eni" => "networkInterfaceId",
        "i" => {
            let interface = derived("eni", &[id]);
            return vec![
                text("instanceId", id),
                text("instanceOwnerId", view.account()),
                text("networkInterfaceId", interface),
            ];
        }
        _ => "gatewayId",
    };
    vec![text(name, id)]
}
