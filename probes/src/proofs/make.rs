//! Makes the proofs that the plan asks for, all at once, and writes down what was said as it comes.
//!
//! Sessions are asked for while the targets are being measured. The calls themselves wait for the end of the chains, since they are
//! made at the addresses where a service answered, and for EC2's list of VPC endpoints, whose ids they try.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use aws_credential_types::Credentials;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{BucketProof, NotMade, Proofs, RoleProof, bucket, role};
use crate::plan::{ProbePlan, ProofPlan};
use crate::run::{Board, Shared, Until, caught};

/// What the calls of a proof wait for.
#[derive(Debug, Clone)]
pub(crate) struct Awaited {
    /// Holds the instant at which the last chain was done.
    pub(crate) chains: watch::Receiver<Option<Instant>>,
    /// Holds `true` once EC2 has said all that it will say.
    pub(crate) control_plane: watch::Receiver<bool>,
}

impl Awaited {
    /// Resolves when the chains are done.
    pub(super) async fn chains(&self) {
        // The sender lives as long as the run, and this task no longer.
        let _ = self.chains.clone().wait_for(Option::is_some).await;
    }

    /// Resolves when EC2 has said all that it will say.
    pub(super) async fn control_plane(&self) {
        let _ = self.control_plane.clone().wait_for(|done| *done).await;
    }
}

/// What every proof of a run works with.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) board: Board,
    pub(super) awaited: Awaited,
    pub(super) credentials: Credentials,
    pub(super) region: String,
}

impl Context {
    /// The plan of the proofs.
    pub(super) fn plan(&self) -> Option<&ProofPlan> {
        self.shared.plan.proofs.as_ref()
    }

    /// A budget from now on: a proof's calls are one chain more.
    pub(super) fn one_more_chain(&self) -> Until {
        Until::at(Instant::now() + self.shared.plan.budgets.chain)
    }
}

/// The proofs before anything was tried.
pub(crate) fn untried(plan: &ProbePlan) -> Proofs {
    let Some(plan) = &plan.proofs else { return Proofs::not_made(NotMade::NotAsked) };
    let not_made_because = Some(NotMade::OutOfTime);
    let role = |role: &String| RoleProof {
        role: role.clone(),
        not_made_because,
        sessions: Vec::new(),
        calls: Vec::new(),
    };
    let bucket =
        |bucket: &String| BucketProof { bucket: bucket.clone(), not_made_because, calls: Vec::new() };
    Proofs {
        not_made_because: None,
        roles: plan.roles.iter().map(role).collect(),
        buckets: plan.buckets.iter().map(bucket).collect(),
    }
}

/// Makes all proofs. `until` is the budget for the sessions.
pub(crate) async fn make(shared: Arc<Shared>, board: Board, until: Until, awaited: Awaited) {
    let Some(plan) = shared.plan.proofs.clone() else { return };
    let (Some(region), Some(credentials)) = (plan.region.clone(), shared.credentials.clone()) else {
        let because =
            if shared.credentials.is_none() { NotMade::NoCredentials } else { NotMade::RegionUnknown };
        return board.proofs(|proofs| {
            proofs.roles.iter_mut().for_each(|proof| proof.not_made_because = Some(because));
            proofs.buckets.iter_mut().for_each(|proof| proof.not_made_because = Some(because));
        });
    };
    let context = Context { shared, board, awaited, credentials, region };
    let mut proofs = JoinSet::new();
    for index in 0..plan.roles.len() {
        let (context, until) = (context.clone(), until.clone());
        proofs.spawn(async move {
            if caught(Box::pin(role::prove(&context, index, &until))).await.is_none() {
                fault(&context.board, |proofs| &mut proofs.roles[index].not_made_because);
            }
        });
    }
    for index in 0..plan.buckets.len() {
        let context = context.clone();
        proofs.spawn(async move {
            if caught(Box::pin(bucket::prove(&context, index))).await.is_none() {
                fault(&context.board, |proofs| &mut proofs.buckets[index].not_made_because);
            }
        });
    }
    while proofs.join_next().await.is_some() {}
}

fn fault(board: &Board, place: impl FnOnce(&mut Proofs) -> &mut Option<NotMade>) {
    board.proofs(|proofs| *place(proofs) = Some(NotMade::InternalError));
}

/// The distinct addresses among these, in order.
pub(super) fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = addresses.collect();
    all.sort_unstable();
    all.dedup();
    all
}
