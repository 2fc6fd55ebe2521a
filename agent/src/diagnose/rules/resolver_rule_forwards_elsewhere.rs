//! The VPC resolver itself gives the wrong answer or none for AWS names, though it works: a Resolver rule sends them elsewhere.

use probes::observations::{LookupFailure, TargetObservation};

use crate::diagnose::case::Case;
use crate::diagnose::names::{self, HostNames, Says};
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "resolver-rule-forwards-elsewhere",
    title: "the VPC resolver works, and answers wrongly or not at all for AWS names",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let silent: Vec<&TargetObservation> = case
        .recording
        .targets
        .iter()
        .filter(|target| {
            names::vpc_says(target) == Says::Silent && names::system_says(target) != Says::Public
        })
        .filter(|target| target.attempts.is_empty())
        .collect();
    let passed: Vec<&TargetObservation> = case
        .targets()
        .filter(|(target, verdict)| verdict.path != Path::GatewayEndpoint && is_passed_by(case, target))
        .map(|(target, _)| target)
        .collect();
    if !silent.is_empty() && answers_something(case) {
        return Check::Found(vec![finding(case, &silent, true)]);
    }
    if !passed.is_empty() {
        return Check::Found(vec![finding(case, &passed, false)]);
    }
    let told = case.recording.control_plane.vpc_endpoints.as_ref().is_some_and(|step| step.done().is_some());
    let public = case.targets().any(|(target, verdict)| names::leads_past_endpoint(case, target, verdict));
    if told || !public {
        Check::Clear("the VPC resolver gives every name that it should".to_owned())
    } else {
        Check::CannotTell("EC2 did not say which names should be private".to_owned())
    }
}

/// Whether the VPC resolver answers for anything: a name of a target or control, or this instance's own.
fn answers_something(case: &Case<'_>) -> bool {
    let own = names::own_name(case).is_some_and(|check| {
        check.a.done().is_some() || matches!(check.a.failed(), Some(LookupFailure::NoSuchName { .. }))
    });
    let all = case.recording.targets.iter().chain(&case.recording.controls);
    own || all.map(names::vpc_says).any(|says| !matches!(says, Says::Silent | Says::NotAsked))
}

/// Whether the VPC resolver gives public addresses for a name that an endpoint of the VPC should have taken over: EC2 shows an
/// endpoint in use with private DNS, and both attributes are on.
fn is_passed_by(case: &Case<'_>, target: &TargetObservation) -> bool {
    let on = matches!(names::host_names(case), HostNames::On | HostNames::OnByOwnName);
    on && names::takes_private_name(case, target)
        && names::vpc_says(target) == Says::Public
        && names::interface_endpoints(case, &target.service).is_some_and(|endpoints| {
            endpoints.iter().any(|endpoint| {
                names::is_available(endpoint) && endpoint.private_dns && !endpoint.private_dns_inbound_only
            })
        })
}

fn finding(case: &Case<'_>, concerned: &[&TargetObservation], silent: bool) -> Finding {
    let targets: Vec<&str> = concerned.iter().map(|target| target.target.as_str()).collect();
    let consequence = names::consequence(case, &targets);
    let lookup = concerned.first().and_then(|target| names::vpc(target));
    let resolver = lookup.map_or_else(String::new, |lookup| lookup.resolver.clone());
    let listed = names::listed(targets.iter().copied());
    let how =
        lookup.and_then(|lookup| lookup.a.failed()).map(crate::classify::fold::describe).unwrap_or_default();
    let summary = if silent {
        format!("the VPC resolver {resolver} answers other questions, but for {listed} it {how}")
    } else {
        format!(
            "the VPC resolver {resolver} gives public addresses for {listed}, though the VPC has interface endpoints with private \
             DNS for them"
        )
    };
    let causes = if silent {
        vec![
            "a Resolver rule forwards these names to servers that are down or out of reach: list-resolver-rule-associations \
             shows the rules of this VPC"
                .to_owned(),
            "the name servers of a zone in between are out of order: then it passes by itself".to_owned(),
        ]
    } else {
        vec![
            "a Resolver rule for just this domain forwards it to servers that know the public addresses only: \
             list-resolver-rule-associations shows the rules of this VPC"
                .to_owned(),
            "a private hosted zone of your own for the same name answers first: list-hosted-zones-by-vpc shows the zones"
                .to_owned(),
            "the endpoint's private DNS was switched on a moment ago: run again in a minute".to_owned(),
        ]
    };
    let mut explains = consequence.explains;
    explains.push(names::claim("resolver-dead", names::resolver_subject(&resolver)));
    let facts = vec![fact("hosts", names::listed(concerned.iter().map(|target| target.host.as_str())))];
    let place = |target: &&TargetObservation| format!("{}/lookups/{resolver}", target.target);
    let evidence = concerned.iter().take(3).map(place);
    let evidence = evidence.chain(names::own_name(case).map(|_| "name_checks/own_name".to_owned())).collect();
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::resolver_subject(&resolver),
        summary,
        facts,
        evidence,
        causes,
        explains,
        remedy: remedy(case, !silent),
    }
}

fn remedy(case: &Case<'_>, zones_too: bool) -> Remedy {
    let host = &case.recording.environment.host;
    let mut commands = Vec::new();
    if let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) {
        commands.push(format!(
            "aws route53resolver list-resolver-rule-associations --region {region} --filters Name=VPCId,Values={vpc}"
        ));
        commands.push(format!("aws route53resolver list-resolver-rules --region {region}"));
        if zones_too {
            commands
                .push(format!("aws route53 list-hosted-zones-by-vpc --vpc-id {vpc} --vpc-region {region}"));
        }
    }
    Remedy {
        text: "Where a rule forwards \".\" or a domain of AWS, add a rule of type SYSTEM for the partition's domain (amazonaws.com, \
               in China amazonaws.com.cn) and associate it with this VPC: the VPC resolver then answers these names itself. Or \
               take the rule that forwards them off this VPC (disassociate-resolver-rule)."
            .to_owned(),
        commands,
    }
}
