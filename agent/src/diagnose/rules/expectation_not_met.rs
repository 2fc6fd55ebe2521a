//! What `--expect` says to be true is not.

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule};
use crate::report::{Confidence, Finding, Path, Severity, Verdict};
use crate::settings::{Expectation, ExpectedPath};

pub(super) const RULE: Rule =
    Rule { id: "expectation-not-met", title: "something that --expect says to be true is not", check };

/// What an expectation comes to for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// What was observed does not tell.
    Undecided,
}

fn check(case: &Case<'_>) -> Check {
    let expect = &case.recording.run.settings.expect;
    if expect.is_empty() {
        return Check::NotApplicable("nothing was expected".to_owned());
    }
    let mut findings = Vec::new();
    let mut undecided = Vec::new();
    for expectation in expect {
        if case.targets().all(|(target, _)| target.service != expectation.service) {
            undecided.push(format!("{} (not probed)", expectation.as_argument()));
        }
        for (target, verdict) in case.targets().filter(|(target, _)| target.service == expectation.service) {
            match met(expectation, verdict) {
                Met::Yes => {}
                Met::No => findings.push(finding(expectation, verdict)),
                Met::Undecided => {
                    undecided.push(format!("{} ({})", target.target, expectation.as_argument()));
                }
            }
        }
    }
    let otherwise = if undecided.is_empty() {
        Check::Clear(format!("{} expectations hold", expect.len()))
    } else {
        Check::CannotTell(format!("cannot be decided: {}", undecided.join(", ")))
    };
    Check::found_or(findings, otherwise)
}

/// Reachable and on the expected path at `likely` or above: met. Not reachable, or another path at `likely` or above: not
/// met. Anything else cannot be decided.
pub(crate) fn met(expectation: &Expectation, verdict: &Verdict) -> Met {
    let wanted = match expectation.path {
        ExpectedPath::Any => None,
        ExpectedPath::Gateway => Some(Path::GatewayEndpoint),
        ExpectedPath::Interface => Some(Path::InterfaceEndpoint),
        ExpectedPath::Internet => Some(Path::Internet),
        ExpectedPath::Proxy => Some(Path::Proxy),
    };
    match (verdict.reachable, wanted) {
        (None, _) => Met::Undecided,
        (Some(true), None) => Met::Yes,
        (Some(true), Some(_)) if verdict.confidence < Some(Confidence::Likely) => Met::Undecided,
        (Some(true), Some(wanted)) if verdict.path == wanted => Met::Yes,
        (Some(_), _) => Met::No,
    }
}

fn finding(expectation: &Expectation, verdict: &Verdict) -> Finding {
    let is = match verdict.reachable {
        Some(true) => format!("it goes by {}", verdict.path.words()),
        _ => "it cannot be reached".to_owned(),
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Error,
        subject: target_subject(&verdict.target),
        summary: format!("{} was expected ({}), but {is}", verdict.target, expectation.as_argument()),
        facts: vec![fact("expected", expectation.path.word()), fact("path", verdict.path.words())],
        evidence: verdict.because.iter().map(|reason| reason.evidence.clone()).collect(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: in_words(
            "See the other findings about this service for why; if the path is as it should be, mend the expectation.",
        ),
    }
}
