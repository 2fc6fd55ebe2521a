//! What the rules about S3 and DynamoDB leaving the VPC share. One finding per service: its host names take one route.

use probes::observations::TargetObservation;

use crate::catalogue::EndpointKind;
use crate::classify::SignalName;
use crate::diagnose::Check;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, lead_to_gateway_endpoint};
use crate::report::{Confidence, Finding, Path, Severity, Verdict, Via};

/// A service that leaves by NAT or an appliance: it works and is paid for by the gigabyte.
pub(super) fn through_nat(case: &Case<'_>, rule: &str, service: &str) -> Check {
    let nat = [Via::NatGateway, Via::NatInstance, Via::NatOrAppliance];
    check(case, rule, service, Severity::Warning, &nat, "through NAT or an appliance")
}

/// A service that leaves by the internet gateway: it works, without a charge for the way, but over public addresses.
pub(super) fn through_internet_gateway(case: &Case<'_>, rule: &str, service: &str) -> Check {
    check(case, rule, service, Severity::Notice, &[Via::InternetGateway], "through the internet gateway")
}

fn check(
    case: &Case<'_>,
    rule: &str,
    service: &str,
    severity: Severity,
    carriers: &[Via],
    by: &str,
) -> Check {
    let concerned: Vec<_> = case.targets().filter(|(target, _)| target.service == service).collect();
    if concerned.is_empty() {
        return Check::NotApplicable(format!("{service} was not asked for"));
    }
    let leaving: Vec<&(&TargetObservation, &Verdict)> = concerned
        .iter()
        .filter(|(_, verdict)| {
            // A gateway endpoint behind a NAT serves the NAT's subnet, and this one still pays for the NAT.
            matches!(verdict.path, Path::Internet | Path::GatewayEndpoint)
                && verdict.reachable == Some(true)
                && (verdict.confidence >= Some(Confidence::Likely) || only_behind_nat(verdict))
                && verdict.via.is_some_and(|via| carriers.contains(&via))
        })
        .filter(|(target, _)| !is_elsewhere(case, target))
        .collect();
    if leaving.is_empty() {
        return otherwise(&concerned);
    }
    let hosts: Vec<&str> = leaving.iter().map(|(target, _)| target.host.as_str()).collect();
    let facts = vec![fact("hosts", hosts.join(" "))];
    let name = case.endpoint_service(service, EndpointKind::Gateway).unwrap_or_default();
    let (causes, remedy) = lead_to_gateway_endpoint(case, service);
    let beyond = leaving.iter().all(|(_, verdict)| verdict.path == Path::GatewayEndpoint);
    let unsure = leaving.iter().any(|(_, verdict)| only_behind_nat(verdict));
    let summary = if beyond {
        format!(
            "{service} works, but its traffic goes {by} and only from there to a gateway endpoint ({name})"
        )
    } else if unsure {
        format!(
            "{service} works, but its traffic goes {by} instead of straight to a gateway endpoint ({name}); whether it is led \
             to one from there is not known"
        )
    } else {
        format!("{service} works, but its traffic leaves the VPC {by} instead of a gateway endpoint ({name})")
    };
    Check::Found(vec![Finding {
        rule: rule.to_owned(),
        severity,
        subject: target_subject(service),
        summary,
        facts,
        evidence: leaving
            .iter()
            .flat_map(|(_, verdict)| verdict.because.iter().map(|reason| reason.evidence.clone()))
            .take(6)
            .collect(),
        causes,
        explains: Vec::new(),
        remedy,
    }])
}

/// Whether what is unsure about the path is only what lies behind the NAT or appliance.
fn only_behind_nat(verdict: &Verdict) -> bool {
    let signals = [SignalName::PrivateResponderOnly, SignalName::RouteToNatGatewayThenUnknown];
    verdict.confidence == Some(Confidence::Possible)
        && verdict.because.iter().any(|reason| signals.contains(&reason.signal))
}

/// A bucket of another Region: no gateway endpoint of this one can serve it, so that is not what is wrong with it.
fn is_elsewhere(case: &Case<'_>, target: &TargetObservation) -> bool {
    let replies = target.attempts.iter().filter_map(|attempt| attempt.call.done());
    let mut regions = replies.filter_map(|reply| reply.bucket_region.as_deref());
    regions.any(|region| Some(region) != case.region())
}

fn otherwise(concerned: &[(&TargetObservation, &Verdict)]) -> Check {
    let unsure = concerned.iter().find(|(_, verdict)| {
        let weak = verdict.confidence < Some(Confidence::Likely) || verdict.via.is_none();
        matches!(verdict.path, Path::Undetermined | Path::Split) || (verdict.path == Path::Internet && weak)
    });
    match unsure {
        Some((target, _)) => {
            Check::CannotTell(format!("by what {} leaves is not certain enough", target.target))
        }
        None => Check::Clear("not that way".to_owned()),
    }
}
