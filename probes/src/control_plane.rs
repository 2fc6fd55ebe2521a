//! What EC2 itself says about this instance's subnet, as far as the role may ask: routes, VPC endpoints, prefix lists, security
//! groups, network ACLs, NAT gateways, who holds the private addresses that names lead to, and what blocks a VPC from the
//! internet altogether.
//!
//! These are facts about configuration, read with the `Describe…` calls of Amazon EC2 and kept as EC2 gave them, reduced to
//! what concerns this instance. What a route table means for an address is worked out by the judging crate.

mod answer;
mod ask;
mod calls;
mod connect;
mod found;
mod policy;
mod reader;
mod reduce;

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Step, Unclassified};

pub use calls::ACTIONS;
pub(crate) use connect::Pool;
pub use found::{
    BlockPublicAccess, Exclusion, FurtherPrefixList, InternetGatewayBlock, NatGateway, NetworkInterface,
    Subnet, SubnetRoutes,
};
pub(crate) use reader::read;

/// What EC2 said, call by call, or why it was not asked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ControlPlane {
    /// Why it was not asked at all; `None` where it was.
    pub not_asked_because: Option<NotAsked>,
    /// The route table that holds for the subnet (`DescribeRouteTables`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub route_table: Option<Step<RouteTable, ReadFailure>>,
    /// The route tables of the other subnets that packets may take: those of the instance's further interfaces and of
    /// the VPC's NAT gateways.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub further_route_tables: Option<Step<Vec<SubnetRoutes>, ReadFailure>>,
    /// The VPC endpoints of the VPC (`DescribeVpcEndpoints`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vpc_endpoints: Option<Step<Vec<VpcEndpoint>, ReadFailure>>,
    /// The prefix lists of the services with gateway endpoints (`DescribePrefixLists`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prefix_lists: Option<Step<Vec<ManagedPrefixList>, ReadFailure>>,
    /// The other prefix lists that routes or security groups name, such as the account's own
    /// (`GetManagedPrefixListEntries`, one call each).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub further_prefix_lists: Vec<FurtherPrefixList>,
    /// The security groups of the instance's interface and of the VPC endpoints' interfaces (`DescribeSecurityGroups`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub security_groups: Option<Step<Vec<SecurityGroup>, ReadFailure>>,
    /// The network ACLs of the subnets concerned (`DescribeNetworkAcls`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub network_acls: Option<Step<Vec<NetworkAcl>, ReadFailure>>,
    /// The VPC's DNS attributes (`DescribeVpcAttribute`, one call each).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dns: Option<Step<DnsAttributes, ReadFailure>>,
    /// The subnets concerned: the instance's, and those of VPC endpoints and NAT gateways (`DescribeSubnets`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subnets: Option<Step<Vec<Subnet>, ReadFailure>>,
    /// Who holds those addresses of this VPC that names lead to (`DescribeNetworkInterfaces`). An address that nobody
    /// holds here may still be another account's in a shared subnet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub network_interfaces: Option<Step<Vec<NetworkInterface>, ReadFailure>>,
    /// The NAT gateways of the VPC (`DescribeNatGateways`); deleted ones stay in the list for about an hour.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nat_gateways: Option<Step<Vec<NatGateway>, ReadFailure>>,
    /// What keeps the account's VPCs in this Region from the internet (`DescribeVpcBlockPublicAccessOptions`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block_public_access: Option<Step<BlockPublicAccess, ReadFailure>>,
}

/// Why EC2 was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotAsked {
    /// `--no-inspect`.
    Disabled,
    /// There are no credentials, or signing is switched off.
    NoCredentials,
    /// No Region, VPC or subnet is known, so there is nothing to ask for.
    NothingToAskFor,
    /// The deadline or a termination signal came first.
    OutOfTime,
    /// EC2's host name has no address.
    NotResolved,
    /// No connection to EC2 within its budget: there is neither an endpoint for it nor another way.
    Unreachable,
    /// The TLS handshake with EC2 failed, or nobody vouches for the peer.
    NotTrusted,
    /// This report was made by a version that did not ask.
    NotSupported,
}

/// How a call to EC2 failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ReadFailure {
    /// The role may not make this call (`UnauthorizedOperation`), or an endpoint policy or another policy forbids it.
    Denied {
        /// EC2's message, at most 300 characters.
        message: String,
    },
    /// EC2 refused the credentials themselves (`AuthFailure`).
    CredentialsRejected {
        /// EC2's error code.
        code: String,
    },
    /// EC2 answered with another error.
    Refused {
        /// EC2's error code.
        code: String,
    },
    /// No answer within the budget.
    TimedOut,
    /// EC2 answered something else than was expected, such as no route table at all.
    Unexpected {
        /// What was wrong.
        text: String,
    },
    /// Anything else.
    Unclassified(Unclassified),
}

/// The route table that holds for the instance's subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Whether the subnet has no association of its own and so falls back to the VPC's main table.
    pub is_main: bool,
    /// Its routes, in EC2's order.
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The destination: a CIDR block …
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cidr: Option<IpNet>,
    /// … or a prefix list's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prefix_list: Option<String>,
    /// The target's id: `local`, `igw-…`, `nat-…`, `vpce-…`, `eni-…`, `tgw-…`, `vgw-…`, `pcx-…`, `eigw-…`, `lgw-…`, `cagw-…`.
    pub target: String,
    /// Whether the target is gone (state `blackhole`).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub blackhole: bool,
}

