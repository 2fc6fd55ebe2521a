//! An interface endpoint has its network interfaces in other Availability Zones only than this instance.
//!
//! From inside it shows only that the addresses lie in another subnet, and a zone may have many: EC2 says which zone a subnet
//! is in, and without it nothing is said. An address in the instance's own subnet is in its zone whatever EC2 says.

use std::collections::BTreeSet;

use probes::control_plane::{Subnet, VpcEndpoint};
use probes::observations::TargetObservation;

use crate::catalogue::EndpointKind;
use crate::diagnose::case::Case;
use crate::diagnose::names::{is_available, listed, vpc_subject};
use crate::diagnose::phrases::fact;
use crate::diagnose::way::endpoints_of;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-in-another-zone",
    title: "an interface endpoint has no network interface in this instance's Availability Zone",
    check,
};

/// An endpoint without an interface in this zone.
struct Elsewhere<'a> {
    endpoint: &'a VpcEndpoint,
    zones: BTreeSet<&'a str>,
    targets: Vec<&'a str>,
}

fn check(case: &Case<'_>) -> Check {
    let through_endpoint: Vec<_> =
        case.targets().filter(|(_, verdict)| verdict.path == Path::InterfaceEndpoint).collect();
    if through_endpoint.is_empty() {
        return Check::NotApplicable("no target has an interface endpoint".to_owned());
    }
    let far: Vec<_> =
        through_endpoint.into_iter().filter(|(target, _)| !has_neighbour(case, target)).collect();
    if far.is_empty() {
        return Check::Clear("every endpoint has an address in this instance's own subnet".to_owned());
    }
    let control_plane = &case.recording.control_plane;
    if control_plane.vpc_endpoints.as_ref().and_then(|step| step.done()).is_none() {
        return Check::CannotTell("EC2 did not say which VPC endpoints there are".to_owned());
    }
    let Some(subnets) = control_plane.subnets.as_ref().and_then(|step| step.done()) else {
        return Check::CannotTell("EC2 did not say in which zones the subnets are".to_owned());
    };
    let host = &case.recording.environment.host;
    let own = subnets.iter().find(|subnet| Some(&subnet.id) == host.subnet_id.as_ref());
    let Some(zone) = own.map(|subnet| subnet.availability_zone.as_str()) else {
        return Check::CannotTell("EC2 did not say in which zones the subnets are".to_owned());
    };
    let mut elsewhere: Vec<Elsewhere<'_>> = Vec::new();
    for (target, verdict) in far {
        let Some(endpoint) = endpoint_of(case, target, verdict) else { continue };
        if let Some(known) = elsewhere.iter_mut().find(|known| known.endpoint.id == endpoint.id) {
            known.targets.push(&target.target);
            continue;
        }
        let Some(zones) = zones_of(endpoint, subnets).filter(|zones| !zones.contains(zone)) else { continue };
        elsewhere.push(Elsewhere { endpoint, zones, targets: vec![&target.target] });
    }
    let otherwise = Check::Clear(format!("no endpoint is known to lack an interface in {zone}"));
    let finding = (!elsewhere.is_empty()).then(|| finding(case, zone, &elsewhere));
    Check::found_or(finding.into_iter().collect(), otherwise)
}

/// Whether an address of the target lies in a subnet of the instance; all its interfaces are in one zone.
fn has_neighbour(case: &Case<'_>, target: &TargetObservation) -> bool {
    let interfaces = &case.recording.environment.host.interfaces;
    let own = || interfaces.iter().flat_map(|interface| &interface.subnet_cidrs);
    Case::counted(target).any(|attempt| own().any(|cidr| cidr.contains(&attempt.address)))
}

/// The endpoint that carries a target: the one that the verdict names, or else the only one of the service.
fn endpoint_of<'a>(
    case: &Case<'a>,
    target: &TargetObservation,
    verdict: &Verdict,
) -> Option<&'a VpcEndpoint> {
    let of_service = endpoints_of(case.recording, &target.service, EndpointKind::Interface);
    let available: Vec<_> = of_service.into_iter().filter(|endpoint| is_available(endpoint)).collect();
    match (&verdict.vpc_endpoint_id, available.as_slice()) {
        (Some(id), all) => all.iter().copied().find(|endpoint| endpoint.id == *id),
        // Whose address it is was not read: a name that leads into the VPC may also be somebody's own.
        (None, [only]) if only.private_dns => Some(only),
        _ => None,
    }
}

/// The zones in which an endpoint has an interface; `None` where one of them is not known.
fn zones_of<'a>(endpoint: &VpcEndpoint, subnets: &'a [Subnet]) -> Option<BTreeSet<&'a str>> {
    let zone = |id: &String| {
        subnets.iter().find(|subnet| subnet.id == *id).map(|subnet| subnet.availability_zone.as_str())
    };
    endpoint.subnets.iter().map(zone).collect::<Option<BTreeSet<_>>>().filter(|zones| !zones.is_empty())
}

