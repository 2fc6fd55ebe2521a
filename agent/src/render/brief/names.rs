//! What brief reports keep of the checks of names that belong to no target, and of answers without an address.

use probes::Outcome;
use probes::observations::{Answer, NameCheck};
use probes::plan::NamePurpose;

/// Keeps the checks that a rule reads: that of the instance's own name where it matters, and search domains that answered.
pub(super) fn shorten_checks(checks: &mut Vec<NameCheck>, own_name_matters: bool) {
    let answered = |check: &NameCheck| check.a.done().is_some_and(|answer| !answer.addresses.is_empty());
    checks.retain(|check| match check.purpose {
        NamePurpose::OwnName => own_name_matters,
        NamePurpose::SearchDomain => answered(check),
    });
    for check in checks {
        (check.a.start_ms, check.a.elapsed_ms) = (0.0, 0.0);
        if let Outcome::Done(answer) = &mut check.a.outcome {
            shorten_answer(answer);
        }
    }
}

/// Leaves out how an answer came about; an answer without an address keeps the zone that it is from.
pub(super) fn shorten_answer(answer: &mut Answer) {
    answer.chain.clear();
    (answer.ttl_s, answer.transport) = (None, None);
    if !answer.addresses.is_empty() || answer.as_system {
        answer.soa = None;
    }
}
