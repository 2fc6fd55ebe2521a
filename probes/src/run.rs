//! Carries a plan out: every target and control at once, each step with its own budget, nothing lost when time is up.
//!
//! The observations exist from the first moment as a skeleton in which every planned step is skipped as out of time.
//! Facts overwrite it as they arrive. When the deadline or a termination signal comes, what stands there is the report:
//! complete, and honest about what was not tried.
//!
//! Budgets lie in the steps; no target as a whole has a time-out, so a step that was completed is never thrown away.
//! Resolver, TCP, TLS and call of a chain share one budget from the start of the targets. Controls, hop walks and the
//! connection to EC2 are evidence: they run beside the chains and, once those are done, may take six times the largest
//! round trip that was seen, within the plan's bounds. EC2's answers have a budget of their own once it is connected. Path proofs
//! were asked for, and get the budget of one chain more.

mod board;
mod guard;
mod target;
mod until;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use nix::sys::resource::{Resource, getrlimit};
use rustls::crypto::ring;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::control_plane;
use crate::environment::{Host, ProxyAuthorizations};
use crate::hops::{self, Found};
use crate::observations::Observations;
use crate::plan::ProbePlan;
use crate::proofs::{self, Awaited};
use crate::roots::Roots;
use crate::step::Clock;
use crate::tls::TlsClient;

pub(crate) use board::{Board, Slot};
pub(crate) use guard::{caught, measure};
pub(crate) use target::DESCRIPTORS_OF_A_CHILD;
pub(crate) use until::Until;

/// The port of every AWS API.
const HTTPS: u16 = 443;
/// Evidence may take this many times the largest round trip: a handshake, one lost segment, and some.
const ROUND_TRIPS_OF_EVIDENCE: u32 = 6;
/// Part of that budget, kept free of waiting: what it takes to write down, judge and print what the evidence brought.
const WINDING_UP: Duration = Duration::from_millis(40);

/// Carries out a plan and gives what was seen, whatever the network does.
///
/// Ends when everything is done, at the plan's deadline, or as soon as `stop` resolves (a termination signal); steps
/// that were not reached by then are `Skipped(OutOfTime)`.
pub async fn run(
    plan: &ProbePlan,
    host: &Host,
    clock: &Clock,
    stop: impl Future<Output = ()>,
) -> Observations {
    run_on_port(HTTPS, plan, host, clock, stop).await
}

pub(crate) async fn run_on_port(
    port: u16,
    plan: &ProbePlan,
    host: &Host,
    clock: &Clock,
    stop: impl Future<Output = ()>,
) -> Observations {
    let board = Board::skeleton(plan);
    let deadline = clock.at(plan.budgets.deadline);
    tokio::select! {
        () = carry_out(port, plan, host, *clock, &board) => {}
        () = stop => {}
        () = tokio::time::sleep_until(deadline.into()) => {}
    }
    board.finish()
}

/// What all steps of a run share.
pub(crate) struct Shared {
    /// The clock of the run.
    pub(crate) clock: Clock,
    /// The port of the services.
    pub(crate) port: u16,
    /// What to ask.
    pub(crate) plan: ProbePlan,
    /// Whether the host has a route to the internet, per family.
    pub(crate) routed: Routed,
    /// Our side of every handshake.
    pub(crate) tls: TlsClient,
    /// The sets of roots.
    pub(crate) roots: Arc<Roots>,
    /// What calls are signed with.
    pub(crate) credentials: Option<Credentials>,
    /// What proxies are shown.
    pub(crate) proxy_authorizations: ProxyAuthorizations,
    /// At how many targets other ways were tried.
    pub(crate) tried_again: AtomicUsize,
    /// How many sockets may be open.
    pub(crate) sockets: Arc<Semaphore>,
    /// The largest round trip so far, in microseconds.
    largest_rtt_us: AtomicU64,
    /// When the last target was done.
    chains_done: watch::Sender<Option<Instant>>,
    /// When the evidence has to be complete.
    evidence_ends: watch::Sender<Option<Instant>>,
}

/// Whether the host has a route to the internet, per family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routed {
    /// To the IPv4 internet.
    pub(crate) ipv4: bool,
    /// To the IPv6 internet.
    pub(crate) ipv6: bool,
}

impl Shared {
    /// What a run starts with; `None` if this program's TLS cannot be set up.
    pub(crate) fn new(
        clock: Clock,
        port: u16,
        plan: ProbePlan,
        routed: Routed,
        credentials: Option<Credentials>,
        proxy_authorizations: ProxyAuthorizations,
    ) -> Option<Self> {
        let provider = Arc::new(ring::default_provider());
        Some(Self {
            clock,
            port,
            routed,
            tls: TlsClient::new(&provider).ok()?,
            roots: Arc::new(Roots::new(provider, plan.ca_bundle.clone())),
            credentials,
            proxy_authorizations,
            tried_again: AtomicUsize::new(0),
            sockets: Arc::new(Semaphore::new(socket_limit())),
            largest_rtt_us: AtomicU64::new(0),
            chains_done: watch::Sender::new(None),
            evidence_ends: watch::Sender::new(None),
            plan,
        })
    }

