//! The report as log lines from which `CloudWatch` makes metrics (Embedded Metric Format): one about the run, one per target.
//!
//! Print them to a log group, or leave them in a file that the `CloudWatch` agent reads. The lines hold what a query in Logs
//! Insights wants beside the metrics. Shape and limits: "Specification: Embedded metric format" of the `CloudWatch` user guide.

use serde_json::{Map, Value, json};

use super::{epoch_seconds, time_to_answer};
use crate::report::{Confidence, Report, Verdict};

/// The namespace of the metrics.
const NAMESPACE: &str = "VpcProbe";

/// One metric: its name, its unit and its value.
type Metric = (&'static str, &'static str, Value);

pub(super) fn emf(report: &Report) -> String {
    let mut lines = vec![about_the_run(report)];
    lines.extend(report.verdicts.iter().map(|verdict| about_a_target(report, verdict)));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn about_the_run(report: &Report) -> Value {
    let summary = &report.summary;
    let healthy = summary.status == crate::report::Status::Healthy;
    let mut line = document(
        report,
        &[&["Region"], &["Region", "SubnetId"]],
        vec![
            ("Healthy", "Count", json!(u8::from(healthy))),
            ("Errors", "Count", json!(summary.errors)),
            ("Warnings", "Count", json!(summary.warnings)),
            ("Notices", "Count", json!(summary.notices)),
            ("Duration", "Milliseconds", json!(report.recording.run.elapsed_ms)),
        ],
    );
    line.insert("Status".to_owned(), json!(summary.status));
    line.insert("Headline".to_owned(), json!(summary.headline));
    line.insert("Rules".to_owned(), json!(summary.rules));
    Value::Object(line)
}

fn about_a_target(report: &Report, verdict: &Verdict) -> Value {
    let mut metrics = Vec::new();
    if let Some(reachable) = verdict.reachable {
        metrics.push(("Reachable", "Count", json!(u8::from(reachable))));
    }
    if let Some(time) = time_to_answer(report, &verdict.target) {
        metrics.push(("AnswerTime", "Milliseconds", json!(time)));
    }
    let mut line = document(report, &[&["Region", "Target"], &["Region", "Target", "Path"]], metrics);
    line.insert("Target".to_owned(), json!(verdict.target));
    line.insert("Path".to_owned(), json!(verdict.path));
    line.insert("Via".to_owned(), json!(verdict.via));
    line.insert("Confidence".to_owned(), json!(verdict.confidence.map(Confidence::word)));
    line.insert("Required".to_owned(), json!(verdict.required));
    Value::Object(line)
}

fn document(report: &Report, dimensions: &[&[&str]], metrics: Vec<Metric>) -> Map<String, Value> {
    let host = &report.recording.environment.host;
    let stamp = epoch_seconds(&report.recording.run.started_at).unwrap_or_default() * 1000.0;
    let mut line = Map::new();
    // A line without any metric is an ordinary line of the log.
    if !metrics.is_empty() {
        let declared: Vec<Value> =
            metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        let metric_set = json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": declared});
        #[expect(clippy::cast_possible_truncation, reason = "a time stamp in milliseconds has no fraction")]
        let stamp = stamp as i64;
        line.insert("_aws".to_owned(), json!({"Timestamp": stamp, "CloudWatchMetrics": [metric_set]}));
    }
    // A dimension must be a string, and CloudWatch takes no empty one.
    let known = |value: &Option<String>| json!(value.as_deref().unwrap_or("unknown"));
    line.insert("Region".to_owned(), known(&host.region));
    line.insert("SubnetId".to_owned(), known(&host.subnet_id));
    line.insert("InstanceId".to_owned(), known(&host.instance_id));
    line.insert("VpcId".to_owned(), known(&host.vpc_id));
    for (name, _, value) in metrics {
        line.insert(name.to_owned(), value);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;

    #[test]
    fn every_line_holds_what_its_metrics_and_dimensions_refer_to() {
        let text = emf(&mixed());
        assert_eq!(text.lines().count(), 1 + mixed().verdicts.len());
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let Some(set) = line["_aws"]["CloudWatchMetrics"].get(0) else { continue };
            assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
            for dimensions in set["Dimensions"].as_array().unwrap() {
                for name in dimensions.as_array().unwrap() {
                    assert!(line[name.as_str().unwrap()].is_string(), "{name} in {line}");
                }
            }
            for metric in set["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric} in {line}");
            }
        }
    }
}
