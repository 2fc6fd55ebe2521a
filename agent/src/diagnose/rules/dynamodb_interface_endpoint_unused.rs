//! The VPC has an interface endpoint for `DynamoDB`, which never takes over the service's name, and clients use that name.

use crate::catalogue;
use crate::diagnose::case::Case;
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::{fact, lead_to_gateway_endpoint};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "dynamodb-interface-endpoint-unused",
    title: "the VPC has an interface endpoint for DynamoDB, which clients pass by under the normal name",
    check,
};

fn check(case: &Case<'_>) -> Check {
    // An endpoint with private DNS, should AWS ever offer it, is the matter of the other rules.
    if catalogue::service("dynamodb").is_none_or(catalogue::Service::private_dns) {
        return Check::NotApplicable("DynamoDB's interface endpoints have private DNS".to_owned());
    }
    let passing: Vec<&str> = case
        .targets()
        .filter(|(target, verdict)| {
            target.service == "dynamodb"
                && names::vpc_says(target) == Says::Public
                && matches!(verdict.path, Path::Internet | Path::Unreachable)
        })
        .map(|(target, _)| target.target.as_str())
        .collect();
    if passing.is_empty() {
        return Check::NotApplicable("no traffic of DynamoDB leaves the VPC".to_owned());
    }
    let Some(endpoints) = names::interface_endpoints(case, "dynamodb") else {
        return Check::CannotTell("EC2 did not say which VPC endpoints there are".to_owned());
    };
    let Some(endpoint) = endpoints.into_iter().find(|endpoint| names::is_available(endpoint)) else {
        return Check::NotApplicable("the VPC has none".to_owned());
    };
    let consequence = names::consequence(case, &passing);
    let (_, gateway) = lead_to_gateway_endpoint(case, "dynamodb");
    let mut commands = gateway.commands;
    if let Some(region) = case.region() {
        commands.push(format!(
            "aws ec2 describe-vpc-endpoints --region {region} --vpc-endpoint-ids {} --query \
             'VpcEndpoints[0].DnsEntries[0].DnsName' --output text",
            endpoint.id
        ));
    }
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::endpoint_subject(endpoint),
        summary: format!(
            "interface endpoint {} for DynamoDB is not used: it has no private DNS, so {} keep public addresses, and clients \
             that were not given its URL go past it",
            endpoint.id,
            names::listed(passing.iter().copied())
        ),
        facts: vec![fact("targets", passing.join(" "))],
        evidence: vec!["control_plane/vpc_endpoints".to_owned(), format!("{}/lookups", passing[0])],
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: Remedy {
            text: format!(
                "Use a gateway endpoint, which clients need not know of. {} Or keep the interface endpoint, and give every client \
                 its URL (AWS_ENDPOINT_URL_DYNAMODB=https:// and the name that the last command prints).",
                gateway.text
            ),
            commands,
        },
    }])
}
