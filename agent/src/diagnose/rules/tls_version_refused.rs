//! The handshake is ended for its version, or comes through with TLS 1.2 alone.

use probes::observations::{Retry, TlsFailure};

use crate::diagnose::case::Case;
use crate::diagnose::cause::consequence;
use crate::diagnose::phrases::fact;
use crate::diagnose::wire::{Retried, passed, retried, with_alike, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "tls-version-refused",
    title: "a peer or box on the way does not take the TLS version",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let all = retried(case);
    let refused: Vec<&Retried<'_>> = all.iter().filter(|retried| is_refused(retried)).collect();
    let Some(first) = refused.first() else {
        return Check::Clear("no handshake was ended for its version".to_owned());
    };
    let only_new = passed(first.retries.tls12.as_ref());
    let concerned = with_alike(case, &refused);
    let targets: Vec<&str> = concerned.iter().map(|target| target.target.as_str()).collect();
    let hosts: Vec<&str> = concerned.iter().map(|target| target.host.as_str()).collect();
    let follows = consequence(case, &targets);
    let what = if only_new {
        "handshakes that offer TLS 1.3 are stopped, and with TLS 1.2 alone they come through"
    } else {
        "the peer ends handshakes with TLS 1.2 and 1.3 alike for their version"
    };
    let causes = if only_new {
        words(&[
            "an inspecting firewall or proxy on the way does not know TLS 1.3, or a policy of its forbids it",
        ])
    } else {
        words(&[
            "an old proxy or firewall answers in place of the service and speaks TLS 1.0 or 1.1 only, which AWS no longer does",
            "the name leads to a server that is none of AWS's",
        ])
    };
    let (address, host) = (first.attempt.address, &first.target.host);
    let address = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    let show = |version: &str| {
        format!("openssl s_client -connect {address}:443 -servername {host} -{version} </dev/null")
    };
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: follows.severity,
        subject: case.instance(),
        summary: format!("{}: {what}", targets.join(", ")),
        facts: vec![fact("hosts", hosts.join(" ")), fact("tls_1_2_passes", only_new)],
        evidence: refused.iter().take(4).map(|each| format!("{}/{}/tls", each.target.target, each.attempt.address)).collect(),
        causes,
        explains: follows.explains,
        remedy: Remedy {
            text: "Have the box on the way take TLS 1.2 and 1.3, or exempt AWS's names from it. Until then clients that can be limited \
                   to TLS 1.2 work where only 1.3 is stopped (curl --tls-max 1.2; Java -Djdk.tls.client.protocols=TLSv1.2)."
                .to_owned(),
            commands: vec![show("tls1_2"), show("tls1_3")],
        },
    }])
}

fn is_refused(retried: &Retried<'_>) -> bool {
    let by_alert = |failure: &TlsFailure| matches!(failure, TlsFailure::Alert { description } if description == "protocol_version");
    let Some(failure) = retried.attempt.tls.failed() else { return false };
    let small = passed(retried.retries.small_packets.as_ref());
    match &retried.retries.tls12 {
        Some(Retry::Passed) => !small,
        Some(Retry::Handshake { failure: old }) => by_alert(failure) && by_alert(old),
        _ => by_alert(failure),
    }
}
