//! The hop walk: which routers make themselves visible on the way to an address, asked without privileges.
//!
//! A walk is one connection attempt per TTL, all at once. What makes it worth anything is when it is *not* made, or not
//! believed: routers give few such answers (Linux: six at once to one client, then one a second), and a router that has
//! used them up looks like no router at all, which is what a gateway endpoint looks like. Hence:
//!
//! * Addresses that a route table cannot tell apart share a walk ([`groups`]), and every service gets its first walk
//!   before any gets a second.
//! * All walks share one quota at TTL 1, since all share the first routers: within one refill time never more asks than
//!   the plan allows, not counting those that turned out to meet the destination itself. A walk that finds no room before
//!   the evidence budget ends is skipped for that reason.
//! * Walks go in rounds. When a round's walks are made, the near TTLs that stayed silent are asked about again, all
//!   together, one refill time after the round's last ask and with nothing asked in between. If a router's limit was the
//!   cause of the silence, it has an answer to give again by then, and gives it to one of them at least. So silence is
//!   believed when nobody was answered at that TTL on that route the second time; where somebody was, the others'
//!   silence is not listed.
//! * A table of routes may hold a narrower route than the prefix by which addresses share a walk. It matters where that walk
//!   met no router, for a gateway endpoint's traffic looks like that. The further addresses of such groups are then walked to
//!   as well, up to TTL 3, after all groups: within the round where the destination answered at TTL 1, since that spends no
//!   router's answer, and otherwise right after the second asks. If these met silence, whoever kept it has given no answer in a
//!   whole refill time and has one to give; so an ask that follows counts as a second one, under the same condition. One that is
//!   answered ends this, since an answer was spent.
//!
//! Budget: the first asks end with the evidence budget. The second ones cannot come before one refill time, a second on
//! Linux, has passed, so they may last until the evidence *ceiling* and [`BEYOND_THE_CEILING`] after the end of the
//! chains, and walks near the host that follow them until [`BESIDE`] later; a round that began before that end then always has
//! some round trips left. Where they do not fit, silence is
//! simply not listed. What a silence means is not known here.

mod ask;
mod groups;
mod walk;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::attempt::Route;
use crate::observations::ChosenRoute;
use crate::plan::{HopPlan, TargetPlan};
use crate::run::{Shared, Slot, Until};
use crate::step::{Outcome, SkipReason, Step, millis};

use groups::{Groups, Key, Member, Next};
use walk::Walk;

/// How far the second asks may go beyond the evidence ceiling.
const BEYOND_THE_CEILING: Duration = Duration::from_millis(250);
/// How far the walks beside those that met no router may go beyond that.
const BESIDE: Duration = Duration::from_millis(200);
/// How long second walks wait for the first walks of services whose names are still being looked up.
const GATHERING: Duration = Duration::from_millis(250);
/// The second asks are not made with less time than this for an answer.
const LEAST_WAIT: Duration = Duration::from_millis(40);
/// How long the second asks wait for answers, in round trips and at least.
const WAIT_IN_ROUND_TRIPS: u32 = 4;
const USUAL_WAIT: Duration = Duration::from_millis(100);

/// News from the targets and controls.
pub(crate) enum Found {
    /// An address that is being tried.
    Address(Box<FoundAddress>),
    /// One target's lookups have all ended.
    NoMore,
}

/// An address that is being tried, and what decides with which others it shares a walk.
pub(crate) struct FoundAddress {
    key: Key,
    member: Member,
}

impl Found {
    /// An address of a target, with the kernel's choice of route.
    pub(crate) fn address(slot: Slot, target: &TargetPlan, address: IpAddr, route: Route) -> Self {
        let key = Key::of(target, address, route);
        // A service elsewhere has its first walk beside that of the same service here.
        let service = if target.elsewhere { &target.target } else { &target.service };
        let member = Member { slot, address, service: service.clone(), elsewhere: target.elsewhere };
        Self::Address(Box::new(FoundAddress { key, member }))
    }
}

