//! The policy of the S3 endpoint keeps away buckets of AWS itself: agents, packages, platforms, layers of images.
//!
//! Two things show it. What everybody may read is asked for without a signature, and of all policies only an endpoint's can
//! refuse that. Of the buckets that nobody may read just so, the policy itself tells, where EC2 gives it. A signed request there
//! would tell nothing: to another account's caller S3 says `Access Denied` and no more, whichever policy refuses.

use std::collections::BTreeMap;

use probes::control_plane::VpcEndpoint;
use probes::observations::{Attempt, TargetObservation};
use serde_json::{Value, json};

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::names::listed;
use crate::diagnose::phrases::fact;
use crate::diagnose::policies::{add_to_endpoint_policy, partition};
use crate::diagnose::refused::AWS_OWNED;
use crate::diagnose::{Check, Rule};
use crate::profiles::{AwsBuckets, aws_buckets};
use crate::report::{Finding, Path, Remedy, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-policy-denies-aws-buckets",
    title: "the policy of the S3 endpoint keeps away buckets of AWS that the workload needs",
    check,
};

/// One published object that was asked for.
struct Asked<'a> {
    target: &'a TargetObservation,
    verdict: &'a Verdict,
    attempt: &'a Attempt,
    bucket: &'a str,
}

/// What is kept away, and by what that is known.
struct Kept<'a> {
    /// Where the target that shows it goes.
    verdict: &'a Verdict,
    /// Buckets of which something was refused.
    refused: Vec<&'a str>,
    /// Further buckets of which the policy lets nothing through.
    shut: Vec<&'a str>,
    evidence: Vec<String>,
}

fn check(case: &Case<'_>) -> Check {
    let asked: Vec<Asked<'_>> = case.targets().filter_map(asked).collect();
    let told = told(case);
    if asked.is_empty() && told.is_none() {
        return Check::NotApplicable(
            "the profile names no such bucket, or its policy is not known".to_owned(),
        );
    }
    let refused: Vec<&Asked<'_>> = asked.iter().filter(|asked| is_kept_away(case, asked)).collect();
    let shut = told.iter().flat_map(|(endpoint, _)| &endpoint.keeps_away).map(String::as_str);
    let shut: Vec<&str> = shut.filter(|name| refused.iter().all(|asked| asked.bucket != *name)).collect();
    let mut evidence: Vec<String> = refused
        .iter()
        .map(|asked| format!("{}/{}/call", asked.target.target, asked.attempt.address))
        .collect();
    evidence.extend((!shut.is_empty()).then(|| "control_plane/vpc_endpoints".to_owned()));
    let verdict = refused.first().map(|asked| asked.verdict).or(told.map(|(_, verdict)| verdict));
    match verdict {
        Some(verdict) if !evidence.is_empty() => {
            let refused = refused.iter().map(|asked| asked.bucket).collect();
            Check::Found(vec![finding(case, &Kept { verdict, refused, shut, evidence })])
        }
        _ => Check::Clear("none of them is known to be kept away".to_owned()),
    }
}

fn asked<'a>((target, verdict): (&'a TargetObservation, &'a Verdict)) -> Option<Asked<'a>> {
    let bucket = target.target.strip_prefix("s3:")?;
    let mut attempts = Case::counted(target);
    let attempt = attempts.find(|attempt| {
        attempt.call.done().is_some_and(|reply| !reply.signed && reply.operation == AWS_OWNED)
    })?;
    Some(Asked { target, verdict, attempt, bucket })
}

/// The endpoint that carries S3's traffic and whose policy keeps buckets away, with the verdict that names it.
fn told<'a>(case: &Case<'a>) -> Option<(&'a VpcEndpoint, &'a Verdict)> {
    let endpoints = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done())?;
    case.targets().filter(|(target, _)| target.service == "s3").find_map(|(_, verdict)| {
        let id = verdict.vpc_endpoint_id.as_ref()?;
        let endpoint = endpoints.iter().find(|endpoint| endpoint.id == *id)?;
        (goes_through_endpoint(verdict) && !endpoint.keeps_away.is_empty()).then_some((endpoint, verdict))
    })
}

