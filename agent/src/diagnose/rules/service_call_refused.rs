//! A signed call reached its service and was refused for a reason that is not the default permissions of a role.

use probes::observations::{Attempt, Reply, TargetObservation};

use crate::classify::evidence::essence;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule};
use crate::refusal::{PolicyType, Refusal, last_word, refusal, refuses_credentials};
use crate::report::{Explained, Finding, Path, Remedy, Severity, Subject, Verdict};

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
    fold_default_calls(case, &mut findings);
    let otherwise = if signed == 0 {
        Check::NotApplicable("no signed call was answered".to_owned())
    } else {
        Check::Clear(format!("{signed} targets answered as expected"))
    };
    Check::found_or(findings, otherwise)
}

/// What refuses the default call of a service as well as one to a bucket or table of it is one thing, and the named one is
/// what the user asked about.
fn fold_default_calls(case: &Case<'_>, findings: &mut [Finding]) {
    let policy = |finding: &Finding| {
        let (target, _) = case.targets().find(|(target, _)| target.target == finding.subject.id)?;
        let refused = Case::signed_replies(target).find_map(|(_, reply)| refusal(reply))?;
        Some((target.service.as_str(), refused.policy?))
    };
    let keys: Vec<_> = findings.iter().map(|finding| (policy(finding), finding.subject.clone())).collect();
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
        let own = policy(finding);
        let same = keys.iter().filter(|(key, subject)| key.is_some() && *key == own && !is_named(subject));
        finding.explains.extend(
            same.map(|(_, subject)| Explained { rule: RULE.id.to_owned(), subject: subject.clone() }),
        );
    }
}

/// Whether a target is one that the user named: `s3:BUCKET`, `dynamodb:TABLE`.
fn is_named(subject: &Subject) -> bool {
    subject.id.contains(':') && subject.id != "dynamodb:account"
}

fn finding(
    case: &Case<'_>,
    target: &TargetObservation,
    verdict: &Verdict,
    attempt: &Attempt,
    reply: &Reply,
) -> Option<Finding> {
    // The user named a bucket or table: `s3:BUCKET`, or DescribeTable under any name.
    let named = target.target.starts_with("s3:") || reply.operation.contains("DescribeTable");
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
        return denied(target, verdict, last, refused, named);
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
    target: &TargetObservation,
    verdict: &Verdict,
    last: &Reply,
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
        what: format!("{kind} {}{}", policy.words(), message(last)),
        causes: conditions(policy, verdict.path),
        remedy: in_words(match policy {
            PolicyType::VpcEndpoint => {
                "Allow the action and resource in the VPC endpoint's policy. The request got as far as AWS through that endpoint."
            }
            PolicyType::Identity => "Allow the action and resource in a policy of the role.",
            PolicyType::Resource => "Look at the conditions of the resource's policy before adding to it.",
            _ => "This is decided outside the instance: ask whoever manages that policy.",
        }),
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

fn message(last: &Reply) -> String {
    last.message.as_deref().map(|message| format!(" ({})", essence(message))).unwrap_or_default()
}
