//! The overview as a document: stable keys, stable types, no key that depends on data. `vpcprobe schema fleet` publishes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Confidence, Path, Remedy, Severity, Status, SubjectKind, Via};

/// The version of the overview's shape; it rises when a key is removed or changes its meaning.
pub const FLEET_VERSION: u32 = 1;

/// Many reports seen together. "Now" is what the newest report of each instance says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overview {
    /// The version of this shape.
    pub fleet_version: u32,
    /// The answer in numbers.
    pub summary: FleetSummary,
    /// What to do, that which helps most first: the worst severity, then the most instances.
    pub fixes: Vec<Fix>,
    /// The instances now, alike ones together, worst first.
    pub groups: Vec<Group>,
    /// What is wrong now, worst first.
    pub findings: Vec<FleetFinding>,
    /// Services that could have a gateway endpoint, and which instances reach them through NAT now.
    pub through_nat: Vec<Leak>,
    /// Targets whose path is undetermined now.
    pub undetermined: Vec<Undetermined>,
    /// Every instance.
    pub instances: Vec<InstanceRow>,
    /// What was found and is no report that can be read.
    pub unreadable: Vec<Unreadable>,
}

/// The answer in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FleetSummary {
    /// The exit code that belongs to this overview.
    pub exit_code: u8,
    /// How many instances there are reports of.
    pub instances: usize,
    /// How many are failing now.
    pub failing: usize,
    /// How many are inconclusive now.
    pub inconclusive: usize,
    /// How many are degraded now.
    pub degraded: usize,
    /// How many are healthy now.
    pub healthy: usize,
    /// How many reports were read, each once.
    pub reports: usize,
    /// How many were found once more: the same instance and the same time.
    pub repeated: usize,
    /// How many things were found that are no report that can be read.
    pub unreadable: usize,
    /// When the oldest report was made.
    pub first_report_at: Option<String>,
    /// When the newest report was made.
    pub last_report_at: Option<String>,
    /// How many instances last reported more than a day before the newest report of all: what is said of them may be over.
    pub silent: usize,
}

/// Where instances are; `null` where the report does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    /// The account.
    pub account_id: Option<String>,
    /// The Region.
    pub region: Option<String>,
    /// The VPC.
    pub vpc_id: Option<String>,
    /// The subnet.
    pub subnet_id: Option<String>,
    /// The route table of the subnet, where EC2 could be asked.
    pub route_table_id: Option<String>,
}

/// How many instances of a place have something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlaceCount {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How many instances.
    pub instances: usize,
    /// Since when on the first of them.
    pub since: String,
    /// Whether that is the oldest report of that instance, so that it may have been so before.
    pub or_before: bool,
}

/// What to do, and whom it helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fix {
    /// The rule whose finding it mends.
    pub rule: String,
    /// The worst severity of that finding.
    pub severity: Severity,
    /// How many instances have that finding and are told to do this.
    pub instances: usize,
    /// How many instances have that rule's finding at all; the others are told to do the same with other ids.
    pub of: usize,
    /// Since when on the first of them.
    pub since: String,
    /// Whether that is the oldest report of that instance, so that it may have been so before.
    pub or_before: bool,
    /// The instance whose report gives causes and commands.
    pub example: String,
    /// Whether the commands hold ids of that instance: then they are to be run for each instance, with its own.
    pub for_each: bool,
    /// Where several causes look the same from inside: all of them, most likely first.
    pub causes: Vec<String>,
    /// What to do.
    pub remedy: Remedy,
    /// Where it helps.
    pub places: Vec<PlaceCount>,
}

/// Instances that are alike: in the same subnet with the same route table, with the same verdicts and the same status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Group {
    /// Their status.
    pub status: Status,
    /// How many they are.
    pub instances: usize,
    /// Where they are.
    #[serde(flatten)]
    pub place: Place,
    /// Which path each of their targets takes, by name.
    pub verdicts: Vec<VerdictRow>,
    /// The rules that found something on any of them, by name.
    pub rules: Vec<String>,
    /// Which they are.
    pub instance_ids: Vec<String>,
}

/// A verdict of a report, without its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct VerdictRow {
    /// The target.
    pub target: String,
    /// Its service.
    pub service: String,
    /// Whether the instance cannot do its work without it.
    pub required: bool,
    /// Its path.
    pub path: Path,
    /// What carries it out of the subnet, where that is known.
    pub via: Option<Via>,
    /// How sure the path is.
    pub confidence: Option<Confidence>,
    /// Whether the service answered; `null` where it was not tried.
    pub reachable: Option<bool>,
}

/// What a rule found on how many instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FleetFinding {
    /// The rule.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// How many instances have it.
    pub instances: usize,
    /// Since when on the first of them.
    pub since: String,
    /// Whether that is the oldest report of that instance, so that it may have been so before.
    pub or_before: bool,
    /// What it is about, most instances first; instances themselves are not listed here.
    pub subjects: Vec<SubjectCount>,
    /// Where, most instances first.
    pub places: Vec<PlaceCount>,
    /// On which instances.
    pub instance_ids: Vec<String>,
}

/// What a finding is about on how many instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SubjectCount {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// Which one.
    pub id: String,
    /// How many instances.
    pub instances: usize,
}

/// A service that could have a gateway endpoint, and which instances reach it through NAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Leak {
    /// The service.
    pub service: String,
    /// How many instances.
    pub instances: usize,
    /// Where, most instances first.
    pub places: Vec<LeakPlace>,
}

/// The instances of a place that reach a service through NAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeakPlace {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How many instances.
    pub instances: usize,
    /// How sure the least sure of these verdicts is.
    pub confidence: Option<Confidence>,
    /// Which instances.
    pub instance_ids: Vec<String>,
}

/// A target whose path is undetermined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Undetermined {
    /// The target.
    pub target: String,
    /// How many instances.
    pub instances: usize,
    /// On how many of them the service answered.
    pub answering: usize,
    /// Which instances.
    pub instance_ids: Vec<String>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InstanceRow {
    /// Its id; where neither the report nor its folder tells, the place where the report was found.
    pub instance_id: String,
    /// Its status now.
    pub status: Status,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// How many of its reports were read.
    pub reports: usize,
    /// When the oldest was made.
    pub first_report_at: String,
    /// When the newest was made.
    pub last_report_at: String,
}

/// Something that is no report that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unreadable {
    /// The file; `-` is standard input.
    pub file: String,
    /// The line in it, from 1; `null` where it is not about a line.
    pub line: Option<usize>,
    /// Why.
    pub why: String,
}
