//! One network interface of an interface endpoint does not answer while another of the same endpoint does.

use probes::observations::Attempt;

use crate::diagnose::case::Case;
use crate::diagnose::case::target_subject;
use crate::diagnose::cause;
use crate::diagnose::phrases::{fact, failure_places, show_endpoints};
use crate::diagnose::way::{Way, Ways};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "one-endpoint-address-dead",
    title: "one address of an interface endpoint does not answer, another does",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let ways = Ways::of(case);
    let vpc = &case.recording.environment.host.vpc_cidrs;
    let inside = |way: &&Way<'_>| vpc.iter().any(|cidr| cidr.contains(&way.address()));
    let mut findings: Vec<Finding> = Vec::new();
    for (target, _) in case.targets() {
        let of_target = |way: &&Way<'_>| way.target.target == target.target;
        let dead: Vec<&Way<'_>> = ways.silent.iter().filter(of_target).filter(inside).collect();
        let alive: Vec<&Way<'_>> = ways.standing.iter().filter(of_target).filter(inside).collect();
        // What EC2 shows to be stopped by a filter is that filter's finding.
        let unexplained = dead.iter().any(|way| way.obstacles.is_empty());
        if alive.is_empty() || !unexplained {
            continue;
        }
        findings.push(finding(case, &dead, &alive));
    }
    Check::found_or(findings, Check::Clear("no endpoint answers at some addresses only".to_owned()))
}

fn finding(case: &Case<'_>, dead: &[&Way<'_>], alive: &[&Way<'_>]) -> Finding {
    let target = dead[0].target;
    let list = |ways: &[&Way<'_>]| {
        let attempts: Vec<&Attempt> = ways.iter().map(|way| way.attempt).collect();
        attempts.iter().map(|attempt| attempt.address.to_string()).collect::<Vec<_>>().join(" ")
    };
    let consequence = cause::consequence(case, &[&target.target]);
    // Where EC2 was read and nothing stops the packets, neither filter is a cause any more.
    let read = dead.iter().all(|way| way.open.is_empty());
    let mut causes = Vec::new();
    if !read {
        causes.push(
            "the network ACL of the subnet in which that interface is stops port 443 or the answers: describe-network-acls \
             shows it"
                .to_owned(),
        );
        causes.push(
            "this instance's own security group lets out to the subnets of the other interfaces only: \
             describe-security-groups shows it"
                .to_owned(),
        );
    }
    causes.push(
        "the interface is gone, and a cache still gives its address: describe-network-interfaces finds nothing".to_owned(),
    );
    causes.push("the zone of that interface is in trouble: the AWS Health Dashboard tells".to_owned());
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: target_subject(&target.target),
        summary: format!(
            "{} of {} addresses of the interface endpoint of {} do not answer ({}), the others do: clients that pick one of \
             them hang",
            dead.len(),
            dead.len() + alive.len(),
            target.service,
            list(dead)
        ),
        facts: vec![fact("dead", list(dead)), fact("alive", list(alive))],
        evidence: failure_places(target),
        causes,
        explains: consequence.explains,
        remedy: remedy(case, dead),
    }
}

fn remedy(case: &Case<'_>, dead: &[&Way<'_>]) -> Remedy {
    let region = case.region().unwrap_or_default();
    let addresses: Vec<String> = dead.iter().map(|way| way.address().to_string()).collect();
    let mut commands = vec![format!(
        "aws ec2 describe-network-interfaces --region {region} --filters Name=addresses.private-ip-address,Values={} \
         --query 'NetworkInterfaces[].[NetworkInterfaceId,Status,AvailabilityZone,SubnetId,Groups]'",
        addresses.join(",")
    )];
    commands.extend(show_endpoints(case, &dead[0].target.service));
    Remedy {
        text: "Look at the subnet of the dead address: its network ACL, then its zone. To go on working meanwhile, take that \
               subnet out of the endpoint (modify-vpc-endpoint --remove-subnet-ids): DNS stops giving the address after a \
               minute."
            .to_owned(),
        commands,
    }
}
