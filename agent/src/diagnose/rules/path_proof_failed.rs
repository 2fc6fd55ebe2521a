//! A path proof was asked for (`--prove-with`), and proved nothing.

use std::collections::BTreeSet;

use probes::Step;
use probes::observations::{CallFailure, Reply};
use probes::proofs::{BucketProof, NotMade, RoleCalls, RoleProof, Session};

use crate::diagnose::case::Case;
use crate::diagnose::commands::create_interface_endpoints;
use crate::diagnose::policies::show_bucket_policy;
use crate::diagnose::{Check, Rule};
use crate::proofs::{by_bucket, by_role, not_made_words, role_name};
use crate::refusal::{PolicyType, last_word, refusal};
use crate::report::{Finding, Remedy, Severity, Subject, SubjectKind};

pub(super) const RULE: Rule =
    Rule { id: "path-proof-failed", title: "a path proof was asked for, and proved nothing", check };

/// The policy that users install; its words hold no blanks.
const BUCKET_POLICY: &str = include_str!("../../../../packaging/proof/bucket-policy.json");

/// What came of a proof that is not whole.
struct Shortfall {
    severity: Severity,
    what: String,
    causes: Vec<String>,
    remedy: Remedy,
}

fn check(case: &Case<'_>) -> Check {
    let proofs = &case.recording.proofs;
    if proofs.roles.is_empty() && proofs.buckets.is_empty() {
        return Check::NotApplicable("no path proof was asked for".to_owned());
    }
    let nothing_to_prove = proofs
        .roles
        .iter()
        .map(|proof| proof.not_made_because)
        .chain(proofs.buckets.iter().map(|proof| proof.not_made_because));
    if nothing_to_prove.into_iter().all(|because| because == Some(NotMade::NothingToProve)) {
        return Check::CannotTell("no service that takes part in a path proof answered".to_owned());
    }
    let by_role = proofs.roles.iter().filter_map(|proof| {
        let place = format!("proofs/role/{}", role_name(&proof.role));
        Some(finding(format!("role={}", proof.role), place, of_role(case, proof)?))
    });
    let by_bucket = proofs.buckets.iter().filter_map(|proof| {
        let place = format!("proofs/bucket/{}", proof.bucket);
        Some(finding(format!("bucket={}", proof.bucket), place, of_bucket(case, proof)?))
    });
    let findings = by_role.chain(by_bucket).collect();
    Check::found_or(findings, Check::Clear("every path proof that was asked for proved a path".to_owned()))
}

fn finding(id: String, place: String, shortfall: Shortfall) -> Finding {
    Finding {
        rule: RULE.id.to_owned(),
        severity: shortfall.severity,
        summary: format!("the path proof with {id} {}", shortfall.what),
        subject: Subject { kind: SubjectKind::Proof, id },
        facts: Vec::new(),
        evidence: vec![place],
        causes: shortfall.causes,
        explains: Vec::new(),
        remedy: shortfall.remedy,
    }
}

