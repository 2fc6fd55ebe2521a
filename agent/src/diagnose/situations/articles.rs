//! The situations about the checks of Amazon's own troubleshooting articles.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[];
