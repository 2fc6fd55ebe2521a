//! The proxy does not open a tunnel to a service: its rules forbid the host, or it cannot reach the host itself.

use probes::observations::{Proxied, ProxyFailure};

use crate::classify::through_proxy::refusal_text;
use crate::diagnose::case::Case;
use crate::diagnose::proxied::{failing, leave_out, sent, try_it};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "proxy-refuses", title: "the proxy does not open a tunnel to a service", check };

fn check(case: &Case<'_>) -> Check {
    if sent(case).is_empty() {
        return Check::NotApplicable("no proxy takes any of the hosts".to_owned());
    }
    let findings = failing(case, RULE.id, "connect", what, |sent, direct| {
        let remedy = if direct {
            leave_out(case)
        } else {
            Remedy {
                text: format!(
                    "Have the proxy's rules allow CONNECT to port 443 of {}, of its buckets' hosts and of everything below the \
                     Region's domain.",
                    sent.target.host
                ),
                commands: try_it(sent),
            }
        };
        (causes(sent.proxied), remedy)
    });
    Check::found_or(
        findings,
        Check::Clear(
            "the proxy opens every tunnel that was asked for, or another rule says why not".to_owned(),
        ),
    )
}

fn what(proxied: &Proxied) -> Option<String> {
    match proxied.connect.failed()? {
        ProxyFailure::NotResolved { .. } | ProxyFailure::AuthenticationRequired { .. } => None,
        failure => {
            let text = refusal_text(failure);
            // The sentence has its subject already.
            Some(
                text.strip_prefix("the proxy ")
                    .map_or_else(|| format!("opens no tunnel ({text})"), ToOwned::to_owned),
            )
        }
    }
}

fn causes(proxied: &Proxied) -> Vec<String> {
    let texts: &[&str] = match proxied.connect.failed() {
        Some(ProxyFailure::Refused { status: 502..=504, .. }) => &[
            "the proxy itself cannot reach or look up the host: it stands in a subnet without a way to it",
            "the proxy's rules answer so for hosts that they do not allow",
        ],
        Some(ProxyFailure::Refused { status: 400 | 404 | 405 | 501, .. }) => {
            &["what listens there is a web server and no proxy: the variable names the wrong host or port"]
        }
        Some(ProxyFailure::Refused { .. }) => {
            &["the proxy's rules do not allow this host, or not from this instance"]
        }
        Some(ProxyFailure::TimedOut) => &[
            "the proxy waits for a host that it cannot reach itself",
            "something that is no proxy listens there",
        ],
        Some(ProxyFailure::Tls { .. }) => {
            &["the variable says https:// of a proxy that is spoken to in plain HTTP: it should say http://"]
        }
        Some(ProxyFailure::Untrusted { .. }) => {
            &["the authority of the proxy's own certificate is missing in this host's store"]
        }
        _ => &[
            "something that is no proxy listens there, or it wants to be spoken to over TLS (https:// in the variable)",
            "the proxy turns this instance away",
        ],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}
