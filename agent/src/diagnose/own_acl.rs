//! What the rules about the network ACL of the instance's own subnet share.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Check;
use super::blocked::{
    self, Blocked, block_for, component, finding, grouped, listed, ranges, services, targets,
};
use super::case::Case;
use super::commands::AclOpener;
use super::phrases::fact;
use super::way::{Obstacle, Way, Ways};
use crate::filters::{AclPassage, Direction, Ports};
use crate::report::{Finding, Remedy, SubjectKind};

/// What the ACL does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It stops packets on their way out, and perhaps the answers besides.
    Outbound,
    /// It stops the answers only.
    Return,
    /// It stops one or both for some addresses of services, and lets others of the same services through.
    StaleRanges,
}

/// The findings of the rule that is for this kind.
pub(super) fn check_kind(case: &Case<'_>, rule: &'static str, kind: Kind) -> Check {
    blocked::check(case, |ways| {
        grouped(ways, acl_of_way)
            .into_iter()
            .filter_map(|(acl, on)| {
                let stale = on.iter().all(|way| is_public(case, way) && ways.is_partial(way));
                let on: Vec<&Way<'_>> =
                    on.into_iter().filter(|way| kind_of(way, stale) == Some(kind)).collect();
                (!on.is_empty()).then(|| of_acl(case, ways, rule, kind, acl, &on))
            })
            .collect()
    })
}

fn acl_of_way<'w>(way: &'w Way<'_>) -> Option<&'w str> {
    way.obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::OwnAcl { acl, .. } => Some(acl.as_str()),
        _ => None,
    })
}

fn kind_of(way: &Way<'_>, stale: bool) -> Option<Kind> {
    acl_of_way(way)?;
    Some(match (stale, stops(way, Direction::Out)) {
        (true, _) => Kind::StaleRanges,
        (false, Some(_)) => Kind::Outbound,
        (false, None) => Kind::Return,
    })
}

/// What the ACL leaves through of a way in one direction, where it stops anything.
fn stops<'w>(way: &'w Way<'_>, wanted: Direction) -> Option<&'w AclPassage> {
    way.obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::OwnAcl { direction, passage, .. } if *direction == wanted => Some(passage),
        _ => None,
    })
}

fn is_public(case: &Case<'_>, way: &Way<'_>) -> bool {
    let inside = case.recording.environment.host.vpc_cidrs.iter().any(|cidr| cidr.contains(&way.address()));
    !inside && !crate::classify::evidence::is_private(way.address())
}

fn of_acl(
    case: &Case<'_>,
    ways: &Ways<'_>,
    rule: &'static str,
    kind: Kind,
    acl: &str,
    on: &[&Way<'_>],
) -> Finding {
    let what = listed(&targets(on));
    let entry = |direction| on.iter().find_map(|way| stops(way, direction).map(which));
    let (out, back) = (entry(Direction::Out), entry(Direction::In));
    let summary = match kind {
        Kind::Outbound => format!(
            "network ACL {acl} of this subnet does not let port 443 out to {what} ({})",
            out.clone().unwrap_or_default()
        ),
        Kind::Return => format!(
            "network ACL {acl} of this subnet does not let the answers of {what} back in ({})",
            back.clone().unwrap_or_default()
        ),
        Kind::StaleRanges => format!(
            "network ACL {acl} of this subnet lets some ranges of {} through and not others ({})",
            listed(&services(on)),
            out.clone().or(back.clone()).unwrap_or_default()
        ),
    };
    let blocks: Vec<String> = ranges(case, on).iter().map(ToString::to_string).collect();
    let facts = [("blocked_ranges", Some(blocks.join(" "))), ("outbound", out), ("inbound", back)];
    let facts = facts.into_iter().filter_map(|(name, value)| value.map(|value| fact(name, value)));
    finding(
        case,
        ways,
        on,
        Blocked {
            rule,
            subject: component(SubjectKind::NetworkAcl, acl),
            summary,
            facts: facts.collect(),
            place: "control_plane/network_acls",
            causes: Vec::new(),
            remedy: Remedy { text: text(kind).to_owned(), commands: commands(case, kind, on) },
        },
    )
}

/// Which entry stops packets, in words.
pub(super) fn which(passage: &AclPassage) -> String {
    match passage {
        AclPassage::Open => "nothing".to_owned(),
        AclPassage::Closed { by: Some(number) } => format!("entry {number} denies"),
        AclPassage::Closed { by: None } => "no entry allows".to_owned(),
        AclPassage::Partly(closed) => {
            let one = |(first, last): &Ports| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            };
            let closed: Vec<String> = closed.iter().map(one).collect();
            format!("not allowed for ports {}", closed.join(", "))
        }
    }
}

fn text(kind: Kind) -> &'static str {
    match kind {
        Kind::Outbound => {
            "Let port 443 out, and the answers in to the ports they come back to (1024-65535): an ACL has no memory. It \
             cannot name a prefix list; leave it to security groups and endpoint policies who may reach what. For less than \
             everywhere, write one entry for each range of the service, and keep up with them."
        }
        Kind::Return => {
            "Let answers in to the ports they come back to (1024-65535; Linux uses 32768-60999): an ACL has no memory, so it \
             needs entries in both directions."
        }
        Kind::StaleRanges => {
            "Let these ranges through in both directions. The service's ranges change: an ACL cannot name its prefix list, so \
             allow 443 to everywhere (and leave the choice to the security group), or follow Amazon's notices \
             (AmazonIpSpaceChanged) with a script. An ACL holds 20 entries for each direction."
        }
    }
}

fn commands(case: &Case<'_>, kind: Kind, on: &[&Way<'_>]) -> Vec<String> {
    let Some(subnet) = on.first().and_then(|way| way.place.subnet) else { return Vec::new() };
    let mut opener = AclOpener::new(case, subnet);
    let mut commands = Vec::new();
    for direction in [Direction::Out, Direction::In] {
        let stopped: Vec<&Way<'_>> =
            on.iter().copied().filter(|way| stops(way, direction).is_some()).collect();
        let mut blocks: Vec<IpNet> = match kind {
            Kind::StaleRanges => ranges(case, &stopped),
            _ => stopped.iter().map(|way| block_for(case, way.address())).collect(),
        };
        blocks.sort();
        blocks.dedup();
        for block in blocks {
            let peers: Vec<IpAddr> =
                stopped.iter().map(|way| way.address()).filter(|peer| block.contains(peer)).collect();
            commands.extend(opener.entry(direction, block, &peers));
        }
    }
    commands
}
