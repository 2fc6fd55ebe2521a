//! The network ACL of the subnet in which an interface endpoint has its interface stops this instance's packets or the answers.

use std::net::IpAddr;

use crate::diagnose::case::Case;
use crate::diagnose::commands::AclOpener;
use crate::diagnose::own_acl::which;
use crate::diagnose::phrases::fact;
use crate::diagnose::way::{Obstacle, Way};
use crate::diagnose::{Check, Rule, blocked, endpoint_side};
use crate::filters::Direction;
use crate::report::{Fact, Remedy, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-network-acl",
    title: "the network ACL of an interface endpoint's subnet stops this instance",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let key = |obstacle: &Obstacle| match obstacle {
        Obstacle::EndpointAcl { acl, .. } => Some(acl.clone()),
        _ => None,
    };
    let place = "control_plane/network_acls";
    blocked::check(case, |ways| {
        endpoint_side::findings(case, ways, RULE.id, SubjectKind::NetworkAcl, place, key, |acl, what, on| {
            say(case, acl, what, on)
        })
    })
}

fn say(case: &Case<'_>, acl: &str, what: &str, on: &[&Way<'_>]) -> (String, Vec<Fact>, Remedy) {
    let stops = |wanted: Direction| {
        on.iter().flat_map(|way| &way.obstacles).find_map(|obstacle| match obstacle {
            Obstacle::EndpointAcl { direction, passage, subnet, .. } if *direction == wanted => {
                Some((subnet.as_str(), which(passage)))
            }
            _ => None,
        })
    };
    let (into, back) = (stops(Direction::In), stops(Direction::Out));
    let subnet = into.as_ref().or(back.as_ref()).map_or("", |(subnet, _)| subnet);
    let mut summary = format!(
        "network ACL {acl} of the endpoint's subnet {subnet} stops this instance on the way to {what}: "
    );
    let words = [("port 443 in", &into), ("the answers out", &back)];
    let words = words.iter().filter_map(|(way, stop)| stop.as_ref().map(|(_, by)| format!("{way} ({by})")));
    summary.push_str(&words.collect::<Vec<_>>().join(" and "));
    let mut commands = Vec::new();
    if let Some(source) = on.first().and_then(|way| way.place.source) {
        let own = on.first().map_or(&[][..], |way| way.place.interface.subnet_cidrs.as_slice());
        let block = own.iter().find(|cidr| cidr.contains(&source)).copied();
        let block = block.unwrap_or_else(|| blocked::block_for(case, source));
        let peers: [IpAddr; 1] = [source];
        // One ACL may hold for this instance's subnet too, and then another finding may add entries to it.
        let mut opener = AclOpener::new(case, subnet);
        let shared = on
            .iter()
            .flat_map(|way| &way.obstacles)
            .any(|obstacle| matches!(obstacle, Obstacle::OwnAcl { acl: own, .. } if own == acl));
        if shared {
            opener = opener.leaving_room(&peers);
        }
        for (direction, stopped) in [(Direction::In, &into), (Direction::Out, &back)] {
            if stopped.is_some() {
                commands.extend(opener.entry(direction, block, &peers));
            }
        }
    }
    let facts = vec![fact("endpoint_subnet", subnet)];
    let text = "Let port 443 in from this instance's subnet and the answers out to it (1024-65535), both: an ACL has no memory.";
    (summary, facts, Remedy { text: text.to_owned(), commands })
}
