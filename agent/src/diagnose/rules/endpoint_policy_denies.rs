//! The policy of the VPC endpoint that carried a request refused it.

use serde_json::json;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::{fact, in_words, show_policies};
use crate::diagnose::policies::{add_to_endpoint_policy, allowing};
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-policy-denies",
    title: "the policy of a VPC endpoint refuses what was asked through it",
    check,
};

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::EndpointPolicy, Together::OfOneService, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let endpoint = first.verdict.vpc_endpoint_id.as_deref();
    let explicit = group.iter().any(Refused::is_explicit);
    // Narrow policies leave out the listing of all buckets or tables, and nothing suffers from it.
    let harmless = !explicit && !first.named && first.target.service != "ssm";
    let severity = match first {
        _ if harmless => Severity::Notice,
        first if first.named || (first.target.required && first.target.service == "ssm") => Severity::Error,
        _ => Severity::Warning,
    };
    let what = format!(
        "{} the policy of {}",
        first.deny_or_no_allow(),
        endpoint
            .map_or_else(|| "the VPC endpoint that carried it".to_owned(), |id| format!("VPC endpoint {id}"))
    );
    let statement = allowing(case, group, Some(&json!("*")));
    let mut facts: Vec<_> = endpoint.map(|id| fact("vpc_endpoint", id)).into_iter().collect();
    facts.extend(statement.as_ref().filter(|_| !explicit).map(|statement| fact("statement", statement)));
    let remedy = match statement {
        _ if explicit => Remedy {
            text: "Take the Deny statement out of the endpoint's policy, or narrow it: no Allow beats it. Where nothing wants \
                   the endpoint closed, `aws ec2 modify-vpc-endpoint --reset-policy` gives it back the policy that allows \
                   everything."
                .to_owned(),
            commands: show_policies(case, &first.target.service),
        },
        _ if harmless => in_words(
            "Nothing needs to be done unless a program here lists all buckets or tables; then add the statement to the \
             endpoint's policy.",
        ),
        Some(statement) => Remedy {
            text: format!(
                "Add this statement to the endpoint's policy; the commands read the policy, add it and write it back (they \
                 need jq). {}",
                if first.bucket().is_some() {
                    "What the application does with objects (s3:GetObject, s3:PutObject on the bucket's ARN with /* behind \
                     it) is refused likewise until it is allowed there."
                } else {
                    "Other actions of the service are refused likewise until they are allowed there."
                }
            ),
            commands: add_to_endpoint_policy(case, first.verdict, &[statement]),
        },
        None => Remedy {
            text: "Allow the action and the resource in the endpoint's policy.".to_owned(),
            commands: show_policies(case, &first.target.service),
        },
    };
    Told { severity, subject: None, what, facts, causes: Vec::new(), explains: Vec::new(), remedy }
}
