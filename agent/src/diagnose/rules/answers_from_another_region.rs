//! A name of S3 or `DynamoDB` resolves to addresses of another Region, which no gateway endpoint of this one can take.

use std::net::IpAddr;

use probes::observations::TargetObservation;

use super::hosts_file_override::overriding;
use crate::classify::evidence::is_private;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::names;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::prefix_lists;
use crate::report::{Finding, Remedy, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "answers-from-another-region",
    title: "a name of S3 or DynamoDB resolves to addresses of another Region",
    check,
};

fn check(case: &Case<'_>) -> Check {
    // A bucket may be in another Region; the service's own name may not. Entries of the hosts file are another matter.
    let entries = &case.recording.environment.host.hosts_entries;
    let concerned: Vec<(&TargetObservation, &Verdict)> = case
        .targets()
        .filter(|(target, _)| matches!(target.target.as_str(), "s3" | "dynamodb" | "dynamodb:account"))
        .filter(|(target, _)| overriding(entries, target).is_empty())
        .collect();
    let mut compared = 0;
    let mut findings = Vec::new();
    for (target, _) in concerned {
        let given = names::system(target).map(names::addresses).unwrap_or_default();
        let public: Vec<IpAddr> = given.into_iter().filter(|address| !is_private(*address)).collect();
        compared += public.len();
        let foreign: Vec<(IpAddr, &'static str)> = public
            .iter()
            .filter(|address| outside(case, &target.service, **address))
            .filter_map(|address| {
                prefix_lists::region_of(&target.service, *address).map(|region| (*address, region))
            })
            .filter(|(_, region)| Some(*region) != case.region())
            .collect();
        if !foreign.is_empty() {
            findings.push(finding(case, target, &foreign));
        }
    }
    let otherwise = if compared == 0 {
        Check::NotApplicable("no public address of S3 or DynamoDB".to_owned())
    } else {
        Check::Clear(format!("{compared} addresses, none known to be another Region's"))
    };
    Check::found_or(findings, otherwise)
}

/// Whether an address is in none of the lists of this Region.
fn outside(case: &Case<'_>, service: &str, address: IpAddr) -> bool {
    let lists = &case.recording.environment.prefix_lists;
    lists.iter().filter(|list| list.service == service).all(|list| list.contains(address).is_none())
}

fn finding(case: &Case<'_>, target: &TargetObservation, foreign: &[(IpAddr, &str)]) -> Finding {
    let consequence = names::consequence(case, &[&target.target]);
    let (address, region) = foreign[0];
    let by_vpc = names::vpc(target).map(names::addresses).unwrap_or_default();
    let vpc_agrees = foreign.iter().all(|(address, _)| by_vpc.contains(address));
    let mut givers: Vec<&str> = target
        .lookups
        .iter()
        .filter(|lookup| {
            lookup.resolver != "system"
                && names::addresses(lookup).iter().any(|given| foreign.iter().any(|(one, _)| one == given))
        })
        .map(|lookup| lookup.resolver.as_str())
        .collect();
    if givers.is_empty() {
        givers.push("system");
    }
    let own = case.region().unwrap_or("this Region");
    let summary = format!(
        "{} resolves to {address}, which belongs to {} in {region} and not in {own}: no gateway endpoint here can take such \
         traffic",
        target.host, target.service
    );
    let causes: &[&str] = if vpc_agrees {
        &[
            "a Resolver rule forwards the name to servers in another Region or network: list-resolver-rule-associations shows it",
            "a private hosted zone of your own holds old or foreign addresses: list-hosted-zones-by-vpc shows the zones",
        ]
    } else {
        &[
            "the server that gave it keeps old answers or has records of its own: the VPC resolver, asked directly, gives others",
            "the server is in another Region or on premises, and gives what is right there",
        ]
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: target_subject(&target.target),
        summary,
        facts: vec![
            fact("host", &target.host),
            fact(
                "addresses",
                foreign.iter().map(|(address, _)| address.to_string()).collect::<Vec<_>>().join(" "),
            ),
            fact("region", region),
            fact("given_by", givers.join(" ")),
        ],
        evidence: givers
            .iter()
            .map(|giver| format!("{}/lookups/{giver}", target.target))
            .chain(["environment/prefix_lists".to_owned()])
            .collect(),
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        explains: consequence.explains,
        remedy: remedy(case, target, &givers),
    }
}

fn remedy(case: &Case<'_>, target: &TargetObservation, givers: &[&str]) -> Remedy {
    let asked = givers.iter().filter(|giver| **giver != "system");
    let mut commands: Vec<String> =
        asked.map(|giver| format!("dig +short +time=2 +tries=1 @{giver} {}", target.host)).collect();
    commands.push(format!("dig +short +time=2 +tries=1 @169.254.169.253 {}", target.host));
    let host = &case.recording.environment.host;
    if let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) {
        commands.push(format!(
            "aws route53resolver list-resolver-rule-associations --region {region} --filters Name=VPCId,Values={vpc}"
        ));
    }
    Remedy {
        text: "Let AWS names be resolved by the VPC resolver: on a server of your own by a conditional forwarder, in Route 53 \
               Resolver by a rule of type SYSTEM for the partition's domain. Then flush caches."
            .to_owned(),
        commands,
    }
}
