//! What services said no to: every refusal of a call is of exactly one kind, and each kind has a rule of its own.
//!
//! A refusal that no rule names stays with the rule of last resort. What the credentials themselves are refused for, and what
//! a role's default permissions do not allow, is not here. The texts are read by [`crate::refusal`].

use probes::observations::{Attempt, Reply, TargetObservation};

use super::case::{Case, target_subject};
use super::phrases::fact;
use super::{Check, Rule};
use crate::refusal::{PolicyType, Refusal, last_word, refusal, refuses_credentials};
use crate::report::{Explained, Fact, Finding, Path, Remedy, Severity, Subject, Verdict};

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bucket is in another Region.
    AnotherRegion,
    /// The policy of the VPC endpoint that carried the request.
    EndpointPolicy,
    /// An explicit deny in the resource's policy, and the request came through an endpoint.
    ResourceThroughEndpoint,
    /// The same, and the request came over the internet.
    ResourceOverInternet,
    /// The resource's policy has no allow, and another account's needs one.
    ResourceAllowsNothing,
    /// The role's own policies.
    Identity,
    /// The role's permissions boundary.
    Boundary,
    /// The session's policy.
    Session,
    /// The organization's policy on callers.
    ServiceControl,
    /// The organization's policy on resources.
    ResourceControl,
    /// A refusal that names no policy.
    Unexplained,
    /// There is no such bucket.
    BucketMissing,
    /// There is no such table.
    TableMissing,
    /// China: the account has no licence for public access.
    NoIcpLicence,
    /// Too many requests.
    Throttled,
    /// The service's own fault.
    ServiceFault,
    /// Anything else that was refused.
    Other,
}

/// A call that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// The target.
    pub target: &'a TargetObservation,
    /// Its verdict.
    pub verdict: &'a Verdict,
    /// Where it was refused.
    pub attempt: &'a Attempt,
    /// The whole answer, with its follow-up.
    pub reply: &'a Reply,
    /// What the refusal's text names.
    pub refusal: Option<Refusal>,
    /// Whether it was about a bucket or table that the user named.
    pub named: bool,
    /// Its kind.
    pub kind: Kind,
}

/// What a rule says of the refusals of its kind that belong together.
#[derive(Debug)]
pub struct Told {
    /// How bad it is.
    pub severity: Severity,
    /// Whom it is about, where that is not the first target.
    pub subject: Option<Subject>,
    /// What stands in the summary behind the operation and target.
    pub what: String,
    /// Further facts.
    pub facts: Vec<Fact>,
    /// The causes, where there are several.
    pub causes: Vec<String>,
    /// What follows from the same cause.
    pub explains: Vec<Explained>,
    /// The remedy.
    pub remedy: Remedy,
}

/// Which refusals of one kind make one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// Those about the same bucket or table, under any host name.
    OfOneResource,
    /// Those of one service.
    OfOneService,
    /// All of them.
    All,
}

/// Every target's refusal, where it has one: every address of a target gets the same call, and the first stands for all.
#[must_use]
pub fn all<'a>(case: &Case<'a>) -> Vec<Refused<'a>> {
    let mut all: Vec<Refused<'a>> = case
        .targets()
        .filter_map(|(target, verdict)| {
            let mut replies =
                Case::counted(target).filter_map(|attempt| Some((attempt, attempt.call.done()?)));
            replies.find_map(|(attempt, reply)| of_reply(case, target, verdict, attempt, reply))
        })
        .collect();
    let throttled: Vec<&str> = all
        .iter()
        .filter(|refused| refused.kind == Kind::Throttled)
        .map(|refused| refused.target.service.as_str())
        .collect();
    for refused in &mut all {
        // A refusal of HeadBucket has no body: another of the same service says what the 503 was about.
        if refused.kind == Kind::ServiceFault
            && last_word(refused.reply).status == 503
            && throttled.contains(&refused.target.service.as_str())
        {
            refused.kind = Kind::Throttled;
        }
    }
    all
}

/// The findings that an endpoint for a service takes away along with a refusal: its traffic leaves the VPC without one.
#[must_use]
pub fn leak_of(service: &str) -> Vec<Explained> {
    ["nat", "internet-gateway"]
        .map(|way| Explained {
            rule: format!("{service}-egress-through-{way}"),
            subject: target_subject(service),
        })
        .to_vec()
}

