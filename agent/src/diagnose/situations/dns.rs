//! The situations about names, resolvers and address families.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[];
