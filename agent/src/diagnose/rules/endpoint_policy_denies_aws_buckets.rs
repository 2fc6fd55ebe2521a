//! The policy of the S3 endpoint keeps away what AWS itself publishes in S3: agents, packages, platforms.

use probes::observations::{Attempt, TargetObservation};
use serde_json::json;

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::fact;
use crate::diagnose::policies::{add_to_endpoint_policy, partition};
use crate::diagnose::refused::AWS_OWNED;
use crate::diagnose::{Check, Rule};
use crate::profiles::{PublishedObject, published};
use crate::report::{Finding, Path, Remedy, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-policy-denies-aws-buckets",
    title: "the policy of the S3 endpoint keeps away what AWS publishes in S3",
    check,
};

/// One published object that was refused.
struct Kept<'a> {
    target: &'a TargetObservation,
    verdict: &'a Verdict,
    attempt: &'a Attempt,
    bucket: &'a str,
    object: &'static PublishedObject,
}

fn check(case: &Case<'_>) -> Check {
    let region = case.region().unwrap_or_default();
    let asked: Vec<Kept<'_>> = case
        .targets()
        .filter_map(|(target, verdict)| {
            let bucket = target.target.strip_prefix("s3:")?;
            let mut attempts = Case::counted(target);
            let attempt = attempts
                .find(|attempt| attempt.call.done().is_some_and(|reply| reply.operation == AWS_OWNED))?;
            Some(Kept { target, verdict, attempt, bucket, object: published(bucket, region)? })
        })
        .collect();
    if asked.is_empty() {
        return Check::NotApplicable("the profile asks for no such object".to_owned());
    }
    let count = asked.len();
    let kept: Vec<Kept<'_>> = asked.into_iter().filter(|kept| is_kept_away(case, kept)).collect();
    let Some(first) = kept.first() else { return Check::Clear(format!("{count} asked, none kept away")) };
    let arn = |bucket: &str| format!("arn:{}:s3:::{bucket}/*", partition(case));
    let mut resources: Vec<String> = kept
        .iter()
        .flat_map(|kept| {
            let with = kept.object.with.iter().map(|bucket| bucket.replace("REGION", region));
            std::iter::once(kept.bucket.to_owned()).chain(with)
        })
        .map(|bucket| arn(&bucket))
        .collect();
    resources.sort();
    resources.dedup();
    let statement =
        json!({ "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": resources });
    let needed: Vec<&str> = kept.iter().map(|kept| kept.object.needed_for).collect();
    let buckets: Vec<&str> = kept.iter().map(|kept| kept.bucket).collect();
    let endpoint = first.verdict.vpc_endpoint_id.as_deref();
    let mut facts = vec![fact("buckets", buckets.join(" ")), fact("statement", &statement)];
    facts.extend(endpoint.map(|id| fact("vpc_endpoint", id)));
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: target_subject(&first.target.target),
        summary: format!(
            "what AWS publishes for everybody in {} is refused through {}: this stops {}",
            buckets.join(" and "),
            endpoint.map_or_else(|| "the S3 endpoint".to_owned(), |id| format!("VPC endpoint {id}")),
            needed.join("; ")
        ),
        facts,
        evidence: kept
            .iter()
            .map(|kept| format!("{}/{}/call", kept.target.target, kept.attempt.address))
            .collect(),
        causes: vec![
            "the endpoint's policy names one's own buckets alone: describe-vpc-endpoints shows it".to_owned(),
            "it asks for one's own account or organization (aws:ResourceAccount, aws:ResourceOrgID), which AWS's buckets are not \
             of"
                .to_owned(),
        ],
        explains: Vec::new(),
        remedy: Remedy {
            text: "Add this statement to the endpoint's policy; the commands read the policy, add it and write it back (they need \
                   jq). Other workloads need other buckets of AWS: the manual page lists them."
                .to_owned(),
            commands: add_to_endpoint_policy(case, first.verdict, &statement),
        },
    }])
}

/// Whether an endpoint's policy is what refuses: nobody else can, for everybody may read the object, and nothing was signed.
fn is_kept_away(case: &Case<'_>, kept: &Kept<'_>) -> bool {
    let status = kept.attempt.call.done().map(|reply| reply.status);
    let through_endpoint = matches!(kept.verdict.path, Path::GatewayEndpoint | Path::InterfaceEndpoint);
    let endpoints = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let own = endpoints.and_then(|endpoints| {
        endpoints.iter().find(|endpoint| Some(&endpoint.id) == kept.verdict.vpc_endpoint_id.as_ref())
    });
    // The policy that every endpoint gets by itself refuses nothing.
    status == Some(403) && through_endpoint && own.is_none_or(|endpoint| endpoint.has_policy)
}
