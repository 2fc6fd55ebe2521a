//! A service control policy of the organization refuses what was asked, and the path does not explain which calls.

use crate::diagnose::case::Case;
use crate::diagnose::perimeter;
use crate::diagnose::phrases::in_words;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "service-control-policy-denies",
    title: "a service control policy of the organization refuses what was asked",
    check,
};

fn check(case: &Case<'_>) -> Check {
    if perimeter::is_the_cause(case) {
        return Check::Clear("the path decides which calls are refused: same-vpc-perimeter".to_owned());
    }
    refused::check(case, &RULE, Kind::ServiceControl, Together::All, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    Told {
        severity: first.severity(),
        subject: Some(case.credentials()),
        what: format!("{} a service control policy", first.deny_or_no_allow()),
        facts: Vec::new(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: in_words(
            "Nothing in this account can allow it. Ask whoever manages the organization's policies (AWS Organizations) for an \
             exception for this role, and give them the request id and, where one is shown, the policy's ARN.",
        ),
    }
}