/// The check of a rule that has one kind of refusal to itself.
pub fn check(
    case: &Case<'_>,
    rule: &Rule,
    kind: Kind,
    together: Together,
    tell: impl Fn(&[Refused<'_>]) -> Told,
) -> Check {
    let refused = all(case);
    let mine = refused.iter().copied().filter(|refused| refused.kind == kind).collect();
    let answers = case.targets().any(|(target, _)| Case::counted(target).any(|a| a.call.done().is_some()));
    let otherwise = if answers {
        Check::Clear("no call was refused so".to_owned())
    } else {
        Check::NotApplicable("no call was answered".to_owned())
    };
    Check::found_or(findings(rule, &case.instance(), mine, together, tell), otherwise)
}

/// One finding for the refusals that belong together, worded by `tell`.
fn findings(
    rule: &Rule,
    instance: &Subject,
    refused: Vec<Refused<'_>>,
    together: Together,
    tell: impl Fn(&[Refused<'_>]) -> Told,
) -> Vec<Finding> {
    let mut groups: Vec<Vec<Refused<'_>>> = Vec::new();
    for each in refused {
        match groups.iter_mut().find(|group| belong_together(&group[0], &each, together)) {
            Some(group) => group.push(each),
            None => groups.push(vec![each]),
        }
    }
    groups
        .into_iter()
        .map(|mut group| {
            // What the user named speaks for the default calls that were refused alike.
            group.sort_by_key(|refused| !refused.named);
            finding(rule, instance, &group, tell(&group))
        })
        .collect()
}

fn belong_together(one: &Refused<'_>, other: &Refused<'_>, together: Together) -> bool {
    match together {
        Together::All => true,
        Together::OfOneService => one.target.service == other.target.service,
        Together::OfOneResource => {
            let resource = |refused: &Refused<'_>| match refused.target.target.as_str() {
                "dynamodb:account" => "dynamodb".to_owned(),
                other => other.to_owned(),
            };
            resource(one) == resource(other)
        }
    }
}

fn finding(rule: &Rule, instance: &Subject, group: &[Refused<'_>], told: Told) -> Finding {
    // A group is made from its first member.
    let first = &group[0];
    let last = last_word(first.reply);
    let mut facts = vec![fact("operation", &first.reply.operation), fact("status", last.status)];
    facts.extend(last.code.as_ref().map(|code| fact("code", code)));
    facts.extend(policy_arn(last).map(|arn| fact("policy", arn)));
    facts.extend(last.request_id.as_ref().map(|id| fact("request_id", id)));
    facts.extend(told.facts);
    if group.len() > 1 {
        let others: Vec<&str> = group[1..].iter().map(|other| other.target.target.as_str()).collect();
        facts.push(fact("also", others.join(" ")));
    }
    Finding {
        rule: rule.id.to_owned(),
        severity: told.severity,
        subject: told.subject.unwrap_or_else(|| target_subject(&first.target.target)),
        summary: format!("{} to {}: {}", first.reply.operation, first.target.target, told.what),
        facts,
        evidence: group
            .iter()
            .map(|refused| format!("{}/{}/call", refused.target.target, refused.attempt.address))
            .take(6)
            .collect(),
        causes: told.causes,
        explains: told.explains.into_iter().chain(asleep(group, instance)).collect(),
        remedy: told.remedy,
    }
}

/// The agent of Systems Manager sleeps because it is refused: that follows from what refuses it.
fn asleep(group: &[Refused<'_>], instance: &Subject) -> Option<Explained> {
    let refused = group.iter().any(|refused| refused.target.service == "ssm");
    refused.then(|| Explained { rule: "ssm-agent-hibernating".to_owned(), subject: instance.clone() })
}

/// The ARN that stands behind the policy type in refusals by some types: it says which document to change.
fn policy_arn(reply: &Reply) -> Option<&str> {
    let message = reply.message.as_deref()?;
    let from = message.find("explicit deny in ")?;
    let (_, arn) = message[from..].split_once(": ")?;
    arn.starts_with("arn:").then(|| arn.split_whitespace().next().unwrap_or(arn))
}

fn of_reply<'a>(
    case: &Case<'a>,
    target: &'a TargetObservation,
    verdict: &'a Verdict,
    attempt: &'a Attempt,
    reply: &'a Reply,
) -> Option<Refused<'a>> {
    if refuses_credentials(reply) || reply.operation == AWS_OWNED {
        return None;
    }
    let refusal = refusal(reply).filter(|_| reply.signed);
    let named = is_named(target, reply);
    let kind = kind(case, target, verdict, reply, named)?;
    Some(Refused { target, verdict, attempt, reply, refusal, named, kind })
}

/// The operation of the unsigned requests for objects that AWS itself publishes; a rule of its own reads those.
pub const AWS_OWNED: &str = "s3:GetObject";

/// Whether the call was to something that the user named: a bucket, or a table under any name.
fn is_named(target: &TargetObservation, reply: &Reply) -> bool {
    target.target.starts_with("s3:") || reply.operation.contains("DescribeTable")
}

fn kind(
    case: &Case<'_>,
    target: &TargetObservation,
    verdict: &Verdict,
    reply: &Reply,
    named: bool,
) -> Option<Kind> {
    let last = last_word(reply);
    let code = last.code.as_deref();
    let there = bucket_region(reply);
    if named && there.is_some() && case.region().is_some() && there != case.region() {
        return Some(Kind::AnotherRegion);
    }
    if code == Some("UnauthorizedAccessError") {
        return Some(Kind::NoIcpLicence);
    }
    if code.is_some_and(|code| THROTTLES.contains(&code)) {
        return Some(Kind::Throttled);
    }
    if named && target.service == "s3" && (code == Some("NoSuchBucket") || last.status == 404) {
        return Some(Kind::BucketMissing);
    }
    // Without a signature a refusal is what is expected, and a box on the way may speak in the service's place.
    if !reply.signed {
        return None;
    }
    if last.status >= 500 {
        return Some(Kind::ServiceFault);
    }
    if named && code == Some("ResourceNotFoundException") {
        return Some(Kind::TableMissing);
    }
    if let Some(refused) = refusal(reply) {
        return kind_of_policy(target, verdict, refused, named);
    }
    (named && last.status >= 300).then_some(Kind::Other)
}

fn kind_of_policy(
    target: &TargetObservation,
    verdict: &Verdict,
    refused: Refusal,
    named: bool,
) -> Option<Kind> {
    // A default call needs a permission that the standard role lacks: that refusal only shows that the service is there.
    // SSM's is the exception, for the standard role has that one.
    let default_refusal = matches!(refused.policy, None | Some(PolicyType::Identity));
    if !named && default_refusal && target.service != "ssm" {
        return None;
    }
    Some(match refused.policy {
        None => Kind::Unexplained,
        Some(PolicyType::VpcEndpoint) => Kind::EndpointPolicy,
        Some(PolicyType::Identity) => Kind::Identity,
        Some(PolicyType::Boundary) => Kind::Boundary,
        Some(PolicyType::Session) => Kind::Session,
        Some(PolicyType::ServiceControl) => Kind::ServiceControl,
        Some(PolicyType::ResourceControl) => Kind::ResourceControl,
        Some(PolicyType::Resource) if !refused.explicit => Kind::ResourceAllowsNothing,
        Some(PolicyType::Resource) if target.service != "s3" => Kind::Other,
        Some(PolicyType::Resource) => match verdict.path {
            Path::GatewayEndpoint | Path::InterfaceEndpoint => Kind::ResourceThroughEndpoint,
            Path::Internet => Kind::ResourceOverInternet,
            _ => Kind::Other,
        },
        Some(PolicyType::RoleTrust) => Kind::Other,
    })
}

/// The Region that S3 gives for the bucket, with the answer or with its follow-up.
#[must_use]
pub fn bucket_region(reply: &Reply) -> Option<&str> {
    reply.bucket_region.as_deref().or(last_word(reply).bucket_region.as_deref())
}

/// Codes with which services say that they are asked too often (Amazon S3 API reference, error responses; the common errors
/// of the JSON and query protocols).
const THROTTLES: &[&str] = &[
    "SlowDown",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
];

impl Refused<'_> {
    /// Error for what the user named, else warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.named { Severity::Error } else { Severity::Warning }
    }

    /// Whether a statement denies, as against none allowing.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.refusal.is_some_and(|refusal| refusal.explicit)
    }

    /// The bucket that the target is named after.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        self.target.target.strip_prefix("s3:")
    }

    /// "an explicit deny in" or "no allow in", the words in which policies are told apart.
    #[must_use]
    pub fn deny_or_no_allow(&self) -> &'static str {
        if self.is_explicit() { "an explicit deny in" } else { "no allow in" }
    }
}
