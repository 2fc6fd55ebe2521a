//! The network ACL of this subnet does not let port 443 out to services.

use crate::diagnose::case::Case;
use crate::diagnose::own_acl::{Kind, check_kind};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "network-acl-blocks-outbound",
    title: "the subnet's network ACL does not let port 443 out",
    check,
};

fn check(case: &Case<'_>) -> Check {
    check_kind(case, RULE.id, Kind::Outbound)
}
