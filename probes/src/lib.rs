//! Observes.
