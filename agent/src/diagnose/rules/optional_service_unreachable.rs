//! An optional service does not answer.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, unreachable};
use crate::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "optional-service-unreachable",
    title: "a service that this instance may do without does not answer",
    check,
};

fn check(case: &Case<'_>) -> Check {
    unreachable::check(case, RULE.id, false, Severity::Notice)
}
