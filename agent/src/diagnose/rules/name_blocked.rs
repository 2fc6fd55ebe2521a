//! The VPC resolver says that a name of AWS does not exist, or leads it nowhere, while it answers for others: somebody blocks it.

use probes::observations::{Lookup, LookupFailure, TargetObservation};

use crate::catalogue;
use crate::diagnose::case::Case;
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "name-blocked",
    title: "the VPC resolver denies or misleads a name of AWS while it answers for others",
    check,
};

/// Services that every Region has, under these names: that theirs does not exist is never true.
const EVERYWHERE: [&str; 7] = ["dynamodb", "ec2", "kms", "logs", "s3", "ssm", "sts"];

fn check(case: &Case<'_>) -> Check {
    let targets = || case.recording.targets.iter().filter(|target| !target.host.is_empty());
    let region = case.region().unwrap_or_default();
    if !catalogue::is_known_region(region) {
        return Check::CannotTell(format!("whether there are such names in {region:?} is not known"));
    }
    // The account's own name of DynamoDB has a rule of its own, unless the other one is blocked as well.
    let blocked: Vec<&TargetObservation> =
        targets().filter(|target| target.target != "dynamodb:account" && is_blocked(target)).collect();
    if blocked.is_empty() {
        return Check::Clear("the VPC resolver knows every name".to_owned());
    }
    let own = names::own_name(case).is_some_and(|check| {
        check.a.done().is_some() || matches!(check.a.failed(), Some(LookupFailure::NoSuchName { .. }))
    });
    let others = case.recording.targets.iter().chain(&case.recording.controls);
    let answers = others.map(names::vpc_says).any(|says| matches!(says, Says::Private | Says::Public));
    if !answers && !own {
        return Check::CannotTell("the VPC resolver knows no name at all".to_owned());
    }
    Check::Found(vec![finding(case, &blocked)])
}

/// Whether the VPC resolver denies the name or leads it to a sinkhole, and applications have no other address for it.
fn is_blocked(target: &TargetObservation) -> bool {
    let denied = matches!(names::vpc_says(target), Says::NoName | Says::Nowhere);
    denied && !matches!(names::system_says(target), Says::Private | Says::Public)
}

fn finding(case: &Case<'_>, blocked: &[&TargetObservation]) -> Finding {
    let mut targets: Vec<&str> = blocked.iter().map(|target| target.target.as_str()).collect();
    let account = case.recording.targets.iter().find(|target| target.target == "dynamodb:account");
    if account.is_some_and(|target| targets.contains(&"dynamodb") && is_blocked(target)) {
        targets.push("dynamodb:account");
    }
    let mut consequence = names::consequence(case, &targets);
    let lookup = names::vpc(blocked[0]);
    let resolver = lookup.map_or_else(String::new, |lookup| lookup.resolver.clone());
    let zone = blocked.iter().filter_map(|target| names::vpc(target)).find_map(zone_of_denial);
    let uncertain = blocked.iter().all(|target| !EVERYWHERE.contains(&target.service.as_str()));
    if uncertain && consequence.severity < Severity::Error {
        // A service that this Region does not have is no fault.
        consequence.severity = Severity::Notice;
    }
    let how = match lookup.map(names::says) {
        Some(Says::Nowhere) => {
            let given = lookup.map(names::addresses).unwrap_or_default();
            format!("leads {} to {}, where no service is", blocked[0].host, given[0])
        }
        _ => match &zone {
            Some(zone) => format!("says that {} does not exist (zone {zone})", hosts(blocked)),
            None => format!("says that {} does not exist or has no address", hosts(blocked)),
        },
    };
    consequence.explains.push(names::claim(
        "dynamodb-account-name-blocked",
        crate::diagnose::case::target_subject("dynamodb:account"),
    ));
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::resolver_subject(&resolver),
        summary: format!("the VPC resolver {resolver} answers, but {how}"),
        facts: vec![fact(
            "hosts",
            blocked.iter().map(|target| target.host.as_str()).collect::<Vec<_>>().join(" "),
        )],
        evidence: blocked
            .iter()
            .take(3)
            .map(|target| format!("{}/lookups/{resolver}", target.target))
            .collect(),
        causes: causes(zone.as_deref(), uncertain),
        explains: consequence.explains,
        remedy: remedy(case, blocked),
    }
}

fn hosts(blocked: &[&TargetObservation]) -> String {
    names::listed(blocked.iter().map(|target| target.host.as_str()))
}

/// The zone that the denial itself names.
pub(super) fn zone_of_denial(lookup: &Lookup) -> Option<String> {
    match (lookup.a.done(), lookup.a.failed()) {
        (Some(answer), _) => answer.soa.clone(),
        (None, Some(LookupFailure::NoSuchName { soa })) => soa.clone(),
        _ => None,
    }
}

/// A denial that names its zone usually comes from one; how DNS Firewall's own denials look in this is not verified.
fn causes(zone: Option<&str>, uncertain: bool) -> Vec<String> {
    let firewall = "a rule of Route 53 Resolver DNS Firewall blocks the name: list-firewall-rule-group-associations shows the \
                    groups of this VPC, list-firewall-rules their rules"
        .to_owned();
    let private = match zone {
        Some(zone) => format!(
            "a private hosted zone for {zone} or a domain above the name is associated with this VPC and lacks the record: \
             list-hosted-zones-by-vpc shows the zones"
        ),
        None => "a private hosted zone for a domain above the name is associated with this VPC and lacks the record: \
                 list-hosted-zones-by-vpc shows the zones"
            .to_owned(),
    };
    let mut causes = if zone.is_some() { vec![private, firewall] } else { vec![firewall, private] };
    causes.push(
        "a Resolver rule forwards the name to servers that do not know it: list-resolver-rule-associations shows it".to_owned(),
    );
    if uncertain {
        causes.push("the service is not offered in this Region under this name".to_owned());
    }
    causes
}

fn remedy(case: &Case<'_>, blocked: &[&TargetObservation]) -> Remedy {
    let host = &case.recording.environment.host;
    let mut commands = vec![format!("dig +time=2 +tries=1 @169.254.169.253 {}", blocked[0].host)];
    if let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) {
        commands.extend([
            format!("aws route53resolver list-firewall-rule-group-associations --region {region} --vpc-id {vpc}"),
            format!("aws route53 list-hosted-zones-by-vpc --vpc-id {vpc} --vpc-region {region}"),
            format!(
                "aws route53resolver list-resolver-rule-associations --region {region} --filters Name=VPCId,Values={vpc}"
            ),
        ]);
    }
    Remedy {
        text: format!(
            "Find out who denies it: allow {} in the DNS Firewall rule group before the rule that blocks, or take the private hosted \
             zone off this VPC, or give it the record.",
            hosts(blocked)
        ),
        commands,
    }
}
