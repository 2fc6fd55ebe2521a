//! A service control policy refuses exactly the calls that leave the VPC without an endpoint.

use crate::diagnose::case::Case;
use crate::diagnose::commands::create_interface_endpoints;
use crate::diagnose::perimeter;
use crate::diagnose::phrases::create_gateway_endpoint;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told, leak_of};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "same-vpc-perimeter",
    title: "the organization refuses every call that leaves the VPC without an endpoint",
    check,
};

fn check(case: &Case<'_>) -> Check {
    if !perimeter::is_the_cause(case) {
        return Check::Clear("no such pattern".to_owned());
    }
    refused::check(case, &RULE, Kind::ServiceControl, Together::All, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let mut services: Vec<&str> = group.iter().map(|refused| refused.target.service.as_str()).collect();
    services.dedup();
    let commands = services.iter().flat_map(|service| {
        let gateway =
            crate::catalogue::service(service).is_some_and(crate::catalogue::Service::gateway_capable);
        if gateway {
            create_gateway_endpoint(case, service)
        } else {
            create_interface_endpoints(case, &[service])
        }
    });
    let commands = commands.collect();
    let worst = group.iter().map(Refused::severity).max().unwrap_or(crate::report::Severity::Warning);
    Told {
        severity: worst,
        subject: Some(case.instance()),
        what: format!(
            "a service control policy refuses what leaves over the internet ({}), and nothing that goes through an endpoint",
            services.join(", ")
        ),
        facts: Vec::new(),
        causes: [
            "a data perimeter of the organization denies requests of EC2 roles unless aws:SourceVpc is the instance's own VPC \
             (aws:Ec2InstanceSourceVpc); requests without an endpoint carry no aws:SourceVpc",
            "another policy of the organization asks for a VPC endpoint or for other public addresses: its Condition shows it",
        ]
        .map(str::to_owned)
        .to_vec(),
        explains: services.iter().flat_map(|service| leak_of(service)).collect(),
        remedy: Remedy {
            text: format!(
                "Give the services that are refused an endpoint in this VPC: {}. Every other service that is used from here \
                 without one is refused likewise.",
                services.join(", ")
            ),
            commands,
        },
    }
}
