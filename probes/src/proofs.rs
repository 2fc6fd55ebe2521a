//! What path proofs said: harmless calls that are allowed only by one way, made on connections to the addresses that were measured.
//!
//! A role is assumed under session policies that ask for `aws:SourceVpce` or `aws:SourceVpc`, or two objects of a probe bucket are
//! read of which one may be read only through a VPC endpoint and the other only without one. These types hold who was allowed
//! what and who was refused why, and never a credential. What it proves is worked out by the judging crate.

mod bucket;
mod make;
mod place;
mod policy;
mod role;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observations::{CallFailure, Reply};
use crate::step::Step;

pub(crate) use make::{Awaited, make, untried};

/// The object that may be read only through a VPC endpoint.
pub const ONLY_THROUGH_ENDPOINT: &str = "vpcprobe/only-through-a-vpc-endpoint";
/// The object that may be read only without a VPC endpoint.
pub const ONLY_WITHOUT_ENDPOINT: &str = "vpcprobe/only-without-a-vpc-endpoint";

/// What path proofs said, or why none was made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Proofs {
    /// Why none was made; `null` where one was asked for.
    pub not_made_because: Option<NotMade>,
    /// The proofs by role, in the order in which they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub roles: Vec<RoleProof>,
    /// The proofs by bucket, in the order in which they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub buckets: Vec<BucketProof>,
}

/// Why a proof was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotMade {
    /// Nobody asked for one (`--prove-with`).
    NotAsked,
    /// There are no credentials, or signing is switched off.
    NoCredentials,
    /// No Region is known, so there is no host name to ask at.
    RegionUnknown,
    /// The host name of STS has no address.
    NotResolved,
    /// No connection to STS in time: there is neither a VPC endpoint for it nor another way.
    Unreachable,
    /// The TLS handshake with STS failed, or nobody vouches for the peer.
    NotTrusted,
    /// STS did not give the sessions that the proof needs; the sessions say why.
    NoSession,
    /// No address of a service that takes part answered over TLS that is accepted.
    NothingToProve,
    /// The deadline or a termination signal came first.
    OutOfTime,
    /// A fault of this program stopped the proof; the rest of the report is unaffected.
    InternalError,
}

/// A proof by a role that is assumed under session policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleProof {
    /// The role's ARN.
    pub role: String,
    /// Why no call was made; `null` where one was.
    pub not_made_because: Option<NotMade>,
    /// The sessions that were asked for; in reports of brief detail only where the proof failed for want of one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub sessions: Vec<Session>,
    /// The calls that were made under them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub calls: Vec<RoleCalls>,
}

/// One session of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Under which condition its session policy allows the calls.
    pub condition: Condition,
    /// The VPC endpoints that the condition names, one per service.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub vpc_endpoint_ids: Vec<String>,
    /// What STS answered to `AssumeRole`.
    pub assumed: Step<Reply, CallFailure>,
}

/// Under which condition a session policy allows the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// None: the control, which shows that the role itself may make them.
    None,
    /// `Null {aws:SourceVpce: false}`: through any VPC endpoint.
    ThroughEndpoint,
    /// `Null {aws:SourceVpce: true}`: without any.
    WithoutEndpoint,
    /// `StringEquals {aws:SourceVpc: …}`: through a VPC endpoint of this instance's VPC.
    ThisVpc,
    /// `StringEquals {aws:SourceVpce: …}`: through one VPC endpoint.
    Endpoint,
}

/// The same call under each session, on one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleCalls {
    /// The target whose call it is.
    pub target: String,
    /// Its service.
    pub service: String,
    /// The address; in reports of brief detail all where the same came out.
    pub addresses: Vec<IpAddr>,
    /// What was said to the call under each condition; in reports of brief detail without the VPC endpoints that it did not take.
    pub asked: Vec<Asked>,
}

/// A call under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// The condition.
    pub condition: Condition,
    /// The VPC endpoint that it names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vpc_endpoint_id: Option<String>,
    /// What was said.
    pub call: Step<Reply, CallFailure>,
}

/// A proof by a probe bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BucketProof {
    /// The bucket's name.
    pub bucket: String,
    /// Why no call was made; `null` where one was.
    pub not_made_because: Option<NotMade>,
    /// The calls that were made.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub calls: Vec<BucketCalls>,
}

/// The two reads of a probe bucket, on one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BucketCalls {
    /// The address; in reports of brief detail all where the same came out.
    pub addresses: Vec<IpAddr>,
    /// The object that is denied without a VPC endpoint.
    pub through_endpoint: Step<Reply, CallFailure>,
    /// The object that is denied through one.
    pub without_endpoint: Step<Reply, CallFailure>,
}

impl Proofs {
    /// No proof at all.
    #[must_use]
    pub fn not_made(because: NotMade) -> Self {
        Self { not_made_because: Some(because), ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
