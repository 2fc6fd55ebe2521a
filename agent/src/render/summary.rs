//! The few lines for people that go to standard error when standard output is for machines: Run Command shows both, and
//! keeps standard error whole.

use super::wrap::plain;
use crate::judge::shortened;
use crate::report::{Report, Verdict};

/// At most this many lines …
const LINES: usize = 12;
/// … of at most this many characters together, with their line ends.
const CHARACTERS: usize = 900;

/// The first finding's fix gets at least this many, if need be instead of the last targets.
const FIX: usize = 200;

/// Headline, a line per target, and the first finding's fix.
#[must_use]
pub fn for_people(report: &Report) -> String {
    let status = report.summary.status.word();
    let headline = shortened(&format!("vpcprobe: {status}: {}", report.summary.headline), 240);
    let rows: Vec<String> = report.verdicts.iter().map(row).collect();
    let fix = report.findings.first().map(|finding| format!("fix: {}", finding.remedy.text));
    let wanted = fix.as_ref().map_or(0, |fix| fix.chars().count().min(FIX) + 1);

    let mut shown = rows.len().min(LINES - 1 - usize::from(fix.is_some()));
    let mut lines = head(&headline, &rows, shown);
    while shown > 0 && length(&lines) + wanted > CHARACTERS {
        shown -= 1;
        lines = head(&headline, &rows, shown);
    }
    let room = CHARACTERS.saturating_sub(length(&lines) + 1);
    lines.extend(fix.map(|fix| shortened(&fix, room)));
    lines.iter().map(|line| format!("{}\n", plain(line))).collect()
}

/// The headline and so many lines about targets, the last of which counts those that have none.
fn head(headline: &str, rows: &[String], shown: usize) -> Vec<String> {
    let mut lines = vec![headline.to_owned()];
    if shown < rows.len() {
        lines.extend(rows.iter().take(shown.saturating_sub(1)).cloned());
        lines.push(format!("… and {} more targets", rows.len() - shown.saturating_sub(1)));
    } else {
        lines.extend(rows.iter().cloned());
    }
    lines
}

fn row(verdict: &Verdict) -> String {
    let state = match verdict.reachable {
        Some(true) => "",
        Some(false) => " DOES NOT ANSWER",
        None => " not tried",
    };
    let confidence = verdict.confidence.map(|sure| format!(" ({})", sure.word())).unwrap_or_default();
    shortened(&format!("{}: {}{confidence}{state}", verdict.target, verdict.path.words()), 60)
}

/// How many characters the lines have with their ends.
fn length(lines: &[String]) -> usize {
    lines.iter().map(|line| line.chars().count() + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{mixed, report_with_many_targets};
    use super::*;

    #[test]
    fn a_long_fix_takes_what_room_there_is() {
        let mut report = mixed();
        report.findings[0].remedy.text = "word ".repeat(300);
        let text = for_people(&report);
        assert!(text.chars().count() <= CHARACTERS && text.lines().count() <= LINES, "{text}");
        let fix = text.lines().last().unwrap_or_default();
        assert!(fix.starts_with("fix: word") && text.chars().count() > CHARACTERS - 10, "{text}");
    }

    #[test]
    fn the_fix_is_there_however_many_targets_there_are() {
        let mut report = report_with_many_targets();
        report.findings = mixed().findings;
        for verdict in &mut report.verdicts {
            verdict.target = "s3:a-bucket-with-a-name-that-is-as-long-as-names-of-buckets-get".to_owned();
        }
        let text = for_people(&report);
        assert!(text.chars().count() <= CHARACTERS && text.lines().count() <= LINES, "{text}");
        assert!(text.contains("more targets") && text.contains(&report.findings[0].remedy.text), "{text}");
    }
}