/// Walks to what the targets and controls find, until all of them are done or the evidence's time is up.
pub(crate) async fn walk_all(
    shared: Arc<Shared>,
    mut found: mpsc::UnboundedReceiver<Found>,
    evidence: Until,
    mut chains: watch::Receiver<Option<Instant>>,
) {
    let Some(plan) = shared.plan.hops.clone() else { return };
    let mut walker = Walker::new(shared, plan, evidence.clone());
    let (mut open, mut in_time, mut chains_run) = (true, true, true);
    loop {
        walker.chains_done = *chains.borrow_and_update();
        if in_time {
            walker.begin_walks();
        } else {
            walker.close_round();
        }
        if walker.second_asks_are_due() {
            if walker.ask_again().await {
                walker.ask_neighbours().await;
            }
            continue;
        }
        if walker.nothing_left(open, in_time) {
            return walker.skip_the_rest();
        }
        let moment = walker.next_moment();
        tokio::select! {
            news = found.recv(), if open => match news {
                Some(news) => walker.take(news),
                None => open = false,
            },
            Some(ended) = walker.asking.join_next(), if !walker.asking.is_empty() => {
                // A walk that ended by a fault of ours has written its reason already, or stays out of time.
                if let Ok(asked) = ended {
                    walker.asked(asked);
                }
            }
            changed = chains.changed(), if chains_run => chains_run = changed.is_ok(),
            () = evidence.passed(), if in_time => in_time = false,
            () = sleep_until(moment), if moment.is_some() => {}
        }
    }
}

/// A walk whose first asks were made, or are about to be.
struct Asked {
    key: Key,
    member: Member,
    /// Those for which it stands.
    sharers: Vec<Member>,
    walk: Walk,
    start_ms: f64,
    began: Instant,
}

/// Decides who is walked to and when.
struct Walker {
    shared: Arc<Shared>,
    plan: HopPlan,
    evidence: Until,
    groups: Groups,
    /// Walks that are being made.
    asking: JoinSet<Option<Asked>>,
    /// Walks of this round that met silence.
    silent: Vec<Asked>,
    /// When TTL 1 was asked, within the last refill time.
    recent: VecDeque<Instant>,
    /// The latest of all asks.
    last_ask: Option<Instant>,
    /// How many walks this round has begun, and whether it begins no more.
    begun: usize,
    closed: bool,
    first_found: Option<Instant>,
    lookups_open: usize,
    chains_done: Option<Instant>,
}

impl Walker {
    fn new(shared: Arc<Shared>, plan: HopPlan, evidence: Until) -> Self {
        let lookups_open = shared.plan.targets.len() + shared.plan.controls.len();
        Self {
            shared,
            plan,
            evidence,
            groups: Groups::default(),
            asking: JoinSet::new(),
            silent: Vec::new(),
            recent: VecDeque::new(),
            last_ask: None,
            begun: 0,
            closed: false,
            first_found: None,
            lookups_open,
            chains_done: None,
        }
    }

    fn take(&mut self, news: Found) {
        let FoundAddress { key, member } = match news {
            Found::NoMore => {
                self.lookups_open = self.lookups_open.saturating_sub(1);
                return;
            }
            Found::Address(found) => *found,
        };
        if self.plan.inside.iter().any(|block| block.contains(&member.address)) {
            let step = Step::skipped(SkipReason::InsideVpc);
            return member.slot.attempt(member.address, |attempt| attempt.hops = step);
        }
        self.first_found.get_or_insert_with(Instant::now);
        if let Some(walked) = self.groups.add(key, member.clone()) {
            share(&member, walked);
        }
    }

    /// Begins as many walks as the quota, the limit of walks at once and the order of services allow.
    fn begin_walks(&mut self) {
        if self.closed && self.asking.is_empty() && !self.silence_matters() {
            self.silent.clear();
            // Nobody is waiting for quiet, so the next round may begin.
            (self.closed, self.begun) = (false, 0);
        }
        let all_known = self.all_services_known();
        // A second walk that comes too late for its own second asks would also put off those of the first walks.
        let second = all_known && self.time_for_a_whole_round();
        while !self.closed && self.asking.len() < self.plan.in_flight && self.has_room() {
            let Some(next) = self.groups.begin_next(second) else { break };
            self.begin(next);
        }
        // Once closed, a round stays closed until its second asks are made: they need quiet before them. What the walks that are
        // being made show may call for more of them.
        let full = self.begun >= self.plan.answers_per_refill;
        self.closed |= all_known && self.asking.is_empty() && (full || !self.groups.may_begin(second));
    }

    /// Begins no more walks in this round.
    fn close_round(&mut self) {
        self.closed = true;
    }

    fn all_services_known(&self) -> bool {
        self.lookups_open == 0 || self.first_found.is_some_and(|first| first.elapsed() >= GATHERING)
    }

    /// Whether the first routers may be asked for one answer more.
    fn has_room(&mut self) -> bool {
        while self.recent.front().is_some_and(|ask| ask.elapsed() >= self.plan.refill) {
            self.recent.pop_front();
        }
        self.begun < self.plan.answers_per_refill && self.recent.len() < self.plan.answers_per_refill
    }

