//! The instance metadata service is switched off for this instance.

use probes::environment::ImdsFailure;

use crate::diagnose::case::Case;
use crate::diagnose::metadata;
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "imds-disabled",
    title: "the instance metadata service is switched off for this instance",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let imds = &case.recording.environment.host.imds;
    match imds.token.as_ref().map(probes::Step::failed) {
        Some(Some(ImdsFailure::Forbidden)) => {}
        Some(_) => return Check::Clear("no answer says so".to_owned()),
        None => return Check::CannotTell("instance metadata was not asked".to_owned()),
    }
    let causes = vec![
        "the metadata endpoint is switched off for this instance (HttpEndpoint=disabled)".to_owned(),
        "a proxy or a firewall on the way answers 403 in its place: the answer of curl -v names no EC2ws server then".to_owned(),
    ];
    Check::Found(vec![metadata::finding(
        case,
        RULE.id,
        "answers HTTP 403: it is switched off",
        causes,
        metadata::remedy(case, "--http-endpoint enabled"),
    )])
}
