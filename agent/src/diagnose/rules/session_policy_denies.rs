//! The policy that a session was narrowed to does not let through what was asked.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::in_words;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "session-policy-denies",
    title: "the session's own policy does not allow what was asked",
    check,
};

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::Session, Together::All, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    Told {
        severity: first.severity(),
        subject: Some(case.credentials()),
        what: format!("{} the policy of the session that signs here", first.deny_or_no_allow()),
        facts: Vec::new(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: in_words(
            "Whoever made the session (a broker, a CI system, AssumeRole with a policy) narrowed it: have that policy allow the \
             action, or sign with the instance's own role, whose sessions have none.",
        ),
    }
}
