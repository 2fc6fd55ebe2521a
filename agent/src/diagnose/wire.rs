//! What the rules about TLS and packets share: the sessions that clients on this host met, and what was tried again.

use probes::observations::{Attempt, Retries, Retry, TargetObservation, TlsSession, Verification};

use super::case::Case;
use super::cause::consequence;
use super::phrases::{fact, fails_alike};
use crate::report::{Finding, Remedy, Severity, Subject};

/// A TLS session with a target, direct or through a proxy.
#[derive(Debug, Clone)]
pub(super) struct Seen<'a> {
    pub(super) target: &'a TargetObservation,
    pub(super) session: &'a TlsSession,
    /// Its place in the report.
    pub(super) place: String,
    /// The address, where it was not through a proxy.
    pub(super) address: Option<std::net::IpAddr>,
}

/// Every session with a target at an address that counts, or through a proxy.
pub(super) fn sessions<'a>(case: &Case<'a>) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    for target in &case.recording.targets {
        for attempt in Case::counted(target) {
            if let Some(session) = attempt.tls.done() {
                let place = format!("{}/{}/tls", target.target, attempt.address);
                seen.push(Seen { target, session, place, address: Some(attempt.address) });
            }
        }
        if let Some(session) = target.proxied.as_ref().and_then(|proxied| proxied.tls.done()) {
            seen.push(Seen {
                target,
                session,
                place: format!("{}/proxied/tls", target.target),
                address: None,
            });
        }
    }
    seen
}

/// A target at which other ways were tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retried<'a> {
    pub(super) target: &'a TargetObservation,
    pub(super) attempt: &'a Attempt,
    pub(super) retries: &'a Retries,
}

/// Every target at which other ways were tried, once.
pub(super) fn retried<'a>(case: &Case<'a>) -> Vec<Retried<'a>> {
    let of_target = |target: &'a TargetObservation| {
        let attempt = Case::counted(target).find(|attempt| attempt.retries.is_some())?;
        let retries = attempt.retries.as_ref()?;
        Some(Retried { target, attempt, retries })
    };
    case.recording.targets.iter().filter_map(of_target).collect()
}

/// The targets of these and all others that fail as one of them does and at which nothing was tried again: that is done at a
/// few targets only.
pub(super) fn with_alike<'a>(case: &Case<'a>, told: &[&Retried<'a>]) -> Vec<&'a TargetObservation> {
    let follows = |target: &TargetObservation| {
        let mut attempts = Case::counted(target).peekable();
        attempts.peek().is_some()
            && attempts.all(|attempt| {
                attempt.retries.is_none() && told.iter().any(|told| fails_alike(told.attempt, attempt))
            })
    };
    let is_told = |target: &TargetObservation| told.iter().any(|told| told.target.target == target.target);
    case.recording.targets.iter().filter(|target| is_told(target) || follows(target)).collect()
}

/// Whether a way that was tried came through.
pub(super) fn passed(retry: Option<&Retry>) -> bool {
    retry == Some(&Retry::Passed)
}

/// Whether any of the sets of roots says this of a session.
pub(super) fn any_says(session: &TlsSession, wanted: &Verification) -> bool {
    let trust = &session.trust;
    trust.bundled == *wanted || trust.machine == *wanted || trust.ca_bundle.as_ref() == Some(wanted)
}

/// The names of the targets of sessions, each once.
pub(super) fn targets_of<'a>(seen: &[&Seen<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = seen.iter().map(|seen| seen.target.target.as_str()).collect();
    names.dedup();
    names
}

