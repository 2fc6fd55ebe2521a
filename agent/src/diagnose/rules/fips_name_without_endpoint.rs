//! FIPS names are used, and the VPC's interface endpoints are for the normal names, which these are not.

use probes::control_plane::VpcEndpoint;
use probes::observations::TargetObservation;

use crate::catalogue::{self, Variant};
use crate::diagnose::case::Case;
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::{fact, lead_to_gateway_endpoint};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "fips-name-without-endpoint",
    title: "FIPS names are used, and no endpoint of the VPC is for them",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let fips: Vec<(&TargetObservation, &Verdict)> =
        case.targets().filter(|(target, _)| is_fips_name(case, target)).collect();
    if fips.is_empty() {
        return Check::NotApplicable("no FIPS name is used".to_owned());
    }
    let affected: Vec<(&TargetObservation, &Verdict)> = fips
        .into_iter()
        .filter(|(target, verdict)| {
            names::vpc_says(target) == Says::Public
                && matches!(verdict.path, Path::Internet | Path::Unreachable)
                && match names::interface_endpoints(case, &target.service) {
                    Some(plain) => !plain.is_empty() && own_endpoint(case, target).is_none(),
                    None => verdict.reachable == Some(false),
                }
        })
        .collect();
    if affected.is_empty() {
        return Check::Clear("FIPS names are not kept from an endpoint".to_owned());
    }
    Check::Found(vec![finding(case, &affected)])
}

/// Whether a target's name is for FIPS connections only. In some partitions the normal name is the FIPS name too.
fn is_fips_name(case: &Case<'_>, target: &TargetObservation) -> bool {
    let (Some(service), Some(region)) = (catalogue::service(&target.service), case.region()) else {
        return false;
    };
    let ends_with = |variant| {
        service.host(region, variant).is_some_and(|host| {
            target.host == host || target.host.strip_suffix(&host).is_some_and(|rest| rest.ends_with('.'))
        })
    };
    (ends_with(Variant::Fips) || ends_with(Variant::FipsDualStack)) && !ends_with(Variant::Plain)
}

/// The endpoint of this VPC that is for the service's FIPS name.
fn own_endpoint<'a>(case: &Case<'a>, target: &TargetObservation) -> Option<&'a VpcEndpoint> {
    let name = catalogue::service(&target.service)?.fips_endpoint_service_name(case.region()?)?;
    let all = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done())?;
    all.iter().find(|endpoint| endpoint.service_name == name)
}

fn finding(case: &Case<'_>, affected: &[(&TargetObservation, &Verdict)]) -> Finding {
    let targets: Vec<&str> = affected.iter().map(|(target, _)| target.target.as_str()).collect();
    let consequence = names::consequence(case, &targets);
    let known = case.recording.control_plane.vpc_endpoints.as_ref().is_some_and(|step| step.done().is_some());
    let hosts = names::listed(affected.iter().map(|(target, _)| target.host.as_str()));
    let why = if known {
        "the VPC's interface endpoints for these services are for the normal names only"
    } else {
        "an interface endpoint for a service's normal name is not for its FIPS name"
    };
    let causes = if known {
        Vec::new()
    } else {
        vec![
            "the VPC has interface endpoints for the normal names only: describe-vpc-endpoints shows them"
                .to_owned(),
            "the VPC has no endpoint for these services at all, nor a way to their public addresses"
                .to_owned(),
        ]
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: case.instance(),
        summary: format!("FIPS names are used, and {hosts} resolve to public addresses: {why}"),
        facts: vec![fact("targets", targets.join(" "))],
        evidence: targets.iter().take(3).map(|target| format!("{target}/lookups")).collect(),
        causes,
        explains: consequence.explains,
        remedy: remedy(case, affected),
    }
}

fn remedy(case: &Case<'_>, affected: &[(&TargetObservation, &Verdict)]) -> Remedy {
    let host = &case.recording.environment.host;
    let mut commands = Vec::new();
    let mut gateway = false;
    for (target, _) in affected {
        let service = catalogue::service(&target.service);
        if target.service == "s3" {
            gateway = true;
            continue;
        }
        let (Some(region), Some(vpc), Some(subnet)) = (&host.region, &host.vpc_id, &host.subnet_id) else {
            continue;
        };
        let Some(name) = service.and_then(|service| service.fips_endpoint_service_name(region)) else {
            continue;
        };
        let plain = names::interface_endpoints(case, &target.service).unwrap_or_default();
        let groups = plain.first().map(|endpoint| endpoint.security_groups.join(" ")).unwrap_or_default();
        let groups = if groups.is_empty() { groups } else { format!(" --security-group-ids {groups}") };
        commands.push(format!(
            "aws ec2 create-vpc-endpoint --region {region} --vpc-id {vpc} --vpc-endpoint-type Interface --service-name {name} \
             --subnet-ids {subnet}{groups} --private-dns-enabled"
        ));
    }
    if gateway {
        commands.extend(lead_to_gateway_endpoint(case, "s3").1.commands);
    }
    commands.dedup();
    let s3 = if gateway {
        " S3's interface endpoints serve no FIPS names: lead the subnet to its gateway endpoint (that its prefix list holds the FIPS \
         addresses is not verified)."
    } else {
        ""
    };
    Remedy {
        text: format!(
            "Create the interface endpoint of the FIPS name where there is one. Where FIPS is not required, do without \
             (AWS_USE_FIPS_ENDPOINT=false).{s3}"
        ),
        commands,
    }
}
