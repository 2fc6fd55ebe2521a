//! Somebody's own record gives a service a private address where no VPC endpoint would: a private hosted zone over AWS's name.

use probes::observations::{Lookup, TargetObservation};

use super::hosts_file_override::overriding;
use crate::catalogue;
use crate::classify::evidence::is_private;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "private-zone-overrides-service",
    title: "a record of one's own gives a service a private address that no endpoint of the VPC gives",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let entries = &case.recording.environment.host.hosts_entries;
    let private: Vec<(&TargetObservation, &Verdict, &Lookup)> = case
        .targets()
        .filter(|(target, _)| overriding(entries, target).is_empty())
        .filter_map(|(target, verdict)| {
            let lookup = names::vpc(target).filter(|lookup| names::says(lookup) == Says::Private)?;
            Some((target, verdict, lookup))
        })
        .collect();
    if private.is_empty() {
        return Check::NotApplicable("the VPC resolver gives no private address".to_owned());
    }
    let mut findings = Vec::new();
    let mut unknown = false;
    for (target, verdict, lookup) in &private {
        match is_override(case, target, lookup) {
            Some(true) if target.target != "dynamodb:account" => {
                findings.push(finding(case, target, verdict, lookup));
            }
            Some(_) => {}
            // What answers as the service is most likely an endpoint.
            None => unknown |= verdict.reachable != Some(true),
        }
    }
    let otherwise = if unknown {
        Check::CannotTell("EC2 did not say which VPC endpoints there are".to_owned())
    } else {
        Check::Clear("every private address may be an endpoint's".to_owned())
    };
    Check::found_or(findings, otherwise)
}

/// Whether a private address can only be somebody's own record: of a service whose interface endpoints give its name none, or
/// inside this VPC, which has no interface endpoint for it. Outside the VPC an endpoint of a central VPC may be meant.
fn is_override(case: &Case<'_>, target: &TargetObservation, lookup: &Lookup) -> Option<bool> {
    if catalogue::service(&target.service).is_some_and(|service| !service.private_dns()) {
        return Some(true);
    }
    let cidrs = &case.recording.environment.host.vpc_cidrs;
    let inside = names::addresses(lookup)
        .iter()
        .filter(|address| is_private(**address))
        .all(|address| cidrs.iter().any(|cidr| cidr.contains(address)));
    if !inside {
        return Some(false);
    }
    names::interface_endpoints(case, &target.service).map(|endpoints| endpoints.is_empty())
}

fn finding(case: &Case<'_>, target: &TargetObservation, verdict: &Verdict, lookup: &Lookup) -> Finding {
    let dynamodb = target.service == "dynamodb";
    let account = case.targets().find(|(other, _)| other.target == "dynamodb:account").filter(|_| dynamodb);
    let account_differs = account.is_some_and(|(other, _)| names::vpc_says(other) != Says::Private);
    let mut targets = vec![target.target.as_str()];
    if account_differs {
        targets.push("dynamodb:account");
    }
    let mut consequence = names::consequence(case, &targets);
    // An override that works, and that nothing goes past, is somebody's choice.
    if dynamodb && !account_differs && verdict.reachable == Some(true) {
        consequence.severity = Severity::Notice;
    }
    if account_differs {
        let subject = target_subject("dynamodb:account");
        consequence.explains.push(names::claim("dynamodb-account-name-blocked", subject));
        // The zone is how somebody made clients use it, and the account's name is what goes past it.
        for endpoint in names::interface_endpoints(case, "dynamodb").unwrap_or_default() {
            let subject = names::endpoint_subject(endpoint);
            consequence.explains.push(names::claim("dynamodb-interface-endpoint-unused", subject));
        }
    }
    let addresses = names::addresses(lookup).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let why = if dynamodb {
        "which no VPC endpoint of DynamoDB gives to this name: a record of your own stands over AWS's"
            .to_owned()
    } else {
        format!("which is in this VPC, and the VPC has no interface endpoint for {}", target.service)
    };
    let beside = account
        .filter(|_| account_differs)
        .map(|(other, verdict)| {
            let goes = match (verdict.reachable, verdict.path) {
                (Some(true), path) if path != Path::Undetermined => format!("goes by {}", path.words()),
                (Some(true), _) => "goes elsewhere".to_owned(),
                _ => "does not work".to_owned(),
            };
            format!("; {}, which current SDKs use instead, {goes}", other.host)
        })
        .unwrap_or_default();
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: target_subject(&target.target),
        summary: format!("{} resolves to {addresses}, {why}{beside}", target.host),
        facts: vec![fact("host", &target.host), fact("addresses", addresses)],
        evidence: vec![format!("{}/lookups/{}", target.target, lookup.resolver)],
        causes: vec![
            "a private hosted zone for this name or a domain above it is associated with this VPC: list-hosted-zones-by-vpc \
             shows it"
                .to_owned(),
            "a Resolver rule forwards the name to servers that hold such a record: list-resolver-rule-associations shows it"
                .to_owned(),
        ],
        explains: consequence.explains,
        remedy: remedy(case, target),
    }
}

fn remedy(case: &Case<'_>, target: &TargetObservation) -> Remedy {
    let host = &case.recording.environment.host;
    let mut commands = Vec::new();
    if let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) {
        commands.push(format!("aws route53 list-hosted-zones-by-vpc --vpc-id {vpc} --vpc-region {region}"));
    }
    if target.service != "dynamodb" {
        return Remedy {
            text: "Find out what answers at this address. If nothing there is meant to stand for the service, take the record or \
                   the zone away (disassociate-vpc-from-hosted-zone), and make a VPC endpoint where traffic is to stay inside."
                .to_owned(),
            commands,
        };
    }
    Remedy {
        text: "First look who needs the zone; then take it away and use a gateway endpoint: it needs no record, has no charge, and serves both names (create-vpc-endpoint --vpc-endpoint-type Gateway). Where it \
               must be the interface endpoint, give clients its own URL (AWS_ENDPOINT_URL_DYNAMODB) instead of a zone over AWS's \
               name; until then AWS_ACCOUNT_ID_ENDPOINT_MODE=disabled keeps SDKs at the name that the zone knows."
            .to_owned(),
        commands,
    }
}
