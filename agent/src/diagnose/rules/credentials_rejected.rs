//! The services refuse the credentials themselves, whatever is asked: one finding, however many services say so.

use probes::observations::{Attempt, Reply};

use crate::diagnose::case::Case;
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule};
use crate::refusal::{essence, last_word, refuses_credentials, refuses_time};
use crate::report::{Fact, Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "credentials-rejected",
    title: "the services refuse this host's credentials",
    page: include_str!("../../../pages/credentials-rejected.md"),
    check,
};

/// A clock that is further off than this makes services refuse signatures: 5 minutes for most, 15 for S3.
const TOLERATED_OFFSET_MS: i64 = 300_000;

fn check(case: &Case<'_>) -> Check {
    let signed: Vec<(&str, &Attempt, &Reply)> = case
        .targets()
        .flat_map(|(target, _)| {
            Case::signed_replies(target).map(|(attempt, reply)| (target.target.as_str(), attempt, reply))
        })
        .collect();
    if signed.is_empty() {
        return Check::NotApplicable("no signed call was answered".to_owned());
    }
    let refused: Vec<_> = signed.iter().filter(|(_, _, reply)| refuses_credentials(reply)).collect();
    let Some((_, _, first)) = refused.first() else {
        return Check::Clear(format!("{} signed calls accepted", signed.len()));
    };
    let last = last_word(first);
    let code = last.code.as_deref().unwrap_or("refused");
    let mut targets: Vec<&str> = refused.iter().map(|(target, _, _)| *target).collect();
    targets.dedup();
    let offset = case.recording.environment.host.clock_offset_ms;
    // A wrong clock makes signatures wrong, not keys unknown.
    let about_signature = code.contains("Signature");
    let late = refused.iter().any(|(_, _, reply)| refuses_time(reply))
        || (about_signature && offset.is_some_and(|offset| offset.abs() > TOLERATED_OFFSET_MS));
    let mut facts = vec![fact("code", code), fact("services", targets.join(" "))];
    if let Some(offset) = offset {
        facts.push(Fact {
            name: "clock_offset".to_owned(),
            value: offset.to_string(),
            unit: Some("ms".to_owned()),
        });
    }
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Error,
        subject: case.credentials(),
        summary: format!(
            "{} refused the credentials from {} with {code}{}",
            if targets.len() == 1 { targets[0].to_owned() } else { format!("{} targets", targets.len()) },
            case.credentials().id,
            last.message.as_deref().map(|message| format!(": {}", essence(message))).unwrap_or_default()
        ),
        facts,
        evidence: refused
            .iter()
            .map(|(target, attempt, _)| format!("{target}/{}/call", attempt.address))
            .take(6)
            .collect(),
        causes: causes(code, late),
        explains: Vec::new(),
        remedy: remedy(case, late),
    }])
}

fn causes(code: &str, late: bool) -> Vec<String> {
    let text = match code {
        _ if late => "this host's clock is off, so its signatures are out of date",
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
            "the session has expired and was not renewed"
        }
        "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" | "AuthFailure" => {
            "the access key does not exist (any more), or belongs to another partition"
        }
        "InvalidToken" => {
            "the session token does not belong to the key, or comes from the global STS and is not valid in this Region"
        }
        _ => "the secret key does not belong to the access key, or something on the way alters requests",
    };
    vec![text.to_owned()]
}

fn remedy(case: &Case<'_>, late: bool) -> Remedy {
    use probes::environment::CredentialSource;
    if late {
        return Remedy {
            text: "Set the clock: use Amazon Time Sync (169.254.169.123).".to_owned(),
            commands: vec!["chronyc -n tracking".to_owned(), "timedatectl status".to_owned()],
        };
    }
    match case.recording.environment.host.credentials.source {
        Some(CredentialSource::EnvironmentVariables) => Remedy {
            text: "Keys in the environment come before the instance's role: remove them, or replace them."
                .to_owned(),
            commands: vec!["unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN".to_owned()],
        },
        Some(CredentialSource::SharedFile) => in_words(
            "Keys in the shared credentials file come before the instance's role: remove them from ~/.aws/credentials, or \
             replace them.",
        ),
        Some(CredentialSource::Container) => in_words(
            "The container's credentials endpoint gives credentials that the services refuse: look at the task role or Pod \
             Identity association, and restart the task.",
        ),
        Some(CredentialSource::InstanceMetadata) | None => in_words(
            "The instance metadata service gives credentials that the services refuse: look at whether something stands in for \
             it at 169.254.169.254 (a proxy such as kiam or aws-vault), and whether the role was deleted and made anew.",
        ),
    }
}