/// Whether an endpoint's policy is what refuses: nobody else can, for everybody may read the object, and nothing was signed.
fn is_kept_away(case: &Case<'_>, asked: &Asked<'_>) -> bool {
    let status = asked.attempt.call.done().map(|reply| reply.status);
    let endpoints = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let own = endpoints.and_then(|endpoints| {
        endpoints.iter().find(|endpoint| Some(&endpoint.id) == asked.verdict.vpc_endpoint_id.as_ref())
    });
    // The policy that every endpoint gets by itself refuses nothing.
    status == Some(403)
        && goes_through_endpoint(asked.verdict)
        && own.is_none_or(|endpoint| endpoint.has_policy)
}

fn goes_through_endpoint(verdict: &Verdict) -> bool {
    matches!(verdict.path, Path::GatewayEndpoint | Path::InterfaceEndpoint)
}

fn finding(case: &Case<'_>, kept: &Kept<'_>) -> Finding {
    let region = case.region().unwrap_or_default();
    let names: Vec<&str> = kept.refused.iter().chain(&kept.shut).copied().collect();
    let mut workloads: Vec<&AwsBuckets> = Vec::new();
    for buckets in names.iter().filter_map(|name| aws_buckets(name, region)) {
        if !workloads.contains(&buckets) {
            workloads.push(buckets);
        }
    }
    let statements = statements(partition(case), region, &workloads, &names);
    let endpoint = kept.verdict.vpc_endpoint_id.as_deref();
    let mut facts = vec![fact("buckets", names.join(" "))];
    facts.extend(statements.iter().map(|statement| fact("statement", statement)));
    facts.extend(endpoint.map(|id| fact("vpc_endpoint", id)));
    Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: target_subject(&kept.verdict.target),
        summary: summary(kept, endpoint, &workloads),
        facts,
        evidence: kept.evidence.clone(),
        causes: vec![
            "the endpoint's policy names one's own buckets alone: describe-vpc-endpoints shows it".to_owned(),
            "it asks for one's own account or organization (aws:ResourceAccount, aws:ResourceOrgID), which AWS's buckets are not \
             of"
                .to_owned(),
        ],
        explains: Vec::new(),
        remedy: Remedy {
            text: "Add to the endpoint's policy what the commands add: they read the policy and write it back (they need jq). \
                   Where a Deny of it names these buckets, no Allow beats that: take it out. Other workloads need other \
                   buckets of AWS: the manual page lists them."
                .to_owned(),
            commands: add_to_endpoint_policy(case, kept.verdict, &statements),
        },
    }
}

fn summary(kept: &Kept<'_>, endpoint: Option<&str>, workloads: &[&AwsBuckets]) -> String {
    let endpoint = endpoint.map_or_else(|| "the S3 endpoint".to_owned(), |id| format!("VPC endpoint {id}"));
    let needed: Vec<&str> = workloads.iter().map(|buckets| buckets.needed_for).collect();
    let refused = format!(
        "what AWS publishes for everybody in {} is refused through {endpoint}",
        listed(kept.refused.iter().copied())
    );
    let shut = format!("lets nothing through of {}", listed(kept.shut.iter().copied()));
    let what = match (kept.refused.is_empty(), kept.shut.is_empty()) {
        (false, true) => refused,
        (false, false) => format!("{refused}, and its policy {shut}"),
        (true, _) => format!("the policy of {endpoint} {shut}, buckets of AWS"),
    };
    format!("{what}: this stops {}", needed.join("; "))
}

/// The statements that let these buckets through: one about objects to read, and those that AWS recommends.
fn statements(partition: &str, region: &str, workloads: &[&AwsBuckets], names: &[&str]) -> Vec<Value> {
    let mut resources: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for buckets in workloads {
        let (actions, wanted): (Vec<&str>, Vec<String>) = match buckets.statement {
            Some(statement) => (
                statement.actions.to_vec(),
                statement.resources.iter().map(|resource| (*resource).to_owned()).collect(),
            ),
            // What lets one of them through should let the others of the same workload through as well.
            None => (
                buckets.actions.to_vec(),
                buckets.names_in(region).into_iter().map(|name| format!("{name}/*")).collect(),
            ),
        };
        let resources = resources.entry(actions).or_default();
        resources.extend(wanted.into_iter().map(|resource| format!("arn:{partition}:s3:::{resource}")));
    }
    // A bucket that no workload of today's table has: an older report may name one.
    if resources.is_empty() {
        let objects = names.iter().map(|name| format!("arn:{partition}:s3:::{name}/*")).collect();
        resources.insert(vec!["s3:GetObject"], objects);
    }
    let statement = |(actions, mut resources): (Vec<&str>, Vec<String>)| {
        resources.sort();
        resources.dedup();
        json!({ "Effect": "Allow", "Principal": "*", "Action": actions, "Resource": resources })
    };
    resources.into_iter().map(statement).collect()
}

