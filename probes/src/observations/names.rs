//! Names that belong to no target, asked because of what their answers say about the VPC's DNS.
//!
//! A check holds one question to one server and its answer; what the answer means is for the judging crate to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, LookupFailure};
use crate::plan::{NameCheckPlan, NamePurpose};
use crate::step::{SkipReason, Step};

/// One name that belongs to no target, and what one server said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NameCheck {
    /// Why it was asked.
    pub purpose: NamePurpose,
    /// The name, absolute, without the final dot.
    pub name: String,
    /// The server that was asked.
    pub resolver: String,
    /// The question for IPv4 addresses.
    pub a: Step<Answer, LookupFailure>,
}

impl NameCheck {
    /// The check of a plan, not made yet.
    pub(crate) fn untried(plan: &NameCheckPlan) -> Self {
        Self {
            purpose: plan.purpose,
            name: plan.name.clone(),
            resolver: plan.resolver.to_string(),
            a: Step::skipped(SkipReason::OutOfTime),
        }
    }
}
