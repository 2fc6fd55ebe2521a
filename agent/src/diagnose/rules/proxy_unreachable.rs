//! The proxy that the environment names cannot be reached: its name has no address, or no connection stands.

use probes::observations::{Proxied, ProxyFailure, TcpFailure};

use crate::classify::evidence::tcp_text;
use crate::diagnose::case::Case;
use crate::diagnose::proxied::{Sent, failing, leave_out, sent, try_it};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "proxy-unreachable", title: "the proxy of the environment cannot be reached", check };

fn check(case: &Case<'_>) -> Check {
    if sent(case).is_empty() {
        return Check::NotApplicable("no proxy takes any of the hosts".to_owned());
    }
    let findings = failing(case, RULE.id, "tcp", what, |sent, direct| {
        let remedy = if direct {
            leave_out(case)
        } else {
            Remedy {
                text: "Mend the proxy's name, port or way: these commands show which of them it is."
                    .to_owned(),
                commands: look(sent),
            }
        };
        (causes(sent.proxied), remedy)
    });
    Check::found_or(findings, Check::Clear("the proxy takes connections".to_owned()))
}

fn what(proxied: &Proxied) -> Option<String> {
    if let Some(ProxyFailure::NotResolved { .. }) = proxied.connect.failed() {
        return Some("has a name without an address".to_owned());
    }
    let failure = proxied.tcp.failed()?;
    let at = proxied.address.map(|address| format!(" at {address}")).unwrap_or_default();
    // The text is of port 443, which a proxy's is not.
    let text = match failure {
        TcpFailure::TimedOut => "does not answer".to_owned(),
        TcpFailure::Refused => "refuses the connection".to_owned(),
        other => format!("cannot be reached ({})", tcp_text(other, 0.0)),
    };
    Some(format!("{text}{at}"))
}

fn causes(proxied: &Proxied) -> Vec<String> {
    let texts: &[&str] = match (proxied.connect.failed(), proxied.tcp.failed()) {
        (Some(ProxyFailure::NotResolved { .. }), _) => &[
            "the variable misspells the proxy's name: getent shows that nobody knows it",
            "the name belongs to a network whose DNS servers this VPC does not ask",
        ],
        (_, Some(TcpFailure::Refused | TcpFailure::Reset)) => &[
            "the proxy does not run, or listens on another port",
            "a firewall on the proxy's host rejects this instance",
        ],
        _ => &[
            "the proxy's security group does not let this instance in, or this instance's does not let it out to that port",
            "the subnet has no route to the proxy's network (transit gateway, peering), or a network ACL closes the port",
            "the proxy is down",
        ],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn look(sent: &Sent<'_>) -> Vec<String> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    let host = sent.proxied.proxy.rsplit_once(':').map_or("", |(host, _)| host);
    let lookup = (!host.is_empty() && plain(host)).then(|| format!("getent ahosts {host}"));
    lookup.into_iter().chain(try_it(sent)).collect()
}
