//! The permissions boundary of the role does not let through what was asked.

use crate::diagnose::case::Case;
use crate::diagnose::policies::role;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "permissions-boundary-denies",
    title: "the role's permissions boundary does not allow what was asked",
    check,
};

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::Boundary, Together::All, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let commands = role(case).map(|role| {
        format!("aws iam get-role --role-name {role} --query Role.PermissionsBoundary.PermissionsBoundaryArn --output text")
    });
    Told {
        severity: first.severity(),
        subject: Some(case.credentials()),
        what: format!("{} the permissions boundary of the role", first.deny_or_no_allow()),
        facts: Vec::new(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: Remedy {
            text: "A boundary only limits: have whoever manages it allow the action there, or take the boundary off the role; \
                   the role's own policy must allow the action as well."
                .to_owned(),
            commands: commands.into_iter().collect(),
        },
    }
}
