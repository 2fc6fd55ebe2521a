//! What the rules about the instance's own security groups share: one finding for the groups of an interface, under the rule that
//! fits what they leave out.

use super::Check;
use super::blocked::{self, Blocked, component, finding, grouped, listed, ranges, services};
use super::case::Case;
use super::commands::{egress_to_block, egress_to_group, egress_to_list, group_of};
use super::phrases::fact;
use super::way::{Obstacle, Way, Ways};
use crate::catalogue;
use crate::report::{Remedy, SubjectKind};

/// What the groups leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// More than the prefix lists of gateway services.
    Closed,
    /// The prefix list of a gateway service as a whole, and nothing else.
    WithoutPrefixList,
    /// Some ranges of a gateway service, while others are let through.
    StaleRanges,
}

/// The findings of the rule that is for this kind.
pub(super) fn check_kind(case: &Case<'_>, rule: &'static str, kind: Kind) -> Check {
    blocked::check(case, |ways| {
        let by_groups = grouped(ways, |way| {
            way.obstacles.iter().find_map(|obstacle| match obstacle {
                Obstacle::OwnGroups { groups } => Some(groups.clone()),
                _ => None,
            })
        });
        by_groups
            .iter()
            .filter(|(_, on)| kind_of(ways, on) == kind)
            .map(|(groups, on)| of_groups(case, ways, rule, kind, groups, on))
            .collect()
    })
}

fn kind_of(ways: &Ways<'_>, on: &[&Way<'_>]) -> Kind {
    let partial = |way: &Way<'_>| is_of_gateway_service(way) && ways.is_partial(way);
    if on.iter().any(|way| !is_of_gateway_service(way)) {
        Kind::Closed
    } else if on.iter().all(|way| partial(way)) {
        Kind::StaleRanges
    } else {
        Kind::WithoutPrefixList
    }
}

/// Whether a way leads to the public address of a service that has a prefix list.
fn is_of_gateway_service(way: &Way<'_>) -> bool {
    way.endpoint.is_none()
        && !crate::classify::evidence::is_private(way.address())
        && catalogue::service(&way.target.service).is_some_and(catalogue::Service::gateway_capable)
}

fn of_groups(
    case: &Case<'_>,
    ways: &Ways<'_>,
    rule: &'static str,
    kind: Kind,
    groups: &[String],
    on: &[&Way<'_>],
) -> crate::report::Finding {
    let named: Vec<&str> = groups.iter().map(String::as_str).collect();
    let who = if let [group] = named.as_slice() {
        format!("security group {group} has no outbound rule")
    } else {
        format!("none of the security groups {} has an outbound rule", listed(&named))
    };
    let what = listed(&services(on));
    let (summary, text) = match kind {
        Kind::Closed => (
            format!("{who} for port 443 of {what}"),
            "Let the group out on port 443 to what this instance uses: to the endpoints' security group, and to the prefix \
             lists of S3 and DynamoDB. Outbound rules are enough: answers come back by themselves.",
        ),
        Kind::WithoutPrefixList => (
            format!("{who} for port 443 of {what}: their prefix lists are missing"),
            "Let the group out on port 443 to the service's prefix list. Amazon keeps the list's ranges up to date, which a \
             list by hand is not.",
        ),
        Kind::StaleRanges => (
            format!(
                "{who} for some addresses of {what}: it lists ranges by hand, and these are not among them"
            ),
            "Name the service's prefix list instead of its ranges: Amazon keeps it up to date. The rules by hand can go then.",
        ),
    };
    let missing: Vec<String> = ranges(case, on).iter().map(ToString::to_string).collect();
    finding(
        case,
        ways,
        on,
        Blocked {
            rule,
            subject: component(SubjectKind::SecurityGroup, named.join(" ")),
            summary,
            facts: vec![fact("missing_ranges", missing.join(" "))],
            place: "control_plane/security_groups",
            causes: Vec::new(),
            remedy: Remedy { text: text.to_owned(), commands: commands(case, on) },
        },
    )
}

/// One rule to add for each kind of peer.
fn commands(case: &Case<'_>, on: &[&Way<'_>]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for way in on {
        let Some(group) = group_of(&way.place) else { continue };
        let further = if is_of_gateway_service(way) {
            egress_to_list(case, group, &way.target.service)
        } else if let Some(peer) = way.endpoint.and_then(|endpoint| endpoint.security_groups.first()) {
            egress_to_group(case, group, peer).into_iter().collect()
        } else {
            egress_to_block(case, group, blocked::block_for(case, way.address())).into_iter().collect()
        };
        if !further.iter().all(|command| commands.contains(command)) {
            commands.extend(further);
        }
    }
    commands
}
