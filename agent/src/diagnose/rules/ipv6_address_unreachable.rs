//! Services answer by IPv4 and are silent by IPv6: clients try IPv6 first and lose time, or fail.

use std::net::IpAddr;

use ipnet::IpNet;
use probes::observations::{Attempt, TargetObservation};

use crate::classify::fold;
use crate::diagnose::case::Case;
use crate::diagnose::phrases::{fact, failure_places, make_gateway_endpoint_dual_stack};
use crate::diagnose::{Check, Rule, names};
use crate::report::{Finding, Path, Remedy, Verdict};

pub(super) const RULE: Rule =
    Rule { id: "ipv6-address-unreachable", title: "services answer by IPv4 and are silent by IPv6", check };

fn check(case: &Case<'_>) -> Check {
    let mut both = 0;
    let mut affected: Vec<(&TargetObservation, &Verdict)> = Vec::new();
    for (target, verdict) in case.targets().filter(|(_, verdict)| verdict.path != Path::Proxy) {
        let (v6, v4): (Vec<&Attempt>, Vec<&Attempt>) =
            Case::counted(target).partition(|attempt| attempt.address.is_ipv6());
        if v6.is_empty() || v4.is_empty() {
            continue;
        }
        both += 1;
        let dead = v6.iter().all(|attempt| fold::reachable(attempt) == Some(false));
        // One dead IPv4 address beside it would be another matter.
        let alive = v4.iter().all(|attempt| fold::reachable(attempt) == Some(true));
        if dead && alive {
            affected.push((target, verdict));
        }
    }
    if affected.is_empty() {
        return if both == 0 {
            Check::NotApplicable("no service has addresses of both families here".to_owned())
        } else {
            Check::Clear(format!("{both} answer by IPv6 as by IPv4"))
        };
    }
    Check::Found(vec![finding(case, &affected)])
}

fn finding(case: &Case<'_>, affected: &[(&TargetObservation, &Verdict)]) -> Finding {
    let targets: Vec<&str> = affected.iter().map(|(target, _)| target.target.as_str()).collect();
    let consequence = names::consequence(case, &targets);
    let (first, verdict) = affected[0];
    let address = Case::counted(first).map(|attempt| attempt.address).find(IpAddr::is_ipv6);
    let gateway = verdict.path == Path::GatewayEndpoint;
    let mut commands =
        if gateway { make_gateway_endpoint_dual_stack(case, &first.service) } else { Vec::new() };
    let text = if commands.is_empty() {
        commands.extend(show_routes(case));
        "Give the subnet an IPv6 way out (an egress-only internet gateway and a route for ::/0), allow ::/0 on port 443 in the \
         security group and the network ACL, or let clients use names without IPv6 addresses (AWS_USE_DUALSTACK_ENDPOINT=false)."
    } else {
        "Make the gateway endpoint dual-stack: EC2 then adds the route for the IPv6 prefix list by itself, and open connections \
         break once. Or let clients use names without IPv6 addresses (AWS_USE_DUALSTACK_ENDPOINT=false)."
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: case.instance(),
        summary: format!(
            "{} by IPv4 and {} silent by IPv6: clients that try IPv6 first (most do) wait before they fall back, and those that do \
             not fall back fail",
            match targets.len() {
                1 => format!("{} answers", targets[0]),
                _ => format!("{} answer", names::listed(targets.iter().copied())),
            },
            if targets.len() == 1 { "is" } else { "are" },
        ),
        facts: vec![
            fact("targets", targets.join(" ")),
            fact("address", address.map_or_else(String::new, |address| address.to_string())),
        ],
        evidence: affected.iter().take(2).flat_map(|(target, _)| failure_places(target)).take(4).collect(),
        causes: causes(case, gateway, &first.service),
        explains: consequence.explains,
        remedy: Remedy { text: text.to_owned(), commands },
    }
}

fn causes(case: &Case<'_>, gateway: bool, service: &str) -> Vec<String> {
    let table = case.recording.control_plane.route_table.as_ref().and_then(|step| step.done());
    let leads_out = table.map(|table| {
        table.routes.iter().any(|route| matches!(route.cidr, Some(IpNet::V6(cidr)) if cidr.prefix_len() == 0))
    });
    let mut causes = Vec::new();
    if gateway {
        causes.push(format!("the gateway endpoint of {service} takes IPv4 only: describe-vpc-endpoints shows its IpAddressType"));
    }
    match (table, leads_out) {
        (Some(table), Some(false)) => {
            causes.push(format!("route table {} has no IPv6 route beyond the VPC", table.id));
        }
        (_, Some(true)) => {}
        _ => causes.push(
            "the subnet's route table has no IPv6 route beyond the VPC: describe-route-tables shows it"
                .to_owned(),
        ),
    }
    causes.push(
        "the security group or the network ACL allows 443 to 0.0.0.0/0 only, and not to ::/0: describe-security-groups and \
         describe-network-acls show it"
            .to_owned(),
    );
    causes
}

fn show_routes(case: &Case<'_>) -> Vec<String> {
    let host = &case.recording.environment.host;
    match (&host.region, &host.vpc_id) {
        (Some(region), Some(vpc)) => vec![format!(
            "aws ec2 describe-route-tables --region {region} --filters Name=vpc-id,Values={vpc} --query \
             'RouteTables[].[RouteTableId,Associations[].SubnetId,Routes[].DestinationIpv6CidrBlock]'"
        )],
        _ => Vec::new(),
    }
}
