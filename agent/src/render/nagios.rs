//! The report as a plugin of Nagios, Icinga and their kin prints it: a status line, performance data behind a bar, and
//! details below. The exit code that goes with it is [`code`].
//!
//! The form is that of the Monitoring Plugins' guidelines: the bar may stand nowhere else, and a label in quotes may hold
//! neither a quote nor an equals sign.

use super::time_to_answer;
use super::wrap::plain;
use crate::judge::shortened;
use crate::report::{Report, Status};

/// Monitoring systems read about this much of a status line.
const STATUS_LINE: usize = 300;

/// The exit code that says the same as the status.
#[must_use]
pub fn code(status: Status) -> u8 {
    match status {
        Status::Healthy => 0,
        Status::Degraded => 1,
        Status::Failing => 2,
        Status::Inconclusive => 3,
    }
}

pub(super) fn nagios(report: &Report) -> String {
    let word = match report.summary.status {
        Status::Healthy => "OK",
        Status::Degraded => "WARNING",
        Status::Failing => "CRITICAL",
        Status::Inconclusive => "UNKNOWN",
    };
    let headline = shortened(&report.summary.headline, STATUS_LINE);
    let mut lines = vec![format!("VPCPROBE {word} - {} | {}", clean(&headline), performance(report))];
    for finding in &report.findings {
        lines.push(clean(&format!(
            "{} {} [{}]: {}",
            finding.severity.word(),
            finding.rule,
            finding.subject.id,
            finding.summary
        )));
    }
    for verdict in &report.verdicts {
        lines.push(clean(&format!(
            "{}: {}, {}",
            verdict.target,
            verdict.path.words(),
            verdict.answers_in_words()
        )));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn performance(report: &Report) -> String {
    let summary = &report.summary;
    let mut data = vec![
        format!("errors={};;1;0", summary.errors),
        format!("warnings={};1;;0", summary.warnings),
        format!("notices={};;;0", summary.notices),
        format!("time={:.3}s;;;0", report.recording.run.elapsed_ms / 1000.0),
    ];
    for verdict in &report.verdicts {
        if let Some(time) = time_to_answer(report, &verdict.target) {
            let label = verdict.target.replace(['\'', '='], "_");
            data.push(format!("'{label}'={:.3}s;;;0", time / 1000.0));
        }
    }
    data.join(" ")
}

/// Text that cannot be taken for performance data.
fn clean(text: &str) -> String {
    plain(text).replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;

    #[test]
    fn the_first_line_has_status_text_and_performance_data() {
        let text = nagios(&mixed());
        let first = text.lines().next().unwrap();
        let (status, data) = first.split_once(" | ").unwrap();
        assert!(status.starts_with("VPCPROBE CRITICAL - ssmmessages "), "{first}");
        assert!(
            data.starts_with("errors=1;;1;0 warnings=1;1;;0 notices=0;;;0 time=3.016s;;;0 's3'="),
            "{data}"
        );
        assert!(!data.contains("'ssmmessages'="), "what did not answer took no time to answer: {data}");
    }

    #[test]
    fn a_bar_in_a_text_is_no_performance_data() {
        let mut report = mixed();
        report.summary.headline = "one | two".to_owned();
        report.findings[0].summary = "three | four".to_owned();
        assert_eq!(nagios(&report).matches('|').count(), 1);
    }
}
