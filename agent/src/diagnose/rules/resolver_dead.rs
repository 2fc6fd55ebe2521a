//! A name server of this host that answers nothing, or only that it cannot.

use std::collections::BTreeMap;

use probes::observations::{Lookup, LookupFailure, ResolverKind, TargetObservation};

use crate::classify::fold;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::{fact, in_words, live_resolvers};
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Remedy, Severity, Subject, SubjectKind};

pub(super) const RULE: Rule =
    Rule { id: "resolver-dead", title: "a name server of this host answers nothing", check };

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if host.resolvers.is_empty() {
        return Check::NotApplicable("resolv.conf names no server".to_owned());
    }
    let by_resolver = by_resolver(case);
    // Only servers that this host is told to use: the VPC resolver asked beside them is for comparison, unless a stub on this
    // host stands before it, which asks it in turn.
    let stub = host.resolvers.iter().all(std::net::IpAddr::is_loopback);
    let is_used = |address: &str, lookups: &[&Lookup]| {
        let behind_stub = stub && lookups.iter().any(|lookup| lookup.kind == ResolverKind::Vpc);
        behind_stub || host.resolvers.iter().any(|used| used.to_string() == address)
    };
    let used = by_resolver.iter().filter(|(address, lookups)| is_used(address, lookups));
    let dead: Vec<(&&str, &Vec<&Lookup>)> = used
        .clone()
        .filter(|(_, lookups)| !lookups.is_empty() && lookups.iter().all(|lookup| is_dead(lookup)))
        .collect();
    if dead.is_empty() {
        let asked = used.clone().map(|(_, lookups)| lookups.len()).sum::<usize>();
        return if asked == 0 {
            Check::CannotTell("no server was asked before time was up".to_owned())
        } else {
            Check::Clear(format!("{} asked, {asked} answers", used.count()))
        };
    }
    let all_dead = dead.len() == used.clone().count();
    // What the VPC resolver gave when asked beside them is no help to applications.
    let resolves = |target: &TargetObservation| {
        matches!(names::system_says(target), Says::Private | Says::Public | Says::Nowhere)
    };
    let unresolved =
        case.recording.targets.iter().filter(|target| !resolves(target) && !target.host.is_empty());
    let unresolved: Vec<&str> = unresolved.map(|target| target.target.as_str()).collect();
    let alive: Vec<String> = used
        .clone()
        .map(|(address, _)| (*address).to_owned())
        .filter(|address| dead.iter().all(|(other, _)| **other != address.as_str()))
        .collect();
    let findings = dead
        .iter()
        .map(|(address, lookups)| {
            finding(case, address, lookups, all_dead && !unresolved.is_empty(), &unresolved, &alive)
        })
        .collect();
    Check::Found(findings)
}

fn finding(
    case: &Case<'_>,
    address: &str,
    lookups: &[&Lookup],
    nothing_resolves: bool,
    unresolved: &[&str],
    alive: &[String],
) -> Finding {
    let how = lookups.iter().find_map(|lookup| lookup.a.failed()).map(fold::describe).unwrap_or_default();
    let vpc = lookups.iter().any(|lookup| lookup.kind == ResolverKind::Vpc);
    let subject = Subject { kind: SubjectKind::Resolver, id: address.to_owned() };
    let consequence = if nothing_resolves {
        format!("so no name resolves ({} targets affected)", unresolved.len())
    } else {
        "names still resolve by other means, but every lookup that starts there waits for it".to_owned()
    };
    let explains = if nothing_resolves {
        let rules = ["required-service-unreachable", "optional-service-unreachable", "path-undetermined"];
        let claims = rules.iter().flat_map(|rule| {
            unresolved
                .iter()
                .map(|target| Explained { rule: (*rule).to_owned(), subject: target_subject(target) })
        });
        claims.collect()
    } else {
        Vec::new()
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: if nothing_resolves { Severity::Error } else { Severity::Warning },
        subject,
        summary: format!("name server {address} {how}, {consequence}"),
        facts: vec![fact("questions", lookups.len()), fact("answers", 0)],
        evidence: asked(case, address).into_iter().take(3).collect(),
        causes: causes(vpc),
        explains,
        remedy: remedy(case, address, vpc, alive),
    }
}

