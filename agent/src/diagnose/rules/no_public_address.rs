//! The route leads to an internet gateway, and this instance has no public address that the gateway could use for it.

use crate::catalogue;
use crate::diagnose::association::is_passed_by;
use crate::diagnose::blocked::{self, Blocked, component, finding, grouped, listed, services, targets};
use crate::diagnose::case::Case;
use crate::diagnose::phrases::{create_gateway_endpoint, fact};
use crate::diagnose::way::{Obstacle, Way};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "no-public-address",
    title: "the route leads to an internet gateway, and the instance has no public address",
    check,
};

fn check(case: &Case<'_>) -> Check {
    blocked::check(case, |ways| {
        let found = grouped(ways, |way| {
            way.obstacles.iter().find_map(|obstacle| match obstacle {
                Obstacle::NoPublicAddress { table, gateway } if !is_passed_by(case, way) => {
                    Some((table.clone(), gateway.clone()))
                }
                _ => None,
            })
        });
        found
            .iter()
            .map(|((table, gateway), on)| {
                finding(case, ways, on, Blocked {
                    rule: RULE.id,
                    subject: component(SubjectKind::RouteTable, table),
                    summary: format!(
                        "route table {table} sends {} to internet gateway {gateway}, which is of no use to an instance without \
                         a public address, as this one",
                        listed(&targets(on))
                    ),
                    facts: vec![fact("internet_gateway", gateway), fact("public_ipv4", "none")],
                    place: "control_plane/route_table",
                    causes: Vec::new(),
                    remedy: remedy(case, on),
                })
            })
            .collect()
    })
}

fn remedy(case: &Case<'_>, on: &[&Way<'_>]) -> Remedy {
    let gateway_capable =
        |service: &str| catalogue::service(service).is_some_and(catalogue::Service::gateway_capable);
    let services = services(on);
    let interface = on.first().and_then(|way| way.place.interface.interface_id.as_deref());
    let mut commands: Vec<String> = services
        .iter()
        .filter(|service| gateway_capable(service))
        .flat_map(|service| create_gateway_endpoint(case, service))
        .collect();
    let needs_address = services.iter().any(|service| !gateway_capable(service));
    if needs_address && let (Some(region), Some(interface)) = (case.region(), interface) {
        commands.push(format!(
            "ALLOCATION=$(aws ec2 allocate-address --region {region} --domain vpc --query AllocationId --output text)"
        ));
        commands.push(format!(
            "aws ec2 associate-address --region {region} --network-interface-id {interface} --allocation-id \"$ALLOCATION\""
        ));
    }
    Remedy {
        text: "Give S3 and DynamoDB a gateway endpoint, which has no charge; for the rest give the instance an Elastic IP \
               address, or move it to a subnet that leads to a NAT gateway or to interface endpoints."
            .to_owned(),
        commands,
    }
}
