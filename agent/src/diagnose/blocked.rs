//! What the rules about routes, filters and endpoints share: from obstacles on silent ways to one finding for each component.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use probes::control_plane::NotAsked;

use super::Check;
use super::case::Case;
use super::cause;
use super::phrases::{fact, failure_places};
use super::way::{Way, Ways};
use crate::classify::evidence::is_private;
use crate::report::{Explained, Fact, Finding, Remedy, Subject, SubjectKind};

/// A finding about a component that stops packets, before its consequences are added.
pub(super) struct Blocked {
    pub(super) rule: &'static str,
    pub(super) subject: Subject,
    pub(super) summary: String,
    pub(super) facts: Vec<Fact>,
    /// Where EC2 says it.
    pub(super) place: &'static str,
    pub(super) causes: Vec<String>,
    pub(super) remedy: Remedy,
}

/// Runs a rule that reads obstacles: only where something stays silent, and EC2 was asked.
pub(super) fn check(case: &Case<'_>, find: impl FnOnce(&Ways<'_>) -> Vec<Finding>) -> Check {
    let ways = Ways::of(case);
    if ways.silent.is_empty() {
        return Check::Clear("no address that was tried stays silent".to_owned());
    }
    if let Some(because) = case.recording.control_plane.not_asked_because {
        return Check::CannotTell(not_asked(because).to_owned());
    }
    let findings = find(&ways);
    let unexplained = ways.silent.iter().find(|way| way.obstacles.is_empty() && !way.open.is_empty());
    let otherwise = match unexplained.and_then(|way| way.open.first()) {
        Some(why) => Check::CannotTell(why.clone()),
        None => Check::Clear("EC2 describes nothing of the kind".to_owned()),
    };
    Check::found_or(findings, otherwise)
}

/// Why EC2 was not asked, in words.
pub(super) fn not_asked(because: NotAsked) -> &'static str {
    match because {
        NotAsked::Disabled => "EC2 was not asked (--no-inspect)",
        NotAsked::NoCredentials => "EC2 was not asked: no credentials",
        NotAsked::NothingToAskFor => "EC2 was not asked: VPC or subnet unknown",
        NotAsked::OutOfTime => "EC2 was not asked in time",
        NotAsked::NotResolved => "EC2 was not asked: its name does not resolve",
        NotAsked::Unreachable => "EC2 was not asked: it cannot be reached",
        NotAsked::NotTrusted => "EC2 was not asked: TLS failed",
        NotAsked::NotSupported => "EC2 was not asked",
    }
}

/// The finding about a component, with what follows from it for the targets whose ways it stops.
pub(super) fn finding(case: &Case<'_>, ways: &Ways<'_>, on: &[&Way<'_>], blocked: Blocked) -> Finding {
    let targets = targets(on);
    let severity = cause::consequence(case, &targets).severity;
    let mut facts = vec![fact("targets", targets.join(" ")), fact("addresses", addresses(on))];
    facts.extend(blocked.facts);
    let mut evidence: Vec<String> =
        on.iter().flat_map(|way| failure_places(way.target).into_iter().take(1)).take(4).collect();
    evidence.dedup();
    evidence.push(blocked.place.to_owned());
    Finding {
        rule: blocked.rule.to_owned(),
        severity,
        subject: blocked.subject,
        summary: blocked.summary,
        facts,
        evidence,
        causes: blocked.causes,
        explains: symptoms(case, ways, &targets),
        remedy: blocked.remedy,
    }
}

/// The symptoms at these targets that a cause takes up: those of targets all of whose silent addresses are accounted for.
fn symptoms(case: &Case<'_>, ways: &Ways<'_>, targets: &[&str]) -> Vec<Explained> {
    let accounted = |target: &&str| {
        ways.silent.iter().filter(|way| way.target.target == **target).all(|way| !way.obstacles.is_empty())
    };
    let whole: Vec<&str> = targets.iter().copied().filter(accounted).collect();
    cause::consequence(case, &whole).explains
}

/// The targets of ways, each once, in their order.
pub(super) fn targets<'a>(on: &[&Way<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for way in on {
        if !names.contains(&way.target.target.as_str()) {
            names.push(&way.target.target);
        }
    }
    names
}

/// The services of ways, each once, in their order.
pub(super) fn services<'a>(on: &[&Way<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for way in on {
        if !names.contains(&way.target.service.as_str()) {
            names.push(&way.target.service);
        }
    }
    names
}

/// The addresses at the ends of ways, each once, for a fact; at most eight of them.
pub(super) fn addresses(on: &[&Way<'_>]) -> String {
    let all: BTreeSet<IpAddr> = on.iter().map(|way| way.address()).collect();
    let shown: Vec<String> = all.iter().take(8).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(shown.len());
    if more == 0 { shown.join(" ") } else { format!("{} and {more} more", shown.join(" ")) }
}

/// Names of things in a sentence: `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The groups that ways meet in `key`, in order, each with its ways.
pub(super) fn grouped<'w, 'a, K: Ord + Clone>(
    ways: &'w Ways<'a>,
    key: impl Fn(&'w Way<'a>) -> Option<K>,
) -> Vec<(K, Vec<&'w Way<'a>>)> {
    let mut groups: Vec<(K, Vec<&Way<'_>>)> = Vec::new();
    for way in &ways.silent {
        let Some(key) = key(way) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(way),
            None => groups.push((key, vec![way])),
        }
    }
    groups
}

/// The ranges of a service's prefix list in which these addresses are, each once; an address in none stands by itself.
pub(super) fn ranges(case: &Case<'_>, on: &[&Way<'_>]) -> Vec<IpNet> {
    let lists = case.recording.control_plane.prefix_lists.as_ref().and_then(|step| step.done());
    let mut found: Vec<IpNet> = on
        .iter()
        .map(|way| {
            let all = lists.into_iter().flatten().flat_map(|list| &list.cidrs);
            let holding = all.filter(|cidr| cidr.contains(&way.address()));
            holding
                .max_by_key(|cidr| cidr.prefix_len())
                .copied()
                .unwrap_or_else(|| IpNet::from(way.address()))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The block that a rule for an address is written for: the VPC's own that holds it, the address itself where it is private
/// and elsewhere, else everything of its family.
pub(super) fn block_for(case: &Case<'_>, address: IpAddr) -> IpNet {
    let blocks = case.recording.environment.host.vpc_cidrs.iter();
    let own = blocks.filter(|cidr| cidr.contains(&address)).max_by_key(|cidr| cidr.prefix_len());
    match (own, address) {
        (Some(block), _) => *block,
        (None, _) if is_private(address) => IpNet::from(address),
        (None, IpAddr::V4(_)) => IpNet::V4(Ipv4Net::default()),
        (None, IpAddr::V6(_)) => IpNet::V6(Ipv6Net::default()),
    }
}

/// A component of the VPC as a subject.
pub(super) fn component(kind: SubjectKind, id: impl Into<String>) -> Subject {
    Subject { kind, id: id.into() }
}
