//! Whether a service control policy refuses by the path: a data perimeter, as against a policy on actions.

use super::case::Case;
use super::refused::{self, Kind};
use crate::report::Path;

/// Whether at least one call over the internet was refused by a service control policy, none through an endpoint was, and at
/// least one through an endpoint was answered: then the path decides.
#[must_use]
pub(super) fn is_the_cause(case: &Case<'_>) -> bool {
    let refused = refused::all(case);
    let by_control: Vec<_> = refused.iter().filter(|refused| refused.kind == Kind::ServiceControl).collect();
    let through_endpoint = |path: Path| matches!(path, Path::GatewayEndpoint | Path::InterfaceEndpoint);
    let passed = case.targets().any(|(target, verdict)| {
        through_endpoint(verdict.path)
            && Case::signed_replies(target).any(|(_, reply)| {
                crate::refusal::last_word(reply).status < 300
                    // The one call that no policy on callers can refuse shows nothing.
                    && reply.operation != "sts:GetCallerIdentity"
            })
    });
    passed
        && !by_control.is_empty()
        && by_control.iter().all(|refused| refused.verdict.path == Path::Internet && refused.is_explicit())
}
