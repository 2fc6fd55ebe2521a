//! What the rules about an interface endpoint's own filters share.

use super::blocked::{Blocked, component, finding, grouped, listed, targets};
use super::case::Case;
use super::way::{Obstacle, Way, Ways};
use crate::report::{Fact, Finding, Remedy, SubjectKind};

/// One finding for each set of endpoints behind the same component; `key` picks it from an obstacle.
pub(super) fn findings(
    case: &Case<'_>,
    ways: &Ways<'_>,
    rule: &'static str,
    kind: SubjectKind,
    place: &'static str,
    key: impl Fn(&Obstacle) -> Option<String>,
    say: impl Fn(&str, &str, &[&Way<'_>]) -> (String, Vec<Fact>, Remedy),
) -> Vec<Finding> {
    grouped(ways, |way| way.obstacles.iter().find_map(&key))
        .iter()
        .map(|(id, on)| {
            let (summary, facts, remedy) = say(id, &listed(&targets(on)), on);
            let subject = component(kind, id.clone());
            finding(
                case,
                ways,
                on,
                Blocked { rule, subject, summary, facts, place, causes: Vec::new(), remedy },
            )
        })
        .collect()
}
