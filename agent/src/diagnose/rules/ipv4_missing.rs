//! This host has IPv6 only, and services are asked for under names that have IPv4 addresses only.

use probes::SkipReason;
use probes::observations::TargetObservation;

use crate::catalogue::{self, Variant};
use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule, names};
use crate::report::{Finding, Remedy, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "ipv4-missing",
    title: "this host has IPv6 only, and services' names have IPv4 addresses only",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if host.ipv4_route || !host.ipv6_route {
        return Check::NotApplicable(if host.ipv4_route {
            "this host has an IPv4 route".to_owned()
        } else {
            "this host has a route of neither family".to_owned()
        });
    }
    let affected: Vec<(&TargetObservation, &Verdict)> = case
        .targets()
        .filter(|(target, verdict)| {
            verdict.reachable != Some(true)
                && !target.attempts.is_empty()
                && target
                    .attempts
                    .iter()
                    .all(|attempt| attempt.tcp.skip_reason() == Some(SkipReason::NoRouteForFamily))
        })
        .collect();
    if affected.is_empty() {
        return Check::Clear("every name has an IPv6 address".to_owned());
    }
    Check::Found(vec![finding(case, &affected)])
}

fn finding(case: &Case<'_>, affected: &[(&TargetObservation, &Verdict)]) -> Finding {
    let targets: Vec<&str> = affected.iter().map(|(target, _)| target.target.as_str()).collect();
    let consequence = names::consequence(case, &targets);
    let region = case.region().unwrap_or_default();
    let dual: Vec<String> = affected
        .iter()
        .filter_map(|(target, _)| catalogue::service(&target.service)?.host(region, Variant::DualStack))
        .filter(|name| affected.iter().all(|(target, _)| target.host != *name))
        .collect();
    let host = &case.recording.environment.host;
    let mut commands = vec!["export AWS_USE_DUALSTACK_ENDPOINT=true".to_owned()];
    if let (Some(region), Some(subnet)) = (&host.region, &host.subnet_id) {
        commands.push(format!(
            "aws ec2 modify-subnet-attribute --region {region} --subnet-id {subnet} --enable-dns64"
        ));
    }
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: case.instance(),
        summary: format!(
            "this host has no IPv4 route, and {} have IPv4 addresses only: clients need the dual-stack names, or NAT64",
            names::listed(affected.iter().map(|(target, _)| target.host.as_str()))
        ),
        facts: vec![fact("targets", targets.join(" ")), fact("dual_stack_names", dual.join(" "))],
        evidence: vec!["environment/ipv4_route".to_owned(), format!("{}/lookups", targets[0])],
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: Remedy {
            text: "Let SDKs and the AWS CLI use dual-stack names (the first command, in the application's environment; the SSM agent \
                   has a setting of its own, UseDualStackEndpoint in its configuration), and make interface endpoints dual-stack. Or \
                   let DNS64 and a NAT gateway translate: switch DNS64 on for the subnet, and lead 64:ff9b::/96 to the NAT gateway in \
                   its route table."
                .to_owned(),
            commands,
        },
    }
}
