//! The route table has no route to an address that no VPC endpoint could serve here: a hub's endpoint, or a host of the internet.

use crate::catalogue;
use crate::classify::evidence::is_private;
use crate::diagnose::blocked::{self, Blocked, component, finding, grouped, listed, targets};
use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::way::{Obstacle, Way};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, SubjectKind};

pub(super) const RULE: Rule =
    Rule { id: "no-route-out", title: "the route table has no route to an address outside the VPC", check };

fn check(case: &Case<'_>) -> Check {
    blocked::check(case, |ways| {
        let found = grouped(ways, |way| {
            way.obstacles.iter().find_map(|obstacle| match obstacle {
                Obstacle::NoRoute { table } if !is_for_an_endpoint(way) => {
                    Some((table.clone(), is_private(way.address())))
                }
                _ => None,
            })
        });
        found
            .iter()
            .map(|((table, private), on)| {
                finding(
                    case,
                    ways,
                    on,
                    Blocked {
                        rule: RULE.id,
                        subject: component(SubjectKind::RouteTable, table),
                        summary: format!(
                            "route table {table} has no route to {}, which {} resolves to",
                            blocked::addresses(on).replace(' ', ", "),
                            listed(&targets(on))
                        ),
                        facts: vec![fact("route_table", table)],
                        place: "control_plane/route_table",
                        causes: if *private { causes() } else { Vec::new() },
                        remedy: remedy(case, table, *private, on),
                    },
                )
            })
            .collect()
    })
}

/// A public address of a service for which this VPC could have an endpoint: that the endpoint is missing is the cause.
fn is_for_an_endpoint(way: &Way<'_>) -> bool {
    !is_private(way.address())
        && (way.address().is_ipv6()
            || catalogue::service(&way.target.service)
                .is_some_and(|service| service.gateway_capable() || service.interface_capable()))
}

fn causes() -> Vec<String> {
    vec![
        "the name leads to an interface endpoint in another VPC (a hub), and the route to it through the transit gateway or the \
         peering connection is missing: describe-transit-gateway-vpc-attachments shows whether this VPC is attached"
            .to_owned(),
        "a record of one's own (private hosted zone, hosts file) names an address that is not meant for this VPC".to_owned(),
    ]
}

fn remedy(case: &Case<'_>, table: &str, private: bool, on: &[&Way<'_>]) -> Remedy {
    let region = case.region().unwrap_or_default();
    let vpc = case.recording.environment.host.vpc_id.as_deref();
    let show = format!("aws ec2 describe-route-tables --region {region} --route-table-ids {table}");
    if !private {
        return Remedy {
            text: "Give the subnet a default route to a NAT gateway.".to_owned(),
            commands: vec![show],
        };
    }
    let mut commands = vec![show];
    commands.extend(vpc.map(|vpc| {
        format!("aws ec2 describe-transit-gateway-vpc-attachments --region {region} --filters Name=vpc-id,Values={vpc}")
    }));
    let hosts: Vec<&str> = on.iter().map(|way| way.target.host.as_str()).collect();
    commands.extend(hosts.first().map(|host| format!("dig +short @169.254.169.253 {host}")));
    Remedy {
        text: "Add a route to the hub's block through the transit gateway or the peering connection, and the way back there; or \
               give this VPC an interface endpoint of its own and take the record away."
            .to_owned(),
        commands,
    }
}