/// One finding about sessions, as bad as what follows from it and at least `least`.
pub(super) fn finding(
    case: &Case<'_>,
    rule: &str,
    subject: Subject,
    seen: &[&Seen<'_>],
    least: Severity,
    summary: String,
    (causes, remedy): (Vec<String>, Remedy),
) -> Finding {
    let targets = targets_of(seen);
    let follows = consequence(case, &targets);
    let mut hosts: Vec<&str> = seen.iter().map(|seen| seen.target.host.as_str()).collect();
    hosts.dedup();
    let mut issuers: Vec<&str> = seen.iter().map(|seen| seen.session.issuer.as_str()).collect();
    issuers.dedup();
    issuers.truncate(2);
    Finding {
        rule: rule.to_owned(),
        severity: follows.severity.max(least),
        subject,
        summary,
        facts: vec![fact("hosts", hosts.join(" ")), fact("issuer", issuers.join("; "))],
        evidence: seen.iter().take(4).map(|seen| seen.place.clone()).collect(),
        causes,
        explains: follows.explains,
        remedy,
    }
}

/// What `openssl` shows of a peer.
pub(super) fn show_peer(seen: &Seen<'_>, options: &str) -> Vec<String> {
    let host = &seen.target.host;
    let address = match seen.address {
        Some(address) if address.is_ipv6() => format!("[{address}]"),
        Some(address) => address.to_string(),
        None => host.clone(),
    };
    vec![format!("openssl s_client -connect {address}:443 -servername {host}{options} </dev/null")]
}

/// Texts as causes.
pub(super) fn words(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use probes::observations::{CallFailure, OtherName, TlsFailure};

    use super::*;
    use crate::judge::judge;
    use crate::report::Report;
    use crate::testing::{PRIVATE, S3, answering, failed, recording, target};

    fn no() -> Retry {
        Retry::Handshake { failure: TlsFailure::TimedOut }
    }

    /// S3 whose handshake (or call) came to nothing, with what other ways came to; SSM answers.
    fn stalled(handshake: bool, retries: Retries) -> Report {
        let mut attempt = answering(S3);
        if handshake {
            attempt.tls = failed(TlsFailure::TimedOut);
        }
        attempt.call = failed(CallFailure::TimedOut);
        attempt.retries = Some(retries);
        let mut recording = recording();
        recording.targets =
            vec![target("s3", true, vec![attempt]), target("ssm", true, vec![answering(PRIVATE)])];
        judge(recording)
    }

    fn named(outcome: Retry) -> Vec<OtherName> {
        vec![OtherName { name: "ssm.us-east-1.amazonaws.com".into(), outcome }]
    }

    fn rules(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn another_name_that_comes_through_shows_a_filter_on_names() {
        let report = stalled(
            true,
            Retries {
                small_packets: Some(no()),
                other_names: named(Retry::Passed),
                tls12: Some(no()),
                again: None,
            },
        );
        assert_eq!(rules(&report), ["server-name-filtered"]);
    }

    #[test]
    fn small_packets_that_alone_come_through_show_a_black_hole_in_either_direction() {
        let incoming = Retries {
            small_packets: Some(Retry::Passed),
            other_names: named(no()),
            tls12: Some(no()),
            again: None,
        };
        assert_eq!(rules(&stalled(true, incoming)), ["large-packets-lost"]);
        let outgoing = Retries {
            small_packets: Some(Retry::Passed),
            again: Some(Retry::Unanswered),
            ..Retries::default()
        };
        assert_eq!(rules(&stalled(false, outgoing)), ["large-packets-lost"]);
    }

    #[test]
    fn where_everything_comes_through_the_second_time_nothing_is_named() {
        let passing = Retries {
            small_packets: Some(Retry::Passed),
            other_names: named(Retry::Passed),
            tls12: Some(Retry::Passed),
            again: None,
        };
        assert_eq!(rules(&stalled(true, passing)), ["required-service-unreachable"]);
        let again =
            Retries { small_packets: Some(Retry::Passed), again: Some(Retry::Passed), ..Retries::default() };
        assert_eq!(rules(&stalled(false, again)), ["required-service-unreachable"]);
    }

    #[test]
    fn where_nothing_comes_through_the_causes_stay_a_list() {
        let silent =
            Retries { small_packets: Some(no()), other_names: named(no()), tls12: Some(no()), again: None };
        assert_eq!(rules(&stalled(true, silent)), ["required-service-unreachable"]);
    }
}
