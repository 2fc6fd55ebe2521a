//! From observations to verdicts, in two pure steps: what was seen becomes signals ([`evidence`]), and a set of signals
//! becomes a path by one table ([`table`]). A third folds the addresses of a target into one verdict ([`fold`]).
//!
//! Nothing here knows what is wrong or what to do about it; that is [`crate::diagnose`].

pub mod evidence;
pub mod fold;
pub mod signal;
pub mod table;

use crate::report::{Recording, Verdict};

pub use signal::{SignalName, Signals};

/// One verdict per target, in the order of the observations.
#[must_use]
pub fn verdicts(recording: &Recording) -> Vec<Verdict> {
    let walks = evidence::Walks::of(recording);
    recording.targets.iter().map(|target| fold::verdict(recording, &walks, target)).collect()
}

#[cfg(test)]
mod tests;
