//! Static keys stand before the instance's role in the order in which the SDKs ask.

use probes::environment::CredentialSource;

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::credentials;
use crate::diagnose::phrases::fact;
use crate::diagnose::refused::{self, Kind, Refused};
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "static-credentials-shadow-role",
    title: "keys in the environment or a file stand before the instance's role",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    let seen = &host.credentials;
    if !seen.available.contains(&CredentialSource::InstanceMetadata) {
        return Check::NotApplicable("the instance has no role that gives credentials".to_owned());
    }
    let Some(remedy) = credentials::without_static_keys(case) else {
        return Check::Clear(format!("calls are signed by {}", case.credentials().id));
    };
    let identity = case.targets().find_map(|(target, _)| {
        Case::signed_replies(target).find_map(|(attempt, reply)| {
            Some((format!("{}/{}/call", target.target, attempt.address), reply.identity.as_deref()?))
        })
    });
    let role = host.role.as_deref().unwrap_or("of the instance");
    let who = match identity {
        Some((_, arn)) => format!("programs here are {arn} and not role {role}"),
        None => format!("programs here do not use role {role}"),
    };
    let mut facts = vec![fact("role", role), fact("source", case.credentials().id)];
    facts.extend(identity.as_ref().map(|(_, arn)| fact("identity", arn)));
    let mut evidence = vec!["environment/credentials".to_owned()];
    evidence.extend(identity.map(|(place, _)| place));
    // What this identity may not do, the role may: the refusals follow from who signs.
    let refused = refused::all(case);
    let refused: Vec<&Refused<'_>> =
        refused.iter().filter(|refused| refused.kind == Kind::Identity).collect();
    let severity = refused.iter().map(|refused| refused.severity()).max().unwrap_or(Severity::Warning);
    let causes = refused.first().map(|first| {
        format!(
            "{} to {} is refused to it by an identity-based policy",
            first.reply.operation, first.target.target
        )
    });
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity,
        subject: case.credentials(),
        summary: format!("{} come before the instance's role: {who}", case.credentials().id),
        facts,
        evidence,
        causes: causes.into_iter().collect(),
        explains: refused
            .iter()
            .map(|refused| Explained {
                rule: "identity-policy-denies".to_owned(),
                subject: target_subject(&refused.target.target),
            })
            .collect(),
        remedy,
    }])
}
