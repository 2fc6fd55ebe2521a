//! The instance's security groups restrict what goes out, and forget the prefix list of S3 or `DynamoDB`.

use crate::diagnose::case::Case;
use crate::diagnose::own_groups::{Kind, check_kind};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "security-group-egress-without-prefix-list",
    title: "the instance's security groups do not let out to the prefix list of S3 or DynamoDB",
    check,
};

fn check(case: &Case<'_>) -> Check {
    check_kind(case, RULE.id, Kind::WithoutPrefixList)
}
