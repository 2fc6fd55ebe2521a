//! A bucket policy denies a request because it came through a VPC endpoint, or through another one than it expects.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::policies::{change_bucket_policy, show_bucket_policy};
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "bucket-policy-denies-endpoint-traffic",
    title: "a bucket policy denies what comes through a VPC endpoint",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let together = Together::OfOneResource;
    refused::check(case, &RULE, Kind::ResourceThroughEndpoint, together, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let path = first.verdict.path.words();
    let endpoint = first.verdict.vpc_endpoint_id.as_deref();
    let causes = [
        "the policy denies whoever does not come from a public address (aws:SourceIp), and requests through a VPC endpoint \
         carry none: it broke on the day the endpoint was added",
        "it denies whoever does not come through another endpoint or VPC (aws:SourceVpce, aws:SourceVpc)",
        "it denies this role, unencrypted requests or something else that has nothing to do with the path: its Condition shows it",
    ];
    let commands = match (first.bucket(), endpoint) {
        (Some(bucket), Some(id)) => change_bucket_policy(
            case,
            bucket,
            &format!(
                "(.Statement[]|select(.Effect==\"Deny\" and (.Condition.NotIpAddress[\"aws:SourceIp\"]? or \
                 .Condition.StringNotEquals[\"aws:SourceVpce\"]?))|.Condition.StringNotEquals[\"aws:SourceVpce\"])|=([.//\
                 empty]|flatten+[\"{id}\"]|unique)"
            ),
        ),
        (Some(bucket), None) => vec![show_bucket_policy(bucket)],
        (None, _) => Vec::new(),
    };
    let id = endpoint.unwrap_or("vpce-…, the id of the endpoint");
    Told {
        severity: first.severity(),
        subject: None,
        what: format!(
            "an explicit deny in a resource-based policy (the bucket policy), and the request came by {path}"
        ),
        facts: endpoint.map(|id| fact("vpc_endpoint", id)).into_iter().collect(),
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        explains: Vec::new(),
        remedy: Remedy {
            text: format!(
                "Let the policy's Deny spare the endpoint: add `\"StringNotEquals\": {{\"aws:SourceVpce\": \"{id}\"}}` to its \
                 Condition, beside the one on aws:SourceIp. The commands do so in every Deny on aws:SourceIp or aws:SourceVpce \
                 (they need jq, and credentials that may change the policy)."
            ),
            commands,
        },
    }
}
