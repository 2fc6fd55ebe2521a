//! The subnet has no route table of its own, and the main one that it falls back to does not lead to the gateway endpoint.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, association};

pub(super) const RULE: Rule = Rule {
    id: "subnet-uses-main-route-table",
    title: "the subnet falls back to the main route table, which does not lead to the gateway endpoint",
    check,
};

fn check(case: &Case<'_>) -> Check {
    association::check(case, RULE.id, true)
}
