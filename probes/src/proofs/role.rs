//! The proof by a role: the same harmless call under sessions that differ only in the condition of their session policy.
//!
//! The control comes first: without it a refusal could come from the role's own policies. The two conditions "through a VPC
//! endpoint" and "without one" are each other's opposite, so a service that heeds session policies allows exactly one of them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aws_credential_types::Credentials;
use tokio::task::JoinSet;

use super::make::Context;
use super::place::{Request, Signing, ask, trusted};
use super::policy::{Wanted, actions, session_policy};
use super::{Asked, Condition, NotMade, RoleCalls, RoleProof, Session};
use crate::control_plane::{NotAsked, Pool};
use crate::plan::{ProofPlan, TargetPlan};
use crate::run::{Until, measure};
use crate::step::{SkipReason, Step};

/// VPC endpoints of one service that are tried by their ids; more than two are hardly ever there.
const MOST_ENDPOINTS: usize = 4;

/// A session that was given: what it allows, and what it signs with.
struct Held {
    condition: Condition,
    /// The VPC endpoints that it names, with the service that each is for.
    endpoints: Vec<(String, String)>,
    credentials: Credentials,
}

/// Makes one proof and writes down what was said; `until` is the budget for the first sessions.
pub(super) async fn prove(context: &Context, index: usize, until: &Until) {
    let write =
        |write: &dyn Fn(&mut RoleProof)| context.board.proofs(|proofs| write(&mut proofs.roles[index]));
    let not_made = |because: NotMade| write(&|proof| proof.not_made_because = Some(because));
    let Some(plan) = context.plan() else { return };
    let Some(host) = &plan.sts_host else { return not_made(NotMade::RegionUnknown) };
    let pool = match Pool::open(&context.shared, host, until).await {
        Ok(pool) => Arc::new(pool),
        Err(because) => return not_made(because.into()),
    };
    // They end together with this function, whether or not they came about.
    let mut further = JoinSet::new();
    further.spawn(Arc::clone(&pool).widen(until.clone()));
    let giver = Giver { context, plan, index, pool };

    let Some(control) = giver.session(Condition::None, Vec::new(), until).await else {
        return not_made(NotMade::NoSession);
    };
    let (through, without, this_vpc) = tokio::join!(
        Box::pin(giver.session(Condition::ThroughEndpoint, Vec::new(), until)),
        Box::pin(giver.session(Condition::WithoutEndpoint, Vec::new(), until)),
        Box::pin(async {
            plan.vpc_id.as_ref()?;
            giver.session(Condition::ThisVpc, Vec::new(), until).await
        })
    );
    let (Some(through), Some(without)) = (through, without) else {
        return not_made(NotMade::NoSession);
    };
    context.awaited.chains().await;
    let places = places(context);
    if places.is_empty() {
        return not_made(NotMade::NothingToProve);
    }
    context.awaited.control_plane().await;
    let mut held = vec![control, through, without];
    held.extend(this_vpc);
    let until = context.one_more_chain();
    held.extend(giver.endpoint_sessions(&until).await);
    write(&|proof| {
        proof.not_made_because = None;
        proof.calls = places.iter().map(|(target, address)| untried(target, *address, &held)).collect();
    });
    let (held, until) = (Arc::new(held), context.one_more_chain());
    let mut calls = JoinSet::new();
    for (slot, (target, address)) in places.into_iter().enumerate() {
        let (context, held, until) = (context.clone(), Arc::clone(&held), until.clone());
        calls.spawn(async move { at(&context, (index, slot), (&target, address), &held, &until).await });
    }
    while calls.join_next().await.is_some() {}
}

/// The targets whose call a session policy can allow and refuse, with every address where the service stands.
fn places(context: &Context) -> Vec<(TargetPlan, IpAddr)> {
    let seen = context.board.finish().targets;
    let planned = context.shared.plan.targets.iter().zip(&seen);
    planned
        .filter(|(target, _)| !actions(&target.call).is_empty())
        .flat_map(|(target, seen)| trusted(seen).map(|address| (target.clone(), address)))
        .collect()
}

/// Gets sessions from STS.
struct Giver<'a> {
    context: &'a Context,
    plan: &'a ProofPlan,
    index: usize,
    pool: Arc<Pool>,
}

