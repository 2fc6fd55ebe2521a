//! A bucket of another account whose policy has no allow for this instance's role.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::policies::{allowing, change_bucket_policy, own_account};
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "resource-policy-allows-nothing",
    title: "the policy of another account's bucket does not allow this instance",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let together = Together::OfOneResource;
    refused::check(case, &RULE, Kind::ResourceAllowsNothing, together, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let statement = own_account(case).and_then(|principal| allowing(case, &group[..1], Some(&principal)));
    let commands = match (&statement, first.bucket()) {
        (Some(statement), Some(bucket)) => {
            change_bucket_policy(case, bucket, &format!(".Statement|=([.]|flatten)+[{statement}]"))
        }
        _ => Vec::new(),
    };
    Told {
        severity: first.severity(),
        subject: None,
        what: "no resource-based policy allows it; across accounts the owner's policy must".to_owned(),
        facts: statement.map(|statement| fact("statement", statement)).into_iter().collect(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: Remedy {
            text: "Have the owner's account add this statement to the policy of the bucket (the commands run with the owner's \
                   credentials and need jq; a bucket without a policy gets one by put-bucket-policy alone). The role's own \
                   policy must allow the action as well."
                .to_owned(),
            commands,
        },
    }
}