fn of_role(case: &Case<'_>, proof: &RoleProof) -> Option<Shortfall> {
    match proof.not_made_because {
        Some(NotMade::NothingToProve) => return None,
        Some(NotMade::NoSession) => return Some(no_session(case, proof)),
        Some(because) => return Some(not_made(case, because)),
        None => {}
    }
    let mut proven = BTreeSet::new();
    let mut open: Vec<(&RoleCalls, String)> = Vec::new();
    for calls in &proof.calls {
        match by_role(case.recording, proof, calls, *calls.addresses.first()?) {
            Ok(_) => proven.extend(calls.addresses.iter().map(|address| (calls.service.as_str(), *address))),
            Err(why) => open.push((calls, why)),
        }
    }
    // What another call to the same service proved about an address holds for this one's target as well.
    let stays_open = |calls: &RoleCalls| {
        calls.addresses.iter().any(|address| !proven.contains(&(calls.service.as_str(), *address)))
    };
    open.retain(|(calls, _)| stays_open(calls));
    let open: Vec<(&str, String)> =
        open.into_iter().map(|(calls, why)| (calls.target.as_str(), why)).collect();
    let (first, _) = open.first()?;
    let targets: Vec<&str> = distinct(open.iter().map(|(target, _)| *target));
    let causes: Vec<String> = distinct(open.iter().map(|(_, why)| why.as_str()))
        .into_iter()
        .map(|why| {
            let of: Vec<&str> =
                distinct(open.iter().filter(|(_, other)| other == why).map(|(target, _)| *target));
            format!("{}: {why}", of.join(", "))
        })
        .collect();
    let actions: Vec<&str> = targets.iter().filter_map(|target| action_of(proof, target)).collect();
    let whole = proven.is_empty();
    let what = if whole {
        format!("proved nothing: at {first}, {}", open[0].1)
    } else {
        format!("proved nothing about {}: {}", targets.join(", "), open[0].1)
    };
    let name = role_name(&proof.role);
    Some(Shortfall {
        severity: if whole { Severity::Warning } else { Severity::Notice },
        what,
        causes,
        remedy: Remedy {
            text: format!(
                "The role itself must be allowed the harmless calls ({}), by its own policy and by every policy above it; its \
                 session policy then narrows them.",
                distinct(actions.into_iter()).join(", ")
            ),
            commands: vec![
                format!("aws iam list-role-policies --role-name {name}"),
                format!("aws iam list-attached-role-policies --role-name {name}"),
            ],
        },
    })
}

/// The action that a target's harmless call needs, as the call itself names it.
fn action_of<'a>(proof: &'a RoleProof, target: &str) -> Option<&'a str> {
    let of_target = proof.calls.iter().filter(|calls| calls.target == target);
    let replies = of_target.flat_map(|calls| &calls.asked).filter_map(|asked| asked.call.done());
    replies.map(|reply| reply.operation.as_str()).next()
}

/// STS was asked and did not give a session.
fn no_session(case: &Case<'_>, proof: &RoleProof) -> Shortfall {
    let name = role_name(&proof.role);
    let refused = |session: &&Session| session.assumed.done().is_none_or(|reply| reply.status >= 300);
    let session = proof.sessions.iter().find(refused);
    let reply = session.and_then(|session| session.assumed.done());
    let own = case.recording.environment.host.role.as_deref();
    let trust = "the role's trust policy does not name this instance's role: get-role shows it";
    let identity = "this instance's role may not assume it (sts:AssumeRole): its own policies show it";
    let text = match own {
        Some(own) => format!(
            "Let the trust policy of {name} name this instance's role, {own}, and let that role call sts:AssumeRole on it."
        ),
        None => format!(
            "Let the trust policy of {name} name this instance's role, and let that role call sts:AssumeRole on it."
        ),
    };
    let (what, causes) = match reply.map(|reply| (reply, refusal(reply))) {
        Some((_, Some(refusal))) => match refusal.policy {
            Some(PolicyType::RoleTrust) => (
                "proved nothing: the role's trust policy does not let this instance assume it".to_owned(),
                vec![trust.to_owned()],
            ),
            Some(PolicyType::Identity) => (
                "proved nothing: this instance's role may not assume it".to_owned(),
                vec![identity.to_owned()],
            ),
            Some(policy) => (
                format!("proved nothing: {} does not let this instance assume it", policy.words()),
                vec![format!("{} stands in the way", policy.words())],
            ),
            None => (
                "proved nothing: STS refuses to let this instance assume it, and does not say why".to_owned(),
                vec![
                    trust.to_owned(),
                    "there is no such role: get-role shows it".to_owned(),
                    identity.to_owned(),
                ],
            ),
        },
        Some((reply, None)) => {
            let last = last_word(reply);
            let code = last.code.as_deref().unwrap_or_default();
            (
                format!("proved nothing: STS answered with HTTP {} {code}", last.status)
                    .trim_end()
                    .to_owned(),
                Vec::new(),
            )
        }
        None => ("proved nothing: STS did not answer the request for a session".to_owned(), Vec::new()),
    };
    Shortfall {
        severity: Severity::Warning,
        what,
        causes,
        remedy: Remedy {
            text,
            commands: vec![format!(
                "aws iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument"
            )],
        },
    }
}