#[cfg(test)]
mod tests {
    use probes::control_plane::ControlPlane;

    use super::*;
    use crate::judge::judge;
    use crate::report::{Recording, Report};
    use crate::testing::{S3, answering, done, recording, target};

    /// S3 by a gateway endpoint whose policy keeps these buckets away, as EC2 says.
    fn with_policy_against(buckets: &[&str]) -> Recording {
        let lists = vec![probes::control_plane::ManagedPrefixList {
            id: "pl-1".into(),
            name: "com.amazonaws.us-east-1.s3".into(),
            cidrs: vec!["52.216.0.0/15".parse().unwrap()],
        }];
        let route = probes::control_plane::Route {
            cidr: None,
            prefix_list: Some("pl-1".into()),
            target: "vpce-1".into(),
            blackhole: false,
        };
        let table =
            probes::control_plane::RouteTable { id: "rtb-1".into(), is_main: false, routes: vec![route] };
        let endpoint = VpcEndpoint {
            id: "vpce-1".into(),
            service_name: "com.amazonaws.us-east-1.s3".into(),
            kind: "Gateway".into(),
            state: "available".into(),
            route_tables: vec!["rtb-1".into()],
            has_policy: true,
            keeps_away: buckets.iter().map(|name| (*name).to_owned()).collect(),
            ..VpcEndpoint::default()
        };
        Recording {
            targets: vec![target("s3", true, vec![answering(S3)])],
            control_plane: ControlPlane {
                route_table: Some(done(table)),
                vpc_endpoints: Some(done(vec![endpoint])),
                prefix_lists: Some(done(lists)),
                ..ControlPlane::default()
            },
            ..recording()
        }
    }

    fn found(report: &Report) -> &Finding {
        report.findings.iter().find(|finding| finding.rule == RULE.id).unwrap()
    }

    #[test]
    fn a_policy_that_lets_no_layer_of_an_image_through_is_found_without_any_request() {
        let report = judge(with_policy_against(&["prod-us-east-1-starport-layer-bucket"]));
        let finding = found(&report);
        assert_eq!((finding.severity, finding.subject.id.as_str()), (Severity::Warning, "s3"));
        assert!(finding.summary.contains("pulling container images"), "{}", finding.summary);
        let expected = json!({
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"],
        });
        assert!(finding.facts.contains(&fact("statement", expected)), "{:?}", finding.facts);
    }

    #[test]
    fn beanstalk_gets_the_minimal_statement_of_its_article_once() {
        let report = judge(with_policy_against(&[
            "elasticbeanstalk-platform-assets-us-east-1",
            "cloudformation-waitcondition-us-east-1",
        ]));
        let finding = found(&report);
        let statements: Vec<&str> = finding
            .facts
            .iter()
            .filter(|fact| fact.name == "statement")
            .map(|fact| fact.value.as_str())
            .collect();
        assert_eq!(statements.len(), 1);
        for part in
            ["s3:PutBucketPolicy", "arn:aws:s3:::elasticbeanstalk-*/*", "arn:aws:s3:::cloudformation*/*"]
        {
            assert!(statements[0].contains(part), "{part}");
        }
        assert!(finding.remedy.commands.iter().any(|command| command.contains("--vpc-endpoint-id vpce-1")));
    }

    #[test]
    fn a_policy_that_keeps_nothing_away_is_no_finding() {
        let report = judge(with_policy_against(&[]));
        assert!(report.findings.iter().all(|finding| finding.rule != RULE.id));
    }
}
