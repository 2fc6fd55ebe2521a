//! A handshake that is stopped for one server name and not for another at the same address: a filter looks at the name.

use probes::observations::TlsFailure;

use crate::diagnose::case::Case;
use crate::diagnose::cause::consequence;
use crate::diagnose::phrases::fact;
use crate::diagnose::wire::{Retried, passed, retried, with_alike, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule =
    Rule { id: "server-name-filtered", title: "a firewall stops TLS by the name of the server", check };

fn check(case: &Case<'_>) -> Check {
    let all = retried(case);
    let filtered: Vec<&Retried<'_>> = all.iter().filter(|retried| is_filtered(retried)).collect();
    let Some(first) = filtered.first() else {
        return Check::Clear(
            "no handshake failed for one name and came through for another at the same address".to_owned(),
        );
    };
    let concerned = with_alike(case, &filtered);
    let targets: Vec<&str> = concerned.iter().map(|target| target.target.as_str()).collect();
    let hosts: Vec<&str> = concerned.iter().map(|target| target.host.as_str()).collect();
    let passing: Vec<&str> = first
        .retries
        .other_names
        .iter()
        .filter(|other| passed(Some(&other.outcome)))
        .map(|other| other.name.as_str())
        .collect();
    let how = match first.attempt.tls.failed() {
        Some(TlsFailure::Reset | TlsFailure::Closed) => "is reset",
        _ => "gets no answer",
    };
    let follows = consequence(case, &targets);
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: follows.severity,
        subject: case.instance(),
        summary: format!(
            "a firewall on the way stops TLS for {}: at {} TCP connects, the handshake for this name {how}, and the one for {} \
             comes through",
            hosts.join(", "),
            first.attempt.address,
            passing.join(" and ")
        ),
        facts: vec![fact("stopped_names", hosts.join(" ")), fact("passing_names", passing.join(" "))],
        evidence: filtered
            .iter()
            .take(4)
            .map(|each| format!("{}/{}/retries", each.target.target, each.attempt.address))
            .collect(),
        causes: words(&[
            "a domain list of AWS Network Firewall (TLS_SNI) denies the name, or allows others only",
            "another firewall or inspecting appliance on the way does (Gateway Load Balancer, the company's proxy)",
        ]),
        explains: follows.explains,
        remedy: remedy(case),
    }])
}

fn is_filtered(retried: &Retried<'_>) -> bool {
    let stopped = matches!(
        retried.attempt.tls.failed(),
        Some(TlsFailure::TimedOut | TlsFailure::Reset | TlsFailure::Closed)
    );
    stopped
        && !passed(retried.retries.small_packets.as_ref())
        && !passed(retried.retries.tls12.as_ref())
        && retried.retries.other_names.iter().any(|other| passed(Some(&other.outcome)))
}

fn remedy(case: &Case<'_>) -> Remedy {
    let host = &case.recording.environment.host;
    let region = case.region().unwrap_or("REGION");
    let suffix = crate::catalogue::partition_of_region(region)
        .map_or("amazonaws.com", |found| found.dns_suffix.as_str());
    let commands = match (&host.region, &host.vpc_id) {
        (Some(region), Some(vpc)) => vec![
            format!("aws network-firewall list-firewalls --region {region} --vpc-ids {vpc}"),
            format!("aws network-firewall list-rule-groups --region {region}"),
        ],
        _ => Vec::new(),
    };
    Remedy {
        text: format!(
            "Allow .{region}.{suffix} in the firewall's domain list (with the dot: buckets, ACCOUNT.ddb and numbered hosts such as \
             ecs-a-1 are names below it), or lead this traffic to a VPC endpoint that does not pass the firewall."
        ),
        commands,
    }
}