    fn begin(&mut self, next: Next) {
        let Next { key, member, sharers, beside } = next;
        if beside.is_none() {
            for other in &sharers {
                share(other, member.address);
            }
        }
        self.begun += 1;
        self.note_ask();
        let (shared, until, max_ttl) = (Arc::clone(&self.shared), self.evidence.clone(), self.plan.max_ttl);
        self.asking.spawn(async move {
            let wanted = shared.sockets.acquire_many(max_ttl.into());
            let Some(Ok(_permits)) = until.bound(wanted).await else {
                let step = Step::skipped(SkipReason::DescriptorLimit);
                member.slot.attempt(member.address, |attempt| attempt.hops = step);
                return None;
            };
            let (start_ms, began) = (shared.clock.elapsed_ms(), Instant::now());
            let destination = SocketAddr::new(member.address, shared.port);
            let walk = Walk::first(destination, max_ttl, beside, &until).await;
            Some(Asked { key, member, sharers, walk, start_ms, began })
        });
    }

    fn note_ask(&mut self) {
        let now = Instant::now();
        self.recent.push_back(now);
        self.last_ask = Some(now);
    }

    /// Writes a walk down, and keeps it for the second asks if it met silence.
    fn asked(&mut self, asked: Option<Asked>) {
        let Some(asked) = asked else { return };
        self.write(&asked);
        if asked.walk.reached_at() == Some(1) {
            // The destination itself answered where the first router would have: no router spent an answer on this.
            self.recent.pop_front();
            self.begun = self.begun.saturating_sub(1);
        }
        if !asked.walk.silent(self.plan.max_ttl).is_empty() {
            self.silent.push(asked);
        }
    }

    /// Whether any walk of the round met silence on a way that works. Where nothing answers, the silence of the routers
    /// shows no more than that of the destination. One that is farther away than the walk went shows itself by a connection.
    fn silence_matters(&self) -> bool {
        self.silent.iter().any(|asked| {
            asked.walk.answered_within().is_some() || asked.member.slot.is_connected(asked.member.address)
        })
    }

    /// When the second asks may be made: the routers have had one refill time without an ask of ours.
    fn second_asks_at(&self) -> Option<Instant> {
        let ready = self.closed && self.asking.is_empty() && self.silence_matters();
        self.last_ask.filter(|_| ready).map(|last| last + self.plan.refill)
    }

    /// When the second asks have to be over; `None` while the chains run.
    fn second_asks_end(&self) -> Option<Instant> {
        let ceiling = self.shared.plan.budgets.evidence_ceiling;
        self.chains_done.map(|done| done + ceiling + BEYOND_THE_CEILING)
    }

    fn second_asks_are_due(&self) -> bool {
        self.second_asks_at().is_some_and(|at| Instant::now() >= at) && self.second_asks_fit()
    }

    fn second_asks_fit(&self) -> bool {
        match (self.second_asks_at(), self.second_asks_end()) {
            (Some(at), Some(end)) => at.max(Instant::now()) + self.least_wait() <= end,
            _ => true,
        }
    }

    /// Whether the second asks would still fit after a walk that begins now.
    fn time_for_a_whole_round(&self) -> bool {
        let needed = self.plan.refill + self.least_wait();
        self.second_asks_end().is_none_or(|end| Instant::now() + needed <= end)
    }

    fn least_wait(&self) -> Duration {
        self.shared.largest_rtt().saturating_mul(2).max(LEAST_WAIT)
    }

    /// Asks at all silent TTLs of the round once more, all at once, and then decides which silence is believed. Gives whether
    /// nobody answered.
    async fn ask_again(&mut self) -> bool {
        let silent = std::mem::take(&mut self.silent);
        self.ask_quietly(silent, self.second_asks_end()).await
    }

    /// Walks near the host to the addresses beside walks that met no router, as many at once as a router answers, for as long
    /// as there is time and nobody answers.
    async fn ask_neighbours(&mut self) {
        let time_left = |end: Option<Instant>, wait| end.is_none_or(|end| Instant::now() + wait <= end);
        while self.groups.may_begin_near() && time_left(self.beside_end(), self.least_wait()) {
            let mut batch = Vec::new();
            while batch.len() < self.plan.answers_per_refill {
                let Some(Next { key, member, sharers, beside }) = self.groups.begin_near() else { break };
                let (start_ms, began) = (self.shared.clock.elapsed_ms(), Instant::now());
                batch.push(Asked { key, member, sharers, walk: Walk::beside(beside), start_ms, began });
            }
            if !self.ask_quietly(batch, self.beside_end()).await {
                return;
            }
        }
    }

