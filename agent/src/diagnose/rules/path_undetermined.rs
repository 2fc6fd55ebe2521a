//! A service that answers, by a path that the evidence does not tell.

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::in_words;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Severity};

pub(super) const RULE: Rule =
    Rule { id: "path-undetermined", title: "a service answers, but its path cannot be told", check };

fn check(case: &Case<'_>) -> Check {
    let findings = case
        .targets()
        .filter(|(_, verdict)| verdict.path == Path::Undetermined && verdict.reachable == Some(true))
        .map(|(target, verdict)| {
            let missing: Vec<&str> = verdict.because.iter().map(|reason| reason.text.as_str()).collect();
            Finding {
                rule: RULE.id.to_owned(),
                severity: Severity::Notice,
                subject: target_subject(&target.target),
                summary: format!("{} answers, but by which path cannot be told: {}", target.target, missing.join("; ")),
                facts: Vec::new(),
                evidence: verdict.because.iter().map(|reason| reason.evidence.clone()).collect(),
                causes: Vec::new(),
                explains: Vec::new(),
                remedy: in_words(
                    "Run again with hop walks and controls switched on, and a few seconds after any other run: routers answer \
                     few such questions at a time. The subnet's route table tells for certain.",
                ),
            }
        })
        .collect();
    Check::found_or(findings, Check::Clear("every answer has a path".to_owned()))
}