/// Where the server's silence stands in the report.
fn asked(case: &Case<'_>, address: &str) -> Vec<String> {
    let asked = |target: &&TargetObservation| target.lookups.iter().any(|lookup| lookup.resolver == address);
    let place = |target: &TargetObservation| format!("{}/lookups/{address}", target.target);
    case.recording.targets.iter().filter(asked).map(place).collect()
}

fn causes(vpc: bool) -> Vec<String> {
    let causes: &[&str] = if vpc {
        &[
            "DNS resolution is off in this VPC (enableDnsSupport): then the VPC resolver answers nobody in it; the first \
             command below tells",
            "a Resolver rule forwards these names to a server that is down: then names outside the rule still resolve",
            "this host exceeds the limit of 1,024 packets a second to link-local addresses: then it comes and goes with load",
        ]
    } else {
        &[
            "the server is down",
            "a security group, a network ACL or a route stands between this host and the server (port 53, UDP and TCP)",
            "the DHCP options of this VPC name a server that no longer exists",
        ]
    };
    causes.iter().map(|cause| (*cause).to_owned()).collect()
}

fn remedy(case: &Case<'_>, address: &str, vpc: bool, alive: &[String]) -> Remedy {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc_id)) = (&host.region, &host.vpc_id) else {
        return in_words(if vpc {
            "Switch DNS resolution on in the VPC (enableDnsSupport)."
        } else {
            "Repair the server, or point the VPC's DHCP options at AmazonProvidedDNS."
        });
    };
    if vpc {
        return Remedy {
            text: "Switch DNS resolution on in the VPC.".to_owned(),
            commands: vec![
                format!(
                    "aws ec2 describe-vpc-attribute --region {region} --vpc-id {vpc_id} --attribute enableDnsSupport"
                ),
                format!(
                    "aws ec2 modify-vpc-attribute --region {region} --vpc-id {vpc_id} --enable-dns-support '{{\"Value\":true}}'"
                ),
            ],
        };
    }
    let dig = format!("dig +time=2 +tries=1 @{address} amazonaws.com SOA");
    let (whom, servers) = if alive.is_empty() {
        (
            "AmazonProvidedDNS, where nothing in this VPC needs servers of its own (Active Directory does)",
            &[][..],
        )
    } else {
        ("the servers that do answer", alive)
    };
    Remedy {
        text: format!(
            "Repair the server {address}, or give the VPC DHCP options with {whom}. Hosts take the new options up when their lease \
             is renewed: at once with `networkctl renew eth0`, `dhclient` or a restart."
        ),
        commands: std::iter::once(dig).chain(live_resolvers(case, servers)).collect(),
    }
}

/// Every direct lookup that was tried, by resolver.
fn by_resolver<'a>(case: &Case<'a>) -> BTreeMap<&'a str, Vec<&'a Lookup>> {
    let mut map: BTreeMap<&str, Vec<&Lookup>> = BTreeMap::new();
    let all = case.recording.targets.iter().chain(&case.recording.controls);
    for lookup in all.flat_map(|target| &target.lookups) {
        let tried = lookup.a.skip_reason().is_none();
        if lookup.kind != ResolverKind::System && tried {
            map.entry(lookup.resolver.as_str()).or_default().push(lookup);
        }
    }
    map
}

/// Whether a server gave no usable answer at all: silence, a closed door, or only that it cannot. That a name does not
/// exist is an answer.
fn is_dead(lookup: &Lookup) -> bool {
    matches!(
        lookup.a.failed(),
        Some(
            LookupFailure::TimedOut
                | LookupFailure::Unreachable { .. }
                | LookupFailure::ServerFailure
                | LookupFailure::Refused
                | LookupFailure::Malformed { .. }
        )
    )
}
