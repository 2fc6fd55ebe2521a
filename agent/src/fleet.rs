//! Many reports seen together: which instances take which path now, what is wrong with how many of them and since when, and
//! which one fix helps most.
//!
//! [`Fleet`] takes reports in any order, a line at a time, and keeps of each only what the overview reads: of every instance the
//! newest report, and of the older ones when they were made and what they had found. It reads no file and no clock, and judges
//! nothing again: a report means here what it says. Its [`Overview`] is shown by [`crate::render::fleet`].

mod history;
mod overview;
mod shared;
mod sum;
mod told;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::report::{Remedy, Severity, Status, Subject};
use history::History;
use shared::Shared;
use told::Told;

pub use overview::{
    FLEET_VERSION, Fix, FleetFinding, FleetSummary, Group, InstanceRow, Leak, LeakPlace, Overview, Place,
    PlaceCount, SubjectCount, Undetermined, Unreadable, VerdictRow,
};
pub use told::NoReport;

/// The reports of a fleet, as far as they were read.
#[derive(Debug, Default)]
pub struct Fleet {
    instances: BTreeMap<String, Instance>,
    claims: Shared<Claim>,
    claim_sets: Shared<Vec<u32>>,
    verdicts: Shared<Vec<VerdictRow>>,
    places: Shared<Place>,
    remedies: Shared<Remedy>,
    causes: Shared<Vec<String>>,
    reports: usize,
    repeated: usize,
}

/// What is kept of one instance.
#[derive(Debug)]
struct Instance {
    history: History,
    newest: Newest,
}

/// What the newest report of an instance says.
#[derive(Debug)]
struct Newest {
    at: Timestamp,
    status: Status,
    place: u32,
    verdicts: u32,
    found: Vec<Found>,
    /// The ids that are this instance's own, and so in no other's commands.
    own_ids: Vec<String>,
}

/// A finding of a newest report.
#[derive(Debug)]
struct Found {
    claim: u32,
    severity: Severity,
    remedy: u32,
    causes: u32,
}

/// What makes two findings of different reports the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Claim {
    rule: String,
    subject: Subject,
}

impl Fleet {
    /// Takes one report, a JSON document; `from` says where it was found, which names the instance if the report does not.
    ///
    /// # Errors
    /// It is no report that this version can read. Nothing of it is kept then.
    pub fn take(&mut self, document: &[u8], from: &str) -> Result<(), NoReport> {
        let told = told::read(document)?;
        let at: Timestamp =
            told.run.started_at.parse().map_err(|_| NoReport::NoTime(told.run.started_at.clone()))?;
        let key = told.instance(from);
        let known = self.instances.get(&key);
        if known.is_some_and(|instance| instance.history.holds(at)) {
            self.repeated += 1;
            return Ok(());
        }
        let is_newest = known.is_none_or(|instance| instance.newest.at < at);
        let mut set: Vec<u32> =
            told.findings.iter().map(|finding| self.claims.number(claim(finding))).collect();
        set.sort_unstable();
        set.dedup();
        let set = self.claim_sets.number(set);
        let newest = is_newest.then(|| self.newest(at, told));
        self.reports += 1;
        if let Some(instance) = self.instances.get_mut(&key) {
            instance.history.push(at, set);
            if let Some(newest) = newest {
                instance.newest = newest;
            }
        } else if let Some(newest) = newest {
            let mut history = History::default();
            history.push(at, set);
            self.instances.insert(key, Instance { history, newest });
        }
        Ok(())
    }

    /// How many reports were read, each once.
    #[must_use]
    pub fn reports(&self) -> usize {
        self.reports
    }

    fn newest(&mut self, at: Timestamp, told: Told) -> Newest {
        let place = self.places.number(told.place());
        let own_ids = told.own_ids();
        let mut rows = told.verdicts;
        rows.sort_by(|left, right| left.target.cmp(&right.target));
        let verdicts = self.verdicts.number(rows);
        let found = told
            .findings
            .into_iter()
            .map(|finding| Found {
                claim: self.claims.number(claim(&finding)),
                severity: finding.severity,
                remedy: self.remedies.number(told::without_own_ids(finding.remedy, &own_ids)),
                causes: self.causes.number(finding.causes),
            })
            .collect();
        Newest { at, status: told.summary.status, place, verdicts, found, own_ids }
    }
}

fn claim(finding: &told::ToldFinding) -> Claim {
    Claim { rule: finding.rule.clone(), subject: finding.subject.clone() }
}

#[cfg(test)]
pub(crate) mod tests;
