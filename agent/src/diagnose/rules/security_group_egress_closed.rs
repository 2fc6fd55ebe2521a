//! No outbound rule of the instance's security groups covers port 443 of what the instance has to reach.

use crate::diagnose::case::Case;
use crate::diagnose::own_groups::{Kind, check_kind};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "security-group-egress-closed",
    title: "the instance's security groups let nothing out to services on port 443",
    check,
};

fn check(case: &Case<'_>) -> Check {
    check_kind(case, RULE.id, Kind::Closed)
}
