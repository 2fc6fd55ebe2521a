//! The report as a table for a person at a terminal of 80 columns, legible without colour.

use probes::observations::ChosenRoute;

use super::wrap::{plain, wrapped};
use super::{commands, container};
use crate::report::{Finding, Report, Severity, Verdict};

/// What the columns mean; an answer and a path are two things, and a refusal is an answer.
const LEGEND: &str = "* required. ANSWERS: whether the service itself replied, even if it refused: a refusal of this program's \
                     own test calls only shows that the way is open. Times are how long was waited.";

/// The whole table.
pub(super) fn table(report: &Report, verbose: bool) -> String {
    let mut text = head(report);
    text.push('\n');
    text.push_str("  TARGET             PATH                               SURE OF IT  ANSWERS\n");
    for verdict in &report.verdicts {
        text.push_str(&row(report, verdict, verbose));
    }
    text.push_str(&wrapped(LEGEND, 2));
    for severity in [Severity::Error, Severity::Warning, Severity::Notice] {
        for finding in report.findings.iter().filter(|finding| finding.severity == severity) {
            text.push('\n');
            text.push_str(&one_finding(finding));
        }
    }
    if report.recording.run.redacted {
        text.push_str("\nids, names and addresses are pseudonyms (--redact)\n");
    }
    text.push('\n');
    text.push_str(&foot(report));
    plain_lines(&text)
}

fn head(report: &Report) -> String {
    let host = &report.recording.environment.host;
    let unknown = "?".to_owned();
    let place = [&host.region, &host.availability_zone_id, &host.vpc_id, &host.subnet_id];
    let place: Vec<&str> = place.into_iter().map(|part| part.as_ref().unwrap_or(&unknown).as_str()).collect();
    let status = report.summary.status.word().to_uppercase();
    let first = format!(
        "vpcprobe {} on {} in {}",
        report.recording.run.version,
        host.instance_id.as_deref().unwrap_or("a host without instance metadata"),
        place.join(", ")
    );
    let remark = container::remark(report).map(|remark| wrapped(&remark, 0)).unwrap_or_default();
    let headline = wrapped(&format!("{status}: {}", report.summary.headline), 0);
    format!("{headline}{}{remark}", wrapped(&first, 0))
}

fn row(report: &Report, verdict: &Verdict, verbose: bool) -> String {
    let required = if verdict.required { "*" } else { " " };
    let via = verdict.via.map(|via| format!(", {}", via.words())).unwrap_or_default();
    let path = format!("{}{via}", verdict.path.words());
    let answers = answers(verdict);
    let confidence = verdict.confidence.map_or("-", crate::report::Confidence::word);
    let mut text = format!("{required} {:<18} {path:<34} {confidence:<11} {answers}\n", verdict.target);
    let reasons: Vec<&str> = verdict.because.iter().map(|reason| reason.text.as_str()).collect();
    text.push_str(&wrapped(&reasons.join("; "), 4));
    if verbose {
        for address in &verdict.addresses {
            let answers = match address.reachable {
                Some(true) => "answers",
                Some(false) => "does not answer",
                None => "not tried",
            };
            let line = format!(
                "{}: {}, {answers} (from {})",
                address.address,
                address.path.words(),
                address.origin.join(" ")
            );
            text.push_str(&wrapped(&line, 6));
        }
        let target = report.recording.targets.iter().find(|target| target.target == verdict.target);
        for attempt in target.into_iter().flat_map(|target| &target.attempts) {
            let line = format!(
                "{}: tcp {:.1} ms, tls {:.1} ms, call {:.1} ms{}",
                attempt.address,
                attempt.tcp.elapsed_ms,
                attempt.tls.elapsed_ms,
                attempt.call.elapsed_ms,
                attempt.route.as_ref().map(left_from).unwrap_or_default()
            );
            text.push_str(&wrapped(&line, 6));
        }
    }
    text
}

/// Whether the service answers, and at how many of its addresses where not at all of those that were tried.
fn answers(verdict: &Verdict) -> String {
    let tried = verdict.addresses.iter().filter(|address| address.reachable.is_some()).count();
    let yes = verdict.addresses.iter().filter(|address| address.reachable == Some(true)).count();
    match verdict.reachable {
        Some(true) if 0 < yes && yes < tried => format!("{yes} of {tried}"),
        Some(true) => "yes".to_owned(),
        Some(false) => "NO".to_owned(),
        None => "unknown".to_owned(),
    }
}

/// The source address and the interface that packets to an address carry and leave by, as the end of a line.
fn left_from(route: &ChosenRoute) -> String {
    let source = route.source.map(|source| source.to_string());
    let parts: Vec<String> = source.into_iter().chain(route.interface.clone()).collect();
    if parts.is_empty() { String::new() } else { format!(" (from {})", parts.join(" on ")) }
}

fn one_finding(finding: &Finding) -> String {
    let mark = finding.severity.word().to_uppercase();
    let mut text = wrapped(&format!("{mark} {} [{}]", finding.rule, finding.subject.id), 0);
    text.push_str(&wrapped(&finding.summary, 2));
    if !finding.causes.is_empty() {
        let single = finding.causes.len() == 1;
        text.push_str(if single { "  Cause:\n" } else { "  Possible causes, most likely first:\n" });
        for (number, cause) in finding.causes.iter().enumerate() {
            let line = if single { cause.clone() } else { format!("{}. {cause}", number + 1) };
            text.push_str(&wrapped(&line, 4));
        }
    }
    text.push_str(&wrapped(&format!("Fix: {}", finding.remedy.text), 2));
    for (title, run) in commands::runs(&finding.remedy.commands) {
        text.push_str(&format!("  {title}:\n"));
        for command in run {
            // Commands stay on one line however long they are: they are there to be copied.
            text.push_str(&format!("    {command}\n"));
        }
    }
    if !finding.explains.is_empty() {
        let explained: Vec<String> =
            finding.explains.iter().map(|claim| format!("{} [{}]", claim.rule, claim.subject.id)).collect();
        text.push_str(&wrapped(&format!("Explains: {}", explained.join(", ")), 2));
    }
    text
}

fn foot(report: &Report) -> String {
    let run = &report.recording.run;
    let cut =
        if run.cut_short { " (cut short: steps that were not over are marked out_of_time)" } else { "" };
    let more = match report.summary.rules.first() {
        Some(rule) => format!(" `vpcprobe explain {rule}` tells more about a finding."),
        None => String::new(),
    };
    let aws = report
        .findings
        .iter()
        .flat_map(|finding| &finding.remedy.commands)
        .any(|command| command.contains("aws "));
    let rights = if aws {
        " Run `aws` commands where your own rights hold: this instance's role need not have them."
    } else {
        ""
    };
    let text =
        format!("Took {:.0} ms{cut}. Exit code {}.{more}{rights}", run.elapsed_ms, report.summary.exit_code);
    wrapped(&text, 0)
}

fn plain_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", plain(line).trim_end())).collect()
}
