//! The situations about what services answer, Regions, credentials and the clock.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[];
