//! Failures and replies as ends of sentences, the same words wherever they are said.

use probes::observations::{Attempt, CallFailure, Reply, TcpFailure, TlsFailure};

pub(super) fn contact_text(attempt: &Attempt) -> (&'static str, String) {
    if let Some(failure) = attempt.tcp.failed() {
        return ("tcp", tcp_text(failure, attempt.tcp.elapsed_ms));
    }
    if attempt.tcp.done().is_none() {
        return ("tcp", "no connection was tried".to_owned());
    }
    if let Some(failure) = attempt.tls.failed() {
        return ("tls", format!("TCP connects, but {}", tls_text(failure)));
    }
    if let Some(session) = attempt.tls.done()
        && !session.trust.accepted()
    {
        let issuer = &session.issuer;
        return (
            "tls",
            format!(
                "TCP and TLS stand, but no set of roots vouches for the certificate (issued by {issuer})"
            ),
        );
    }
    match (attempt.call.done(), attempt.call.failed()) {
        (Some(reply), _) if super::is_foreign(reply) => (
            "call",
            format!("TCP and TLS stand, but the answer (HTTP {}) is none of the service's", reply.status),
        ),
        (Some(reply), _) => ("call", reply_text(reply)),
        (None, Some(failure)) => ("call", format!("TCP and TLS stand, but {}", call_text(failure))),
        (None, None) => ("call", "TCP stands; no request was made before time was up".to_owned()),
    }
}

fn reply_text(reply: &Reply) -> String {
    let last = reply.follow_up.as_deref().unwrap_or(reply);
    let code = last.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    let how = if reply.signed { "" } else { "unsigned " };
    format!("answers HTTP {}{code} to {how}{}", reply.status, reply.operation)
}

/// A TCP failure as the end of a sentence.
#[must_use]
pub fn tcp_text(failure: &TcpFailure, elapsed_ms: f64) -> String {
    match failure {
        TcpFailure::TimedOut => format!("no answer on port 443 within {elapsed_ms:.0} ms"),
        TcpFailure::Refused => "port 443 refuses the connection".to_owned(),
        TcpFailure::Reset => "the connection is reset".to_owned(),
        TcpFailure::NetworkUnreachable => "network unreachable".to_owned(),
        TcpFailure::HostUnreachable => "host unreachable".to_owned(),
        TcpFailure::NotPermitted => "this host's own firewall does not let the connection out".to_owned(),
        TcpFailure::NoSourceAddress => "this host has no address to connect from".to_owned(),
        TcpFailure::Unclassified(failure) => format!("the connection fails ({})", failure.text),
    }
}

/// A TLS failure as the end of a sentence.
#[must_use]
pub fn tls_text(failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::TimedOut => "the TLS handshake gets no answer".to_owned(),
        TlsFailure::Reset => "the connection is reset in the TLS handshake".to_owned(),
        TlsFailure::Closed => "the connection is closed in the TLS handshake".to_owned(),
        TlsFailure::Alert { description } => {
            format!("the peer ends the TLS handshake with the alert {description}")
        }
        TlsFailure::NotTls { .. } => "what answers is not TLS".to_owned(),
        TlsFailure::Unclassified(failure) => format!("the TLS handshake fails ({})", failure.text),
    }
}

fn call_text(failure: &CallFailure) -> String {
    match failure {
        CallFailure::TimedOut => "the request gets no answer".to_owned(),
        CallFailure::Closed { .. } => "the connection is closed before the answer".to_owned(),
        CallFailure::NotHttp { .. } => "what answers is not HTTP".to_owned(),
        CallFailure::NotSent { text } => format!("the request could not be made ({text})"),
        CallFailure::Unclassified(failure) => format!("the request fails ({})", failure.text),
    }
}
