//! The network ACL of this subnet lets packets out and does not let the answers back in.

use crate::diagnose::case::Case;
use crate::diagnose::own_acl::{Kind, check_kind};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "network-acl-blocks-return",
    title: "the subnet's network ACL does not let the answers back in",
    check,
};

fn check(case: &Case<'_>) -> Check {
    check_kind(case, RULE.id, Kind::Return)
}
