//! Clients on this host read the proxy variables differently: some go through the proxy and some directly.

use crate::diagnose::case::Case;
use crate::diagnose::cause::consequence;
use crate::diagnose::phrases::fact;
use crate::diagnose::proxied::{Sent, evidence, leave_out, names, sent, subject};
use crate::diagnose::{Check, Rule};
use crate::proxies::{CLIENTS, Scheme};
use crate::report::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "no-proxy-dialects-disagree",
    title: "some clients go through the proxy and some do not",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let by_proxy = sent(case);
    if by_proxy.is_empty() {
        return Check::NotApplicable("no proxy takes any of the hosts".to_owned());
    }
    let mut findings = Vec::new();
    for (proxy, sent) in &by_proxy {
        let split: Vec<&Sent<'_>> = sent.iter().filter(|sent| !sent.by_all).collect();
        if !split.is_empty() {
            findings.push(finding(case, proxy, &split));
        }
    }
    Check::found_or(findings, Check::Clear("curl, Python and Go read the variables alike".to_owned()))
}

fn finding(case: &Case<'_>, proxy: &str, split: &[&Sent<'_>]) -> Finding {
    let variables = &case.recording.environment.host.proxies;
    let targets = names(split.iter().copied());
    let host = split.first().map_or("", |sent| sent.target.host.as_str());
    let ways = CLIENTS.map(|client| {
        let way = client.proxy(variables, Scheme::Https, host);
        (client, way.map_or_else(|| "directly".to_owned(), |plan| format!("through {}", plan.authority())))
    });
    let told =
        ways.iter().map(|(client, way)| format!("{} {way}", client.words())).collect::<Vec<_>>().join(", ");
    let follows = consequence(case, &targets);
    Finding {
        rule: RULE.id.to_owned(),
        severity: follows.severity.max(Severity::Warning),
        subject: subject(proxy),
        summary: format!("clients do not agree on the way to {}: {told}", targets.join(", ")),
        facts: ways.iter().map(|(client, way)| fact(client.words(), way)).collect(),
        evidence: evidence(&targets, "connect"),
        causes: vec![
            "no_proxy has an entry that clients read differently: a leading dot before the very host name (Go leaves out only \
             what is below it), a `*` (known to Go alone), blanks between entries (known to curl alone)"
                .to_owned(),
            "ALL_PROXY alone is set, which curl reads and the others do not".to_owned(),
            "upper and lower case spellings differ: Go reads the upper one first, curl and Python the lower one".to_owned(),
        ],
        explains: follows.explains,
        remedy: leave_out(case),
    }
}
