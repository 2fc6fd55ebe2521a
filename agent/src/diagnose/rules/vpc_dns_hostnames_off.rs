//! DNS host names are off in the VPC, so that no interface endpoint's private DNS works, whatever the endpoint itself says.

use probes::control_plane::VpcEndpoint;
use probes::observations::TargetObservation;

use crate::diagnose::case::Case;
use crate::diagnose::names::{self, HostNames};
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "vpc-dns-hostnames-off",
    title: "DNS host names are off in the VPC, so no interface endpoint's private DNS works",
    check,
};

fn check(case: &Case<'_>) -> Check {
    // Names that an interface endpoint would take over, and that lead past it.
    let public: Vec<(&TargetObservation, &Verdict)> = case
        .targets()
        .filter(|(target, verdict)| names::leads_past_endpoint(case, target, verdict))
        .collect();
    if public.is_empty() {
        return Check::NotApplicable("no service is missing its private name".to_owned());
    }
    match names::host_names(case) {
        HostNames::On => return Check::Clear("EC2 says that enableDnsHostnames is on".to_owned()),
        HostNames::OnByOwnName => {
            return Check::Clear("the VPC resolver knows this instance's own name".to_owned());
        }
        HostNames::Unknown => {
            return Check::CannotTell(
                "EC2 did not say, and the VPC resolver did not answer for this instance's own name"
                    .to_owned(),
            );
        }
        HostNames::Off | HostNames::OffByOwnName => {}
    }
    if names::dns_attributes(case).is_some_and(|attributes| !attributes.support) {
        return Check::NotApplicable("DNS resolution as a whole is off".to_owned());
    }
    // Where EC2 told of no endpoint, the attribute alone is no fault; where it did not tell, only what does not work is.
    let endpoints = |target: &TargetObservation| names::interface_endpoints(case, &target.service);
    let affected: Vec<(&TargetObservation, &Verdict)> = public
        .into_iter()
        .filter(|(target, verdict)| match endpoints(target) {
            Some(found) => found.iter().any(|endpoint| names::is_available(endpoint)),
            None => verdict.reachable == Some(false),
        })
        .collect();
    if affected.is_empty() {
        return Check::Clear("they are off, and nothing that was probed needs them".to_owned());
    }
    Check::Found(vec![finding(case, &affected)])
}

fn finding(case: &Case<'_>, affected: &[(&TargetObservation, &Verdict)]) -> Finding {
    let targets: Vec<&str> = affected.iter().map(|(target, _)| target.target.as_str()).collect();
    let mut endpoints: Vec<&VpcEndpoint> = affected
        .iter()
        .filter_map(|(target, _)| names::interface_endpoints(case, &target.service))
        .flatten()
        .filter(|endpoint| names::is_available(endpoint))
        .collect();
    endpoints.sort_by(|one, other| one.id.cmp(&other.id));
    endpoints.dedup_by(|one, other| one.id == other.id);
    let certain = names::host_names(case) == HostNames::Off;
    let listed = names::listed(targets.iter().copied());
    let summary = match (certain, endpoints.is_empty()) {
        (true, false) => format!(
            "DNS host names are off in this VPC (enableDnsHostnames), so {listed} resolve to public addresses past the VPC's \
             own interface endpoints ({})",
            names::listed(endpoints.iter().map(|endpoint| endpoint.id.as_str()))
        ),
        (true, true) => format!(
            "DNS host names are off in this VPC (enableDnsHostnames), so no interface endpoint can take over {listed}, which \
             cannot be reached at their public addresses"
        ),
        (false, _) => format!(
            "the VPC resolver does not know this instance's own name, so DNS host names are most likely off in this VPC \
             (enableDnsHostnames) and no interface endpoint's private DNS works: {listed} resolve to public addresses"
        ),
    };
    let consequence = names::consequence(case, &targets);
    let mut explains = consequence.explains;
    for endpoint in &endpoints {
        let subject = names::endpoint_subject(endpoint);
        explains.push(names::claim("private-dns-off", subject));
    }
    let mut facts = vec![fact("targets", targets.join(" "))];
    if let Some(check) = names::own_name(case) {
        facts.push(fact("own_name", &check.name));
    }
    let mut causes = Vec::new();
    if endpoints.is_empty() {
        causes.extend([
            "the VPC has interface endpoints for these services, and DNS host names are off: describe-vpc-endpoints shows them"
                .to_owned(),
            "the VPC has no interface endpoint for them either: then create one as well, or give the subnet a way to the \
             public addresses"
                .to_owned(),
        ]);
    }
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::vpc_subject(case),
        summary,
        facts,
        evidence: evidence(certain, &targets),
        causes,
        explains,
        remedy: remedy(case, &endpoints),
    }
}

fn evidence(certain: bool, targets: &[&str]) -> Vec<String> {
    let first = if certain { "control_plane/dns" } else { "name_checks/own_name" };
    let lookups = targets.iter().take(3).map(|target| format!("{target}/lookups"));
    std::iter::once(first.to_owned()).chain(lookups).collect()
}

fn remedy(case: &Case<'_>, endpoints: &[&VpcEndpoint]) -> Remedy {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) else {
        return in_words("Switch DNS host names on in the VPC (enableDnsHostnames).");
    };
    let mut commands = vec![format!(
        "aws ec2 modify-vpc-attribute --region {region} --vpc-id {vpc} --enable-dns-hostnames '{{\"Value\":true}}'"
    )];
    for endpoint in endpoints.iter().filter(|endpoint| !endpoint.private_dns) {
        commands.push(format!(
            "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --private-dns-enabled",
            endpoint.id
        ));
    }
    if endpoints.is_empty() {
        commands.push(format!(
            "aws ec2 describe-vpc-endpoints --region {region} --filters Name=vpc-id,Values={vpc} \
             Name=vpc-endpoint-type,Values=Interface --query \
             'VpcEndpoints[].[VpcEndpointId,ServiceName,State,PrivateDnsEnabled]' --output text"
        ));
    }
    Remedy {
        text: "Switch DNS host names on in the VPC: private DNS of interface endpoints needs them together with DNS resolution. \
               It gives instances with public addresses public names as well, and changes nothing else."
            .to_owned(),
        commands,
    }
}
