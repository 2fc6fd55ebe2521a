//! What changed between two reports: of a healthy instance and a suspect one, or of two boots of the same.
//!
//! It compares what the reports say (summary, verdicts, findings) and the facts of the environment that decide about it. It
//! judges nothing again. Times, ids of requests and the like differ in any two runs and are no change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::report::{Finding, Report, Verdict};

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// What kind of thing: `status`, `verdict`, `finding`, `environment`.
    pub kind: &'static str,
    /// Which one: a target, a rule with its subject, the name of a fact.
    pub what: String,
    /// What the old report says; `null` where it says nothing of it.
    pub old: Option<String>,
    /// What the new report says; `null` where it says nothing of it.
    pub new: Option<String>,
}

/// The facts of the environment that are compared. What identifies one instance (its ids, addresses, account) tells which two
/// were compared, and is shown as well.
const FACTS: &[&str] = &[
    "instance_id",
    "account_id",
    "region",
    "partition",
    "availability_zone",
    "vpc_id",
    "subnet_id",
    "vpc_cidrs",
    "private_ips",
    "public_ipv4",
    "role",
    "resolvers",
    "proxies",
    "nsswitch_hosts",
    "hosts_entries",
    "region_hints",
    "client_settings",
    "container",
    "ipv4_route",
    "ipv6_route",
];

/// Facts that reports of brief detail leave out: they are compared where both reports have them.
const OFTEN_LEFT_OUT: &[&str] = &["image_id", "instance_type", "kernel"];

/// Everything that differs, in the order of the report.
#[must_use]
pub fn compare(old: &Report, new: &Report) -> Vec<Change> {
    let status = |report: &Report| BTreeMap::from([("status".to_owned(), word(&report.summary.status))]);
    let mut changes = differences("status", &status(old), &status(new));
    changes.extend(differences("verdict", &verdicts(old), &verdicts(new)));
    changes.extend(differences("finding", &findings(old), &findings(new)));
    let of_environment = differences("environment", &environment(old), &environment(new));
    let one_sided = |change: &Change| {
        OFTEN_LEFT_OUT.contains(&change.what.as_str()) && (change.old.is_none() || change.new.is_none())
    };
    changes.extend(of_environment.into_iter().filter(|change| !one_sided(change)));
    changes
}

/// The changes for a person, one line each.
#[must_use]
pub fn text(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing that the reports say differs\n".to_owned();
    }
    let mut text = String::new();
    for change in changes {
        let what = if change.kind == change.what {
            change.what.clone()
        } else {
            format!("{} {}", change.kind, change.what)
        };
        // Writing to a string cannot fail.
        let _ = match (&change.old, &change.new) {
            (Some(old), Some(new)) => writeln!(text, "{what}: {old} -> {new}"),
            (None, Some(new)) => writeln!(text, "{what}: new: {new}"),
            (Some(old), None) => writeln!(text, "{what}: gone: {old}"),
            (None, None) => Ok(()),
        };
    }
    text
}

fn differences(
    kind: &'static str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Vec<Change> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| Change {
            kind,
            what: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

fn verdicts(report: &Report) -> BTreeMap<String, String> {
    let said = |verdict: &Verdict| {
        let via = verdict.via.map(|via| format!(" by {}", via.words())).unwrap_or_default();
        let endpoint = verdict.vpc_endpoint_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let confidence = verdict.confidence.map(|found| format!(", {}", found.word())).unwrap_or_default();
        let reachable = match verdict.reachable {
            Some(true) => "answers",
            Some(false) => "does not answer",
            None => "was not tried",
        };
        format!("{}{via}{endpoint}{confidence}, {reachable}", verdict.path.words())
    };
    report.verdicts.iter().map(|verdict| (verdict.target.clone(), said(verdict))).collect()
}

fn findings(report: &Report) -> BTreeMap<String, String> {
    let name = |finding: &Finding| format!("{} ({})", finding.rule, finding.subject.id);
    // The summary has times and addresses in it, which differ from run to run: the severity is what is compared.
    report.findings.iter().map(|finding| (name(finding), finding.severity.word().to_owned())).collect()
}

fn environment(report: &Report) -> BTreeMap<String, String> {
    let Ok(Value::Object(facts)) = serde_json::to_value(&report.recording.environment) else {
        return BTreeMap::new();
    };
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(members) if !members.is_empty() && members.iter().all(Value::is_string) => {
            members.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let mut found: BTreeMap<String, String> = FACTS
        .iter()
        .chain(OFTEN_LEFT_OUT)
        .filter_map(|name| {
            facts.get(*name).filter(|value| !value.is_null()).map(|value| ((*name).to_owned(), shown(value)))
        })
        .collect();
    let source =
        facts.get("credentials").and_then(|seen| seen.get("source")).filter(|value| !value.is_null());
    found.extend(source.map(|source| ("credentials".to_owned(), shown(source))));
    found
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::testing::{self, answering, recording, silent, target};

    fn report(answers: bool) -> Report {
        let mut recording = recording();
        let attempt = if answers { answering(testing::PRIVATE) } else { silent(testing::PRIVATE) };
        recording.targets = vec![target("ssm", true, vec![attempt])];
        judge(recording)
    }

    #[test]
    fn the_same_report_has_no_change_whenever_it_was_made() {
        let mut later = report(true);
        later.recording.run.started_at = "2027-01-01T00:00:00Z".into();
        later.recording.run.elapsed_ms = 7.0;
        later.recording.environment.host.clock_offset_ms = Some(3);
        assert_eq!(compare(&report(true), &later), []);
    }

    #[test]
    fn a_service_that_stopped_answering_changes_status_verdict_and_findings() {
        let changes = compare(&report(true), &report(false));
        let kinds: Vec<&str> = changes.iter().map(|change| change.kind).collect();
        assert!(["status", "verdict", "finding"].iter().all(|kind| kinds.contains(kind)), "{changes:?}");
        assert!(changes.iter().all(|change| change.kind != "environment"), "{changes:?}");
        assert!(text(&changes).contains("verdict ssm: interface endpoint"), "{}", text(&changes));
    }

    #[test]
    fn another_subnet_is_a_change_of_the_environment() {
        let mut other = report(true);
        other.recording.environment.host.subnet_id = Some("subnet-2".into());
        let changes = compare(&report(true), &other);
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].kind, changes[0].what.as_str()), ("environment", "subnet_id"));
    }
}