    /// Remembers a round trip for the budget of the evidence.
    pub(crate) fn saw_rtt(&self, rtt_ms: f64) {
        let rtt = Duration::try_from_secs_f64(rtt_ms / 1000.0).unwrap_or_default();
        self.largest_rtt_us.fetch_max(u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        // A control may be the first to show how far away the world is.
        self.set_evidence_end();
    }

    fn chains_are_done(&self) {
        self.chains_done.send_replace(Some(Instant::now()));
        self.set_evidence_end();
    }

    fn set_evidence_end(&self) {
        if let Some(done) = *self.chains_done.borrow() {
            self.evidence_ends.send_replace(Some(done + self.evidence_budget()));
        }
    }

    /// The largest round trip that was seen so far; zero where there was none.
    pub(crate) fn largest_rtt(&self) -> Duration {
        Duration::from_micros(self.largest_rtt_us.load(Ordering::Relaxed))
    }

    /// What the evidence may take after the chains.
    fn evidence_budget(&self) -> Duration {
        let budgets = &self.plan.budgets;
        if self.plan.targets.is_empty() {
            // Nothing was measured that the budget could be drawn from.
            return budgets.evidence_ceiling;
        }
        let wanted = self.largest_rtt().saturating_mul(ROUND_TRIPS_OF_EVIDENCE);
        wanted.max(budgets.evidence_floor).min(budgets.evidence_ceiling).saturating_sub(WINDING_UP)
    }
}

async fn carry_out(port: u16, plan: &ProbePlan, host: &Host, clock: Clock, board: &Board) {
    let routed = Routed { ipv4: host.environment.ipv4_route, ipv6: host.environment.ipv6_route };
    let credentials = host.secrets.as_ref().map(crate::environment::Secrets::credentials);
    let proxies = host.proxy_authorizations.clone();
    let Some(shared) = Shared::new(clock, port, plan.clone(), routed, credentials, proxies) else {
        // The provider is compiled in and supports both versions; without it there is nothing to measure with.
        return (0..plan.targets.len()).for_each(|index| board.target(index).note_fault());
    };
    let shared = Arc::new(shared);
    let mut background = JoinSet::new();
    let roots = Arc::clone(&shared.roots);
    background.spawn(async move { roots.read_files().await });

    let chain = Until::at((Instant::now() + plan.budgets.chain).min(clock.at(plan.budgets.deadline)));
    let (evidence, chains) = (shared.evidence_ends.subscribe(), shared.chains_done.subscribe());
    let evidence = Until::drawn_nearer_by(chain.now_known() + plan.budgets.evidence_ceiling, evidence);
    let (found, to_walk) = mpsc::unbounded_channel::<Found>();

    let mut targets = JoinSet::new();
    for (index, target) in plan.targets.iter().enumerate() {
        let (slot, until) = (board.target(index), chain.clone());
        targets.spawn(target::observe(Arc::clone(&shared), slot, target.clone(), until, found.clone()));
    }
    let mut controls = JoinSet::new();
    for (index, control) in plan.controls.iter().enumerate() {
        let (slot, until) = (board.control(index), evidence.at_most(chain.now_known()));
        controls.spawn(target::observe(Arc::clone(&shared), slot, control.clone(), until, found.clone()));
    }
    drop(found);
    for (index, check) in plan.name_checks.iter().enumerate() {
        controls.spawn(target::check_name(
            Arc::clone(&shared),
            board.clone(),
            index,
            check.clone(),
            chain.clone(),
        ));
    }
    let until = evidence.at_most(chain.now_known());
    let (read, control_plane) = watch::channel(false);
    let reading = control_plane::read(Arc::clone(&shared), board.clone(), until);
    controls.spawn(async move {
        reading.await;
        read.send_replace(true);
    });
    let mut proofs = JoinSet::new();
    let awaited = Awaited { chains: shared.chains_done.subscribe(), control_plane };
    proofs.spawn(proofs::make(Arc::clone(&shared), board.clone(), chain.clone(), awaited));
    let mut walks = JoinSet::new();
    walks.spawn(hops::walk_all(Arc::clone(&shared), to_walk, evidence, chains));

    wait_for(&mut targets).await;
    shared.chains_are_done();
    wait_for(&mut controls).await;
    wait_for(&mut walks).await;
    wait_for(&mut proofs).await;
}

/// Waits for all tasks; what a fault of ours stopped has been written down where it happened.
async fn wait_for(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Half of what this process may open: the other half is for the rest of the program and for files.
fn socket_limit() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(soft / 2).unwrap_or(usize::MAX).clamp(8, Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod scale;
#[cfg(test)]
pub(crate) mod tests;
