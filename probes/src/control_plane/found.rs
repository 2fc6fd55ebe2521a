//! What EC2 says of the things around this instance's subnet: further route tables and prefix lists, NAT gateways, network
//! interfaces, subnets, and the block on public access.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ReadFailure, RouteTable};
use crate::step::Step;

/// A route table and which of the subnets concerned it holds for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubnetRoutes {
    /// The subnets, of those concerned.
    pub subnets: Vec<String>,
    /// The table.
    pub table: RouteTable,
}

/// A prefix list that is known only because a route or a security group names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FurtherPrefixList {
    /// Its id.
    pub id: String,
    /// Its entries, or why they are not known.
    #[schemars(with = "Step<Vec<String>, ReadFailure>")]
    pub entries: Step<Vec<IpNet>, ReadFailure>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// The name of its Availability Zone, which means another zone in another account.
    pub availability_zone: String,
    /// The zone's id, the same in every account; `None` where EC2 gives none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub availability_zone_id: Option<String>,
    /// Its CIDR blocks, both families.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cidrs: Vec<IpNet>,
}

/// A network interface that holds an address which a name leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkInterface {
    /// Its id.
    pub id: String,
    /// What it belongs to, in EC2's word: `vpc_endpoint`, `interface` (an instance's), `network_load_balancer`, `lambda`, …
    pub kind: String,
    /// The interface endpoint that it belongs to, where the list of endpoints names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vpc_endpoint: Option<String>,
    /// The instance that it is attached to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instance: Option<String>,
    /// Its subnet.
    pub subnet: String,
    /// Its security groups.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub security_groups: Vec<String>,
    /// Those of its private addresses that were asked for.
    pub addresses: Vec<IpAddr>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NatGateway {
    /// Its id.
    pub id: String,
    /// `available`, `pending`, `failed`, `deleting`, `deleted`.
    pub state: String,
    /// Why it failed, in EC2's word, such as `Gateway.NotAttached`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// The subnet that it stands in; `None` for a regional one, which spans the zones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subnet: Option<String>,
    /// Whether it translates to private addresses only and so leads to no internet.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub private: bool,
}

/// VPC Block Public Access of the account in this Region (Amazon VPC user guide, "Block public access to VPCs and subnets").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockPublicAccess {
    /// What internet gateways and egress-only internet gateways are kept from.
    pub internet_gateways: InternetGatewayBlock,
    /// The exclusions of this VPC and of the subnets concerned; `None` where they could not be read. Nothing is asked
    /// where nothing is blocked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exclusions: Option<Vec<Exclusion>>,
}

/// What VPC Block Public Access blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InternetGatewayBlock {
    /// Nothing.
    Off,
    /// Connections from the internet; those to the internet by a NAT gateway or an egress-only internet gateway work.
    Ingress,
    /// Everything.
    Bidirectional,
}

/// A VPC or subnet that a block does not hold for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// The id of the VPC or subnet.
    pub id: String,
    /// Whether it may be reached from the internet besides reaching it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub inward_too: bool,
}
