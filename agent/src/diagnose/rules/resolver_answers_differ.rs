//! A server that this host uses answers otherwise than the VPC resolver: public addresses where that gives private ones, none
//! where it gives some, or private ones that it no longer gives.

use std::net::IpAddr;

use probes::observations::{Lookup, ResolverKind, TargetObservation};

use super::hosts_file_override::overriding;
use crate::classify::evidence::is_private;
use crate::diagnose::case::Case;
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "resolver-answers-differ",
    title: "a server of one's own answers otherwise than the VPC resolver",
    check,
};

/// In what way a server differs from the VPC resolver, the plainest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// Public addresses, where the VPC resolver gives private ones.
    PublicForPrivate,
    /// No address, where the VPC resolver gives some.
    NoneForSome,
    /// Private addresses that the VPC resolver does not give.
    OtherPrivate,
}

fn check(case: &Case<'_>) -> Check {
    let mut found: Vec<(&str, Difference, Vec<&TargetObservation>)> = Vec::new();
    let mut compared = 0;
    for target in &case.recording.targets {
        let Some(vpc) = names::vpc(target).filter(|lookup| !names::addresses(lookup).is_empty()) else {
            continue;
        };
        let own = target.lookups.iter().filter(|lookup| lookup.kind == ResolverKind::Configured);
        let own: Vec<&Lookup> = own.filter(|lookup| names::says(lookup) != Says::NotAsked).collect();
        let mut differing: Vec<(&str, Difference)> = own
            .iter()
            .filter_map(|lookup| Some((lookup.resolver.as_str(), difference(lookup, vpc)?)))
            .collect();
        compared += own.len();
        // What no server gives and applications get is kept on this host: a cache, unless the hosts file says it.
        let entries = &case.recording.environment.host.hosts_entries;
        if differing.is_empty()
            && overriding(entries, target).is_empty()
            && let Some(system) = names::system(target)
        {
            compared += 1;
            let nobody_gives = target
                .attempts
                .iter()
                .any(|attempt| attempt.origin.len() == 1 && attempt.origin[0] == "system");
            // `getent` says the same of a dead server as of a name that does not exist.
            let alive = own.iter().all(|lookup| names::says(lookup) != Says::Silent);
            let differs = difference(system, vpc).filter(|how| match how {
                Difference::NoneForSome => alive,
                _ => nobody_gives,
            });
            differing.extend(differs.map(|difference| (system.resolver.as_str(), difference)));
        }
        for (resolver, difference) in differing {
            match found.iter_mut().find(|(known, ..)| *known == resolver) {
                Some((_, worst, targets)) => {
                    *worst = (*worst).min(difference);
                    targets.push(target);
                }
                None => found.push((resolver, difference, vec![target])),
            }
        }
    }
    let findings =
        found.iter().map(|(resolver, how, targets)| finding(case, resolver, *how, targets)).collect();
    let otherwise = if compared == 0 {
        Check::NotApplicable("this host asks the VPC resolver only".to_owned())
    } else {
        Check::Clear(format!("{compared} answers compared"))
    };
    Check::found_or(findings, otherwise)
}

/// How one answer differs from the VPC resolver's in a way that matters. Different public addresses do not: services change
/// theirs all the time.
fn difference(own: &Lookup, vpc: &Lookup) -> Option<Difference> {
    let private = |lookup: &Lookup| -> Vec<IpAddr> {
        names::addresses(lookup).into_iter().filter(|address| is_private(*address)).collect()
    };
    match (names::says(own), names::says(vpc)) {
        (Says::Public, Says::Private) => Some(Difference::PublicForPrivate),
        (Says::NoName, Says::Private | Says::Public) => Some(Difference::NoneForSome),
        (Says::Private, Says::Private) => {
            let known = private(vpc);
            private(own).iter().any(|address| !known.contains(address)).then_some(Difference::OtherPrivate)
        }
        _ => None,
    }
}

