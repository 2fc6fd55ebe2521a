//! DynamoDB traffic leaves the VPC through an internet gateway, where a gateway endpoint would keep it inside and cost nothing.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, egress};

pub(super) const RULE: Rule = Rule {
    id: "dynamodb-egress-through-internet-gateway",
    title: "DynamoDB traffic leaves the VPC through an internet gateway",
    check,
};

fn check(case: &Case<'_>) -> Check {
    egress::through_internet_gateway(case, RULE.id, "dynamodb")
}
