//! The same proxy variable is set in upper and in lower case, with different values: which one holds depends on the client.

use probes::environment::Proxy;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::proxied::{sent, takes_up};
use crate::diagnose::{Check, Rule};
use crate::proxies::{self, Way};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "proxy-case-precedence", title: "upper and lower case proxy variables differ", check };

const NAMES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

fn check(case: &Case<'_>) -> Check {
    let variables = &case.recording.environment.host.proxies;
    let value =
        |name: &str| variables.iter().find(|proxy| proxy.variable == name).map(|proxy| proxy.value.as_str());
    let differ: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| {
            let upper = value(&name.to_ascii_uppercase());
            upper.is_some() && value(name).is_some() && upper != value(name)
        })
        .collect();
    if differ.is_empty() {
        return Check::Clear("no variable is set twice with different values".to_owned());
    }
    // Which proxies' clients would agree if lower case held everywhere.
    let lower: Vec<Proxy> = variables
        .iter()
        .filter(|proxy| !differ.iter().any(|name| proxy.variable == name.to_ascii_uppercase()))
        .cloned()
        .collect();
    let mut matters = false;
    let mut explains = Vec::new();
    for (proxy, sent) in sent(case) {
        let split: Vec<_> = sent.iter().filter(|sent| !sent.by_all).collect();
        let settled = |host: &str| !matches!(proxies::way(&lower, host), Way::Unclear(_));
        if !split.is_empty() && split.iter().all(|sent| settled(&sent.target.host)) {
            matters = true;
            explains.extend(takes_up(&["no-proxy-dialects-disagree"], proxy));
        }
    }
    let effect = if matters {
        "clients take different ways to AWS: Go programs such as the SSM Agent read the upper case first, curl and Python the lower"
    } else {
        "today all clients take the same way to AWS, and the next change to one of them may part them"
    };
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: if matters { Severity::Warning } else { Severity::Notice },
        subject: case.instance(),
        summary: format!("{} differ in upper and lower case: {effect}", differ.join(", ")),
        facts: differ
            .iter()
            .flat_map(|name| {
                let upper = name.to_ascii_uppercase();
                [fact(name, value(name).unwrap_or_default()), fact(&upper, value(&upper).unwrap_or_default())]
            })
            .collect(),
        evidence: vec!["environment/proxies".to_owned()],
        causes: vec![
            "the two spellings are set in different places, and one of them was changed alone".to_owned(),
        ],
        explains,
        remedy: Remedy {
            text: "Give both spellings the value of the lower case one, where they are set.".to_owned(),
            commands: differ
                .iter()
                .map(|name| format!("export {}=\"${name}\"", name.to_ascii_uppercase()))
                .collect(),
        },
    }])
}
