//! The instance has a profile, and EC2 cannot get credentials for its role.

use probes::environment::ImdsFailure;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::policies::partition;
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "instance-role-broken", title: "the instance's role cannot be used", check };

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    let failure = host.imds.credentials.as_ref().and_then(|step| step.failed());
    let Some(ImdsFailure::RoleUnusable { code, message }) = failure else {
        return Check::Clear("instance metadata says nothing against the role".to_owned());
    };
    let used = host.credentials.source;
    let role = host.role.as_deref();
    let distrusted = code == "AssumeRoleUnauthorizedAccess";
    let causes: &[&str] = if distrusted {
        &[
            "the role's trust policy does not name the EC2 service: get-role shows it",
            "the role was deleted and made anew under the same name, so that the profile holds the old one",
            "a service control policy of the organization forbids the role",
        ]
    } else {
        &["the instance profile was deleted, or no role is in it: get-instance-profile shows it"]
    };
    let trust = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{}\"}},\"Action\":\"\
         sts:AssumeRole\"}}]}}",
        // The China guide's own trust policies name this service (AWS in China user guide, IAM).
        if partition(case) == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" }
    );
    let commands = match role {
        Some(role) if distrusted => vec![
            format!("aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument"),
            format!("aws iam update-assume-role-policy --role-name {role} --policy-document '{trust}'"),
        ],
        _ => Vec::new(),
    };
    let mut facts = vec![fact("code", code)];
    facts.extend(role.map(|role| fact("role", role)));
    facts.extend(message.as_ref().map(|message| fact("message", message)));
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: if used.is_some() { Severity::Notice } else { Severity::Warning },
        subject: case.instance(),
        summary: format!(
            "instance metadata has no credentials for role {}: {code}",
            role.unwrap_or("of the instance profile")
        ),
        facts,
        evidence: vec!["environment/imds/credentials".to_owned()],
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        explains: vec![Explained { rule: "credentials-missing".to_owned(), subject: case.credentials() }],
        remedy: Remedy {
            text: "Let EC2 assume the role (the printed trust policy replaces the one there is: keep what else it allows), then \
                   wait a minute."
                .to_owned(),
            commands,
        },
    }])
}
