//! The VPC has an interface endpoint for a service, and the endpoint's private DNS is off: the service's name leads past it.

use probes::control_plane::VpcEndpoint;
use probes::observations::TargetObservation;

use crate::diagnose::case::Case;
use crate::diagnose::names::{self, HostNames};
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "private-dns-off",
    title: "an interface endpoint is there, and its private DNS is off",
    check,
};

fn check(case: &Case<'_>) -> Check {
    // S3's gateway endpoint carries what its interface endpoint would not need to.
    let leads_past =
        |target: &TargetObservation, verdict: &Verdict| names::leads_past_endpoint(case, target, verdict);
    if !case.targets().any(|(target, verdict)| leads_past(target, verdict)) {
        return Check::NotApplicable("no name leads past where an interface endpoint would be".to_owned());
    }
    if case.recording.control_plane.vpc_endpoints.as_ref().is_none_or(|step| step.done().is_none()) {
        return Check::CannotTell("EC2 did not say which VPC endpoints there are".to_owned());
    }
    let mut by_endpoint: Vec<(&VpcEndpoint, Vec<&str>)> = Vec::new();
    for (target, verdict) in case.targets() {
        if !leads_past(target, verdict) {
            continue;
        }
        // Where there is a gateway endpoint as well, that one is meant for clients in the VPC.
        if !names::gateway_endpoints(case, &target.service).is_empty() {
            continue;
        }
        let endpoints = names::interface_endpoints(case, &target.service).unwrap_or_default();
        // One of several with private DNS is enough, and what keeps that one from working is another matter.
        if endpoints.iter().any(|endpoint| endpoint.private_dns) {
            continue;
        }
        let Some(endpoint) = endpoints.into_iter().find(|endpoint| names::is_available(endpoint)) else {
            continue;
        };
        match by_endpoint.iter_mut().find(|(known, _)| known.id == endpoint.id) {
            Some((_, targets)) => targets.push(&target.target),
            None => by_endpoint.push((endpoint, vec![&target.target])),
        }
    }
    let findings = by_endpoint.iter().map(|(endpoint, targets)| finding(case, endpoint, targets)).collect();
    Check::found_or(findings, Check::Clear("no interface endpoint is passed by for want of it".to_owned()))
}

fn finding(case: &Case<'_>, endpoint: &VpcEndpoint, targets: &[&str]) -> Finding {
    let consequence = names::consequence(case, targets);
    let leads = case
        .verdicts
        .iter()
        .any(|verdict| targets.contains(&verdict.target.as_str()) && verdict.reachable == Some(true));
    let how =
        if leads { "leads out of the VPC past it" } else { "leads to public addresses that do not answer" };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::endpoint_subject(endpoint),
        summary: format!(
            "interface endpoint {} is there for {}, but its private DNS is off: the service's name {how}",
            endpoint.id,
            names::listed(targets.iter().copied()),
        ),
        facts: vec![fact("service_name", &endpoint.service_name), fact("targets", targets.join(" "))],
        evidence: std::iter::once("control_plane/vpc_endpoints".to_owned())
            .chain(targets.iter().take(3).map(|target| format!("{target}/lookups")))
            .collect(),
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: remedy(case, endpoint),
    }
}

fn remedy(case: &Case<'_>, endpoint: &VpcEndpoint) -> Remedy {
    let Some(region) = case.region() else { return in_words("Switch the endpoint's private DNS on.") };
    let mut commands = Vec::new();
    // EC2 refuses private DNS before that.
    if let (HostNames::Off, Some(vpc)) = (names::host_names(case), &case.recording.environment.host.vpc_id) {
        commands.push(format!(
            "aws ec2 modify-vpc-attribute --region {region} --vpc-id {vpc} --enable-dns-hostnames '{{\"Value\":true}}'"
        ));
    }
    // Without the option, S3's private names would be for inbound resolver endpoints only.
    let s3 = endpoint.service_name.rsplit('.').next() == Some("s3");
    let option = if s3 { " --dns-options PrivateDnsOnlyForInboundResolverEndpoint=false" } else { "" };
    commands.push(format!(
        "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --private-dns-enabled{option}",
        endpoint.id
    ));
    let otherwise = if s3 {
        "For S3 a gateway endpoint does the same without a charge."
    } else {
        "If it is off on purpose, because a private hosted zone of your own gives the name to several VPCs, associate that zone \
         with this VPC instead."
    };
    Remedy {
        text: format!(
            "Switch the endpoint's private DNS on: every client in the VPC then reaches the service through it under its normal \
             name, provided its security group lets them in on port 443. {otherwise}"
        ),
        commands,
    }
}
