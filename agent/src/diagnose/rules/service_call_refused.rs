//! A signed call reached its service and was refused for a reason that is not the default permissions of a role.

use probes::observations::{Attempt, Reply, TargetObservation};

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, in_words, show_policies};
use crate::diagnose::{Check, Rule};
use crate::refusal::{PolicyType, Refusal, last_word, refusal, refuses_credentials};
use crate::report::{Explained, Finding, Path, Remedy, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "service-call-refused",
    title: "a service answered, and refused the call",
    page: include_str!("../../../pages/service-call-refused.md"),
    check,
};

fn check(case: &Case<'_>) -> Check {
    let mut findings: Vec<Finding> = Vec::new();
    let mut signed = 0;
    for (target, verdict) in case.targets() {
        // Every address of a target gets the same call; one refusal stands for all.
        let mut replies = Case::signed_replies(target).peekable();
        signed += usize::from(replies.peek().is_some());
        findings.extend(replies.find_map(|(attempt, reply)| finding(case, target, verdict, attempt, reply)));
    }
    fold_alike(case, &mut findings);
    let otherwise = if signed == 0 {
        Check::NotApplicable("no signed call was answered".to_owned())
    } else {
        Check::Clear(format!("{signed} targets answered as expected"))
    };
    Check::found_or(findings, otherwise)
}

/// What one policy or one missing thing refuses is one finding: the first that the user named speaks for the default calls of
/// its service, and for the same resource under the service's other host name. Other buckets and tables speak for themselves.
fn fold_alike(case: &Case<'_>, findings: &mut [Finding]) {
    let reply_of = |finding: &Finding| {
        let (target, _) = case.targets().find(|(target, _)| target.target == finding.subject.id)?;
        let (_, reply) = Case::signed_replies(target).next()?;
        Some((target, reply))
    };
    let alike = |one: &Finding, other: &Finding| match (reply_of(one), reply_of(other)) {
        (Some((one, first)), Some((other, second))) => {
            one.service == other.service
                && refusal(first) == refusal(second)
                && last_word(first).code == last_word(second).code
        }
        _ => false,
    };
    let speaks = |finding: &Finding| reply_of(finding).is_some_and(|(target, reply)| is_named(target, reply));
    let is_other_name = |finding: &Finding| finding.subject.id == "dynamodb:account";
    let copies = findings.to_vec();
    for finding in findings.iter_mut().filter(|finding| speaks(finding) && !is_other_name(finding)) {
        let follows = copies.iter().filter(|other| other.subject != finding.subject && alike(finding, other));
        let follows = follows.filter(|other| !speaks(other) || is_other_name(other));
        let follows: Vec<Explained> = follows
            .map(|other| Explained { rule: RULE.id.to_owned(), subject: other.subject.clone() })
            .collect();
        finding.explains.extend(follows);
    }
}

/// Whether the call was to something that the user named: a bucket, or a table under any name.
fn is_named(target: &TargetObservation, reply: &Reply) -> bool {
    target.target.starts_with("s3:") || reply.operation.contains("DescribeTable")
}

fn finding(
    case: &Case<'_>,
    target: &TargetObservation,
    verdict: &Verdict,
    attempt: &Attempt,
    reply: &Reply,
) -> Option<Finding> {
    let named = is_named(target, reply);
    let problem = problem(case, target, verdict, reply, named)?;
    let last = last_word(reply);
    let mut facts = vec![fact("operation", &reply.operation), fact("status", reply.status)];
    facts.extend(last.code.as_ref().map(|code| fact("code", code)));
    facts.extend(last.request_id.as_ref().map(|id| fact("request_id", id)));
    Some(Finding {
        rule: RULE.id.to_owned(),
        severity: problem.severity,
        subject: target_subject(&target.target),
        summary: format!("{} to {} was refused: {}", reply.operation, target.target, problem.what),
        facts,
        evidence: vec![format!("{}/{}/call", target.target, attempt.address)],
        causes: problem.causes,
        explains: Vec::new(),
        remedy: problem.remedy,
    })
}

struct Problem {
    severity: Severity,
    what: String,
    causes: Vec<String>,
    remedy: Remedy,
}

