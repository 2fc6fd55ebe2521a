//! The route that holds for a service's addresses leads to something that is gone.

use crate::catalogue::{self, EndpointKind};
use crate::diagnose::association::is_passed_by;
use crate::diagnose::blocked::{self, Blocked, component, finding, grouped, listed, services, targets};
use crate::diagnose::case::Case;
use crate::diagnose::phrases::{create_gateway_endpoint, fact};
use crate::diagnose::way::{Obstacle, Way, endpoints_of};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, SubjectKind};

pub(super) const RULE: Rule =
    Rule { id: "blackhole-route", title: "a route leads to something that is gone", check };

fn check(case: &Case<'_>) -> Check {
    blocked::check(case, |ways| {
        let gone = grouped(ways, |way| {
            way.obstacles.iter().find_map(|obstacle| match obstacle {
                Obstacle::Blackhole { table, destination, target } if !is_passed_by(case, way) => {
                    Some((table.clone(), destination.clone(), target.clone()))
                }
                _ => None,
            })
        });
        gone.iter()
            .map(|((table, destination, target), on)| {
                finding(case, ways, on, Blocked {
                    rule: RULE.id,
                    subject: component(SubjectKind::RouteTable, format!("{table} {destination}")),
                    summary: format!(
                        "route table {table} sends {destination} to {target}, which is gone (blackhole): {} cannot be reached",
                        listed(&targets(on))
                    ),
                    facts: vec![fact("route_table", table), fact("destination", destination), fact("target_of_route", target)],
                    place: "control_plane/route_table",
                    causes: Vec::new(),
                    remedy: remedy(case, table, destination, target, on),
                })
            })
            .collect()
    })
}

fn remedy(case: &Case<'_>, table: &str, destination: &str, target: &str, on: &[&Way<'_>]) -> Remedy {
    let region = case.region().unwrap_or_default();
    if destination.starts_with("pl-") {
        return to_endpoint(case, table, target, on);
    }
    let family =
        if destination.contains(':') { "--destination-ipv6-cidr-block" } else { "--destination-cidr-block" };
    let default = destination.ends_with("/0");
    let vpc = case.recording.environment.host.vpc_id.as_deref();
    match (default, target.split('-').next(), vpc) {
        (true, Some("nat"), Some(vpc)) => Remedy {
            text: "Lead the route to a NAT gateway that is there. If none is left, create one in a public subnet, or use VPC \
                   endpoints instead."
                .to_owned(),
            commands: vec![
                format!(
                    "NAT=$(aws ec2 describe-nat-gateways --region {region} --filter Name=vpc-id,Values={vpc} \
                     Name=state,Values=available --query 'NatGateways[0].NatGatewayId' --output text)"
                ),
                format!(
                    "aws ec2 replace-route --region {region} --route-table-id {table} {family} {destination} \
                     --nat-gateway-id \"$NAT\""
                ),
            ],
        },
        (true, ..) => Remedy {
            text: format!(
                "Lead the route to something that is there (replace-route), or give the subnet VPC endpoints for {}.",
                listed(&services(on))
            ),
            commands: vec![format!("aws ec2 describe-route-tables --region {region} --route-table-ids {table}")],
        },
        (false, ..) => Remedy {
            text: "Take the route away, so that the one behind it holds again; or lead it to what has taken the place of \
                   what is gone (replace-route)."
                .to_owned(),
            commands: vec![format!(
                "aws ec2 delete-route --region {region} --route-table-id {table} {family} {destination}"
            )],
        },
    }
}

/// A route to a prefix list belongs to the endpoint, and only EC2 itself writes it.
fn to_endpoint(case: &Case<'_>, table: &str, target: &str, on: &[&Way<'_>]) -> Remedy {
    let region = case.region().unwrap_or_default();
    let service = on.first().map_or("", |way| way.target.service.as_str());
    let gateway = catalogue::service(service).is_some_and(catalogue::Service::gateway_capable);
    let there = endpoints_of(case.recording, service, EndpointKind::Gateway);
    if there.iter().any(|endpoint| endpoint.id == target && endpoint.state == "available") {
        return Remedy {
            text: "Associate the endpoint with the route table once more: EC2 writes the route anew."
                .to_owned(),
            commands: vec![format!(
                "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {target} --add-route-table-ids {table}"
            )],
        };
    }
    Remedy {
        text: "The endpoint is gone. Create a new one for this route table; it has no charge.".to_owned(),
        commands: if gateway { create_gateway_endpoint(case, service) } else { Vec::new() },
    }
}
