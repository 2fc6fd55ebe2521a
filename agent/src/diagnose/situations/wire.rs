//! The situations about proxies, TLS and packet size.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[];