/// Nothing could be asked at all.
fn not_made(case: &Case<'_>, because: NotMade) -> Shortfall {
    let (text, commands) = match because {
        NotMade::NotResolved | NotMade::Unreachable => (
            "STS must be reachable for a proof by role: by an interface endpoint, or over the internet. A proof by bucket does without."
                .to_owned(),
            create_interface_endpoints(case, &["sts"]),
        ),
        NotMade::NotTrusted => (
            "Nothing is sent to a peer that nobody vouches for: exempt STS from TLS inspection, or name its authority with --ca-bundle."
                .to_owned(),
            Vec::new(),
        ),
        NotMade::NoCredentials => ("Run it with credentials and without --no-sign.".to_owned(), Vec::new()),
        NotMade::OutOfTime => ("Give it more time: --deadline 40s.".to_owned(), Vec::new()),
        _ => ("See the other findings.".to_owned(), Vec::new()),
    };
    Shortfall {
        severity: Severity::Warning,
        what: format!("was not made: {}", not_made_words(because)),
        causes: Vec::new(),
        remedy: Remedy { text, commands },
    }
}

fn of_bucket(case: &Case<'_>, proof: &BucketProof) -> Option<Shortfall> {
    match proof.not_made_because {
        Some(NotMade::NothingToProve) => return None,
        Some(because) => return Some(not_made(case, because)),
        None => {}
    }
    let mut reasons = Vec::new();
    for calls in &proof.calls {
        match by_bucket(proof, calls, *calls.addresses.first()?) {
            Ok(_) => return None,
            Err(why) => reasons.push(why),
        }
    }
    let first = reasons.first()?.clone();
    let given = |step: &Step<Reply, CallFailure>| step.done().is_some_and(|reply| reply.status < 300);
    let without_policy =
        proof.calls.iter().all(|calls| given(&calls.through_endpoint) && given(&calls.without_endpoint));
    let bucket = &proof.bucket;
    let remedy = if without_policy {
        Remedy {
            text: "Give the bucket the policy of a proof. This replaces the policy it has: use a bucket that holds nothing else."
                .to_owned(),
            commands: vec![put_bucket_policy(case, bucket)],
        }
    } else {
        Remedy {
            text: "The bucket must be in this Region, hold both objects and have the policy of packaging/proof, and this instance's \
                   role must be allowed to read them (s3:GetObject)."
                .to_owned(),
            commands: vec![
                show_bucket_policy(bucket),
                format!("aws s3api list-objects-v2 --bucket {bucket} --prefix vpcprobe/ --query 'Contents[].Key'"),
            ],
        }
    };
    Some(Shortfall {
        severity: Severity::Warning,
        what: format!("proved nothing: {first}"),
        causes: distinct(reasons.iter().map(String::as_str)).into_iter().map(ToOwned::to_owned).collect(),
        remedy,
    })
}

/// A command that gives the bucket the policy of a proof.
fn put_bucket_policy(case: &Case<'_>, bucket: &str) -> String {
    let partition = case.recording.environment.host.partition.as_deref().unwrap_or("aws");
    let policy = BUCKET_POLICY.replace("PARTITION", partition).replace("BUCKET", bucket);
    let line: String = policy.split_whitespace().collect();
    format!("aws s3api put-bucket-policy --bucket {bucket} --policy '{line}'")
}

/// Each once, in order of first appearance.
fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept: Vec<&str> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}
