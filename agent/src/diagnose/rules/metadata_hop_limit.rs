//! The answer with the metadata token dies on its way: the hop limit is too small for a container.

use crate::diagnose::case::Case;
use crate::diagnose::metadata;
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "metadata-hop-limit",
    title: "the hop limit of instance metadata is too small for where this runs",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let imds = &case.recording.environment.host.imds;
    if imds.token.is_none() {
        return Check::CannotTell("instance metadata was not asked".to_owned());
    }
    if !metadata::token_is_lost(imds) {
        return Check::Clear("no answer says so".to_owned());
    }
    let causes = vec![
        "this program runs in a container behind a bridge, and the hop limit (HttpPutResponseHopLimit) is 1: only the answer with \
         the token carries it as its TTL"
            .to_owned(),
        "a firewall or proxy on the host lets GET through and PUT not".to_owned(),
    ];
    Check::Found(vec![metadata::finding(
        case,
        RULE.id,
        "answers without a token, and the answer with the token does not arrive",
        causes,
        metadata::remedy(case, "--http-put-response-hop-limit 2"),
    )])
}
