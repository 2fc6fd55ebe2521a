//! The VPC has an endpoint for a service, and EC2 says that it is not in use: still pending, refused, failed or being deleted.

use probes::control_plane::VpcEndpoint;

use crate::catalogue::EndpointKind;
use crate::diagnose::blocked::{component, not_asked};
use crate::diagnose::case::Case;
use crate::diagnose::cause;
use crate::diagnose::commands::create_interface_endpoints;
use crate::diagnose::phrases::{create_gateway_endpoint, fact};
use crate::diagnose::way::endpoints_of;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, SubjectKind};

pub(super) const RULE: Rule =
    Rule { id: "endpoint-not-available", title: "a VPC endpoint exists, and is not available", check };

fn check(case: &Case<'_>) -> Check {
    let facts = &case.recording.control_plane;
    if facts.vpc_endpoints.as_ref().and_then(|step| step.done()).is_none() {
        if case.verdicts.iter().all(|verdict| verdict.reachable == Some(true)) {
            return Check::Clear("every service answers".to_owned());
        }
        let why = facts.not_asked_because.map_or("the VPC endpoints were not read", not_asked);
        return Check::CannotTell(why.to_owned());
    }
    let mut services: Vec<&str> = Vec::new();
    for (target, _) in case.targets() {
        if !services.contains(&target.service.as_str()) {
            services.push(&target.service);
        }
    }
    let findings = services.iter().flat_map(|service| {
        [EndpointKind::Gateway, EndpointKind::Interface].into_iter().flat_map(move |kind| {
            let endpoints = endpoints_of(case.recording, service, kind);
            let served = endpoints.iter().any(|endpoint| endpoint.state == "available");
            let idle = endpoints.into_iter().filter(move |_| !served);
            idle.map(move |endpoint| finding(case, service, kind, endpoint))
        })
    });
    Check::found_or(
        findings.collect(),
        Check::Clear("every endpoint of these services is available".to_owned()),
    )
}

fn finding(case: &Case<'_>, service: &str, kind: EndpointKind, endpoint: &VpcEndpoint) -> Finding {
    // Targets that answer do so by another way, and nothing about them follows from this endpoint.
    let failing = case
        .targets()
        .filter(|(target, verdict)| target.service == service && verdict.reachable != Some(true));
    let targets: Vec<&str> = failing.map(|(target, _)| target.target.as_str()).collect();
    let consequence = cause::consequence(case, &targets);
    let effect = if targets.is_empty() {
        "the service is reached another way"
    } else {
        "the service cannot be reached"
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: component(SubjectKind::VpcEndpoint, &endpoint.id),
        summary: format!(
            "{} of {service} is {}, so it carries nothing: {effect}",
            endpoint.id,
            in_words(&endpoint.state)
        ),
        facts: vec![fact("state", &endpoint.state), fact("endpoint_service", &endpoint.service_name)],
        evidence: vec!["control_plane/vpc_endpoints".to_owned()],
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: remedy(case, service, kind, endpoint),
    }
}

fn in_words(state: &str) -> &str {
    match state {
        "pendingAcceptance" => "waiting for its service's owner to accept it",
        "pending" => "still being made",
        "rejected" => "refused by its service's owner",
        "deleting" => "being deleted",
        other => other,
    }
}

fn remedy(case: &Case<'_>, service: &str, kind: EndpointKind, endpoint: &VpcEndpoint) -> Remedy {
    let region = case.region().unwrap_or_default();
    let id = &endpoint.id;
    let show = format!(
        "aws ec2 describe-vpc-endpoints --region {region} --vpc-endpoint-ids {id} \
         --query 'VpcEndpoints[].[State,FailureReason,LastError]'"
    );
    match endpoint.state.as_str() {
        "pending" => Remedy {
            text: "Wait: it takes a minute or two. If it stays so, look at the reason.".to_owned(),
            commands: vec![show],
        },
        "pendingAcceptance" => Remedy {
            text: "The owner of the endpoint service has to accept the connection. AWS's own services do so by themselves."
                .to_owned(),
            commands: vec![show],
        },
        _ => {
            let mut commands = vec![format!("aws ec2 delete-vpc-endpoints --region {region} --vpc-endpoint-ids {id}")];
            commands.extend(match kind {
                EndpointKind::Gateway => create_gateway_endpoint(case, service),
                EndpointKind::Interface => create_interface_endpoints(case, &[service]),
            });
            Remedy {
                text: "Look at why it failed (LastError), take it away and create it anew. Wait until the old one is gone: two \
                       endpoints of one service cannot both have private DNS."
                    .to_owned(),
                commands,
            }
        }
    }
}
