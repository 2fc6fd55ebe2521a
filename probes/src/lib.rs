//! Observes the network path from inside a VPC: everything of the agent that touches host or network.
//!
//! One step, one observation, on explicit inputs. Nothing here says what an observation means; that is the business
//! of the judging crate, which gets [`Environment`] and [`Observations`] and sends a [`ProbePlan`] back.

pub mod dns;
pub mod environment;
mod netlink;
pub mod observations;
pub mod plan;
pub mod routes;
pub mod step;

pub use environment::Environment;
pub use observations::Observations;
pub use plan::ProbePlan;
pub use step::{Clock, Outcome, SkipReason, Step};
