//! Reports that the tests of every format share, and what holds for all formats.

use super::render;
use crate::judge::judge;
use crate::report::{Recording, Report};
use crate::settings::{Detail, Format};

/// The report of the lab's scenario `mixed`, with all its observations.
pub(super) fn mixed() -> Report {
    let recording: Recording = serde_json::from_str(include_str!("../../tests/data/mixed.json")).unwrap();
    judge(recording)
}

/// One with more targets and findings than any screen holds, and with long words.
pub(super) fn report_with_many_targets() -> Report {
    let mut report = mixed();
    let (verdict, finding) = (report.verdicts[2].clone(), report.findings[0].clone());
    for number in 0..30 {
        let mut verdict = verdict.clone();
        verdict.target = format!("s3:a-bucket-with-rather-a-long-name-{number}-{}", "x".repeat(90));
        report.verdicts.push(verdict);
        let mut finding = finding.clone();
        finding.remedy.text = "y".repeat(400);
        report.findings.push(finding);
    }
    report.summary.headline = "z".repeat(500);
    report
}

/// Everything that a control character could be smuggled in by.
fn hostile() -> Report {
    let mut report = mixed();
    let text = "\u{1b}[2J\r\n\"'<script>&|\u{7}";
    report.summary.headline = text.to_owned();
    for finding in &mut report.findings {
        finding.summary = text.to_owned();
        finding.remedy.text = text.to_owned();
    }
    for verdict in &mut report.verdicts {
        verdict.because.iter_mut().for_each(|reason| text.clone_into(&mut reason.text));
    }
    report
}

#[test]
fn the_same_report_always_looks_the_same() {
    for (name, format) in Format::ALL {
        let once = render(&mixed(), format, Detail::Brief, false);
        assert!(once == render(&mixed(), format, Detail::Brief, false), "{name}");
        assert!(once.ends_with('\n') && !once.is_empty(), "{name}");
    }
}

#[test]
fn no_format_lets_a_peer_move_the_cursor() {
    for (name, format) in Format::ALL {
        let text = render(&hostile(), format, Detail::Brief, true);
        let moves = |character: char| character.is_control() && character != '\n';
        assert!(!text.contains(moves), "{name}");
    }
}

#[test]
fn every_format_shows_a_report_that_lacks_everything() {
    let mut report = mixed();
    report.recording.environment.host = probes::Environment::default();
    report.verdicts.clear();
    report.findings.clear();
    report.checks.clear();
    report.recording.targets.clear();
    report.recording.run.started_at = "no time".to_owned();
    for (name, format) in Format::ALL {
        assert!(!render(&report, format, Detail::Brief, true).is_empty(), "{name}");
    }
}
