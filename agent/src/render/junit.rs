//! The report as `JUnit` XML, which every build server shows: a suite with a test per target (it answers), and one with a
//! test per rule (it finds nothing).
//!
//! A finding is a failure if it is an error, or a warning under `--fail-on warning`; other findings are told in a passing
//! test's output. What a rule could not see is skipped. Shape: the Ant task's XML with the attributes that Jenkins reads.

use std::fmt::Write as _;

use super::markup::escaped;
use super::time_to_answer;
use crate::report::{CheckOutcome, CheckRecord, Finding, Report, Severity, Verdict};
use crate::settings::FailOn;

/// One test.
struct Case {
    name: String,
    class: &'static str,
    seconds: f64,
    result: Outcome,
    output: String,
}

enum Outcome {
    Passed,
    Failed { kind: String, message: String, details: String },
    Skipped { message: String },
}

pub(super) fn junit(report: &Report) -> String {
    let targets: Vec<Case> = report.verdicts.iter().map(|verdict| target(report, verdict)).collect();
    let rules: Vec<Case> = report.checks.iter().flat_map(|check| rule(report, check)).collect();
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vpcprobe\">\n");
    text.push_str(&suite(report, "targets", &targets));
    text.push_str(&suite(report, "rules", &rules));
    text.push_str("</testsuites>\n");
    text
}

fn target(report: &Report, verdict: &Verdict) -> Case {
    let reasons: Vec<&str> = verdict.because.iter().map(|reason| reason.text.as_str()).collect();
    let reasons = reasons.join("; ");
    let state = format!("{}, {}", verdict.path.words(), verdict.answers_in_words());
    let result = match (verdict.reachable, verdict.required) {
        (Some(true), _) => Outcome::Passed,
        (Some(false), true) => Outcome::Failed {
            kind: "unreachable".to_owned(),
            message: format!("{} does not answer", verdict.target),
            details: reasons.clone(),
        },
        (Some(false), false) => {
            Outcome::Skipped { message: "does not answer, and is not required".to_owned() }
        }
        (None, _) => Outcome::Skipped { message: "was not tried".to_owned() },
    };
    Case {
        name: verdict.target.clone(),
        class: "vpcprobe.targets",
        seconds: time_to_answer(report, &verdict.target).unwrap_or_default() / 1000.0,
        result,
        output: format!("{state}\n{reasons}"),
    }
}

/// A test per finding of a rule, or one for a rule that found nothing.
fn rule(report: &Report, check: &CheckRecord) -> Vec<Case> {
    let case = |name: String, result: Outcome, output: String| Case {
        name,
        class: "vpcprobe.rules",
        seconds: 0.0,
        result,
        output,
    };
    let found: Vec<&Finding> = report.findings.iter().filter(|finding| finding.rule == check.rule).collect();
    if check.outcome == CheckOutcome::Found && !found.is_empty() {
        let named = |finding: &&Finding| {
            let name = format!("{} [{}]", check.rule, finding.subject.id);
            case(name, judged(report, finding), details(finding))
        };
        return found.iter().map(named).collect();
    }
    let result = match check.outcome {
        CheckOutcome::Clear | CheckOutcome::Found => Outcome::Passed,
        CheckOutcome::Explained | CheckOutcome::NotApplicable | CheckOutcome::CannotTell => {
            Outcome::Skipped { message: check.why.clone() }
        }
    };
    vec![case(check.rule.clone(), result, String::new())]
}

fn judged(report: &Report, finding: &Finding) -> Outcome {
    let warnings_fail = report.recording.run.settings.fail_on == FailOn::Warning;
    if finding.severity < Severity::Error && !(warnings_fail && finding.severity == Severity::Warning) {
        return Outcome::Passed;
    }
    Outcome::Failed {
        kind: finding.severity.word().to_owned(),
        message: finding.summary.clone(),
        details: details(finding),
    }
}

fn details(finding: &Finding) -> String {
    let mut lines = vec![finding.summary.clone()];
    lines.extend(finding.causes.iter().map(|cause| format!("possible cause: {cause}")));
    lines.push(format!("fix: {}", finding.remedy.text));
    lines.extend(finding.remedy.commands.iter().map(|command| format!("    {command}")));
    lines.join("\n")
}

fn suite(report: &Report, name: &str, cases: &[Case]) -> String {
    let count = |is: fn(&Outcome) -> bool| cases.iter().filter(|case| is(&case.result)).count();
    let failures = count(|result| matches!(result, Outcome::Failed { .. }));
    let skipped = count(|result| matches!(result, Outcome::Skipped { .. }));
    let run = &report.recording.run;
    let host = report.recording.environment.host.instance_id.as_deref().unwrap_or("unknown");
    // Readers of this format expect a time stamp without fraction and zone.
    let stamp = run.started_at.get(..19).unwrap_or(&run.started_at);
    let mut text = format!(
        "  <testsuite name=\"vpcprobe.{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" \
         time=\"{:.3}\" timestamp=\"{}\" hostname=\"{}\">\n",
        cases.len(),
        cases.iter().map(|case| case.seconds).sum::<f64>(),
        escaped(stamp),
        escaped(host),
    );
    for case in cases {
        text.push_str(&one(case));
    }
    text.push_str("  </testsuite>\n");
    text
}

fn one(case: &Case) -> String {
    let mut text = format!(
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\">\n",
        escaped(&case.name),
        case.class,
        case.seconds
    );
    // Writing to a string cannot fail.
    let _ = match &case.result {
        Outcome::Passed => Ok(()),
        Outcome::Failed { kind, message, details } => writeln!(
            text,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            escaped(kind),
            escaped(message),
            escaped(details)
        ),
        Outcome::Skipped { message } => writeln!(text, "      <skipped message=\"{}\"/>", escaped(message)),
    };
    if !case.output.is_empty() {
        let _ = writeln!(text, "      <system-out>{}</system-out>", escaped(&case.output));
    }
    text.push_str("    </testcase>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::mixed;
    use super::*;

    #[test]
    fn an_error_is_a_failure_and_a_warning_only_under_fail_on_warning() {
        let mut report = mixed();
        assert_eq!(junit(&report).matches("<failure type=\"error\"").count(), 1);
        assert_eq!(junit(&report).matches("<failure type=\"warning\"").count(), 0);
        report.recording.run.settings.fail_on = FailOn::Warning;
        assert_eq!(junit(&report).matches("<failure type=\"warning\"").count(), 1);
    }

    #[test]
    fn a_required_target_that_does_not_answer_fails() {
        assert!(
            junit(&mixed())
                .contains("<failure type=\"unreachable\" message=\"ssmmessages does not answer\">")
        );
    }

    #[test]
    fn what_a_peer_sent_cannot_break_the_document() {
        let mut report = mixed();
        report.findings[0].summary = "</failure> & \"\u{0}\u{1b}[2J\u{ffff}".to_owned();
        let text = junit(&report);
        assert!(text.contains("&lt;/failure&gt; &amp; &quot;  [2J\u{fffd}"), "{text}");
    }
}
