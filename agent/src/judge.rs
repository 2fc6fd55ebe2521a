//! From a recording to a whole report. Pure: the same recording gives the same report on any machine, at any time.

use crate::classify;
use crate::diagnose::rules::RULES;
use crate::diagnose::{self, Case};
use crate::render::brief;
use crate::report::{
    CheckOutcome, CheckRecord, Confidence, Finding, Path, Recording, Report, SCHEMA_VERSION, ServiceSummary,
    Severity, Status, Summary, Verdict,
};

/// The longest headline: with it the summary stays within 1,500 characters for the largest profile.
const HEADLINE_LIMIT: usize = 240;

/// Judges a recording.
#[must_use]
pub fn judge(recording: Recording) -> Report {
    let recording = brief::expanded(recording);
    let verdicts = classify::verdicts(&recording);
    let case = Case { recording: &recording, verdicts: &verdicts };
    let (findings, checks) = diagnose::diagnose(&case);
    let summary = summarise(&recording, &verdicts, &findings, &checks);
    Report { schema_version: SCHEMA_VERSION, summary, verdicts, findings, checks, recording }
}

/// The exit codes that belong to reports; see the README for all of them.
pub mod exit {
    /// Nothing at the level of `--fail-on`.
    pub const OK: u8 = 0;
    /// Findings at that level.
    pub const FINDINGS: u8 = 1;
    /// Usage, settings, or an output that could not be written.
    pub const USAGE: u8 = 2;
    /// Not enough could be observed.
    pub const INCONCLUSIVE: u8 = 3;
    /// An internal error.
    pub const INTERNAL: u8 = 70;
}

fn summarise(
    recording: &Recording,
    verdicts: &[Verdict],
    findings: &[Finding],
    checks: &[CheckRecord],
) -> Summary {
    let errors = diagnose::count(findings, Severity::Error);
    let warnings = diagnose::count(findings, Severity::Warning);
    let undecided = verdicts.iter().any(|verdict| verdict.required && verdict.reachable.is_none())
        || checks
            .iter()
            .any(|check| check.rule == "expectation-not-met" && check.outcome == CheckOutcome::CannotTell);
    let status = if errors > 0 {
        Status::Failing
    } else if undecided {
        Status::Inconclusive
    } else if warnings > 0 {
        Status::Degraded
    } else {
        Status::Healthy
    };
    let fail_on = recording.run.settings.fail_on;
    let exit_code = if findings.iter().any(|finding| finding.severity.fails(fail_on)) {
        exit::FINDINGS
    } else if status == Status::Inconclusive && fail_on != crate::settings::FailOn::Never {
        exit::INCONCLUSIVE
    } else {
        exit::OK
    };
    let mut rules: Vec<String> = Vec::new();
    for finding in findings {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule.clone());
        }
    }
    debug_assert!(rules.len() <= RULES.len(), "a finding names a rule that is not in the table");
    Summary {
        status,
        headline: headline(recording, verdicts, findings, checks, status),
        exit_code,
        errors,
        warnings,
        notices: diagnose::count(findings, Severity::Notice),
        services: verdicts
            .iter()
            .map(|verdict| ServiceSummary {
                target: verdict.target.clone(),
                path: verdict.path,
                confidence: verdict.confidence,
                reachable: verdict.reachable,
            })
            .collect(),
        rules,
    }
}

fn headline(
    recording: &Recording,
    verdicts: &[Verdict],
    findings: &[Finding],
    checks: &[CheckRecord],
    status: Status,
) -> String {
    let text = match (findings.first(), status) {
        (Some(worst), Status::Failing | Status::Degraded) => match findings.len() {
            1 => worst.summary.clone(),
            count => {
                let others = count - 1;
                let noun = if others == 1 { "finding" } else { "findings" };
                let tail = format!(" (and {others} more {noun})");
                format!("{}{tail}", shortened(&worst.summary, HEADLINE_LIMIT - tail.len()))
            }
        },
        (_, Status::Inconclusive) => unknown(recording, verdicts, checks),
        _ => {
            let answering = verdicts.iter().filter(|verdict| verdict.reachable == Some(true)).count();
            format!("{answering} of {} targets answer: {}", verdicts.len(), paths(verdicts))
        }
    };
    shortened(&text, HEADLINE_LIMIT)
}

/// What is not known that had to be, by name, and why where that is the run's own end.
fn unknown(recording: &Recording, verdicts: &[Verdict], checks: &[CheckRecord]) -> String {
    let untried = verdicts.iter().filter(|verdict| verdict.required && verdict.reachable.is_none());
    let untried: Vec<&str> = untried.map(|verdict| verdict.target.as_str()).collect();
    let mut parts = Vec::new();
    if !untried.is_empty() {
        parts.push(format!("whether {} can be reached could not be observed", untried.join(", ")));
    }
    let undecided = checks
        .iter()
        .filter(|check| check.rule == "expectation-not-met" && check.outcome == CheckOutcome::CannotTell);
    parts.extend(undecided.map(|check| format!("what was expected {}", check.why)));
    if recording.run.cut_short {
        parts.push("the run was cut short".to_owned());
    }
    parts.join("; ")
}

/// How many answering targets take each path, in words, and which of them only possibly.
fn paths(verdicts: &[Verdict]) -> String {
    let order = [
        Path::GatewayEndpoint,
        Path::InterfaceEndpoint,
        Path::Internet,
        Path::Proxy,
        Path::Split,
        Path::Undetermined,
    ];
    let mut parts = Vec::new();
    for path in order {
        for possibly in [false, true] {
            let answering =
                verdicts.iter().filter(|verdict| verdict.path == path && verdict.reachable == Some(true));
            let count = answering
                .filter(|verdict| (verdict.confidence == Some(Confidence::Possible)) == possibly)
                .count();
            if count > 0 {
                let by = if possibly { "possibly by" } else { "by" };
                parts.push(format!("{count} {by} {}", path.words()));
            }
        }
    }
    parts.join(", ")
}

/// The text, cut at a character and marked where it is longer than `limit` characters.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Expectation, ExpectedPath};
    use crate::testing::{self, answering, recording, target};

    #[test]
    fn an_inconclusive_headline_names_what_is_not_known() {
        let mut cut_short = recording();
        cut_short.run.cut_short = true;
        cut_short.targets = vec![target("ssm", true, Vec::new()), target("sts", false, Vec::new())];
        for target in &mut cut_short.targets {
            target.lookups.clear();
        }
        let report = judge(cut_short);
        assert_eq!(report.summary.status, Status::Inconclusive);
        assert_eq!(
            report.summary.headline,
            "whether ssm can be reached could not be observed; the run was cut short"
        );
    }

    #[test]
    fn an_expectation_that_cannot_be_decided_is_named_in_the_headline() {
        let mut undecided = recording();
        undecided.run.settings.expect =
            vec![Expectation { service: "s3".to_owned(), path: ExpectedPath::Gateway }];
        undecided.targets = vec![target("s3", true, vec![answering(testing::S3)])];
        let report = judge(undecided);
        assert_eq!(
            (report.summary.status, report.summary.exit_code),
            (Status::Inconclusive, exit::INCONCLUSIVE)
        );
        assert_eq!(report.summary.headline, "what was expected cannot be decided: s3 (s3=gateway)");
    }
}
