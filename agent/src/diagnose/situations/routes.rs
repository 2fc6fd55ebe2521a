//! The situations about routes, packet filters and VPC endpoints.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[];