fn finding(case: &Case<'_>, resolver: &str, how: Difference, differing: &[&TargetObservation]) -> Finding {
    let targets: Vec<&str> = differing.iter().map(|target| target.target.as_str()).collect();
    let consequence = names::consequence(case, &targets);
    let local = resolver == "system";
    let who =
        if local { "this host's own name service".to_owned() } else { format!("name server {resolver}") };
    let listed = names::listed(targets.iter().copied());
    let summary = match how {
        Difference::PublicForPrivate => format!(
            "{who} gives public addresses for {listed}, where the VPC resolver gives those of the VPC's interface endpoints: \
             clients here go past them"
        ),
        Difference::NoneForSome => {
            format!("{who} knows no address for {listed}, and the VPC resolver does")
        }
        Difference::OtherPrivate => {
            format!("{who} gives private addresses for {listed} that the VPC resolver does not give")
        }
    };
    let sample = differing.first();
    let given = |lookup: Option<&Lookup>| {
        let addresses = lookup.map(names::addresses).unwrap_or_default();
        addresses.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let own = sample.and_then(|target| target.lookups.iter().find(|lookup| lookup.resolver == resolver));
    let mut facts = vec![fact("targets", targets.join(" "))];
    if let Some(target) = sample {
        facts.push(fact("host", &target.host));
        facts.push(fact("answer", given(own)));
        facts.push(fact("vpc_resolver_answer", given(names::vpc(target))));
    }
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::resolver_subject(resolver),
        summary,
        facts,
        evidence: targets.iter().take(3).map(|target| format!("{target}/lookups/{resolver}")).collect(),
        causes: causes(how, local),
        explains: consequence.explains,
        remedy: remedy(case, resolver, sample.map_or("", |target| &target.host)),
    }
}

fn causes(how: Difference, local: bool) -> Vec<String> {
    let forwarder = "it asks the public DNS, and has no conditional forwarder that sends AWS names to the VPC resolver: its \
                     forwarder settings show it";
    let stale = "it keeps an answer from before the endpoint was made or changed: then it passes when the time to live runs out \
                 (60 s for interface endpoints; flush its cache)";
    let own_zone =
        "it has a zone of its own for this domain that lacks or overrides the name: its zones show it";
    let causes: &[&str] = match (local, how) {
        (true, Difference::NoneForSome) => &[
            "the stub resolver on this host asks a server that does not know the name, or none: `resolvectl status` shows its \
             servers",
            "nsswitch.conf lets programs ask files only, or something before DNS ends the search: its hosts line shows it",
        ],
        (true, _) => &[
            "systemd-resolved, nscd or dnsmasq on this host keeps an old answer: flush it",
            "a file or directory service in nsswitch.conf answers before DNS: `getent -s files hosts NAME` tells",
        ],
        (false, Difference::PublicForPrivate) => &[forwarder, stale, own_zone],
        (false, Difference::NoneForSome) => {
            &[own_zone, "it blocks the name: its policy or log shows it", stale]
        }
        (false, Difference::OtherPrivate) => &[
            stale,
            "it has records of its own for an endpoint elsewhere, as networks with a central VPC do on purpose: its zones show it",
        ],
    };
    causes.iter().map(|cause| (*cause).to_owned()).collect()
}

fn remedy(case: &Case<'_>, resolver: &str, host: &str) -> Remedy {
    if resolver == "system" {
        return Remedy {
            text: "Flush what this host keeps, and look again.".to_owned(),
            commands: vec!["resolvectl flush-caches".to_owned(), "nscd -i hosts".to_owned()],
        };
    }
    let environment = &case.recording.environment.host;
    let domain = match environment.partition.as_deref() {
        Some("aws-cn") => "amazonaws.com.cn",
        Some("aws-eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    // The base address plus two works from every host of the VPC; the link-local one, for a server outside of it, does not.
    let vpc_resolver = environment.vpc_cidrs.iter().find_map(|cidr| match cidr {
        ipnet::IpNet::V4(cidr) => u32::from(cidr.network()).checked_add(2).map(std::net::Ipv4Addr::from),
        ipnet::IpNet::V6(_) => None,
    });
    let to = vpc_resolver
        .map_or_else(|| "the VPC's base address plus 2".to_owned(), |address| address.to_string());
    let inside = resolver
        .parse::<IpAddr>()
        .is_ok_and(|address| environment.vpc_cidrs.iter().any(|cidr| cidr.contains(&address)));
    let whom = if inside {
        format!("the VPC resolver ({to})")
    } else {
        "an inbound endpoint of Route 53 Resolver in this VPC (a server outside the VPC cannot ask the VPC resolver itself)".to_owned()
    };
    Remedy {
        text: format!(
            "On {resolver}, forward {domain} to {whom}. BIND: zone \"{domain}\" {{ type forward; forward only; forwarders {{ {to}; }}; \
             }}; Windows: Add-DnsServerConditionalForwarderZone -Name {domain} -MasterServers {to}. Flush its cache afterwards, and \
             compare the answers."
        ),
        commands: vec![
            format!("dig +short +time=2 +tries=1 @{resolver} {host}"),
            format!("dig +short +time=2 +tries=1 @169.254.169.253 {host}"),
        ],
    }
}
