//! What the rules about proxies share: who is sent through which, whether the direct way works as well, and the line that keeps
//! AWS's own names out.

use std::collections::BTreeMap;

use probes::observations::{Proxied, TargetObservation};

use super::case::Case;
use super::cause::consequence;
use super::phrases::fact;
use crate::catalogue;
use crate::proxies::{self, Recommended, Way};
use crate::report::{
    Confidence, Explained, Fact, Finding, Path, Remedy, Severity, Subject, SubjectKind, Verdict,
};

/// A target that clients on this host send through a proxy.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The target.
    pub target: &'a TargetObservation,
    /// Its verdict.
    pub verdict: &'a Verdict,
    /// What the way through the proxy was like.
    pub proxied: &'a Proxied,
    /// Whether all clients go there; else they disagree.
    pub by_all: bool,
}

impl Sent<'_> {
    /// The path of an address that answers without the proxy.
    #[must_use]
    pub fn directly(&self) -> Option<Path> {
        self.verdict
            .addresses
            .iter()
            .find(|address| address.reachable == Some(true))
            .map(|address| address.path)
    }

    /// Whether the direct way is, as far as can be told, a VPC endpoint that answers. One that is only possible is none: a NAT
    /// gateway that hides looks the same.
    #[must_use]
    pub fn has_endpoint(&self) -> bool {
        self.verdict.addresses.iter().any(|address| {
            address.reachable == Some(true)
                && matches!(address.path, Path::GatewayEndpoint | Path::InterfaceEndpoint)
                && address.confidence >= Some(Confidence::Likely)
        })
    }
}

/// Every target that some client here sends through a proxy, by the proxy.
#[must_use]
pub fn sent<'a>(case: &Case<'a>) -> BTreeMap<&'a str, Vec<Sent<'a>>> {
    let mut by_proxy: BTreeMap<&str, Vec<Sent<'_>>> = BTreeMap::new();
    for (target, verdict) in case.targets() {
        let Some(proxied) = &target.proxied else { continue };
        let by_all = match proxies::way(&case.recording.environment.host.proxies, &target.host) {
            Way::Direct => continue,
            Way::Proxied(_) => true,
            Way::Unclear(_) => false,
        };
        by_proxy.entry(&proxied.proxy).or_default().push(Sent { target, verdict, proxied, by_all });
    }
    by_proxy
}

/// One finding per proxy that keeps targets from working, for those that `what` says something of.
pub(super) fn failing(
    case: &Case<'_>,
    rule: &str,
    step: &str,
    what: impl Fn(&Proxied) -> Option<String>,
    remedy: impl Fn(&Sent<'_>, bool) -> (Vec<String>, Remedy),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (proxy, sent) in sent(case) {
        let failing: Vec<(&Sent<'_>, String)> =
            sent.iter().filter_map(|sent| Some((sent, what(sent.proxied)?))).collect();
        let Some((first, said)) = failing.first() else { continue };
        let targets = names(failing.iter().map(|(sent, _)| *sent));
        let follows = consequence(case, &targets);
        // Clients that disagree have one that fails, although the verdict is on the way of the others.
        let severity = follows.severity.max(if first.by_all { Severity::Notice } else { Severity::Warning });
        let direct = failing.iter().all(|(sent, _)| sent.directly().is_some());
        let (mut causes, remedy) = remedy(first, direct);
        if direct {
            causes.insert(
                0,
                "the hosts answer directly and need no proxy: they are missing in no_proxy".to_owned(),
            );
        }
        findings.push(Finding {
            rule: rule.to_owned(),
            severity,
            subject: subject(proxy),
            summary: format!(
                "proxy {proxy} ({}) {said}, for {}{}",
                variable(case, first),
                targets.join(", "),
                if direct { "; all of them answer without the proxy" } else { "" }
            ),
            facts: hosts(failing.iter().map(|(sent, _)| *sent)),
            evidence: evidence(&targets, step),
            causes,
            explains: follows.explains,
            remedy,
        });
    }
    findings
}

/// The proxy as a subject.
#[must_use]
pub fn subject(proxy: &str) -> Subject {
    Subject { kind: SubjectKind::Proxy, id: proxy.to_owned() }
}

/// That a finding about each of these proxies is taken up.
#[must_use]
pub fn takes_up(rules: &[&str], proxy: &str) -> Vec<Explained> {
    rules.iter().map(|rule| Explained { rule: (*rule).to_owned(), subject: subject(proxy) }).collect()
}

/// The names of targets.
#[must_use]
pub fn names<'a>(sent: impl Iterator<Item = &'a Sent<'a>>) -> Vec<&'a str> {
    sent.map(|sent| sent.target.target.as_str()).collect()
}

/// The hosts of targets as a fact.
#[must_use]
pub fn hosts<'a>(sent: impl Iterator<Item = &'a Sent<'a>>) -> Vec<Fact> {
    let hosts: Vec<&str> = sent.map(|sent| sent.target.host.as_str()).collect();
    vec![fact("hosts", hosts.join(" "))]
}

