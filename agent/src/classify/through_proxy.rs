//! What the environment's proxies mean for a verdict: whoever goes by them takes another way than the packets that were
//! measured directly.

use probes::observations::{Proxied, ProxyFailure, TargetObservation};

use super::evidence::{tcp_text, tls_text};
use super::signal::SignalName;
use crate::proxies::{self, Way};
use crate::report::{Confidence, Path, Reason, Recording, Verdict};

/// The verdict as clients on this host see it. The direct way was measured beside it and stands in the addresses.
pub(super) fn seen_by_clients(recording: &Recording, target: &TargetObservation, direct: Verdict) -> Verdict {
    match proxies::way(&recording.environment.host.proxies, &target.host) {
        Way::Direct => direct,
        Way::Proxied(proxy) => {
            let applies = Reason {
                signal: SignalName::ProxyApplies,
                evidence: "environment/proxies".to_owned(),
                text: format!("{} sends clients here through proxy {}", proxy.variable, proxy.authority()),
            };
            let beside = Reason {
                signal: SignalName::DirectWay,
                evidence: format!("{}/addresses", target.target),
                text: format!("directly: {}, {}", direct.path.words(), answers(direct.reachable)),
            };
            let mut because = vec![applies];
            because.extend(target.proxied.as_ref().map(|proxied| outcome(target, proxied)));
            because.push(beside);
            Verdict {
                path: Path::Proxy,
                via: None,
                vpc_endpoint_id: None,
                confidence: Some(Confidence::Likely),
                reachable: target.proxied.as_ref().and_then(reachable),
                because,
                ..direct
            }
        }
        Way::Unclear(proxy) => {
            let mut because = direct.because.clone();
            because.push(Reason {
                signal: SignalName::ProxyUnclear,
                evidence: "environment/proxies".to_owned(),
                text: format!(
                    "some clients here would go through proxy {} ({}): they read no_proxy differently",
                    proxy.authority(),
                    proxy.variable
                ),
            });
            let confidence = direct.confidence.map(|confidence| confidence.min(Confidence::Possible));
            Verdict { confidence, because, ..direct }
        }
    }
}

/// Whether the service answered through the proxy.
fn reachable(proxied: &Proxied) -> Option<bool> {
    let trusted = proxied.tls.done().is_some_and(|session| session.trust.accepted());
    if trusted && proxied.call.done().is_some() {
        return Some(true);
    }
    let failed = proxied.tcp.failed().is_some()
        || proxied.connect.failed().is_some()
        || proxied.tls.failed().is_some()
        || proxied.tls.done().is_some_and(|session| !session.trust.accepted())
        || proxied.call.failed().is_some();
    failed.then_some(false)
}

fn outcome(target: &TargetObservation, proxied: &Proxied) -> Reason {
    let said = |signal: SignalName, step: &str, text: String| Reason {
        signal,
        evidence: format!("{}/proxied/{step}", target.target),
        text,
    };
    if let Some(failure) = proxied.tcp.failed() {
        let text = format!("the proxy cannot be reached: {}", tcp_text(failure, proxied.tcp.elapsed_ms));
        return said(SignalName::NotConnected, "tcp", text);
    }
    if let Some(failure) = proxied.connect.failed() {
        return said(SignalName::NotConnected, "connect", refusal_text(failure));
    }
    if let Some(failure) = proxied.tls.failed() {
        return said(SignalName::ConnectedOnly, "tls", format!("through the proxy {}", tls_text(failure)));
    }
    if let Some(session) = proxied.tls.done().filter(|session| !session.trust.accepted()) {
        let text =
            format!("through the proxy no set of roots vouches for the certificate ({})", session.issuer);
        return said(SignalName::PeerUntrusted, "tls", text);
    }
    match proxied.call.done() {
        Some(reply) => said(
            SignalName::ServiceAnswered,
            "call",
            format!("answers HTTP {} through the proxy", reply.status),
        ),
        None => said(
            SignalName::NotTried,
            "connect",
            "the way through the proxy was not tried to its end".to_owned(),
        ),
    }
}

/// A proxy's refusal as a sentence.
pub(crate) fn refusal_text(failure: &ProxyFailure) -> String {
    match failure {
        ProxyFailure::NotResolved { .. } => "the proxy's name has no address".to_owned(),
        ProxyFailure::Refused { status, reason } => {
            let reason = reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("the proxy refuses the tunnel with HTTP {status}{reason}")
        }
        ProxyFailure::AuthenticationRequired { sent: true, .. } => {
            "the proxy does not accept the password it is given".to_owned()
        }
        ProxyFailure::AuthenticationRequired { sent: false, .. } => {
            "the proxy asks for a password (HTTP 407)".to_owned()
        }
        ProxyFailure::TimedOut => "the proxy does not answer the request for a tunnel".to_owned(),
        ProxyFailure::Closed => "the proxy closes the connection without an answer".to_owned(),
        ProxyFailure::NotAProxy { .. } => "what answers at the proxy's address is no proxy".to_owned(),
        ProxyFailure::Tls { .. } => "the TLS handshake with the proxy itself fails".to_owned(),
        ProxyFailure::Untrusted { .. } => {
            "no set of roots vouches for the proxy's own certificate".to_owned()
        }
        ProxyFailure::Unclassified(failure) => format!("the proxy fails ({})", failure.text),
    }
}

fn answers(reachable: Option<bool>) -> &'static str {
    match reachable {
        Some(true) => "answers",
        Some(false) => "does not answer",
        None => "not tried",
    }
}