fn finding(case: &Case<'_>, zone: &str, elsewhere: &[Elsewhere<'_>]) -> Finding {
    let targets: Vec<&str> = elsewhere.iter().flat_map(|each| each.targets.iter().copied()).collect();
    let zones: BTreeSet<&str> = elsewhere.iter().flat_map(|each| each.zones.iter().copied()).collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let ids: Vec<&str> = elsewhere.iter().map(|each| each.endpoint.id.as_str()).collect();
    let host = &case.recording.environment.host;
    let commands = match (&host.region, &host.subnet_id) {
        (Some(region), Some(subnet)) => ids
            .iter()
            .map(|id| {
                format!(
                    "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {id} --add-subnet-ids {subnet}"
                )
            })
            .collect(),
        _ => Vec::new(),
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Notice,
        subject: vpc_subject(case),
        summary: format!(
            "{} of {} no network interface in this instance's zone {zone}, only in {}: it fails with another zone, and its \
             traffic is charged between zones",
            if let [only] = ids.as_slice() {
                format!("interface endpoint {only}")
            } else {
                format!("{} interface endpoints", ids.len())
            },
            listed(targets.iter().copied()) + if ids.len() == 1 { " has" } else { " have" },
            zones.join(", ")
        ),
        facts: vec![
            fact("zone", zone),
            fact("endpoint_zones", zones.join(" ")),
            fact("vpc_endpoints", ids.join(" ")),
            fact("targets", targets.join(" ")),
        ],
        evidence: vec!["control_plane/vpc_endpoints".to_owned(), "control_plane/subnets".to_owned()],
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: Remedy {
            text: "Give the endpoint an interface in this zone: the commands take this instance's own subnet. Names then give \
                   its address as well, and the endpoint's security groups hold for it. Not every service is offered in every \
                   zone: describe-vpc-endpoint-services says in which (AvailabilityZones)."
                .to_owned(),
            commands,
        },
    }
}

#[cfg(test)]
mod tests {
    use probes::control_plane::ControlPlane;

    use super::*;
    use crate::classify;
    use crate::report::Recording;
    use crate::testing::{answering, done, recording, target};

    const FAR: &str = "10.0.2.50";

    fn subnet(id: &str, zone: &str) -> Subnet {
        Subnet {
            id: id.into(),
            availability_zone: zone.into(),
            availability_zone_id: None,
            cidrs: Vec::new(),
        }
    }

    /// An endpoint for Systems Manager in these subnets, at an address outside the instance's own.
    fn with_endpoint_in(subnets: &[&str]) -> Recording {
        let mut recording = recording();
        recording.environment.host.interfaces[0].subnet_cidrs = vec!["10.0.1.0/24".parse().unwrap()];
        recording.targets = vec![target("ssm", true, vec![answering(FAR)])];
        let endpoint = VpcEndpoint {
            id: "vpce-1".into(),
            service_name: "com.amazonaws.us-east-1.ssm".into(),
            kind: "Interface".into(),
            state: "available".into(),
            subnets: subnets.iter().map(|id| (*id).to_owned()).collect(),
            private_dns: true,
            ..VpcEndpoint::default()
        };
        recording.control_plane = ControlPlane {
            vpc_endpoints: Some(done(vec![endpoint])),
            subnets: Some(done(vec![
                subnet("subnet-0a1b2c3d", "us-east-1a"),
                subnet("subnet-same", "us-east-1a"),
                subnet("subnet-far", "us-east-1b"),
            ])),
            ..ControlPlane::default()
        };
        recording
    }

    fn checked(recording: &Recording) -> Check {
        let verdicts = classify::verdicts(recording);
        check(&Case { recording, verdicts: &verdicts })
    }

    #[test]
    fn an_endpoint_in_another_zone_is_found_with_the_command_that_adds_this_subnet() {
        let Check::Found(found) = checked(&with_endpoint_in(&["subnet-far"])) else { panic!("not found") };
        assert_eq!(
            found[0].remedy.commands,
            [
                "aws ec2 modify-vpc-endpoint --region us-east-1 --vpc-endpoint-id vpce-1 --add-subnet-ids subnet-0a1b2c3d"
            ]
        );
        assert!(found[0].summary.contains("only in us-east-1b"), "{}", found[0].summary);
    }

    #[test]
    fn another_subnet_of_the_same_zone_is_no_other_zone() {
        assert!(matches!(checked(&with_endpoint_in(&["subnet-same"])), Check::Clear(_)));
        assert!(matches!(checked(&with_endpoint_in(&["subnet-far", "subnet-same"])), Check::Clear(_)));
    }

    #[test]
    fn a_subnet_whose_zone_is_not_known_may_be_in_this_one() {
        assert!(matches!(checked(&with_endpoint_in(&["subnet-far", "subnet-of-another"])), Check::Clear(_)));
    }

    #[test]
    fn an_address_of_another_subnet_alone_says_nothing_of_zones() {
        let mut recording = with_endpoint_in(&["subnet-far"]);
        recording.control_plane = ControlPlane::default();
        assert!(matches!(checked(&recording), Check::CannotTell(_)));
    }

    #[test]
    fn an_address_in_the_own_subnet_is_in_this_zone() {
        let mut recording = with_endpoint_in(&["subnet-far"]);
        recording.targets = vec![target("ssm", true, vec![answering(FAR), answering("10.0.1.50")])];
        assert!(matches!(checked(&recording), Check::Clear(_)));
    }
}