    /// Asks at what is silent of some walks, all at once, after a quiet refill time. Gives whether nobody answered.
    async fn ask_quietly(&mut self, walks: Vec<Asked>, end: Option<Instant>) -> bool {
        let mut asks = JoinSet::new();
        for mut asked in walks {
            self.note_ask();
            let round_trip = asked.walk.round_trip().unwrap_or_default().max(self.shared.largest_rtt());
            let wait = round_trip.saturating_mul(WAIT_IN_ROUND_TRIPS).max(USUAL_WAIT);
            let ends = Instant::now() + wait;
            let until = Until::at(end.map_or(ends, |end| end.min(ends)));
            let silent = asked.walk.silent(self.plan.max_ttl);
            let shared = Arc::clone(&self.shared);
            asks.spawn(async move {
                let Ok(_permits) = shared.sockets.try_acquire_many(u32::from(walk::NEAR)) else {
                    return None;
                };
                let destination = SocketAddr::new(asked.member.address, shared.port);
                let answered = asked.walk.again(destination, &silent, &until).await;
                Some((asked, silent, answered))
            });
        }
        let asked: Vec<_> = asks.join_all().await.into_iter().flatten().collect();
        let limited: Vec<(Option<ChosenRoute>, Vec<u8>)> =
            asked.iter().map(|(asked, _, answered)| (asked.key.route().cloned(), answered.clone())).collect();
        for (mut asked, silent, _) in asked {
            let same_way = limited.iter().filter(|(route, _)| route.as_ref() == asked.key.route());
            let limited: Vec<u8> = same_way.flat_map(|(_, ttls)| ttls.iter().copied()).collect();
            asked.walk.keep_silence(&silent, &limited);
            self.write(&asked);
        }
        limited.iter().all(|(_, answered)| answered.is_empty())
    }

    /// When the walks beside those that met no router have to be over.
    fn beside_end(&self) -> Option<Instant> {
        self.second_asks_end().map(|end| end + BESIDE)
    }

    /// Writes down what a walk has heard so far. One beside a neighbour's is written down once it tells something: until then
    /// the neighbour's stands.
    fn write(&mut self, asked: &Asked) {
        let Asked { key, member, walk, .. } = asked;
        if let (true, Some(round_trip)) = (walk.hides(), walk.answered_within()) {
            self.groups.hides(key, &member.service, round_trip);
        }
        let near_only = walk.is_near_only();
        if near_only && !walk.is_conclusive() {
            let step = Step::skipped(SkipReason::RouterQuota);
            return member.slot.attempt(member.address, |attempt| attempt.hops = step);
        }
        let outcome = match walk.observation(self.plan.max_ttl) {
            Ok(walk) => Outcome::Done(walk),
            Err(failure) => Outcome::Failed(failure),
        };
        let step = Step::placed(asked.start_ms, millis(asked.began.elapsed()), outcome);
        member.slot.attempt(member.address, |attempt| {
            attempt.hops = step;
            attempt.walked_as = None;
        });
        for other in asked.sharers.iter().filter(|_| near_only) {
            share(other, member.address);
        }
    }

    /// Whether nothing more can come of waiting.
    fn nothing_left(&self, open: bool, in_time: bool) -> bool {
        let more_walks = in_time && (open || self.groups.any_waiting());
        let more_asks = self.silence_matters() && (self.second_asks_fit() || !self.closed);
        self.asking.is_empty() && !more_walks && !more_asks
    }

    /// The next time at which something may begin that no news announces.
    fn next_moment(&self) -> Option<Instant> {
        let gathered = self.first_found.filter(|_| !self.all_services_known()).map(|first| first + GATHERING);
        let room =
            self.recent.front().filter(|_| self.groups.any_waiting()).map(|ask| *ask + self.plan.refill);
        let now = Instant::now();
        let moments = [gathered, room.filter(|at| *at > now), self.second_asks_at().filter(|at| *at > now)];
        moments.into_iter().flatten().min()
    }

    fn skip_the_rest(&self) {
        for member in self.groups.left_over() {
            let step = Step::skipped(SkipReason::RouterQuota);
            member.slot.attempt(member.address, |attempt| attempt.hops = step);
        }
    }
}

async fn sleep_until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment.into()).await;
    }
}

/// Writes down that another walk stands for this one's, to its own address or to a neighbour's.
fn share(member: &Member, walked: IpAddr) {
    member.slot.attempt(member.address, |attempt| {
        attempt.hops = Step::skipped(SkipReason::SharedWalk);
        attempt.walked_as = Some(walked);
    });
}

#[cfg(test)]
mod tests;
