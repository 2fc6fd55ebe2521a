//! A required service does not answer.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, unreachable};
use crate::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "required-service-unreachable",
    title: "a service that this instance cannot do without does not answer",
    check,
};

fn check(case: &Case<'_>) -> Check {
    unreachable::check(case, RULE.id, true, Severity::Error)
}
