//! The network ACL of this subnet lists some of a service's ranges, and the service has others too.

use crate::diagnose::case::Case;
use crate::diagnose::own_acl::{Kind, check_kind};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "network-acl-stale-ranges",
    title: "the subnet's network ACL lets some of a service's ranges through only",
    check,
};

fn check(case: &Case<'_>) -> Check {
    check_kind(case, RULE.id, Kind::StaleRanges)
}