fn problem(
    case: &Case<'_>,
    target: &TargetObservation,
    verdict: &Verdict,
    reply: &Reply,
    named: bool,
) -> Option<Problem> {
    let last = last_word(reply);
    let severity = if named { Severity::Error } else { Severity::Warning };
    if refuses_credentials(reply) {
        // The rule about credentials speaks for all such refusals and takes this one up.
        let what = last.code.clone().unwrap_or_default();
        return Some(Problem {
            severity,
            what,
            causes: Vec::new(),
            remedy: in_words("See credentials-rejected."),
        });
    }
    let region = reply.bucket_region.as_deref().or(last.bucket_region.as_deref());
    if let (Some(there), Some(here)) = (region, case.region())
        && there != here
        && named
    {
        return Some(elsewhere(target, there, here));
    }
    if let Some(refused) = refusal(reply) {
        return denied(case, target, verdict, refused, named);
    }
    let missing =
        matches!(last.code.as_deref(), Some("NoSuchBucket" | "ResourceNotFoundException" | "NotFound"))
            || (named && last.status == 404);
    if missing && named {
        return Some(Problem {
            severity,
            what: "there is no such bucket or table in this partition and Region".to_owned(),
            causes: vec![
                "the name is misspelt".to_owned(),
                "it is in another account's Region or partition".to_owned(),
            ],
            remedy: in_words("Check the name, the Region and the partition."),
        });
    }
    let throttled = matches!(
        last.code.as_deref(),
        Some(
            "SlowDown"
                | "ThrottlingException"
                | "Throttling"
                | "RequestLimitExceeded"
                | "ProvisionedThroughputExceededException"
        )
    );
    (throttled || last.status >= 500).then(|| Problem {
        severity: Severity::Warning,
        what: format!("HTTP {} {}", last.status, last.code.as_deref().unwrap_or_default())
            .trim_end()
            .to_owned(),
        causes: vec![
            if throttled { "requests are throttled" } else { "the service has a fault of its own" }
                .to_owned(),
        ],
        remedy: in_words(
            "The network path works. Retry with back-off, and look at the AWS Health Dashboard.",
        ),
    })
}

fn elsewhere(target: &TargetObservation, there: &str, here: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        what: format!("the bucket is in {there}, this instance in {here}"),
        causes: vec![format!(
            "a gateway endpoint serves its own Region only, so requests to {} take the default route or time out",
            target.host
        )],
        remedy: in_words(format!(
            "Use a bucket in {here}, or address this one in {there} and give the subnet a way there (NAT, or an interface \
             endpoint for cross-Region access)."
        )),
    }
}

fn denied(
    case: &Case<'_>,
    target: &TargetObservation,
    verdict: &Verdict,
    refused: Refusal,
    named: bool,
) -> Option<Problem> {
    // A default call needs a permission that the standard role lacks: that refusal only shows that the service is there.
    // SSM's is the exception, for the standard role has that one.
    let default_refusal = matches!(refused.policy, None | Some(PolicyType::Identity));
    if !named && default_refusal && target.service != "ssm" {
        return None;
    }
    let severity = if named { Severity::Error } else { Severity::Warning };
    let Some(policy) = refused.policy else {
        return Some(Problem {
            severity,
            what: "the refusal names no policy, so which one it was cannot be told".to_owned(),
            causes: vec![
                "the bucket belongs to another account, and its policy does not allow this role".to_owned(),
                "it belongs to another account of the organisation, and the VPC endpoint's policy does not allow it: such \
                 refusals are not named"
                    .to_owned(),
                "an ACL, object ownership or Requester Pays".to_owned(),
            ],
            remedy: in_words("Ask for the bucket policy and, where a VPC endpoint carries the request, its endpoint policy."),
        });
    };
    let kind = if refused.explicit { "an explicit deny in" } else { "no allow in" };
    Some(Problem {
        severity,
        what: format!("{kind} {}", policy.words()),
        causes: conditions(policy, verdict.path),
        remedy: Remedy {
            text: match (policy, refused.explicit) {
                (PolicyType::VpcEndpoint, true) => {
                    "Take the Deny statement out of the VPC endpoint's policy, or narrow it: no Allow beats it. The request got as \
                     far as AWS through that endpoint."
                }
                (PolicyType::VpcEndpoint, false) => {
                    "Allow the action and resource in the VPC endpoint's policy. The request got as far as AWS through that \
                     endpoint."
                }
                (PolicyType::Identity, true) => "Take the Deny statement out of the role's policy, or narrow it.",
                (PolicyType::Identity, false) => "Allow the action and resource in a policy of the role.",
                (PolicyType::Resource, _) => "Look at the conditions of the resource's policy before adding to it.",
                _ => "This is decided outside the instance: ask whoever manages that policy.",
            }
            .to_owned(),
            commands: if policy == PolicyType::VpcEndpoint { show_policies(case, &target.service) } else { Vec::new() },
        },
    })
}

/// What a policy's refusal usually comes from, given the path that the request took.
fn conditions(policy: PolicyType, path: Path) -> Vec<String> {
    let text = match (policy, path) {
        (PolicyType::Resource, Path::GatewayEndpoint | Path::InterfaceEndpoint) => {
            "the policy asks for aws:SourceIp, which requests through a VPC endpoint do not carry, or for another endpoint's id"
        }
        (PolicyType::Resource, Path::Internet) => {
            "the policy asks for aws:SourceVpce or aws:SourceVpc, and this request came over the internet: mend the route, not \
             the policy"
        }
        (PolicyType::ServiceControl | PolicyType::ResourceControl, Path::Internet) => {
            "a data perimeter asks for requests through a VPC endpoint, and this one came over the internet"
        }
        _ => return Vec::new(),
    };
    vec![text.to_owned()]
}
