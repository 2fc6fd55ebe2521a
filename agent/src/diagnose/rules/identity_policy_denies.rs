//! The role's own policies do not allow what was asked, or deny it.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::policies::{add_to_role, allowing, partition, role};
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "identity-policy-denies",
    title: "the role's own policies do not allow what was asked",
    check,
};

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::Identity, Together::OfOneResource, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let who = role(case).map_or_else(|| "whoever signs here".to_owned(), |role| format!("role {role}"));
    // The session may be a user's or a container's: only the instance's own role is known by name.
    let remedy = match (role(case), allowing(case, &group[..1], None)) {
        (Some(role), _) if first.is_explicit() => Remedy {
            text: "Take the Deny statement out of the role's policy, or narrow it: no Allow beats it.".to_owned(),
            commands: vec![
                format!("aws iam list-attached-role-policies --role-name {role}"),
                format!("aws iam list-role-policies --role-name {role}"),
            ],
        },
        (Some(role), _) if first.target.service == "ssm" => Remedy {
            text: "Attach the managed policy that the SSM agent needs. (Where Default Host Management Configuration gives the \
                   agent a role of its own, the instance's role needs none of it.)"
                .to_owned(),
            commands: vec![format!(
                "aws iam attach-role-policy --role-name {role} --policy-arn \
                 arn:{}:iam::aws:policy/AmazonSSMManagedInstanceCore",
                partition(case)
            )],
        },
        (Some(_), Some(statement)) => Remedy {
            text: format!("Allow it in a policy of the role: {statement}"),
            commands: add_to_role(case, &first.target.target, &statement),
        },
        _ => in_words("Allow the action and resource in a policy of whoever signs here."),
    };
    let statement = allowing(case, &group[..1], None).filter(|_| !first.is_explicit());
    Told {
        severity: first.severity(),
        subject: None,
        what: format!("{} an identity-based policy of {who}", first.deny_or_no_allow()),
        facts: statement.map(|statement| fact("statement", statement)).into_iter().collect(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy,
    }
}
