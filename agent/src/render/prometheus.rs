//! The report as metrics in the text format of Prometheus, for the textfile collector of the node exporter.
//!
//! A state is a metric per possible value, 1 for the one that holds, so that an alert needs no list of values. What is not
//! known is absent, never a made-up number. Names and units follow the practices that `promtool check metrics` holds.

use super::{epoch_seconds, time_to_answer};
use crate::report::{Report, Severity, Status};

/// The text of the metrics, in the order in which they were declared.
struct Page(String);

type Labels<'a> = &'a [(&'a str, &'a str)];

pub(super) fn prometheus(report: &Report) -> String {
    let mut page = Page(String::new());
    about_the_run(report, &mut page);
    about_targets(report, &mut page);
    about_findings(report, &mut page);
    page.0
}

fn about_the_run(report: &Report, page: &mut Page) {
    let host = &report.recording.environment.host;
    let run = &report.recording.run;
    let known = |value: &Option<String>| value.clone().unwrap_or_default();
    page.declare("vpcprobe_info", "The agent's version and where it ran.");
    page.sample(
        "vpcprobe_info",
        &[
            ("version", run.version.as_str()),
            ("instance_id", &known(&host.instance_id)),
            ("region", &known(&host.region)),
            ("availability_zone_id", &known(&host.availability_zone_id)),
            ("vpc_id", &known(&host.vpc_id)),
            ("subnet_id", &known(&host.subnet_id)),
        ],
        1.0,
    );
    if let Some(seconds) = epoch_seconds(&run.started_at) {
        page.declare("vpcprobe_run_timestamp_seconds", "When the run started.");
        page.sample("vpcprobe_run_timestamp_seconds", &[], seconds);
    }
    page.declare("vpcprobe_run_duration_seconds", "How long the run took.");
    page.sample("vpcprobe_run_duration_seconds", &[], run.elapsed_ms / 1000.0);
    page.declare("vpcprobe_status", "The state of the instance as a whole: 1 for the one that holds.");
    for status in [Status::Healthy, Status::Degraded, Status::Failing, Status::Inconclusive] {
        let holds = f64::from(u8::from(report.summary.status == status));
        page.sample("vpcprobe_status", &[("status", status.word())], holds);
    }
}

fn about_targets(report: &Report, page: &mut Page) {
    let required = |required: bool| if required { "true" } else { "false" };
    page.declare(
        "vpcprobe_target_reachable",
        "Whether the service answered over verified TLS; absent where it was not tried.",
    );
    for verdict in &report.verdicts {
        if let Some(reachable) = verdict.reachable {
            let labels = [("target", verdict.target.as_str()), ("required", required(verdict.required))];
            page.sample("vpcprobe_target_reachable", &labels, f64::from(u8::from(reachable)));
        }
    }
    page.declare(
        "vpcprobe_target_path_info",
        "The path that the target's traffic takes, and how sure that is.",
    );
    for verdict in &report.verdicts {
        let labels = [
            ("target", verdict.target.as_str()),
            ("path", &verdict.path.words().replace(' ', "_")),
            (
                "via",
                &verdict
                    .via
                    .map(|via| via.words().to_lowercase().replace([' ', '-'], "_"))
                    .unwrap_or_default(),
            ),
            ("confidence", verdict.confidence.map_or("", crate::report::Confidence::word)),
        ];
        page.sample("vpcprobe_target_path_info", &labels, 1.0);
    }
    page.declare(
        "vpcprobe_target_answer_seconds",
        "How long the quickest address took from connecting to the answer.",
    );
    for verdict in &report.verdicts {
        if let Some(time) = time_to_answer(report, &verdict.target) {
            page.sample(
                "vpcprobe_target_answer_seconds",
                &[("target", verdict.target.as_str())],
                time / 1000.0,
            );
        }
    }
}

fn about_findings(report: &Report, page: &mut Page) {
    page.declare("vpcprobe_findings", "How many findings there are of each severity.");
    let summary = &report.summary;
    let counts = [
        (Severity::Error, summary.errors),
        (Severity::Warning, summary.warnings),
        (Severity::Notice, summary.notices),
    ];
    for (severity, count) in counts {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        page.sample("vpcprobe_findings", &[("severity", severity.word())], count);
    }
    page.declare("vpcprobe_finding_info", "A finding, by its rule and what it is about.");
    for finding in &report.findings {
        let labels = [
            ("rule", finding.rule.as_str()),
            ("severity", finding.severity.word()),
            ("subject", finding.subject.id.as_str()),
        ];
        page.sample("vpcprobe_finding_info", &labels, 1.0);
    }
}

impl Page {
    fn declare(&mut self, name: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.0.push_str(&format!("{name}{labels} {value}\n"));
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;

    #[test]
    fn states_targets_and_findings_are_there() {
        let text = prometheus(&mixed());
        for line in [
            "vpcprobe_status{status=\"failing\"} 1",
            "vpcprobe_status{status=\"healthy\"} 0",
            "vpcprobe_target_reachable{target=\"ssmmessages\",required=\"true\"} 0",
            "vpcprobe_findings{severity=\"error\"} 1",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("vpcprobe_target_path_info{target=\"s3\",path=\"gateway_endpoint\",via=\"\""));
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let mut report = mixed();
        report.verdicts[0].reachable = None;
        assert!(!prometheus(&report).contains("vpcprobe_target_reachable{target=\"s3\""));
    }

    #[test]
    fn quotes_backslashes_and_line_ends_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