/// The places of a step on the way through the proxy.
#[must_use]
pub fn evidence(targets: &[&str], step: &str) -> Vec<String> {
    let places = targets.iter().take(3).map(|target| format!("{target}/proxied/{step}"));
    std::iter::once("environment/proxies".to_owned()).chain(places).collect()
}

/// The variable that names the proxy of a target.
fn variable(case: &Case<'_>, sent: &Sent<'_>) -> String {
    match proxies::way(&case.recording.environment.host.proxies, &sent.target.host) {
        Way::Proxied(plan) | Way::Unclear(plan) => plan.variable,
        Way::Direct => String::new(),
    }
}

/// The list for this Region that every client reads alike, with the entries of today.
#[must_use]
pub fn recommended(case: &Case<'_>) -> Option<Recommended> {
    let region = case.region()?;
    let partition = catalogue::partition_of_region(region)?;
    let variables = &case.recording.environment.host.proxies;
    let today: Vec<&str> = variables
        .iter()
        .filter(|proxy| proxy.variable.eq_ignore_ascii_case("no_proxy"))
        .map(|proxy| proxy.value.as_str())
        .collect();
    Some(proxies::no_proxy_list(
        &today.join(","),
        region,
        &partition.dns_suffix,
        &partition.dual_stack_suffix,
    ))
}

/// How to keep AWS's own names out of the proxy, for shells.
#[must_use]
pub fn leave_out(case: &Case<'_>) -> Remedy {
    let variables = case.recording.environment.host.proxies.iter();
    let set: Vec<&str> = variables.map(|proxy| proxy.variable.as_str()).collect();
    let files = &case.recording.environment.host.proxy_settings;
    let mut places: Vec<String> =
        files.iter().map(|setting| format!("{} line {}", setting.file, setting.line)).collect();
    places.dedup();
    places.truncate(4);
    let found = if places.is_empty() {
        String::new()
    } else {
        format!(" (such settings are in {})", places.join(", "))
    };
    Remedy {
        text: format!(
            "Keep AWS's own names out of the proxy: these two lines where {} are set{found}, without blanks around the equals \
             sign, then log in again. Services that systemd starts do not see them and need a drop-in of their own \
             (`vpcprobe explain service-proxy-differs`).",
            set.join(", ")
        ),
        commands: recommended(case).map(|line| line.commands).unwrap_or_default(),
    }
}

/// A request through the proxy with curl, where the proxy's name can stand in a command.
#[must_use]
pub fn try_it(sent: &Sent<'_>) -> Vec<String> {
    let proxy = &sent.proxied.proxy;
    let plain = proxy.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if !plain {
        return Vec::new();
    }
    vec![format!("curl -sv -o /dev/null --max-time 5 -x http://{proxy} https://{}/", sent.target.host)]
}
