//! What to ask, as a value: the judging crate makes it, this crate carries it out, tests print it.
//!
//! A plan holds names, addresses and budgets. It holds no secret and no opinion.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observations::ResolverKind;

/// Everything that one run will ask.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbePlan {
    /// How long each part may take.
    pub budgets: Budgets,
    /// The address families that may be used.
    pub families: Families,
    /// The resolvers to ask for every name, beside the host's own name service, which is always asked.
    pub resolvers: Vec<ResolverPlan>,
    /// Names of no target that tell how the VPC's DNS is set.
    pub name_checks: Vec<NameCheckPlan>,
    /// The services under their host names.
    pub targets: Vec<TargetPlan>,
    /// Hosts that no VPC endpoint here serves: public ones, and services in another Region.
    pub controls: Vec<TargetPlan>,
    /// The hop walk; `None` when it is switched off.
    pub hops: Option<HopPlan>,
    /// What to ask EC2 about this instance's subnet; `None` when that is switched off (`--no-inspect`).
    pub inspect: Option<InspectPlan>,
    /// The path proofs; `None` where nobody asked for one (`--prove-with`).
    pub proofs: Option<ProofPlan>,
    /// A file of roots beside the bundled ones and the machine's store, and the name of what pointed to it.
    pub ca_bundle: Option<PathBuf>,
}

impl ProbePlan {
    /// The resolvers to ask for a target's name. What is only there to be compared with tells nothing of resolvers, so its name is
    /// left to the host's own name service.
    pub(crate) fn resolvers_for(&self, target: &TargetPlan) -> &[ResolverPlan] {
        if target.elsewhere { &[] } else { &self.resolvers }
    }
}

/// How long each part may take, each with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// What the resolver, TCP, TLS and call of one target's chain share, from the start of the targets (`--timeout`).
    pub chain: Duration,
    /// When the whole run is over, from its start (`--deadline`).
    pub deadline: Duration,
    /// What evidence beyond the chains (hop walks, controls) may take beyond them: six times the largest round trip
    /// that was seen, at least this …
    pub evidence_floor: Duration,
    /// … and at most this.
    pub evidence_ceiling: Duration,
}

/// The address families that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// IPv4 may be used.
    pub ipv4: bool,
    /// IPv6 may be used.
    pub ipv6: bool,
}

/// One resolver to ask directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolverPlan {
    /// Its address; port 53.
    pub address: IpAddr,
    /// What it is known to be.
    pub kind: ResolverKind,
}

/// One question about a name of no target, to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCheckPlan {
    /// Why it is asked.
    pub purpose: NamePurpose,
    /// The name, absolute, without the final dot.
    pub name: String,
    /// The server to ask.
    pub resolver: IpAddr,
}

/// Why a name of no target is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamePurpose {
    /// The instance's own name in the VPC's domain, which the VPC resolver knows by itself if DNS host names are on in the VPC,
    /// whatever is forwarded elsewhere.
    OwnName,
    /// A target's name with a domain of the search list behind it, which the host's name service asks first where `ndots` is
    /// larger than the name has dots.
    SearchDomain,
}

/// One service under one host name.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetPlan {
    /// The target's name.
    pub target: String,
    /// The service's id; `control` for a public host that is none of AWS's services.
    pub service: String,
    /// The host name; port 443.
    pub host: String,
    /// Whether the instance cannot do its work without it.
    pub required: bool,
    /// The Region that signatures are made for.
    pub region: String,
    /// The request that shows the service itself to be there.
    pub call: CallPlan,
    /// The service's address prefixes, most specific match wins: addresses in the same prefix take the same route out of
    /// the subnet, so one walk serves them.
    pub prefixes: Vec<IpNet>,
    /// The proxy that clients on this host take for it; measured beside the direct way. `None` where they take none.
    pub proxy: Option<ProxyPlan>,
    /// Whether it is a service in another Region, which nobody here uses and which is only there to be compared with: connections to
    /// few of its addresses will do, and since its way is the question, no other target's walk may stand for its own.
    pub elsewhere: bool,
}

/// A proxy that clients reach a target through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyPlan {
    /// The environment variable that names it; the user and password in its value are used and not told.
    pub variable: String,
    /// Its host alone, a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the proxy itself is spoken to over TLS (`https://` in the variable).
    pub over_tls: bool,
}

impl ProxyPlan {
    /// Host and port, as they stand in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.bare_host();
        if host.contains(':') { format!("[{host}]:{}", self.port) } else { format!("{host}:{}", self.port) }
    }

    /// The host without the brackets that an IPv6 address has in a URL.
    pub(crate) fn bare_host(&self) -> &str {
        let unwrapped = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        unwrapped.unwrap_or(&self.host)
    }
}

