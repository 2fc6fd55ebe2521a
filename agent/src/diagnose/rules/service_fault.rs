//! A service answered with a fault of its own.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::in_words;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::refusal::last_word;
use crate::report::Severity;

pub(super) const RULE: Rule =
    Rule { id: "service-fault", title: "a service answered with a fault of its own (HTTP 5xx)", check };

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::ServiceFault, Together::OfOneService, tell)
}

fn tell(group: &[Refused<'_>]) -> Told {
    let last = last_word(group[0].reply);
    let code = last.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    Told {
        severity: Severity::Warning,
        subject: None,
        what: format!("HTTP {}{code}; the network path works", last.status),
        facts: Vec::new(),
        causes: vec![
            "the service has a fault of its own, in this Region or zone: the AWS Health Dashboard shows it"
                .to_owned(),
            "a proxy or load balancer on the way answers in its place: it gives no request id".to_owned(),
        ],
        explains: Vec::new(),
        remedy: in_words(
            "Retry with back-off. Look at https://health.aws.amazon.com, and give AWS Support the request id.",
        ),
    }
}
