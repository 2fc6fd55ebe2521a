//! The report: what was observed, what it means, and what to do, in the order in which a reader wants it.
//!
//! The types here are the published contract (`vpcprobe schema`). They are filled by [`crate::judge`] and shown by
//! [`crate::render`]; nothing in this file decides anything.

use probes::Environment;
use probes::control_plane::ControlPlane;
use probes::observations::{NameCheck, TargetObservation};
use probes::proofs::Proofs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classify::SignalName;
use crate::prefix_lists::PrefixList;
use crate::settings::{FailOn, JudgeSettings};

/// The version of the report's shape; it rises when a key is removed or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// One run of the agent on one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this shape.
    pub schema_version: u32,
    /// The answer in a few lines; at most 1,500 characters of JSON.
    pub summary: Summary,
    /// Which path each target's traffic takes.
    pub verdicts: Vec<Verdict>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// What every rule came to; at brief detail without those that are clear or not applicable, and of those that cannot
    /// tell for the same reason only the first.
    pub checks: Vec<CheckRecord>,
    /// What was observed, and under which settings.
    #[serde(flatten)]
    pub recording: Recording,
}

/// The part of a report that was observed. Everything else is computed from it, on any machine, at any time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recording {
    /// The run itself.
    pub run: Run,
    /// The host.
    pub environment: EnvironmentRecord,
    /// The observations, a tree per target.
    pub targets: Vec<TargetObservation>,
    /// The same for the controls.
    pub controls: Vec<TargetObservation>,
    /// Names of no target that tell how the VPC's DNS is set.
    #[serde(default)]
    pub name_checks: Vec<NameCheck>,
    /// What EC2 said about this subnet, per call, or why it was not asked.
    pub control_plane: ControlPlane,
    /// What the path proofs said, or why none was made.
    pub proofs: Proofs,
}

/// The answer in a few lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The worst of it in a word.
    pub status: Status,
    /// The worst of it in a sentence.
    pub headline: String,
    /// The exit code that belongs to this report.
    pub exit_code: u8,
    /// How many findings are errors.
    pub errors: usize,
    /// How many findings are warnings.
    pub warnings: usize,
    /// How many findings are notices.
    pub notices: usize,
    /// One row per target.
    pub services: Vec<ServiceSummary>,
    /// The rules that found something, worst first, each once.
    pub rules: Vec<String>,
}

/// The state of the instance as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing above a notice.
    Healthy,
    /// At least one warning.
    Degraded,
    /// At least one error.
    Failing,
    /// No error, but whether a required service can be reached is not known.
    Inconclusive,
}

/// One target in the summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceSummary {
    /// The target.
    pub target: String,
    /// Its path.
    pub path: Path,
    /// How sure that is.
    pub confidence: Option<Confidence>,
    /// Whether the service answered.
    pub reachable: Option<bool>,
}

/// Which path a target's traffic takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The target: `s3`, `s3:BUCKET`, `dynamodb:account`, …
    pub target: String,
    /// Its service.
    pub service: String,
    /// The host name that was probed.
    pub host: String,
    /// Whether the instance cannot do its work without it.
    pub required: bool,
    /// Where the packets go, or would go by the evidence even if they are blocked.
    pub path: Path,
    /// What carries them out of the subnet, where that is known.
    pub via: Option<Via>,
    /// The id of the VPC endpoint that carries them, where that is known.
    pub vpc_endpoint_id: Option<String>,
    /// How sure the path is; `null` where it is undetermined.
    pub confidence: Option<Confidence>,
    /// `true`: the service itself answered over verified TLS. `false`: an attempt failed. `null`: not tried.
    pub reachable: Option<bool>,
    /// The reasons, never empty.
    pub because: Vec<Reason>,
    /// The verdict on each address.
    pub addresses: Vec<AddressVerdict>,
}

/// Where packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Through a gateway endpoint (S3, DynamoDB): a route of the subnet's route table leads there.
    GatewayEndpoint,
    /// Through an interface endpoint: the name resolves to a private address of it.
    InterfaceEndpoint,
    /// Over the internet, by whatever leads there.
    Internet,
    /// Through a proxy that the environment names.
    Proxy,
    /// Two reachable addresses take different paths.
    Split,
    /// They do not get through, and nothing shows where they would go.
    Unreachable,
    /// The evidence does not tell.
    Undetermined,
}

/// What carries packets out of the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A NAT gateway.
    NatGateway,
    /// An instance that translates addresses.
    NatInstance,
    /// A private first responder, and nothing that says which kind it is.
    NatOrAppliance,
    /// An internet gateway.
    InternetGateway,
    /// An egress-only internet gateway (IPv6).
    EgressOnlyInternetGateway,
    /// A transit gateway.
    TransitGateway,
    /// A VPN gateway.
    VpnGateway,
    /// A peering connection.
    Peering,
    /// A firewall endpoint.
    Firewall,
}

/// How sure a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// One sign points there, and nothing against it.
    Possible,
    /// Independent signs agree.
    Likely,
    /// The service or the control plane itself said so.
    Proven,
}

/// One reason of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The signal.
    pub signal: SignalName,
    /// Where in this report it was seen: `TARGET/ADDRESS/STEP`, `TARGET/lookups/RESOLVER`, `environment/…`, `controls/…`,
    /// `control_plane/…`, `proofs/…`.
    pub evidence: String,
    /// The same for a person.
    pub text: String,
}

