//! The name servers that this host is told to use are outside the VPC and silent, while the VPC's own resolver answers.

use std::net::IpAddr;

use probes::observations::{Lookup, LookupFailure, ResolverKind};

use crate::diagnose::case::Case;
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::{fact, live_resolvers};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "resolver-outside-vpc-unreachable",
    title: "the name servers are outside the VPC and nothing comes back from them",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    let outside: Vec<&IpAddr> = host
        .resolvers
        .iter()
        .filter(|address| {
            !address.is_loopback() && !host.vpc_cidrs.iter().any(|cidr| cidr.contains(*address))
        })
        .filter(|address| lookups(case, address).next().is_some())
        .collect();
    if host.vpc_cidrs.is_empty() {
        return Check::CannotTell("the VPC's blocks are not known".to_owned());
    }
    if outside.is_empty() {
        return Check::NotApplicable("no name server outside the VPC".to_owned());
    }
    let silent: Vec<&IpAddr> = outside
        .iter()
        .copied()
        .filter(|address| {
            let silence = |lookup: &Lookup| matches!(lookup.a.failed(), Some(LookupFailure::TimedOut));
            lookups(case, address).all(silence)
        })
        .collect();
    if silent.len() < outside.len() || outside.len() < host.resolvers.len() {
        return Check::Clear("a name server that this host uses answers".to_owned());
    }
    let vpc = case.recording.targets.iter().map(names::vpc_says);
    if !vpc.into_iter().any(|says| matches!(says, Says::Private | Says::Public)) {
        return Check::CannotTell("the VPC resolver does not answer either".to_owned());
    }
    Check::Found(vec![finding(case, &silent)])
}

/// The questions to one server that is no VPC resolver.
fn lookups<'a>(case: &Case<'a>, address: &IpAddr) -> impl Iterator<Item = &'a Lookup> + use<'a> {
    let address = address.to_string();
    let all = case.recording.targets.iter().chain(&case.recording.controls);
    all.flat_map(|target| &target.lookups).filter(move |lookup| {
        lookup.kind == ResolverKind::Configured
            && lookup.resolver == address
            && lookup.a.skip_reason().is_none()
    })
}

fn finding(case: &Case<'_>, silent: &[&IpAddr]) -> Finding {
    let targets: Vec<&str> = case.recording.targets.iter().map(|target| target.target.as_str()).collect();
    let mut consequence = names::consequence(case, &targets);
    // The VPC resolver's addresses may be reachable; applications here do not get them.
    if case.recording.targets.iter().any(|target| target.required) {
        consequence.severity = crate::report::Severity::Error;
    }
    let mut explains = consequence.explains;
    let servers: Vec<String> = silent.iter().map(ToString::to_string).collect();
    explains
        .extend(servers.iter().map(|server| names::claim("resolver-dead", names::resolver_subject(server))));
    let first = servers[0].clone();
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::resolver_subject(&first),
        summary: format!(
            "no name server of this host answers ({}, outside the VPC, silent by UDP and TCP), so applications resolve nothing; the \
             VPC resolver does answer",
            servers.join(", ")
        ),
        facts: vec![fact("servers", servers.join(" "))],
        evidence: targets.iter().take(3).map(|target| format!("{target}/lookups/{first}")).collect(),
        causes: [
            "no route leads to the server's network from this subnet (transit gateway, VPN, peering): describe-route-tables shows \
             it",
            "a firewall, security group or network ACL lets port 53 (UDP and TCP) of this subnet not pass: new subnets are \
             forgotten there",
            "the server is down, or the DHCP options of this VPC name one that no longer exists",
        ]
        .map(str::to_owned)
        .into(),
        explains,
        remedy: Remedy {
            text: "Open the way to the servers for this subnet; or, where nothing in this VPC needs them (Active Directory does), \
                   give the VPC DHCP options with AmazonProvidedDNS. Hosts take the new options up when their lease is renewed: at \
                   once with `networkctl renew eth0`, `dhclient` or a restart."
                .to_owned(),
            commands: live_resolvers(case, &[]),
        },
    }
}
