//! One target: all resolvers at once, and an attempt for every address the moment any of them first gives it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::guard::caught;
use super::{Board, Shared, Slot, Until};
use crate::attempt;
use crate::dns;
use crate::hops::Found;
use crate::observations::{Answer, Lookup, LookupFailure, ResolverKind};
use crate::plan::{Families, NameCheckPlan, ProxyPlan, ResolverPlan, TargetPlan};
use crate::proxy;
use crate::step::{Outcome, SkipReason, Step, millis};

/// Descriptors that a lookup through the host's own name service may take: the child's pipes and its pid.
pub(crate) const DESCRIPTORS_OF_A_CHILD: u32 = 4;
/// Descriptors that one question to a resolver may take: a datagram socket, then a stream.
const DESCRIPTORS_OF_A_QUESTION: u32 = 2;

/// How many addresses of a family are tried at a service in another Region: one could be lost by chance, and each costs a
/// connection to far away.
const ADDRESSES_ELSEWHERE: usize = 2;

/// Looks a target up, tries every address, and writes all of it down as it happens.
pub(super) async fn observe(
    shared: Arc<Shared>,
    slot: Slot,
    target: TargetPlan,
    until: Until,
    to_walk: mpsc::UnboundedSender<Found>,
) {
    if caught(try_every_address(shared, slot.clone(), target, until, to_walk)).await.is_none() {
        slot.note_fault();
    }
}

async fn try_every_address(
    shared: Arc<Shared>,
    slot: Slot,
    target: TargetPlan,
    until: Until,
    to_walk: mpsc::UnboundedSender<Found>,
) {
    let target = Arc::new(target);
    let mut lookups = questions(&shared, &slot, &target, &until);
    let mut attempts = JoinSet::new();
    let tried_again = Arc::new(AtomicBool::new(false));
    let context = || attempt::Context {
        shared: Arc::clone(&shared),
        slot: slot.clone(),
        target: Arc::clone(&target),
        until: until.clone(),
        tried_again: Arc::clone(&tried_again),
    };
    if let Some(proxy) = target.proxy.clone() {
        attempts.spawn(go_through(context(), proxy));
    }
    let mut known = HashSet::new();
    while let Some(ended) = lookups.join_next().await {
        // Questions catch their own faults; a task that still ended badly gave no addresses.
        for address in ended.unwrap_or_default() {
            let of_family =
                known.iter().filter(|other: &&IpAddr| other.is_ipv4() == address.is_ipv4()).count();
            let enough = target.elsewhere && of_family >= ADDRESSES_ELSEWHERE;
            if !enough && known.insert(address) {
                let context = context();
                if let Some(route) = context.open(address) {
                    let place = Found::address(slot.clone(), &target, address, route);
                    if target.elsewhere {
                        attempts.spawn(carry_out_then_walk(context, address, to_walk.clone(), place));
                        continue;
                    }
                    // The walker ends only after all targets, or together with the run.
                    let _ = to_walk.send(place);
                    attempts.spawn(carry_out(context, address));
                }
            }
        }
    }
    let _ = to_walk.send(Found::NoMore);
    drop(to_walk);
    while attempts.join_next().await.is_some() {}
}

/// Carries an attempt out; a fault of ours outside its steps becomes an internal error in those not yet made.
async fn carry_out(context: attempt::Context, address: IpAddr) {
    let slot = context.slot.clone();
    if caught(Box::pin(context.carry_out(address))).await.is_none() {
        slot.note_fault_at(address);
    }
}

/// The same for an address elsewhere, to which a walk is only worth the routers' answers where a connection stands.
async fn carry_out_then_walk(
    context: attempt::Context,
    address: IpAddr,
    to_walk: mpsc::UnboundedSender<Found>,
    place: Found,
) {
    let slot = context.slot.clone();
    carry_out(context, address).await;
    if slot.is_connected(address) {
        let _ = to_walk.send(place);
    } else {
        slot.attempt(address, |attempt| attempt.hops = Step::skipped(SkipReason::PreviousStepFailed));
    }
}

/// The same for the way through a proxy.
async fn go_through(context: attempt::Context, proxy: ProxyPlan) {
    if caught(Box::pin(proxy::observe(&context, &proxy))).await.is_none() {
        context.slot.note_fault_in_proxied();
    }
}

