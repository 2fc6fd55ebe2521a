//! The security groups of an interface endpoint do not let this instance in.

use crate::diagnose::case::Case;
use crate::diagnose::commands::{group_of, ingress_from_group};
use crate::diagnose::phrases::fact;
use crate::diagnose::way::{Obstacle, Way};
use crate::diagnose::{Check, Rule, blocked, endpoint_side};
use crate::report::{Fact, Remedy, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-security-group-closed",
    title: "the security groups of an interface endpoint do not let this instance in",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let key = |obstacle: &Obstacle| match obstacle {
        Obstacle::EndpointGroups { groups, .. } => Some(groups.join(" ")),
        _ => None,
    };
    let place = "control_plane/security_groups";
    blocked::check(case, |ways| {
        endpoint_side::findings(
            case,
            ways,
            RULE.id,
            SubjectKind::SecurityGroup,
            place,
            key,
            |groups, what, on| say(case, groups, what, on),
        )
    })
}

fn say(case: &Case<'_>, groups: &str, what: &str, on: &[&Way<'_>]) -> (String, Vec<Fact>, Remedy) {
    let mut endpoints: Vec<&str> =
        on.iter().filter_map(|way| way.endpoint).map(|endpoint| endpoint.id.as_str()).collect();
    endpoints.dedup();
    let own = on.first().and_then(|way| group_of(&way.place));
    let group = groups.split(' ').next();
    let command = own.zip(group).and_then(|(own, group)| ingress_from_group(case, group, own));
    let summary = format!(
        "security group {} of the interface endpoint of {what} has no inbound rule for port 443 from this instance",
        groups.replace(' ', ", ")
    );
    let facts = vec![
        fact("vpc_endpoints", endpoints.join(" ")),
        fact(
            "instance_groups",
            on.first().map_or_else(String::new, |way| way.place.interface.security_group_ids.join(" ")),
        ),
    ];
    let text = "Let this instance's security group into the endpoint's on port 443. To let in every instance of the VPC, write \
                the VPC's CIDR block instead of the group.";
    (summary, facts, Remedy { text: text.to_owned(), commands: command.into_iter().collect() })
}