/// A VPC endpoint of this VPC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct VpcEndpoint {
    /// Its id.
    pub id: String,
    /// The full name of its endpoint service.
    pub service_name: String,
    /// `Gateway`, `Interface`, `GatewayLoadBalancer`, …
    pub kind: String,
    /// `available`, `pending`, `pendingAcceptance`, `deleting`, `failed`, …; a report leaves the first out.
    #[serde(skip_serializing_if = "is_available", default = "available")]
    pub state: String,
    /// The route tables that lead to it, of a gateway endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub route_tables: Vec<String>,
    /// The subnets it has an interface in, of an interface endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subnets: Vec<String>,
    /// Those interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub network_interfaces: Vec<String>,
    /// Those of their addresses that names lead to, where the holders of addresses could be read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub addresses: Vec<IpAddr>,
    /// The security groups of those interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub security_groups: Vec<String>,
    /// Whether its private DNS names are on.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub private_dns: bool,
    /// Whether those names hold for inbound resolver endpoints only (S3).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub private_dns_inbound_only: bool,
    /// Whether its policy is something else than the default, which allows everything.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub has_policy: bool,
    /// Those of AWS's own buckets that were asked about of which this policy lets nothing through; of an endpoint for S3.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub keeps_away: Vec<String>,
}

fn available() -> String {
    "available".to_owned()
}

fn is_available(state: &str) -> bool {
    state == "available"
}

/// A prefix list and its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagedPrefixList {
    /// Its id, unique in one Region only.
    pub id: String,
    /// Its name, `com.amazonaws.REGION.SERVICE`; empty for a list that is known by its id alone.
    pub name: String,
    /// Its entries; at brief detail those of the list of the same id under `environment/prefix_lists` are not repeated.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cidrs: Vec<IpNet>,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// What it lets out.
    pub egress: Vec<GroupRule>,
    /// What it lets in.
    pub ingress: Vec<GroupRule>,
}

/// One permission of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupRule {
    /// `-1` for all, `tcp`, `udp`, `icmp`, or a number.
    pub protocol: String,
    /// The first and the last port; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ports: Option<(u16, u16)>,
    /// The peers by address.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cidrs: Vec<IpNet>,
    /// The peers by prefix list.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub prefix_lists: Vec<String>,
    /// The peers by security group.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub groups: Vec<String>,
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NetworkAcl {
    /// Its id.
    pub id: String,
    /// The subnets it holds for, of those concerned.
    pub subnets: Vec<String>,
    /// Its entries, by rule number.
    pub entries: Vec<AclEntry>,
}

/// One entry of a network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AclEntry {
    /// The rule number; the smallest that matches decides.
    pub number: u16,
    /// Whether it is about packets that leave the subnet.
    pub egress: bool,
    /// Whether it allows.
    pub allow: bool,
    /// The protocol's number; -1 for all.
    pub protocol: i16,
    /// The peer.
    #[schemars(with = "String")]
    pub cidr: IpNet,
    /// The first and the last port; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ports: Option<(u16, u16)>,
}

/// The VPC's DNS attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsAttributes {
    /// `enableDnsSupport`: the VPC resolver answers.
    pub support: bool,
    /// `enableDnsHostnames`: with the other, private DNS of interface endpoints can work.
    pub hostnames: bool,
}

impl ControlPlane {
    /// A control plane that was not asked.
    #[must_use]
    pub fn not_asked(because: NotAsked) -> Self {
        Self { not_asked_because: Some(because), ..Self::default() }
    }

    /// Every prefix list whose entries were read, with those that only routes or groups name.
    #[must_use]
    pub fn lists(&self) -> Vec<ManagedPrefixList> {
        let named = self.prefix_lists.as_ref().and_then(|step| step.done()).cloned().unwrap_or_default();
        let further = self.further_prefix_lists.iter().filter_map(|list| {
            let cidrs = list.entries.done()?.clone();
            Some(ManagedPrefixList { id: list.id.clone(), name: String::new(), cidrs })
        });
        named.into_iter().chain(further).collect()
    }

    /// The route table that holds for a subnet, where it was read; `primary` is the instance's first subnet.
    #[must_use]
    pub fn route_table_of(&self, subnet: &str, primary: Option<&str>) -> Option<&RouteTable> {
        if primary == Some(subnet) {
            return self.route_table.as_ref().and_then(|step| step.done());
        }
        let further = self.further_route_tables.as_ref().and_then(|step| step.done())?;
        further.iter().find(|table| table.subnets.iter().any(|id| id == subnet)).map(|table| &table.table)
    }
}

impl Route {
    /// How specific the route is for an address, given the entries of prefix lists: the length of the prefix that matches.
    #[must_use]
    pub fn matches(&self, address: IpAddr, lists: &[ManagedPrefixList]) -> Option<u8> {
        let longest = |cidrs: &[IpNet]| {
            cidrs.iter().filter(|cidr| cidr.contains(&address)).map(IpNet::prefix_len).max()
        };
        match (&self.cidr, &self.prefix_list) {
            (Some(cidr), _) => longest(std::slice::from_ref(cidr)),
            (None, Some(id)) => {
                lists.iter().find(|list| list.id == *id).and_then(|list| longest(&list.cidrs))
            }
            (None, None) => None,
        }
    }
}