/// Asks the host's name service and every resolver, each family in a question of its own, so that the family that is
/// answered first does not wait for the other.
fn questions(
    shared: &Arc<Shared>,
    slot: &Slot,
    target: &Arc<TargetPlan>,
    until: &Until,
) -> JoinSet<Vec<IpAddr>> {
    let families = shared.plan.families;
    let mut asked = JoinSet::new();
    let question = |resolver, index| Question {
        shared: Arc::clone(shared),
        slot: slot.clone(),
        host: target.host.clone(),
        until: until.clone(),
        resolver,
        index,
    };
    asked.spawn(question(None, 0).ask(families));
    for (index, resolver) in shared.plan.resolvers_for(target).iter().enumerate() {
        if families.ipv4 {
            let question = question(Some(resolver.clone()), index + 1);
            asked.spawn(question.ask(Families { ipv4: true, ipv6: false }));
        }
        if families.ipv6 {
            let question = question(Some(resolver.clone()), index + 1);
            asked.spawn(question.ask(Families { ipv4: false, ipv6: true }));
        }
    }
    asked
}

/// Asks one server for a name of no target, and writes the answer down.
pub(super) async fn check_name(
    shared: Arc<Shared>,
    board: Board,
    index: usize,
    check: NameCheckPlan,
    until: Until,
) {
    let asked = caught(Box::pin(async {
        let Some(Ok(_permit)) = until.bound(shared.sockets.acquire_many(DESCRIPTORS_OF_A_QUESTION)).await
        else {
            return Step::skipped(SkipReason::DescriptorLimit);
        };
        // What kind of server it is makes no difference to the question.
        let resolver = ResolverPlan { address: check.resolver, kind: ResolverKind::Configured };
        let families = Families { ipv4: true, ipv6: false };
        dns::ask_resolver(&shared.clock, &resolver, &check.name, families, until.now_known()).await.a
    }));
    let step = asked.await.unwrap_or_else(|| Step::skipped(SkipReason::InternalError));
    board.name_check(index, |written| written.a = step);
}

/// One question to one resolver, and where its answer is written down.
struct Question {
    shared: Arc<Shared>,
    slot: Slot,
    host: String,
    until: Until,
    /// `None` for the host's own name service.
    resolver: Option<ResolverPlan>,
    index: usize,
}

/// The steps that a question may fill.
struct Answered {
    a: Step<Answer, LookupFailure>,
    aaaa: Option<Step<Answer, LookupFailure>>,
}

impl Answered {
    fn both(step: Step<Answer, LookupFailure>) -> Self {
        Self { aaaa: Some(step.clone()), a: step }
    }
}

impl Question {
    async fn ask(self, families: Families) -> Vec<IpAddr> {
        let answered = caught(Box::pin(self.within_limits(families)))
            .await
            .unwrap_or_else(|| Answered::both(Step::skipped(SkipReason::InternalError)));
        let addresses = [Some(&answered.a), answered.aaaa.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(Step::done)
            .flat_map(|answer| answer.addresses.iter().copied())
            .collect();
        let ours_is_aaaa = self.resolver.is_some() && families.ipv6;
        self.slot.lookup(self.index, |lookup| {
            if ours_is_aaaa {
                lookup.aaaa = answered.aaaa;
            } else {
                lookup.a = answered.a;
            }
        });
        addresses
    }

    async fn within_limits(&self, families: Families) -> Answered {
        let wanted = if self.resolver.is_some() { DESCRIPTORS_OF_A_QUESTION } else { DESCRIPTORS_OF_A_CHILD };
        let Some(Ok(_permit)) = self.until.bound(self.shared.sockets.acquire_many(wanted)).await else {
            return Answered::both(Step::skipped(SkipReason::DescriptorLimit));
        };
        let (start_ms, began) = (self.shared.clock.elapsed_ms(), Instant::now());
        // The question knows the budget as it is now; for a control, whose budget may shrink, we end it ourselves.
        let asking = Box::pin(self.put(families));
        let lookup =
            if self.until.may_shrink() { self.until.bound(asking).await } else { Some(asking.await) };
        let Some(Lookup { a, aaaa, .. }) = lookup else {
            let silence = Outcome::Failed(LookupFailure::TimedOut);
            return Answered::both(Step::placed(start_ms, millis(began.elapsed()), silence));
        };
        Answered { a, aaaa }
    }

    async fn put(&self, families: Families) -> Lookup {
        let (clock, until) = (&self.shared.clock, self.until.now_known());
        match &self.resolver {
            None => dns::ask_system(clock, &self.host, families, until).await,
            Some(resolver) => dns::ask_resolver(clock, resolver, &self.host, families, until).await,
        }
    }
}
