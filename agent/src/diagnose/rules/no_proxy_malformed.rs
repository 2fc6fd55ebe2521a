//! A list of exceptions that clients cannot read as it was meant: blanks around the equals sign, wildcards, semicolons, quotes.

use probes::environment::Proxy;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::proxied::{leave_out, sent, takes_up};
use crate::diagnose::{Check, Rule};
use crate::proxies::{self, Way, corrected, troubles};
use crate::report::{Finding, Severity};

pub(super) const RULE: Rule =
    Rule { id: "no-proxy-malformed", title: "no_proxy is written in a form that clients do not read", check };

/// What follows from hosts that were meant to be left out and are not.
const FOLLOWING: &[&str] = &[
    "no-proxy-dialects-disagree",
    "proxy-without-no-proxy",
    "proxy-refuses",
    "proxy-wants-authentication",
    "proxy-unreachable",
];

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    let (variables, settings) = (&host.proxies, &host.proxy_settings);
    let is_list = |name: &str| name.eq_ignore_ascii_case("no_proxy");
    if variables.iter().all(|proxy| is_list(&proxy.variable)) && settings.is_empty() {
        return Check::NotApplicable("no proxy is set".to_owned());
    }
    let mut said = Vec::new();
    // What clients would be given if everything were written as it was meant.
    let mut meant: Vec<Proxy> = variables.clone();
    for proxy in meant.iter_mut().filter(|proxy| is_list(&proxy.variable)) {
        for trouble in troubles(&proxy.value) {
            said.push(format!("{} has {}", proxy.variable, trouble.words()));
        }
        proxy.value = corrected(&proxy.value);
    }
    for setting in settings {
        let place = format!("{} line {}", setting.file, setting.line);
        if setting.blanks {
            said.push(format!(
                "{place} has blanks around the equals sign of {}, so no shell sets it",
                setting.variable
            ));
            if is_list(&setting.variable) && !meant.iter().any(|proxy| proxy.variable == setting.variable) {
                let value = corrected(&setting.value);
                meant.push(Proxy { variable: setting.variable.clone(), value });
            }
        } else if is_list(&setting.variable) {
            let known = variables.iter().any(|proxy| proxy.value == setting.value);
            let kinds = troubles(&setting.value).into_iter().filter(|_| !known);
            said.extend(kinds.map(|trouble| format!("{place} has {}", trouble.words())));
        }
    }
    if said.is_empty() {
        return Check::Clear("every list is written as clients read it".to_owned());
    }
    let mut matters = false;
    let mut explains = Vec::new();
    for (proxy, sent) in sent(case) {
        let freed = |host: &str| proxies::way(&meant, host) == Way::Direct;
        matters |= sent.iter().any(|sent| freed(&sent.target.host));
        if sent.iter().all(|sent| freed(&sent.target.host)) {
            explains.extend(takes_up(FOLLOWING, proxy));
        }
    }
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: severity(case, matters, &explains),
        subject: case.instance(),
        summary: format!(
            "{}{}",
            said.join("; "),
            if matters { ": hosts of AWS that were meant to be left out go through the proxy" } else { "" }
        ),
        facts: said.iter().map(|each| fact("problem", each)).collect(),
        evidence: vec!["environment/proxies".to_owned(), "environment/proxy_settings".to_owned()],
        causes: vec![
            "it was copied from an article or another program's settings that read lists differently"
                .to_owned(),
        ],
        explains,
        remedy: leave_out(case),
    }])
}

/// As bad as what it takes up: an error where a required service cannot be used through the proxy.
fn severity(case: &Case<'_>, matters: bool, explains: &[crate::report::Explained]) -> Severity {
    let fails = sent(case).values().flatten().any(|sent| {
        sent.by_all
            && sent.verdict.required
            && sent.verdict.reachable == Some(false)
            && sent.directly().is_some()
    });
    match (matters, fails && !explains.is_empty()) {
        (true, true) => Severity::Error,
        (true, false) => Severity::Warning,
        (false, _) => Severity::Notice,
    }
}
