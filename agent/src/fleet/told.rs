//! What the overview reads of one report, and why something is no report that it can read.
//!
//! Everything else in a report is passed over while it is read, so that a fleet's reports need little memory.

use serde::Deserialize;

use super::overview::{Place, VerdictRow};
use crate::report::{Remedy, SCHEMA_VERSION, Severity, Status, Subject};

/// Why something is no report that can be read.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// Nothing is there: the run was killed, or wrote nothing.
    #[error("it is empty")]
    Empty,
    /// The document ends too early: the output was cut off.
    #[error("it is cut off after {0} bytes")]
    CutOff(usize),
    /// Text, such as what a shell saw on a node without this program.
    #[error("it is no JSON: {0}")]
    NoJson(serde_json::Error),
    /// JSON, but something else than a report.
    #[error("it is no report of vpcprobe: {0}")]
    SomethingElse(serde_json::Error),
    /// A report of a version whose keys may mean something else.
    #[error("it is a report of schema version {0}, and this program reads version {SCHEMA_VERSION}")]
    OtherVersion(u64),
    /// A report without a time cannot be put in order.
    #[error("its run started at {0:?}, which is no time")]
    NoTime(String),
}

/// One report.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    schema_version: u64,
    pub(super) summary: ToldSummary,
    pub(super) verdicts: Vec<VerdictRow>,
    pub(super) findings: Vec<ToldFinding>,
    pub(super) run: ToldRun,
    environment: ToldEnvironment,
    control_plane: ToldControlPlane,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToldSummary {
    pub(super) status: Status,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToldFinding {
    pub(super) rule: String,
    pub(super) severity: Severity,
    pub(super) subject: Subject,
    pub(super) causes: Vec<String>,
    pub(super) remedy: Remedy,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToldRun {
    pub(super) started_at: String,
}

#[derive(Debug, Deserialize)]
struct ToldEnvironment {
    instance_id: Option<String>,
    account_id: Option<String>,
    region: Option<String>,
    vpc_id: Option<String>,
    subnet_id: Option<String>,
    #[serde(default)]
    interfaces: Vec<ToldInterface>,
}

#[derive(Debug, Deserialize)]
struct ToldInterface {
    #[serde(default)]
    interface_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToldControlPlane {
    #[serde(default)]
    route_table: Option<ToldRouteTable>,
}

#[derive(Debug, Deserialize)]
struct ToldRouteTable {
    #[serde(default)]
    done: Option<ToldId>,
}

#[derive(Debug, Deserialize)]
struct ToldId {
    id: String,
}

/// Only the version, where the rest cannot be read.
#[derive(Debug, Deserialize)]
struct ToldVersion {
    schema_version: u64,
}

/// Reads a report.
pub(super) fn read(document: &[u8]) -> Result<Told, NoReport> {
    // A line that is cut off still ends with its line end, which would look like part of the text that it ends in.
    let document = document.trim_ascii();
    if document.is_empty() {
        return Err(NoReport::Empty);
    }
    let told = match serde_json::from_slice::<Told>(document) {
        Ok(told) => told,
        Err(error) if error.is_eof() => return Err(NoReport::CutOff(document.len())),
        Err(error) if error.is_data() => {
            return Err(match serde_json::from_slice::<ToldVersion>(document) {
                Ok(told) if told.schema_version != u64::from(SCHEMA_VERSION) => {
                    NoReport::OtherVersion(told.schema_version)
                }
                _ => NoReport::SomethingElse(error),
            });
        }
        Err(error) => return Err(NoReport::NoJson(error)),
    };
    if told.schema_version != u64::from(SCHEMA_VERSION) {
        return Err(NoReport::OtherVersion(told.schema_version));
    }
    Ok(told)
}

impl Told {
    /// Which instance this is about: by its own account, else by the folder that Run Command's output lies in, else the
    /// report stands for an instance of its own, because two hosts that do not know who they are may be two.
    pub(super) fn instance(&self, from: &str) -> String {
        let in_path = || from.split('/').find(|part| is_node_id(part)).map(str::to_owned);
        self.environment
            .instance_id
            .clone()
            .or_else(in_path)
            .unwrap_or_else(|| format!("{from} ({})", self.run.started_at))
    }

    pub(super) fn place(&self) -> Place {
        let here = &self.environment;
        Place {
            account_id: here.account_id.clone(),
            region: here.region.clone(),
            vpc_id: here.vpc_id.clone(),
            subnet_id: here.subnet_id.clone(),
            route_table_id: self
                .control_plane
                .route_table
                .as_ref()
                .and_then(|step| step.done.as_ref())
                .map(|table| table.id.clone()),
        }
    }

    pub(super) fn own_ids(&self) -> Vec<String> {
        let interfaces = self.environment.interfaces.iter().filter_map(|each| each.interface_id.clone());
        self.environment.instance_id.clone().into_iter().chain(interfaces).collect()
    }
}

/// Whether it is the id of an EC2 instance, or of another managed node of Systems Manager.
fn is_node_id(text: &str) -> bool {
    let digits = text.strip_prefix("i-").or_else(|| text.strip_prefix("mi-"));
    digits.is_some_and(|digits| {
        (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The remedy with marks instead of the ids that are the instance's own, so that the same fix of two instances is the same.
pub(super) fn without_own_ids(mut remedy: Remedy, own_ids: &[String]) -> Remedy {
    for command in &mut remedy.commands {
        for (number, id) in own_ids.iter().enumerate() {
            *command = command.replace(id.as_str(), &mark(number));
        }
    }
    remedy
}

/// The commands with the instance's own ids again, and whether there are any in them.
pub(super) fn with_own_ids(commands: &[String], own_ids: &[String]) -> (Vec<String>, bool) {
    let mut filled = commands.to_vec();
    for command in &mut filled {
        for (number, id) in own_ids.iter().enumerate() {
            *command = command.replace(&mark(number), id);
        }
    }
    let some = filled != commands;
    (filled, some)
}

/// What stands for an own id; no command holds a control character.
fn mark(number: usize) -> String {
    format!("\u{1}{number}\u{1}")
}
