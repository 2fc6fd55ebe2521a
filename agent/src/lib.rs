//! Judges: what to ask, what the answers mean, and how to say it.
//!
//! [`plan`] makes a plan from what the host says; the `probes` crate carries it out; [`classify`] turns what it saw into
//! verdicts, [`diagnose`] verdicts into findings, [`judge`] all of it into a [`report`], and [`render`] shows that. Nothing
//! here opens a socket, reads a clock or asks the environment; `.clippy.toml` of this folder holds that line.

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod classify;
pub mod cli;
pub mod compare;
pub mod diagnose;
pub mod explain;
pub mod filters;
pub mod fleet;
pub mod judge;
pub mod listing;
mod packed;
pub mod permissions;
pub mod plan;
pub mod prefix_lists;
pub mod profiles;
pub mod proofs;
pub mod proxies;
pub mod redact;
pub mod refusal;
pub mod render;
pub mod report;
pub mod settings;

#[cfg(test)]
mod testing;
