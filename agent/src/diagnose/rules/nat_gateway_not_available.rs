//! The NAT gateway that the route leads to carries nothing: it failed, is being deleted, or stands in a subnet without a way out.

use crate::diagnose::association::is_passed_by;
use crate::diagnose::blocked::{self, Blocked, component, finding, grouped, listed, targets};
use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::way::Obstacle;
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "nat-gateway-not-available",
    title: "the NAT gateway that the route leads to carries nothing",
    check,
};

fn check(case: &Case<'_>) -> Check {
    blocked::check(case, |ways| {
        let found = grouped(ways, |way| {
            way.obstacles.iter().find_map(|obstacle| match obstacle {
                Obstacle::NatGateway { gateway, why } if !is_passed_by(case, way) => {
                    Some((gateway.clone(), why.clone()))
                }
                _ => None,
            })
        });
        found
            .iter()
            .map(|((gateway, why), on)| {
                finding(
                    case,
                    ways,
                    on,
                    Blocked {
                        rule: RULE.id,
                        subject: component(SubjectKind::NatGateway, gateway),
                        summary: format!(
                            "{gateway} {why}: {} cannot be reached through it",
                            listed(&targets(on))
                        ),
                        facts: vec![fact("nat_gateway", gateway)],
                        place: "control_plane/nat_gateways",
                        causes: Vec::new(),
                        remedy: remedy(case, gateway),
                    },
                )
            })
            .collect()
    })
}

fn remedy(case: &Case<'_>, gateway: &str) -> Remedy {
    let region = case.region().unwrap_or_default();
    Remedy {
        text: "A NAT gateway that failed cannot be mended: create one in a subnet whose default route leads to an internet \
               gateway (create-nat-gateway), and lead this subnet's route to it (replace-route). One that stands in the wrong \
               subnet needs that subnet's route mended. S3 and DynamoDB do not need it: a gateway endpoint has no charge."
            .to_owned(),
        commands: vec![format!(
            "aws ec2 describe-nat-gateways --region {region} --nat-gateway-ids {gateway} --query \
             'NatGateways[].[State,FailureCode,FailureMessage,SubnetId]'"
        )],
    }
}
