//! Why the services refuse the credentials themselves: one reason for all of them, and each reason has a rule of its own.

use probes::environment::CredentialSource;
use probes::observations::{Attempt, Reply};

use super::case::Case;
use super::phrases::fact;
use crate::catalogue;
use crate::refusal::{essence, last_word, refuses_credentials, refuses_time};
use crate::report::{Fact, Finding, Remedy, Severity};

/// A clock that is further off than this makes services refuse signatures: 5 minutes for most, 15 for S3 (Amazon S3 API
/// reference, `RequestTimeTooSkewed`; the texts of refused signatures).
pub const TOLERATED_OFFSET_MS: i64 = 300_000;

/// The reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The clock of this host is off.
    Clock,
    /// They have expired.
    Expired,
    /// The key is not known, and the settings beside it are of another partition.
    OtherPartition,
    /// Anything else.
    Rejected,
}

/// A refusal of the credentials.
pub struct Rejection<'a> {
    /// The target's name.
    pub target: &'a str,
    /// Where it was refused.
    pub attempt: &'a Attempt,
    /// The answer.
    pub reply: &'a Reply,
}

/// How many signed calls were answered, and which of them refuse the credentials.
#[must_use]
pub fn rejections<'a>(case: &Case<'a>) -> (usize, Vec<Rejection<'a>>) {
    let signed: Vec<Rejection<'a>> = case
        .targets()
        .flat_map(|(target, _)| {
            Case::signed_replies(target).map(|(attempt, reply)| Rejection {
                target: &target.target,
                attempt,
                reply,
            })
        })
        .collect();
    let all = signed.len();
    (all, signed.into_iter().filter(|rejection| refuses_credentials(rejection.reply)).collect())
}

/// Why the credentials are refused; `None` where they are not.
#[must_use]
pub fn why(case: &Case<'_>) -> Option<Why> {
    let (_, rejections) = rejections(case);
    let first = rejections.first()?;
    let code = last_word(first.reply).code.as_deref().unwrap_or_default();
    let offset = case.recording.environment.host.clock_offset_ms;
    // A wrong clock makes signatures wrong, not keys unknown.
    let late = rejections.iter().any(|rejection| refuses_time(rejection.reply))
        || (code.contains("Signature") && offset.is_some_and(|offset| offset.abs() > TOLERATED_OFFSET_MS));
    Some(match code {
        _ if late => Why::Clock,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => Why::Expired,
        _ if UNKNOWN_KEY.contains(&code) && foreign_region(case).is_some() => Why::OtherPartition,
        _ => Why::Rejected,
    })
}

/// Codes for keys that the partition does not know.
pub const UNKNOWN_KEY: &[&str] =
    &["InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"];

/// A Region of another partition that the settings beside static keys name: keys and Region are set together, as a rule.
#[must_use]
pub fn foreign_region<'a>(case: &Case<'a>) -> Option<&'a str> {
    let host = &case.recording.environment.host;
    let is_static = matches!(
        host.credentials.source,
        Some(CredentialSource::EnvironmentVariables | CredentialSource::SharedFile)
    );
    let here = catalogue::partition_of_region(case.region()?)?;
    let elsewhere =
        |region: &&str| catalogue::partition_of_region(region).is_some_and(|found| found.name != here.name);
    let mut regions = host.region_hints.iter().map(|hint| hint.region.as_str());
    regions.find(elsewhere).filter(|_| is_static)
}

/// The one finding about refused credentials.
#[must_use]
pub fn finding(case: &Case<'_>, rule: &str, what: &str, causes: Vec<String>, remedy: Remedy) -> Finding {
    let (_, rejections) = rejections(case);
    let last = rejections.first().map(|first| last_word(first.reply));
    let code = last.and_then(|last| last.code.as_deref()).unwrap_or("refused");
    let mut targets: Vec<&str> = rejections.iter().map(|rejection| rejection.target).collect();
    targets.dedup();
    let mut facts = vec![fact("code", code), fact("services", targets.join(" "))];
    facts.extend(clock(case));
    let said =
        last.and_then(|last| last.message.as_deref()).map(|message| format!(" ({})", essence(message)));
    Finding {
        rule: rule.to_owned(),
        severity: Severity::Error,
        subject: case.credentials(),
        summary: format!(
            "{} refused the credentials from {} with {code}{}: {what}",
            if let [only] = targets[..] { only.to_owned() } else { format!("{} targets", targets.len()) },
            case.credentials().id,
            said.unwrap_or_default()
        ),
        facts,
        evidence: rejections
            .iter()
            .map(|rejection| format!("{}/{}/call", rejection.target, rejection.attempt.address))
            .take(6)
            .collect(),
        causes,
        explains: shadow(case),
        remedy,
    }
}

/// How far this host's clock is off, as a fact.
#[must_use]
pub fn clock(case: &Case<'_>) -> Option<Fact> {
    let offset = case.recording.environment.host.clock_offset_ms?;
    Some(Fact { name: "clock_offset".to_owned(), value: offset.to_string(), unit: Some("ms".to_owned()) })
}

/// That static keys stand before the role follows where the same keys are refused: one finding says both.
fn shadow(case: &Case<'_>) -> Vec<crate::report::Explained> {
    vec![crate::report::Explained {
        rule: "static-credentials-shadow-role".to_owned(),
        subject: case.credentials(),
    }]
}

/// How to do without static keys; `None` where the credentials are none.
#[must_use]
pub fn without_static_keys(case: &Case<'_>) -> Option<Remedy> {
    let has_role =
        case.recording.environment.host.credentials.available.contains(&CredentialSource::InstanceMetadata);
    let then = if has_role { "; the instance's role then takes their place" } else { "" };
    match case.recording.environment.host.credentials.source? {
        CredentialSource::EnvironmentVariables => Some(Remedy {
            text: format!(
                "Keys in the environment come before the instance's role: take them out of the profile, unit or script that sets \
                 them, or replace them{then}."
            ),
            commands: vec!["unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN".to_owned()],
        }),
        CredentialSource::SharedFile => Some(Remedy {
            text: format!(
                "Keys in the shared credentials file come before the instance's role: take them out of ~/.aws/credentials, or \
                 replace them{then}."
            ),
            commands: vec!["grep -n '^\\[\\|aws_access_key_id' ~/.aws/credentials".to_owned()],
        }),
        CredentialSource::Container | CredentialSource::InstanceMetadata => None,
    }
}
