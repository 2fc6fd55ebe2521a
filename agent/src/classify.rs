//! From observations to verdicts, in two pure steps: what was seen becomes signals ([`evidence`]), and a set of signals
//! becomes a path by one table ([`table`]). A third folds the addresses of a target into one verdict ([`fold`]).
//!
//! Nothing here knows what is wrong or what to do about it; that is [`crate::diagnose`].

pub mod evidence;
pub mod fold;
pub mod signal;
pub mod table;
pub(crate) mod through_proxy;

use crate::report::{Recording, Verdict};

pub use signal::{SignalName, Signals};

/// One verdict per target, in the order of the observations.
#[must_use]
pub fn verdicts(recording: &Recording) -> Vec<Verdict> {
    let walks = evidence::Walks::of(recording);
    let verdict = |target| {
        let direct = fold::verdict(recording, &walks, target);
        through_proxy::seen_by_clients(recording, target, direct)
    };
    recording.targets.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests;
