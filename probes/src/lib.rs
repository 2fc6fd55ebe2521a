//! Observes the network path from inside a VPC: everything of the agent that touches host or network.
//!
//! One step, one observation, on explicit inputs. Nothing here says what an observation means; that is the business
//! of the judging crate, which gets [`Environment`] and [`Observations`] and sends a [`ProbePlan`] back.

mod attempt;
mod call;
mod connection;
pub mod control_plane;
pub mod dns;
pub mod environment;
mod hops;
#[cfg(test)]
mod loopback;
mod netlink;
pub mod observations;
pub mod plan;
pub mod proofs;
mod proxy;
mod retries;
mod roots;
pub mod routes;
mod run;
pub mod step;
mod stream;
mod sys;
mod tcp;
mod tls;

pub use environment::Environment;
pub use observations::Observations;
pub use plan::ProbePlan;
pub use run::run;
pub use step::{Clock, Outcome, SkipReason, Step};