/// The verdict on one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressVerdict {
    /// The address.
    pub address: std::net::IpAddr,
    /// Its path.
    pub path: Path,
    /// How sure that is.
    pub confidence: Option<Confidence>,
    /// Whether the service answered there.
    pub reachable: Option<bool>,
    /// The resolvers that gave it.
    pub origin: Vec<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule that found it; `vpcprobe explain RULE` tells more.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// One sentence with the facts in it.
    pub summary: String,
    /// The facts.
    pub facts: Vec<Fact>,
    /// Where in this report they were seen.
    pub evidence: Vec<String>,
    /// Where several causes look the same from inside: all of them, most likely first, each with what would tell it apart.
    pub causes: Vec<String>,
    /// Findings of other rules that follow from this one, and so are not listed by themselves.
    pub explains: Vec<Explained>,
    /// What to do.
    pub remedy: Remedy,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// It works, but not as it should.
    Warning,
    /// A required service cannot be used, or an expectation is not met.
    Error,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// Which one.
    pub id: String,
}

/// What kind of thing a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// The instance as a whole; the id is the instance id, or `this host` where that is not known.
    Instance,
    /// A target.
    Target,
    /// A name server, by its address.
    Resolver,
    /// The credentials, by their source.
    Credentials,
    /// A proxy, by its host and port.
    Proxy,
    /// A service or program of the host, by its name.
    Service,
    /// Whoever issued a certificate, by name.
    Issuer,
    /// A security group, by its id; several groups of one interface by all their ids.
    SecurityGroup,
    /// A network ACL, by its id.
    NetworkAcl,
    /// A route table, by its id.
    RouteTable,
    /// A VPC endpoint, by its id.
    VpcEndpoint,
    /// A NAT gateway, by its id.
    NatGateway,
    /// The VPC, by its id.
    Vpc,
    /// A path proof that was asked for, as `--prove-with` names it.
    Proof,
}

/// A fact with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its unit, where it has one.
    pub unit: Option<String>,
}

/// A finding that follows from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The rule.
    pub rule: String,
    /// What it was about.
    pub subject: Subject,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// Commands that run as printed.
    pub commands: Vec<String>,
}

/// What one rule came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// The rule.
    pub rule: String,
    /// What it came to.
    pub outcome: CheckOutcome,
    /// Why.
    pub why: String,
}

/// What a rule may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It looked, and there is nothing.
    Clear,
    /// It found something.
    Found,
    /// All that it found follows from another finding.
    Explained,
    /// There is nothing here that it could look at.
    NotApplicable,
    /// What it needs to know was not observed.
    CannotTell,
}

/// The run itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The version of the agent.
    pub version: String,
    /// When it started, RFC 3339 in UTC by this host's clock.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
    /// When it would have been cut off, in milliseconds after the start.
    pub deadline_ms: u64,
    /// The arguments it was given.
    pub arguments: Vec<String>,
    /// Whether a signal or the deadline ended it before every step was over.
    pub cut_short: bool,
    /// How many rounds `--wait` made; this report is of the last.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub rounds: u32,
    /// Whether names, ids and addresses are pseudonyms (`--redact`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// The settings that the judgement reads.
    pub settings: JudgeSettings,
}

/// The host, and the prefix lists that its addresses are judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentRecord {
    /// The host.
    #[serde(flatten)]
    pub host: Environment,
    /// The prefix lists of this Region that the verdicts rest on.
    pub prefix_lists: Vec<PrefixList>,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_one(rounds: &u32) -> bool {
    *rounds == 1
}

impl Status {
    /// The state in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Verdict {
    /// Whether the service answered, in words.
    #[must_use]
    pub fn answers_in_words(&self) -> &'static str {
        match self.reachable {
            Some(true) => "answers",
            Some(false) => "DOES NOT ANSWER",
            None => "not tried",
        }
    }
}

impl Path {
    /// Whether it says where packets go.
    #[must_use]
    pub fn is_determined(self) -> bool {
        matches!(self, Self::GatewayEndpoint | Self::InterfaceEndpoint | Self::Internet | Self::Proxy)
    }

    /// The path in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::GatewayEndpoint => "gateway endpoint",
            Self::InterfaceEndpoint => "interface endpoint",
            Self::Internet => "internet",
            Self::Proxy => "proxy",
            Self::Split => "split",
            Self::Unreachable => "unreachable",
            Self::Undetermined => "undetermined",
        }
    }
}

impl Via {
    /// The carrier in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NatGateway => "NAT gateway",
            Self::NatInstance => "NAT instance",
            Self::NatOrAppliance => "NAT or appliance",
            Self::InternetGateway => "internet gateway",
            Self::EgressOnlyInternetGateway => "egress-only internet gateway",
            Self::TransitGateway => "transit gateway",
            Self::VpnGateway => "VPN gateway",
            Self::Peering => "peering",
            Self::Firewall => "firewall",
        }
    }
}

impl Confidence {
    /// The confidence in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Proven => "proven",
        }
    }
}

impl Severity {
    /// The severity in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The exit code that a finding of this severity asks for under `fail_on`.
    #[must_use]
    pub fn fails(self, fail_on: FailOn) -> bool {
        match fail_on {
            FailOn::Error => self >= Self::Error,
            FailOn::Warning => self >= Self::Warning,
            FailOn::Never => false,
        }
    }
}
