//! The instance's security groups list some of a service's ranges by hand, and the service has others too.

use crate::diagnose::case::Case;
use crate::diagnose::own_groups::{Kind, check_kind};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "security-group-egress-stale-ranges",
    title: "the instance's security groups let out to some of a service's ranges only",
    check,
};

fn check(case: &Case<'_>) -> Check {
    check_kind(case, RULE.id, Kind::StaleRanges)
}