impl Giver<'_> {
    /// One session; `None` where STS did not give it, and why stands on the board.
    async fn session(
        &self,
        condition: Condition,
        endpoints: Vec<(String, String)>,
        until: &Until,
    ) -> Option<Held> {
        let wanted = match condition {
            Condition::ThisVpc => Wanted::Vpc(self.plan.vpc_id.as_deref().unwrap_or_default()),
            Condition::Endpoint => Wanted::Endpoints(&endpoints),
            _ => Wanted::All(condition),
        };
        let request = Request::AssumeRole {
            role: &self.plan.roles[self.index],
            session: &self.plan.session_name,
            policy: session_policy(&self.context.shared.plan.targets, &wanted),
        };
        let signing = Signing { region: &self.context.region, credentials: &self.context.credentials, until };
        let asking = ask(&self.pool, &signing, request);
        let (assumed, credentials) = measure(&self.context.shared.clock, Box::pin(asking)).await.parted();
        let session = Session {
            condition,
            vpc_endpoint_ids: endpoints.iter().map(|(_, id)| id.clone()).collect(),
            assumed,
        };
        self.context.board.proofs(|proofs| proofs.roles[self.index].sessions.push(session));
        credentials.flatten().map(|credentials| Held { condition, endpoints, credentials })
    }

    /// Sessions that name the VPC's own endpoints, each service's first in the first, and so on.
    async fn endpoint_sessions(&self, until: &Until) -> Vec<Held> {
        let seen = self.context.board.finish().control_plane;
        let endpoints = seen.vpc_endpoints.as_ref().and_then(Step::done).map_or(&[][..], Vec::as_slice);
        let of_service = |(service, names): &(String, Vec<String>)| -> Vec<(String, String)> {
            let known = endpoints.iter().filter(|endpoint| names.contains(&endpoint.service_name));
            known.map(|endpoint| (service.clone(), endpoint.id.clone())).take(MOST_ENDPOINTS).collect()
        };
        let candidates: Vec<Vec<(String, String)>> =
            self.plan.endpoint_services.iter().map(of_service).collect();
        let mut held = Vec::new();
        for round in 0..MOST_ENDPOINTS {
            let named: Vec<(String, String)> =
                candidates.iter().filter_map(|of_service| of_service.get(round).cloned()).collect();
            if named.is_empty() {
                break;
            }
            held.extend(self.session(Condition::Endpoint, named, until).await);
        }
        held
    }
}

fn untried(target: &TargetPlan, address: IpAddr, held: &[Held]) -> RoleCalls {
    let asked = held.iter().filter_map(|session| {
        let vpc_endpoint_id = endpoint_for(session, target);
        let takes_part = session.condition != Condition::Endpoint || vpc_endpoint_id.is_some();
        takes_part.then(|| Asked {
            condition: session.condition,
            vpc_endpoint_id,
            call: Step::skipped(SkipReason::OutOfTime),
        })
    });
    RoleCalls {
        target: target.target.clone(),
        service: target.service.clone(),
        addresses: vec![address],
        asked: asked.collect(),
    }
}

fn endpoint_for(session: &Held, target: &TargetPlan) -> Option<String> {
    session.endpoints.iter().find(|(service, _)| *service == target.service).map(|(_, id)| id.clone())
}

/// Makes the call under one session after the other, on one connection to one address.
async fn at(
    context: &Context,
    (index, slot): (usize, usize),
    (target, address): (&TargetPlan, IpAddr),
    held: &[Held],
    until: &Until,
) {
    let shared = &context.shared;
    let sessions = held.iter().filter(|session| {
        session.condition != Condition::Endpoint || endpoint_for(session, target).is_some()
    });
    let write = |number: usize, step| {
        context.board.proofs(|proofs| proofs.roles[index].calls[slot].asked[number].call = step);
    };
    let address = SocketAddr::new(address, shared.port);
    let pool = Pool::connect(shared, &target.host, std::iter::once(address), until).await.ok();
    let mut skip = pool.is_none().then_some(SkipReason::PreviousStepFailed);
    for (number, session) in sessions.enumerate() {
        let (Some(pool), None) = (&pool, skip) else {
            write(number, Step::skipped(skip.unwrap_or(SkipReason::PreviousStepFailed)));
            continue;
        };
        let signing = Signing { region: &target.region, credentials: &session.credentials, until };
        let asking = async { ask(pool, &signing, Request::Call(target)).await.map(|(reply, _)| reply) };
        let step = measure(&shared.clock, Box::pin(asking)).await;
        let allowed = step.done().is_some_and(|reply| reply.status < 300);
        write(number, step);
        skip = match session.condition {
            // Without the control's answer nothing that follows means anything.
            Condition::None if !allowed => Some(SkipReason::PreviousStepFailed),
            // One VPC endpoint carried it, and it is found.
            Condition::Endpoint if allowed => Some(SkipReason::NotAsked),
            _ => None,
        };
    }
}

impl From<NotAsked> for NotMade {
    fn from(because: NotAsked) -> Self {
        match because {
            NotAsked::NotResolved => Self::NotResolved,
            NotAsked::NotTrusted => Self::NotTrusted,
            NotAsked::NoCredentials => Self::NoCredentials,
            NotAsked::OutOfTime => Self::OutOfTime,
            NotAsked::NothingToAskFor => Self::RegionUnknown,
            NotAsked::Unreachable | NotAsked::Disabled | NotAsked::NotSupported => Self::Unreachable,
        }
    }
}
