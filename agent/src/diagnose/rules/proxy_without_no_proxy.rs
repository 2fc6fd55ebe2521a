//! A proxy carries the traffic to services that have a VPC endpoint here: it works, and goes round the endpoint.

use crate::diagnose::case::Case;
use crate::diagnose::proxied::{evidence, hosts, leave_out, names, sent, subject};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "proxy-without-no-proxy",
    title: "a proxy carries traffic that a VPC endpoint would serve",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let sent = sent(case);
    if sent.is_empty() {
        return Check::NotApplicable("no proxy takes any of the hosts".to_owned());
    }
    let mut findings = Vec::new();
    for (proxy, sent) in &sent {
        let round: Vec<_> = sent
            .iter()
            .filter(|sent| sent.by_all && sent.verdict.reachable == Some(true) && sent.has_endpoint())
            .collect();
        if round.is_empty() {
            continue;
        }
        let targets = names(round.iter().copied());
        findings.push(Finding {
            rule: RULE.id.to_owned(),
            severity: Severity::Warning,
            subject: subject(proxy),
            summary: format!(
                "clients reach {} through proxy {proxy}, although a VPC endpoint answers for {} without it: no_proxy lacks \
                 AWS's names",
                targets.join(", "),
                if targets.len() == 1 { "it" } else { "them" }
            ),
            facts: hosts(round.iter().copied()),
            evidence: evidence(&targets, "call"),
            causes: vec!["no_proxy does not hold AWS's names in a form that every client reads".to_owned()],
            explains: Vec::new(),
            remedy: leave_out(case),
        });
    }
    Check::found_or(
        findings,
        Check::Clear("what goes through the proxy has no endpoint that answers".to_owned()),
    )
}
