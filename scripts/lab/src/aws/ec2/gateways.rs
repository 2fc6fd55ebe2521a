//! NAT gateways and the internet gateway.

use super::listing::Listing;
use super::xml::{Node, list, node, text};
use super::{CREATED, View, derived};
use crate::topology::{InternetGateway, NatGateway};

/// `DescribeNatGateways`.
pub(super) const NAT_GATEWAYS: Listing = Listing {
    operation: "DescribeNatGateways",
    set: "natGatewaySet",
    ids: ("NatGatewayId", "natGatewayId"),
    unknown: ("InvalidNatGatewayID", "NatGateway ID"),
    page: (5, 1000),
    filters: &[
        ("nat-gateway-id", "natGatewayId"),
        ("state", "state"),
        ("subnet-id", "subnetId"),
        ("tag-key", "tagSet/key"),
        ("vpc-id", "vpcId"),
    ],
    items: |view| view.topology.nat_gateways.iter().map(|nat| nat_gateway(view, nat)).collect(),
};

/// `DescribeInternetGateways`.
pub(super) const INTERNET_GATEWAYS: Listing = Listing {
    operation: "DescribeInternetGateways",
    set: "internetGatewaySet",
    ids: ("InternetGatewayId", "internetGatewayId"),
    unknown: ("InvalidInternetGatewayID", "internetGateway ID"),
    page: (5, 1000),
    filters: &[
        ("attachment.state", "attachmentSet/state"),
        ("attachment.vpc-id", "attachmentSet/vpcId"),
        ("internet-gateway-id", "internetGatewayId"),
        ("owner-id", "ownerId"),
        ("tag-key", "tagSet/key"),
    ],
    items: |view| {
        view.topology.internet_gateway.iter().map(|gateway| internet_gateway(view, gateway)).collect()
    },
};

/// The network interface of a NAT gateway, which a topology does not name.
pub(super) fn nat_interface(nat: &NatGateway) -> String {
    derived("eni", &[&nat.id])
}

fn nat_gateway(view: &View<'_>, nat: &NatGateway) -> Vec<Node> {
    let address = vec![
        text("allocationId", derived("eipalloc", &[&nat.id])),
        text("networkInterfaceId", nat_interface(nat)),
        text("privateIp", nat.private_address),
        text("publicIp", nat.public_address),
        text("associationId", derived("eipassoc", &[&nat.id])),
        text("isPrimary", true),
        text("status", "succeeded"),
    ];
    let mut nodes = vec![
        text("natGatewayId", &nat.id),
        text("subnetId", &nat.subnet),
        view.vpc(),
        text("state", if nat.failure.is_some() { "failed" } else { "available" }),
        text("createTime", CREATED),
        list("natGatewayAddressSet", [address]),
        text("connectivityType", "public"),
        node("tagSet", vec![]),
    ];
    if let Some(code) = &nat.failure {
        nodes.push(text("failureCode", code));
        nodes.push(text("failureMessage", failure_message(view, nat, code)));
    }
    nodes
}

/// What EC2 says to the failure codes (Amazon EC2 API reference, `NatGateway`).
fn failure_message(view: &View<'_>, nat: &NatGateway, code: &str) -> String {
    match code {
        "Gateway.NotAttached" => format!("Network {} has no Internet gateway attached", view.topology.vpc.id),
        "InsufficientFreeAddressesInSubnet" => {
            "Subnet has insufficient free addresses to create this NAT gateway".to_owned()
        }
        "InvalidSubnetID.NotFound" => {
            format!("The specified subnet \"{}\" does not exist or could not be found.", nat.subnet)
        }
        _ => "Network interface could not be created, please try again.".to_owned(),
    }
}

fn internet_gateway(view: &View<'_>, gateway: &InternetGateway) -> Vec<Node> {
    vec![
        text("internetGatewayId", &gateway.id),
        list("attachmentSet", [vec![view.vpc(), text("state", "available")]]),
        view.owner(),
        node("tagSet", vec![]),
    ]
}
