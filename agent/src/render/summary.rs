//! The few lines for people that go to standard error when standard output is for machines: Run Command shows both, and
//! keeps standard error whole.

use super::wrap::plain;
use crate::judge::shortened;
use crate::report::Report;

/// At most this many lines …
const LINES: usize = 12;
/// … of at most this many characters together, with their line ends.
const CHARACTERS: usize = 900;

/// Headline, a line per target, and the first finding's fix.
#[must_use]
pub fn for_people(report: &Report) -> String {
    let status = report.summary.status.word();
    let mut lines = vec![shortened(&format!("vpcprobe: {status}: {}", report.summary.headline), 240)];
    let fix = report.findings.first().map(|finding| shortened(&format!("fix: {}", finding.remedy.text), 200));
    let room = LINES - lines.len() - usize::from(fix.is_some());
    let rows: Vec<String> = report
        .verdicts
        .iter()
        .map(|verdict| {
            let state = match verdict.reachable {
                Some(true) => "",
                Some(false) => " DOES NOT ANSWER",
                None => " not tried",
            };
            let confidence = verdict.confidence.map(|sure| format!(" ({})", sure.word())).unwrap_or_default();
            shortened(&format!("{}: {}{confidence}{state}", verdict.target, verdict.path.words()), 60)
        })
        .collect();
    if rows.len() > room {
        lines.extend(rows.iter().take(room - 1).cloned());
        lines.push(format!("… and {} more targets", rows.len() + 1 - room));
    } else {
        lines.extend(rows);
    }
    lines.extend(fix);
    let text: String = lines.iter().map(|line| format!("{}\n", plain(line))).collect();
    if text.chars().count() <= CHARACTERS {
        text
    } else {
        format!("{}\n", shortened(text.trim_end(), CHARACTERS - 1))
    }
}
