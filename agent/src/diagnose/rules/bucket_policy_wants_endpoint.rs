//! A bucket policy denies a request that came over the internet: most likely it asks for a VPC endpoint.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::lead_to_gateway_endpoint;
use crate::diagnose::policies::show_bucket_policy;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told, leak_of};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "bucket-policy-wants-endpoint",
    title: "a bucket policy denies what comes over the internet",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let together = Together::OfOneService;
    refused::check(case, &RULE, Kind::ResourceOverInternet, together, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let via = first.verdict.via.map(|via| format!(" by {}", via.words())).unwrap_or_default();
    let (why, lead) = lead_to_gateway_endpoint(case, &first.target.service);
    let policy = first.bucket().map(show_bucket_policy);
    let mut causes = vec![format!(
        "the policy asks for a VPC endpoint (aws:SourceVpce, aws:SourceVpc), and this request took none{}",
        why.first().filter(|_| why.len() == 1).map(|why| format!(": {why}")).unwrap_or_default()
    )];
    causes.extend(
        [
            "it asks for other public addresses (aws:SourceIp) than the one this VPC leaves by",
            "it denies this role or something else that has nothing to do with the path: its Condition shows it",
        ]
        .map(str::to_owned),
    );
    Told {
        severity: first.severity(),
        subject: None,
        what: format!(
            "an explicit deny in a resource-based policy (the bucket policy), and the request came over the internet{via}"
        ),
        facts: Vec::new(),
        causes,
        explains: leak_of(&first.target.service),
        remedy: Remedy {
            text: format!(
                "Look at the policy first. Where it asks for a VPC endpoint, mend the route and not the policy; where it names the \
                 endpoint (aws:SourceVpce), a new one has to be added to it. {}",
                lead.text
            ),
            commands: policy.into_iter().chain(lead.commands).collect(),
        },
    }
}
