//! What a scenario expects of the agent's report, to the letter.
//!
//! Only the part of the report that is a promise: status, exit code, verdicts and the exact set of findings.

use std::fmt;

use serde::Deserialize;

/// The whole expectation of a scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// `healthy`, `degraded`, `failing` or `inconclusive`.
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) exit_code: i32,
    /// One per target, in any order; every target of the report must be named.
    #[serde(default)]
    pub(crate) verdicts: Vec<Verdict>,
    /// Exactly these findings, in any order.
    #[serde(default)]
    pub(crate) findings: Vec<Finding>,
    /// The longest the agent's own clock may say it took.
    pub(crate) max_elapsed_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    pub(crate) target: String,
    pub(crate) path: String,
    /// Compared only when it or the reasons are given; beside reasons, absent means that there must be none.
    pub(crate) via: Option<String>,
    /// Absent for `undetermined`, whose confidence is null.
    pub(crate) confidence: Option<String>,
    /// Absent when it must be null: nothing was tried.
    pub(crate) reachable: Option<bool>,
    /// The names of the signals that the verdict rests on, in their order. Compared only when given.
    pub(crate) because: Option<Vec<String>>,
    /// Compared only when given.
    pub(crate) vpc_endpoint_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) rule: String,
    pub(crate) severity: String,
    /// The id of the subject.
    pub(crate) subject: String,
}

/// As a scenario file has it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ target = {:?}, path = {:?}", self.target, self.path)?;
        let values = [
            ("via", &self.via),
            ("confidence", &self.confidence),
            ("vpc_endpoint_id", &self.vpc_endpoint_id),
        ];
        for (key, value) in values {
            if let Some(value) = value {
                write!(f, ", {key} = {value:?}")?;
            }
        }
        if let Some(reachable) = self.reachable {
            write!(f, ", reachable = {reachable}")?;
        }
        if let Some(because) = &self.because {
            write!(f, ", because = {because:?}")?;
        }
        write!(f, " }}")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) about {}", self.rule, self.severity, self.subject)
    }
}
