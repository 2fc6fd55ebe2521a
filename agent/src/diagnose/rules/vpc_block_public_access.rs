//! VPC Block Public Access, a setting of the account, keeps this VPC's packets from the internet.

use crate::diagnose::association::is_passed_by;
use crate::diagnose::blocked::{self, Blocked, component, finding, grouped, listed, targets};
use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::way::Obstacle;
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "vpc-block-public-access",
    title: "VPC Block Public Access keeps this VPC from the internet",
    check,
};

fn check(case: &Case<'_>) -> Check {
    blocked::check(case, |ways| {
        let vpc = case.recording.environment.host.vpc_id.as_deref().unwrap_or("unknown");
        let found = grouped(ways, |way| {
            way.obstacles.iter().find_map(|obstacle| match obstacle {
                Obstacle::BlockedPublicAccess { target } if !is_passed_by(case, way) => Some(target.clone()),
                _ => None,
            })
        });
        found
            .iter()
            .map(|(target, on)| {
                finding(case, ways, on, Blocked {
                    rule: RULE.id,
                    subject: component(SubjectKind::Vpc, vpc),
                    summary: format!(
                        "VPC Block Public Access of this account keeps {vpc} from the internet: {} cannot be reached through \
                         {target}",
                        listed(&targets(on))
                    ),
                    facts: vec![fact("target_of_route", target)],
                    place: "control_plane/block_public_access",
                    causes: Vec::new(),
                    remedy: remedy(case, vpc, target),
                })
            })
            .collect()
    })
}

fn remedy(case: &Case<'_>, vpc: &str, target: &str) -> Remedy {
    let region = case.region().unwrap_or_default();
    // What an internet gateway carries needs both directions; NAT and egress-only gateways only send.
    let mode = if target.starts_with("igw-") { "allow-bidirectional" } else { "allow-egress" };
    Remedy {
        text: "Somebody decided this for the whole account and Region. VPC endpoints need no way to the internet: create those \
               that are missing. If this VPC is meant to have a way out, exclude it from the block, as printed."
            .to_owned(),
        commands: vec![format!(
            "aws ec2 create-vpc-block-public-access-exclusion --region {region} --vpc-id {vpc} \
             --internet-gateway-exclusion-mode {mode}"
        )],
    }
}
