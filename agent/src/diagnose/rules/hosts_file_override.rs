//! The hosts file of this host names a service, and applications get that address in place of what DNS says.

use std::net::IpAddr;

use probes::environment::HostsEntry;
use probes::observations::TargetObservation;

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::names;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule =
    Rule { id: "hosts-file-override", title: "the hosts file of this host names a service", check };

fn check(case: &Case<'_>) -> Check {
    let entries = &case.recording.environment.host.hosts_entries;
    if entries.is_empty() {
        return Check::NotApplicable("the hosts file names nothing but this host".to_owned());
    }
    let findings: Vec<Finding> = case
        .recording
        .targets
        .iter()
        .filter_map(|target| {
            let taken = overriding(entries, target);
            (!taken.is_empty()).then(|| finding(case, target, &taken))
        })
        .collect();
    Check::found_or(findings, Check::Clear(format!("{} entries, none of them of a service", entries.len())))
}

/// The addresses of the hosts file that applications get for a target: it names the host, and the host's name service gives
/// just that.
pub(super) fn overriding(entries: &[HostsEntry], target: &TargetObservation) -> Vec<IpAddr> {
    let named: Vec<IpAddr> = entries
        .iter()
        .filter(|entry| entry.names.contains(&target.host))
        .map(|entry| entry.address)
        .collect();
    let given = names::system(target).map(names::addresses).unwrap_or_default();
    if given.is_empty() || !given.iter().all(|address| named.contains(address)) {
        return Vec::new();
    }
    given
}

fn finding(case: &Case<'_>, target: &TargetObservation, taken: &[IpAddr]) -> Finding {
    let consequence = names::consequence(case, &[&target.target]);
    let list = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut facts = vec![fact("host", &target.host), fact("hosts_file", list(taken))];
    let by_dns = names::vpc(target).map(names::addresses).unwrap_or_default();
    let agrees = !by_dns.is_empty() && taken.iter().all(|address| by_dns.contains(address));
    if !by_dns.is_empty() {
        facts.push(fact("dns", list(&by_dns)));
    }
    let now = match (by_dns.is_empty(), agrees) {
        (true, _) => "the VPC resolver has no other",
        (false, true) => "the VPC resolver gives the same for now, and will not when the address changes",
        (false, false) => "the VPC resolver gives other ones",
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: target_subject(&target.target),
        summary: format!("the hosts file of this host leads {} to {}: {now}", target.host, list(taken)),
        facts,
        evidence: vec![
            "environment/hosts_entries".to_owned(),
            format!("{}/lookups/system", target.target),
        ],
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: Remedy {
            text: "Take the line out of /etc/hosts (as root), and out of whatever writes it: an image, cloud-init's template or a \
                   configuration tool. The command keeps every other line, and works where the file itself is mounted."
                .to_owned(),
            commands: vec![format!(
                "H=$(grep -vE '[[:space:]]{}([[:space:]]|$)' /etc/hosts) && printf '%s\\n' \"$H\" >/etc/hosts",
                target.host.replace('.', "\\.")
            )],
        },
    }
}
