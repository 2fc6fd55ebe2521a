//! DynamoDB traffic leaves the VPC through NAT or an appliance, where a gateway endpoint would keep it inside and cost nothing.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, egress};

pub(super) const RULE: Rule = Rule {
    id: "dynamodb-egress-through-nat",
    title: "DynamoDB traffic leaves the VPC through NAT or an appliance",
    check,
};

fn check(case: &Case<'_>) -> Check {
    egress::through_nat(case, RULE.id, "dynamodb")
}
