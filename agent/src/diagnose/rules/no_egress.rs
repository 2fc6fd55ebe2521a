//! Nothing outside this instance answers: no service, no control. One finding instead of one for every service.

use probes::observations::TcpFailure;

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, show_filters};
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Path, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "no-egress", title: "names resolve, but no service and no control answers", check };

fn check(case: &Case<'_>) -> Check {
    // A closed interface endpoint is inside the VPC: that it is silent says nothing of the way out.
    let silent: Vec<&str> = case
        .targets()
        .filter(|(_, verdict)| !matches!(verdict.path, Path::InterfaceEndpoint | Path::Proxy))
        .filter(|(target, _)| {
            let mut counted = Case::counted(target).peekable();
            counted.peek().is_some()
                && counted.all(|attempt| {
                    matches!(
                        attempt.tcp.failed(),
                        Some(TcpFailure::TimedOut | TcpFailure::NetworkUnreachable)
                    )
                })
        })
        .map(|(target, _)| target.target.as_str())
        .collect();
    if case.anything_connects() {
        return Check::Clear("something connects".to_owned());
    }
    if silent.len() < 2 {
        return Check::NotApplicable("fewer than two services have an address to connect to".to_owned());
    }
    let host = &case.recording.environment.host;
    let rules = ["required-service-unreachable", "optional-service-unreachable"];
    let explains = rules.iter().flat_map(|rule| {
        silent.iter().map(|target| Explained { rule: (*rule).to_owned(), subject: target_subject(target) })
    });
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Error,
        subject: case.instance(),
        summary: format!(
            "names resolve, but none of {} targets{} answers on port 443: nothing leaves this subnet, or nothing comes back",
            silent.len(),
            if case.recording.controls.is_empty() { "" } else { " and no control on the internet" }
        ),
        facts: vec![
            fact("silent_targets", silent.join(" ")),
            fact("public_ipv4", host.public_ipv4.map_or_else(|| "none".to_owned(), |address| address.to_string())),
        ],
        evidence: silent.iter().take(4).map(|target| format!("{target}/*/tcp")).chain(["controls".to_owned()]).collect(),
        causes: causes(case),
        explains: explains.collect(),
        remedy: Remedy {
            text: "First look: these commands change nothing. If the subnet is meant to be private, it wants a gateway endpoint for \
                   S3 (and DynamoDB), which has no charge, and an interface endpoint for every other service this instance \
                   needs; else a default route to a NAT gateway."
                .to_owned(),
            commands: commands(case),
        },
    }])
}

/// All look alike from inside: a SYN leaves and nothing comes back.
fn causes(case: &Case<'_>) -> Vec<String> {
    let host = &case.recording.environment.host;
    let mut causes = vec![
        "the subnet's route table has no route that leads out, and the VPC has no endpoints: describe-route-tables shows it"
            .to_owned(),
        "the instance's security group allows no outbound HTTPS: describe-security-groups shows it".to_owned(),
        "the subnet's network ACL lacks outbound 443 or the returning ports 1024-65535: describe-network-acls shows it"
            .to_owned(),
        "a route leads to something that is gone (state blackhole): describe-route-tables shows it".to_owned(),
    ];
    if host.public_ipv4.is_none() && host.instance_id.is_some() {
        causes.push(
            "the default route leads to an internet gateway, which is of no use to an instance without a public address, \
             as this one"
                .to_owned(),
        );
    }
    causes
}

fn commands(case: &Case<'_>) -> Vec<String> {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc), Some(subnet)) = (&host.region, &host.vpc_id, &host.subnet_id) else {
        return Vec::new();
    };
    let mut commands = vec![
        format!(
            "aws ec2 describe-route-tables --region {region} --filters Name=vpc-id,Values={vpc} --query \
             \"(RouteTables[?Associations[?SubnetId=='{subnet}']]||RouteTables[?Associations[?Main]])[0]\""
        ),
        format!("aws ec2 describe-vpc-endpoints --region {region} --filters Name=vpc-id,Values={vpc}"),
    ];
    commands.extend(show_filters(case));
    commands
}
