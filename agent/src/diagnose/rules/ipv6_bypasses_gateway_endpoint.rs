//! S3 or `DynamoDB` takes the gateway endpoint by IPv4 and leaves the VPC by IPv6, which clients prefer.

use std::net::IpAddr;

use probes::observations::TargetObservation;

use crate::catalogue;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, make_gateway_endpoint_dual_stack};
use crate::diagnose::{Check, Rule, names};
use crate::report::{AddressVerdict, Finding, Path, Remedy, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "ipv6-bypasses-gateway-endpoint",
    title: "S3 or DynamoDB takes the gateway endpoint by IPv4 and leaves the VPC by IPv6",
    check,
};

/// A target with its addresses that leave the VPC.
type Leaving<'a> = (&'a TargetObservation, Vec<IpAddr>);

fn check(case: &Case<'_>) -> Check {
    let gateway = |target: &TargetObservation| {
        catalogue::service(&target.service).is_some_and(catalogue::Service::gateway_capable)
    };
    let mut by_service: Vec<(&str, Vec<Leaving<'_>>)> = Vec::new();
    let mut both = 0;
    for (target, verdict) in case.targets().filter(|(target, _)| gateway(target)) {
        let counted: Vec<IpAddr> = Case::counted(target).map(|attempt| attempt.address).collect();
        both += usize::from(counted.iter().any(IpAddr::is_ipv4) && counted.iter().any(IpAddr::is_ipv6));
        let leaving = leaving(verdict, &counted);
        if leaving.is_empty() {
            continue;
        }
        match by_service.iter_mut().find(|(service, _)| *service == target.service) {
            Some((_, targets)) => targets.push((target, leaving)),
            None => by_service.push((&target.service, vec![(target, leaving)])),
        }
    }
    let findings = by_service.iter().map(|(service, targets)| finding(case, service, targets)).collect();
    let otherwise = if both == 0 {
        Check::NotApplicable("neither S3 nor DynamoDB has addresses of both families here".to_owned())
    } else {
        Check::Clear("both families go the same way".to_owned())
    };
    Check::found_or(findings, otherwise)
}

/// The IPv6 addresses that answer over the internet, where IPv4 goes by the gateway endpoint.
fn leaving(verdict: &Verdict, counted: &[IpAddr]) -> Vec<IpAddr> {
    let goes = |address: &AddressVerdict, path: Path| {
        address.path == path && address.reachable == Some(true) && counted.contains(&address.address)
    };
    let inside = |address: &AddressVerdict| address.address.is_ipv4() && goes(address, Path::GatewayEndpoint);
    if !verdict.addresses.iter().any(inside) {
        return Vec::new();
    }
    let outside = |address: &&AddressVerdict| address.address.is_ipv6() && goes(address, Path::Internet);
    verdict.addresses.iter().filter(outside).map(|address| address.address).collect()
}

fn finding(case: &Case<'_>, service: &str, targets: &[Leaving<'_>]) -> Finding {
    let concerned: Vec<&str> = targets.iter().map(|(target, _)| target.target.as_str()).collect();
    let (first, addresses) = &targets[0];
    let list = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let commands = make_gateway_endpoint_dual_stack(case, service);
    let fix = if commands.is_empty() {
        "Its gateway endpoint takes IPv4 only: let clients use the service's IPv4 name (no dual-stack setting)."
    } else {
        "Make the gateway endpoint dual-stack: EC2 then adds the route for the IPv6 prefix list by itself, and open connections \
         break once. Or let clients use names without IPv6 addresses (AWS_USE_DUALSTACK_ENDPOINT=false)."
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: names::consequence(case, &concerned).severity,
        subject: target_subject(service),
        summary: format!(
            "{} has IPv6 addresses, and these leave the VPC past the gateway endpoint that carries IPv4: most clients prefer IPv6, \
             so the endpoint, its policy and conditions on it do not hold for them",
            first.host
        ),
        facts: vec![fact("host", &first.host), fact("ipv6_addresses", list)],
        evidence: addresses.iter().take(2).map(|address| format!("{}/{address}", first.target)).collect(),
        causes: Vec::new(),
        // By IPv4 the same targets stay inside, so what leaves does so for this alone.
        explains: names::consequence(case, &concerned).explains,
        remedy: Remedy { text: fix.to_owned(), commands },
    }
}
