//! A service is asked too often.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::in_words;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::refusal::last_word;
use crate::report::Severity;

pub(super) const RULE: Rule =
    Rule { id: "throttled", title: "a service is asked too often and refuses to answer", check };

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::Throttled, Together::OfOneService, tell)
}

fn tell(group: &[Refused<'_>]) -> Told {
    let last = last_word(group[0].reply);
    Told {
        severity: Severity::Warning,
        subject: None,
        what: format!(
            "throttled (HTTP {}{}); the network path works",
            last.status,
            last.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default()
        ),
        facts: Vec::new(),
        causes: vec![
            "the account or this prefix of the bucket is asked more often than its quota allows: CloudWatch shows by whom".to_owned(),
            "many instances asked at the same moment, as after a deployment".to_owned(),
        ],
        explains: Vec::new(),
        remedy: in_words(
            "Retry with back-off and jitter (AWS_RETRY_MODE=adaptive), spread what asks at the same moment, and have the quota \
             raised if it stays.",
        ),
    }
}
