//! The private DNS of S3's interface endpoint is for inbound resolver endpoints only, and no gateway endpoint carries the
//! instance's own traffic.

use probes::control_plane::VpcEndpoint;

use crate::diagnose::case::Case;
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::{fact, lead_to_gateway_endpoint};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "private-dns-for-inbound-resolvers-only",
    title: "the S3 interface endpoint's names are for inbound resolvers only, and no gateway endpoint serves this subnet",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let passed: Vec<&str> = case
        .targets()
        .filter(|(target, verdict)| {
            target.service == "s3"
                && names::vpc_says(target) == Says::Public
                && matches!(verdict.path, Path::Internet | Path::Unreachable)
        })
        .map(|(target, _)| target.target.as_str())
        .collect();
    if passed.is_empty() {
        return Check::NotApplicable("S3 does not go past its endpoints".to_owned());
    }
    let Some(endpoints) = names::interface_endpoints(case, "s3") else {
        return Check::CannotTell("EC2 did not say which VPC endpoints there are".to_owned());
    };
    let open = endpoints.iter().any(|endpoint| endpoint.private_dns && !endpoint.private_dns_inbound_only);
    let closed = endpoints.into_iter().find(|endpoint| {
        names::is_available(endpoint) && endpoint.private_dns && endpoint.private_dns_inbound_only
    });
    let Some(endpoint) = closed.filter(|_| !open) else {
        return Check::NotApplicable("there is no such interface endpoint".to_owned());
    };
    Check::Found(vec![finding(case, endpoint, &passed)])
}

fn finding(case: &Case<'_>, endpoint: &VpcEndpoint, targets: &[&str]) -> Finding {
    let mut consequence = names::consequence(case, targets);
    // The option stands and falls with the gateway endpoint, so what keeps this subnet from that one is the same matter.
    for gateway in names::gateway_endpoints(case, "s3") {
        for rule in ["gateway-endpoint-not-associated", "subnet-uses-main-route-table"] {
            consequence.explains.push(names::claim(rule, names::endpoint_subject(gateway)));
        }
    }
    let (causes, gateway) = lead_to_gateway_endpoint(case, "s3");
    let mut commands = gateway.commands;
    if let Some(region) = case.region().filter(|_| commands.is_empty()) {
        commands.push(format!(
            "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --dns-options \
             PrivateDnsOnlyForInboundResolverEndpoint=false",
            endpoint.id
        ));
    }
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::endpoint_subject(endpoint),
        summary: format!(
            "interface endpoint {} gives S3's private names to inbound resolver endpoints only: clients in the VPC need a \
             gateway endpoint, and none carries this subnet's traffic",
            endpoint.id
        ),
        facts: vec![fact("targets", targets.join(" "))],
        evidence: vec!["control_plane/vpc_endpoints".to_owned(), format!("{}/lookups", targets[0])],
        causes,
        explains: consequence.explains,
        remedy: Remedy {
            text: format!(
                "Lead this subnet to the gateway endpoint, which has no charge. Or let clients in the VPC use the interface \
                 endpoint as well: modify-vpc-endpoint --vpc-endpoint-id {} --dns-options \
                 PrivateDnsOnlyForInboundResolverEndpoint=false. {}",
                endpoint.id, gateway.text
            ),
            commands,
        },
    }
}
