//! S3 traffic leaves the VPC through NAT or an appliance, where a gateway endpoint would keep it inside and cost nothing.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule, egress};

pub(super) const RULE: Rule = Rule {
    id: "s3-egress-through-nat",
    title: "S3 traffic leaves the VPC through NAT or an appliance",
    check,
};

fn check(case: &Case<'_>) -> Check {
    egress::through_nat(case, RULE.id, "s3")
}