/// The one harmless request that a target gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallPlan {
    /// S3 `ListBuckets` (IAM: `s3:ListAllMyBuckets`).
    S3ListBuckets,
    /// S3 `HeadBucket` (IAM: `s3:ListBucket`); a refusal's reason is read by one `GET ?list-type=2&max-keys=0`.
    S3HeadBucket {
        /// The bucket's name.
        bucket: String,
        /// Whether the bucket stands in the path, because its name has dots and so matches no certificate.
        path_style: bool,
    },
    /// An unsigned `HEAD` of an object that everybody may read, in a bucket of AWS's own (IAM: `s3:GetObject`). Unsigned even
    /// where there are credentials: of the caller's policies none can refuse it then, and only an endpoint's is left.
    S3PublicObject {
        /// The object's key.
        key: String,
    },
    /// DynamoDB `ListTables`.
    DynamoDbListTables,
    /// DynamoDB `DescribeTable`.
    DynamoDbDescribeTable {
        /// The table's name.
        table: String,
    },
    /// SSM `ListAssociations`, which the standard role allows.
    SsmListAssociations,
    /// STS `GetCallerIdentity`, which needs no permission.
    StsGetCallerIdentity,
    /// An unsigned `GET /`: for services without a harmless signed call, and for controls. Any HTTP answer will do.
    UnsignedGet,
}

impl CallPlan {
    /// The permission that this call needs of IAM, if it needs one. An unsigned request is nobody's, and
    /// `GetCallerIdentity` is answered whatever the policies say (IAM user guide, "Actions, resources, and condition keys
    /// for AWS Security Token Service").
    #[must_use]
    pub fn permission(&self) -> Option<&'static str> {
        match self {
            Self::S3ListBuckets => Some("s3:ListAllMyBuckets"),
            // Its reason, where it is refused, is read with ListObjectsV2: the same permission.
            Self::S3HeadBucket { .. } => Some("s3:ListBucket"),
            Self::DynamoDbListTables => Some("dynamodb:ListTables"),
            Self::DynamoDbDescribeTable { .. } => Some("dynamodb:DescribeTable"),
            Self::SsmListAssociations => Some("ssm:ListAssociations"),
            Self::StsGetCallerIdentity | Self::UnsignedGet | Self::S3PublicObject { .. } => None,
        }
    }
}

/// How to walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopPlan {
    /// The largest TTL; destinations behind gateway endpoints were seen at 1 to 7.
    pub max_ttl: u8,
    /// Walks at once.
    pub in_flight: usize,
    /// Answers asked of the first router within one refill time: Linux gives six at once, then one a second.
    pub answers_per_refill: usize,
    /// After what time a silent first router has refilled its limit and is asked again.
    pub refill: Duration,
    /// The VPC's own blocks: an address inside them needs no walk.
    pub inside: Vec<IpNet>,
}

/// What to ask EC2 itself about this instance's subnet.
///
/// What the host does not know is `None`; without a Region, a VPC or a subnet there is nothing to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InspectPlan {
    /// The Region that signatures are made for.
    pub region: Option<String>,
    /// EC2's host name; port 443.
    pub host: Option<String>,
    /// The VPC of the primary interface.
    pub vpc_id: Option<String>,
    /// The subnet of the primary interface.
    pub subnet_id: Option<String>,
    /// The subnets of the instance's other interfaces in that VPC.
    pub further_subnet_ids: Vec<String>,
    /// The security groups of the instance's interfaces in that VPC.
    pub security_group_ids: Vec<String>,
    /// The prefix lists to ask for, by name: `com.amazonaws.REGION.SERVICE`.
    pub prefix_list_names: Vec<String>,
    /// The buckets of AWS that the policy of an endpoint for S3 should let through.
    pub aws_buckets: Vec<AwsBucketPlan>,
    /// The instance's account.
    pub account_id: Option<String>,
    /// The VPC's own blocks: who holds an address inside them can be asked.
    pub inside: Vec<IpNet>,
    /// What all calls together may take once a connection stands. Until then the budget of the evidence holds.
    pub once_connected: Duration,
}

/// A bucket that AWS owns, of which the policies of endpoints are asked whether they let anything through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsBucketPlan {
    /// Its name; an asterisk at the end stands for what is not known of it.
    pub name: String,
    /// The partition of its ARN.
    pub partition: String,
    /// What clients do there.
    pub actions: Vec<String>,
    /// Whether AWS itself signs what clients send there.
    pub signed_by_aws: bool,
}

/// With what the path is to be proven.
///
/// What the host does not know is `None`; without a Region there is no host name to ask at, without a VPC a proof cannot tell
/// this VPC's endpoints from another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    /// The ARNs of the roles to assume.
    pub roles: Vec<String>,
    /// The probe buckets.
    pub buckets: Vec<String>,
    /// The Region that signatures are made for.
    pub region: Option<String>,
    /// The host name of STS; port 443.
    pub sts_host: Option<String>,
    /// The host name of S3; port 443.
    pub s3_host: Option<String>,
    /// The name of the sessions, which `CloudTrail` shows.
    pub session_name: String,
    /// The instance's VPC.
    pub vpc_id: Option<String>,
    /// The services that take part, each with the full names of its endpoint services.
    pub endpoint_services: Vec<(String, Vec<String>)>,
}
