//! Packets to S3 or `DynamoDB` leave by a further network interface, whose subnet's route table does not lead to the endpoint.

use crate::catalogue::{self, EndpointKind};
use crate::classify::fold;
use crate::diagnose::association::EGRESS;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::cause;
use crate::diagnose::phrases::{fact, failure_places};
use crate::diagnose::way::{Place, endpoints_of};
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Path, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "second-interface-without-endpoint-route",
    title: "packets leave by a second network interface, whose subnet has no route to the gateway endpoint",
    check,
};

/// The further interface by which a service's packets leave.
struct Leaving<'a> {
    service: &'a str,
    targets: Vec<&'a str>,
    place: Place<'a>,
}

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if host.interfaces.iter().filter(|each| !each.security_group_ids.is_empty()).count() < 2 {
        return Check::NotApplicable("the instance has one network interface".to_owned());
    }
    let mut all: Vec<Leaving<'_>> = Vec::new();
    for (target, verdict) in case.targets() {
        let capable = catalogue::service(&target.service).is_some_and(catalogue::Service::gateway_capable);
        let by_endpoint = verdict.path == Path::GatewayEndpoint && verdict.via.is_none();
        let passes = capable && verdict.reachable.is_some() && !by_endpoint && verdict.path != Path::Proxy;
        let mut tried = target.attempts.iter().filter(|attempt| fold::counts(target, attempt));
        let place = tried.find_map(|attempt| Place::of(case.recording, attempt));
        let Some(place) =
            place.filter(|place| passes && !place.first && place.subnet != host.subnet_id.as_deref())
        else {
            continue;
        };
        match all.iter_mut().find(|each| each.service == target.service) {
            Some(each) => each.targets.push(&target.target),
            None => all.push(Leaving { service: &target.service, targets: vec![&target.target], place }),
        }
    }
    let findings = all.iter().map(|leaving| finding(case, leaving)).collect();
    Check::found_or(findings, Check::Clear("S3 and DynamoDB leave by the first network interface".to_owned()))
}

fn finding(case: &Case<'_>, leaving: &Leaving<'_>) -> Finding {
    let interface = leaving.place.interface;
    let subnet = leaving.place.subnet.unwrap_or("another subnet");
    let consequence = cause::consequence(case, &leaving.targets);
    let reached = case.targets().any(|(target, verdict)| {
        leaving.targets.contains(&target.target.as_str()) && verdict.reachable == Some(true)
    });
    let mut explains = consequence.explains;
    explains.extend(
        EGRESS
            .iter()
            .filter(|(service, _)| *service == leaving.service)
            .map(|(service, rule)| Explained { rule: (*rule).to_owned(), subject: target_subject(service) }),
    );
    let service = leaving.service;
    Finding {
        rule: RULE.id.to_owned(),
        severity: if reached { consequence.severity.max(Severity::Warning) } else { consequence.severity },
        subject: target_subject(service),
        summary: format!(
            "packets to {service} leave by {} in {subnet}, not by the first network interface, and that subnet's route table does \
             not lead them to a gateway endpoint{}",
            interface.name,
            if reached { "" } else { ": nothing comes back" }
        ),
        facts: vec![
            fact("interface", &interface.name),
            fact("interface_id", interface.interface_id.as_deref().unwrap_or("unknown")),
            fact("subnet", subnet),
        ],
        evidence: case
            .targets()
            .filter(|(target, _)| leaving.targets.contains(&target.target.as_str()))
            .flat_map(|(target, _)| failure_places(target).into_iter().take(1))
            .chain(["environment/interfaces".to_owned()])
            .take(4)
            .collect(),
        causes: Vec::new(),
        explains,
        remedy: remedy(case, leaving, subnet),
    }
}

fn remedy(case: &Case<'_>, leaving: &Leaving<'_>, subnet: &str) -> Remedy {
    let text = "Either let the endpoint serve that subnet's route table too, or let packets to the internet leave by the first \
                interface: give its default route the smaller metric.";
    let host = &case.recording.environment.host;
    let name = case.endpoint_service(leaving.service, EndpointKind::Gateway);
    let (Some(region), Some(vpc), Some(name)) = (&host.region, &host.vpc_id, name) else {
        return Remedy { text: text.to_owned(), commands: Vec::new() };
    };
    // The subnet's own table, or the VPC's main one where it has none.
    let query = format!(
        "(RouteTables[?Associations[?SubnetId=='{subnet}']]||RouteTables[?Associations[?Main]])[0].RouteTableId"
    );
    let table = format!(
        "RT=$(aws ec2 describe-route-tables --region {region} --filters Name=vpc-id,Values={vpc} --query \"{query}\" --output \
         text)"
    );
    let known = endpoints_of(case.recording, leaving.service, EndpointKind::Gateway);
    let known =
        known.iter().find(|endpoint| endpoint.state == "available").map(|endpoint| endpoint.id.clone());
    let find = format!(
        "VPCE=$(aws ec2 describe-vpc-endpoints --region {region} --filters Name=vpc-id,Values={vpc} \
         Name=service-name,Values={name} Name=vpc-endpoint-type,Values=Gateway --query 'VpcEndpoints[0].VpcEndpointId' --output text)"
    );
    let endpoint = known.clone().unwrap_or_else(|| "\"$VPCE\"".to_owned());
    let associate = format!(
        "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {endpoint} --add-route-table-ids \"$RT\""
    );
    let commands = std::iter::once(table).chain(known.is_none().then_some(find)).chain([associate]);
    Remedy { text: text.to_owned(), commands: commands.collect() }
}
