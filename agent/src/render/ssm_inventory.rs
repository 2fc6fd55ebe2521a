//! The report as a custom inventory type of Systems Manager: an entry per target, read by the agent's inventory plugin
//! from its folder and shown, queried and synchronised like any other inventory.
//!
//! The plugin takes a file only if every attribute is a string: 50 of them at most, names of 64 and values of 4,096
//! characters. The version is `MAJOR.MINOR`.

use serde_json::{Map, Value, json};

use crate::judge::shortened;
use crate::report::{Confidence, Report, Verdict};

/// The name of the type; what is custom must begin so.
const TYPE_NAME: &str = "Custom:VpcProbePath";
const SCHEMA_VERSION: &str = "1.0";
const LONGEST_VALUE: usize = 4096;

pub(super) fn ssm_inventory(report: &Report) -> String {
    let content: Vec<Value> = report.verdicts.iter().map(|verdict| entry(report, verdict)).collect();
    format!("{}\n", json!({"SchemaVersion": SCHEMA_VERSION, "TypeName": TYPE_NAME, "Content": content}))
}

fn entry(report: &Report, verdict: &Verdict) -> Value {
    let concerned: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| {
            finding.subject.id == verdict.target
                || finding.explains.iter().any(|explained| explained.subject.id == verdict.target)
        })
        .map(|finding| finding.rule.as_str())
        .collect();
    let reachable = match verdict.reachable {
        Some(true) => "true",
        Some(false) => "false",
        None => "unknown",
    };
    let attributes = [
        ("Target", verdict.target.clone()),
        ("Host", verdict.host.clone()),
        ("Required", verdict.required.to_string()),
        ("Path", verdict.path.words().to_owned()),
        ("Via", verdict.via.map(|via| via.words().to_owned()).unwrap_or_default()),
        ("VpcEndpointId", verdict.vpc_endpoint_id.clone().unwrap_or_default()),
        ("Confidence", verdict.confidence.map(Confidence::word).unwrap_or_default().to_owned()),
        ("Reachable", reachable.to_owned()),
        ("Rules", concerned.join(",")),
        ("Status", report.summary.status.word().to_owned()),
        ("ReportedAt", report.recording.run.started_at.clone()),
        ("Version", report.recording.run.version.clone()),
    ];
    let attributes: Map<String, Value> = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(shortened(&value, LONGEST_VALUE))))
        .collect();
    Value::Object(attributes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;

    #[test]
    fn every_attribute_is_a_string_within_the_limits_of_the_plugin() {
        let document: Value = serde_json::from_str(&ssm_inventory(&mixed())).unwrap();
        assert_eq!(document["TypeName"], "Custom:VpcProbePath");
        assert_eq!(document["SchemaVersion"], "1.0");
        let content = document["Content"].as_array().unwrap();
        assert_eq!(content.len(), mixed().verdicts.len());
        for entry in content {
            let entry = entry.as_object().unwrap();
            assert!(entry.len() <= 50);
            for (name, value) in entry {
                assert!(name.len() <= 64 && value.as_str().unwrap().len() <= LONGEST_VALUE);
            }
        }
    }

    #[test]
    fn an_entry_names_the_rules_that_concern_its_target() {
        let document: Value = serde_json::from_str(&ssm_inventory(&mixed())).unwrap();
        let of = |target: &str| {
            let entries = document["Content"].as_array().unwrap();
            entries.iter().find(|entry| entry["Target"] == target).unwrap()["Rules"].clone()
        };
        assert_eq!(of("ssmmessages"), "required-service-unreachable");
        assert_eq!(of("s3"), "");
    }
}
