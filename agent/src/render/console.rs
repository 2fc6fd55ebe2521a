//! The report for the console of a machine that is booting: a few short lines that stand out among the kernel's, and last
//! one for programs. `get-console-output` shows it when nothing else on the instance can be reached.

use super::container;
use super::wrap::{plain, wrapped_to};
use crate::judge::shortened;
use crate::report::{Finding, Report, Verdict};

/// At most this many lines …
const LINES: usize = 20;
/// … of at most this many columns; the last line is as long as the summary.
const COLUMNS: usize = 100;
/// What every line for people begins with, to be found between the kernel's.
const PREFIX: &str = "vpcprobe: ";
/// What the line for programs begins with: the name, and the version of the line's shape.
const MARK: &str = "VPCPROBE1";

/// The lines, the last of them `VPCPROBE1` and the report's summary as JSON.
pub(super) fn console(report: &Report) -> String {
    let mut lines = head(report);
    // The head and what is for programs come first; the rest shares what is left.
    let room = LINES - lines.len() - 1;
    let findings = finding_lines(report, room);
    lines.extend(target_lines(report, room - findings.len()));
    lines.extend(findings);
    let text: String = lines.iter().map(|line| format!("{PREFIX}{}\n", plain(line))).collect();
    // A summary holds strings and numbers only, which always become JSON.
    let summary = serde_json::to_string(&report.summary).unwrap_or_default();
    format!("{text}{MARK} {summary}\n")
}

fn head(report: &Report) -> Vec<String> {
    let host = &report.recording.environment.host;
    let known: Vec<&str> = [&host.instance_id, &host.region, &host.availability_zone_id]
        .into_iter()
        .filter_map(|part| part.as_deref())
        .collect();
    let run = &report.recording.run;
    let first = format!(
        "{} {} at {} ({:.1} s)",
        report.summary.status.word().to_uppercase(),
        known.join(" "),
        run.started_at,
        run.elapsed_ms / 1000.0
    );
    let mut lines = vec![shortened(&first, COLUMNS - PREFIX.len())];
    lines.extend(within(&report.summary.headline, 3));
    lines.extend(container::remark(report).into_iter().flat_map(|remark| within(&remark, 3)));
    lines
}

/// The text in at most so many lines, the last of them cut.
fn within(text: &str, most: usize) -> Vec<String> {
    let width = COLUMNS - PREFIX.len();
    let mut lines = wrapped_to(text, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = shortened(&format!("{last} …"), width);
        }
    }
    // A single word may be longer than a line.
    lines.iter().map(|line| shortened(line, width)).collect()
}

/// The worst findings with what to do about them, in no more than half of the room.
fn finding_lines(report: &Report, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &report.findings {
        let next = finding_line(finding);
        if lines.len() + next.len() > room / 2 {
            break;
        }
        lines.extend(next);
    }
    lines
}

fn finding_line(finding: &Finding) -> Vec<String> {
    let text = format!(
        "{} {} [{}]: {}",
        finding.severity.word().to_uppercase(),
        finding.rule,
        finding.subject.id,
        finding.remedy.text
    );
    within(&text, 2)
}

/// A line per target, those first that do not answer.
fn target_lines(report: &Report, room: usize) -> Vec<String> {
    let mut verdicts: Vec<&Verdict> = report.verdicts.iter().collect();
    verdicts.sort_by_key(|verdict| (verdict.reachable == Some(true), !verdict.required));
    let mut lines: Vec<String> = verdicts.iter().map(|verdict| target_line(verdict)).collect();
    if lines.len() > room {
        let left = lines.len() + 1 - room;
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("  and {left} more targets"));
    }
    lines
}

fn target_line(verdict: &Verdict) -> String {
    let required = if verdict.required { "*" } else { " " };
    let via = verdict.via.map(|via| format!(", {}", via.words())).unwrap_or_default();
    let path = format!("{}{via}", verdict.path.words());
    let sure = verdict.confidence.map_or("-", crate::report::Confidence::word);
    let line =
        format!("{required} {:<20} {path:<36} {sure:<8} {}", verdict.target, verdict.answers_in_words());
    shortened(&line, COLUMNS - PREFIX.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{mixed, report_with_many_targets};
    use super::*;

    #[test]
    fn it_keeps_to_its_lines_and_columns_and_ends_in_the_summary() {
        for report in [mixed(), report_with_many_targets()] {
            let text = console(&report);
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.len() <= LINES, "{text}");
            let (last, people) = lines.split_last().unwrap();
            for line in people {
                assert!(line.starts_with(PREFIX) && line.chars().count() <= COLUMNS, "{line}");
            }
            let summary: serde_json::Value =
                serde_json::from_str(last.strip_prefix("VPCPROBE1 ").unwrap()).unwrap();
            assert_eq!(summary, serde_json::to_value(&report.summary).unwrap());
        }
    }

    #[test]
    fn what_does_not_answer_comes_before_what_does_and_the_fix_is_there() {
        let text = console(&mixed());
        assert!(text.find("ssmmessages  ").unwrap() < text.find("* s3  ").unwrap(), "{text}");
        assert!(text.contains("ERROR required-service-unreachable [ssmmessages]: "), "{text}");
    }
}
