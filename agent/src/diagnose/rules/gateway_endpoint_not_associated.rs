//! The VPC has a gateway endpoint for S3 or `DynamoDB`, and this subnet's own route table does not lead to it.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, association};

pub(super) const RULE: Rule = Rule {
    id: "gateway-endpoint-not-associated",
    title: "a gateway endpoint exists, and this subnet's route table does not lead to it",
    check,
};

fn check(case: &Case<'_>) -> Check {
    association::check(case, RULE.id, false)
}
