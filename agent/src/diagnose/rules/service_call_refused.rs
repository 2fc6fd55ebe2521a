//! A signed call to something the user named was refused in a way that no other rule knows.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::in_words;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::refusal::last_word;

pub(super) const RULE: Rule =
    Rule { id: "service-call-refused", title: "a service answered, and refused the call", check };

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::Other, Together::OfOneResource, tell)
}

fn tell(group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let last = last_word(first.reply);
    let policy = first.refusal.and_then(|refusal| refusal.policy);
    let what = match policy {
        Some(policy) => format!("{} {}", first.deny_or_no_allow(), policy.words()),
        None => {
            format!("HTTP {} {}", last.status, last.code.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
    };
    Told {
        severity: first.severity(),
        subject: None,
        what: format!("{what}; the path is {}", first.verdict.path.words()),
        facts: Vec::new(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: in_words(
            "The service itself said so: look up the code in its API reference. Where it names a policy, its Condition shows \
             what the request lacked.",
        ),
    }
}
