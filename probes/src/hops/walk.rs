//! All asks of one walk at once, and how long to wait for the silent ones.
//!
//! Routers answer within a round trip, so once the destination has answered, the others are given six of its round
//! trips and no more. Where nothing answers, the ask is given up before the kernel would send its packet again.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::ask::{From, Heard, ask};
use crate::observations::{HopFailure, HopWalk, Responder};
use crate::run::Until;
use crate::step::{Unclassified, millis};

/// The kernel sends an unanswered SYN again after one second; every ask is over before.
const BEFORE_THE_SECOND_PACKET: Duration = Duration::from_millis(900);
/// Routers answer from their slow path, so even a near one gets this long.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);
/// How many of the destination's round trips a router may take.
const PATIENCE_IN_ROUND_TRIPS: u32 = 6;
/// The TTLs whose silence is asked about again; farther routers do not tell one way out of a subnet from another.
pub(super) const NEAR: u8 = 3;

/// What a walk has heard so far, by TTL.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    heard: BTreeMap<u8, Heard>,
    first_error: Option<Unclassified>,
    silent_after_retry: Vec<u8>,
    /// For a walk near the host only: how quickly the destination of a neighbour's walk answered.
    beside: Option<Duration>,
}

impl Walk {
    /// A walk near the host only, beside a neighbour's whose destination answered after this time; nothing is asked yet.
    pub(super) fn beside(round_trip: Option<Duration>) -> Self {
        Self { beside: round_trip, ..Self::default() }
    }

    /// Asks at every TTL up to `max_ttl`, and beside a neighbour's walk at the near ones alone.
    pub(super) async fn first(
        destination: SocketAddr,
        max_ttl: u8,
        beside: Option<Duration>,
        until: &Until,
    ) -> Self {
        let mut walk = Self::beside(beside);
        let max_ttl = if beside.is_some() { max_ttl.min(NEAR) } else { max_ttl };
        walk.ask_at(destination, (1..=max_ttl).collect(), until).await;
        walk
    }

    /// Asks at some TTLs at once and keeps what is heard.
    async fn ask_at(&mut self, destination: SocketAddr, ttls: Vec<u8>, until: &Until) {
        let began = Instant::now();
        let mut asks = JoinSet::new();
        for &ttl in &ttls {
            asks.spawn(async move { (ttl, ask(destination, ttl).await) });
        }
        loop {
            let patience = until.at_most(began + self.patience());
            let Some(Some(ended)) = patience.bound(asks.join_next()).await else { return };
            match ended {
                Ok((ttl, Ok(heard))) => {
                    self.heard.insert(ttl, heard);
                }
                Ok((_, Err(error))) => self.note(&error),
                // A fault of ours in one ask is silence at one TTL; the panic's text is on standard error.
                Err(_) => {}
            }
            let beyond = |ttl: &u8| self.reached_at().is_some_and(|reached| *ttl >= reached);
            if ttls.iter().all(|ttl| beyond(ttl) || self.heard.contains_key(ttl)) {
                return;
            }
        }
    }

    fn note(&mut self, error: &io::Error) {
        if self.first_error.is_none() {
            self.first_error = Some(Unclassified::from_io(error));
        }
    }

    /// How long silence is waited for, as far as is known by now.
    fn patience(&self) -> Duration {
        let destination = self.answered_within().map(|rtt| rtt.saturating_mul(PATIENCE_IN_ROUND_TRIPS));
        destination
            .map_or(BEFORE_THE_SECOND_PACKET, |wait| wait.clamp(LEAST_PATIENCE, BEFORE_THE_SECOND_PACKET))
    }

    /// The shortest time in which the destination answered.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        let answers = self.heard.values().filter(|heard| heard.from == From::Destination);
        answers.map(|heard| heard.after).min()
    }

    /// The same, or the time that a neighbour's destination took.
    pub(super) fn answered_within(&self) -> Option<Duration> {
        self.round_trip().or(self.beside)
    }

    /// Whether this is a walk near the host only.
    pub(super) fn is_near_only(&self) -> bool {
        self.beside.is_some()
    }

    /// The smallest TTL at which the destination answered.
    pub(super) fn reached_at(&self) -> Option<u8> {
        self.heard.iter().find(|(_, heard)| heard.from == From::Destination).map(|(ttl, _)| *ttl)
    }

    /// Whether the walk tells whose way this is: a router was heard, or all silence before the destination is believed.
    pub(super) fn is_conclusive(&self) -> bool {
        let believed = |ttl: &u8| self.silent_after_retry.contains(ttl);
        let works = self.answered_within().is_some() && self.first_error.is_none();
        self.nearest_router().is_some() || (works && self.silent(NEAR).iter().all(believed))
    }

    /// Whether no router was heard, and that is believed.
    pub(super) fn hides(&self) -> bool {
        self.nearest_router().is_none() && self.is_conclusive()
    }

    fn nearest_router(&self) -> Option<u8> {
        self.heard.iter().find(|(_, heard)| is_router(heard)).map(|(ttl, _)| *ttl)
    }

    /// The near TTLs, below the destination and below the first router that was heard, that stayed silent.
    ///
    /// Behind a router that was heard, silence says nothing more about the way out of the subnet.
    pub(super) fn silent(&self, max_ttl: u8) -> Vec<u8> {
        let below = [self.reached_at(), self.nearest_router()].into_iter().flatten().min();
        let last = below.map_or(max_ttl, |ttl| ttl - 1).min(NEAR);
        (1..=last).filter(|ttl| !self.heard.contains_key(ttl)).collect()
    }

    /// Asks at the silent TTLs once more and gives those at which a router answered now.
    ///
    /// What stayed silent is only remembered by [`Walk::keep_silence`], when all walks of the round are known.
    pub(super) async fn again(&mut self, destination: SocketAddr, silent: &[u8], until: &Until) -> Vec<u8> {
        self.ask_at(destination, silent.to_vec(), until).await;
        silent.iter().copied().filter(|ttl| self.heard.get(ttl).is_some_and(is_router)).collect()
    }

    /// Remembers the TTLs that stayed silent twice, without those at which the silence may be a router's limit.
    pub(super) fn keep_silence(&mut self, asked: &[u8], limited: &[u8]) {
        let reached = self.reached_at().unwrap_or(u8::MAX);
        let silent = |ttl: &u8| *ttl < reached && !self.heard.contains_key(ttl) && !limited.contains(ttl);
        self.silent_after_retry = asked.iter().copied().filter(silent).collect();
    }

    /// The walk as an observation.
    ///
    /// # Errors
    ///
    /// If the kernel does not say who answered, or nothing could be sent.
    pub(super) fn observation(&self, max_ttl: u8) -> Result<HopWalk, HopFailure> {
        let responders: Vec<Responder> = self.heard.iter().filter_map(responder).collect();
        let unnamed = self.heard.values().any(|heard| heard.from == From::Unnamed);
        if unnamed && responders.is_empty() && self.reached_at().is_some() {
            return Err(HopFailure::NotSupported);
        }
        if let (true, Some(error)) = (self.heard.is_empty(), &self.first_error) {
            return Err(HopFailure::Unclassified(error.clone()));
        }
        let near_only = self.beside.is_some();
        Ok(HopWalk {
            responders,
            reached_at_ttl: self.reached_at(),
            max_ttl: Some(if near_only { max_ttl.min(NEAR) } else { max_ttl }),
            silent_after_retry: self.silent_after_retry.clone(),
            near_only,
        })
    }
}

fn is_router(heard: &Heard) -> bool {
    matches!(heard.from, From::Router { .. })
}

fn responder((ttl, heard): (&u8, &Heard)) -> Option<Responder> {
    match &heard.from {
        From::Router { address, icmp } => {
            Some(Responder { ttl: *ttl, address: *address, rtt_ms: millis(heard.after), icmp: icmp.clone() })
        }
        From::Destination | From::Unnamed => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn heard(from: From) -> Heard {
        Heard { from, after: Duration::from_millis(5) }
    }

    fn router() -> Heard {
        heard(From::Router { address: IpAddr::from([10, 0, 0, 1]), icmp: None })
    }

    fn walk(heard: impl IntoIterator<Item = (u8, Heard)>) -> Walk {
        Walk { heard: heard.into_iter().collect(), ..Walk::default() }
    }

    #[test]
    fn only_near_silence_before_the_destination_and_the_first_router_is_asked_about_again() {
        assert_eq!(walk([(1, heard(From::Destination))]).silent(8), Vec::<u8>::new());
        assert_eq!(walk([(3, heard(From::Destination))]).silent(8), [1, 2]);
        assert_eq!(walk([(7, heard(From::Destination))]).silent(8), [1, 2, 3]);
        assert_eq!(walk([(1, router()), (7, heard(From::Destination))]).silent(8), Vec::<u8>::new());
        assert_eq!(walk([(2, router()), (7, heard(From::Destination))]).silent(8), [1]);
        assert_eq!(walk([]).silent(8), [1, 2, 3]);
        assert_eq!(walk([]).silent(2), [1, 2]);
    }

    #[test]
    fn silence_that_may_be_a_routers_limit_is_not_kept() {
        let mut walk = walk([(5, heard(From::Destination))]);
        walk.keep_silence(&[1, 2, 3], &[1]);
        assert_eq!(walk.observation(8).unwrap().silent_after_retry, [2, 3]);
    }

    #[test]
    fn a_walk_is_conclusive_by_a_router_or_by_silence_that_is_believed() {
        assert!(walk([(1, router())]).is_conclusive());
        assert!(!walk([(1, router())]).hides());
        assert!(walk([(1, heard(From::Destination))]).hides());
        let mut far = walk([(5, heard(From::Destination))]);
        assert!(!far.is_conclusive());
        far.keep_silence(&[1, 2, 3], &[]);
        assert!(far.hides());
        assert!(!walk([]).is_conclusive());
    }

    #[test]
    fn near_the_host_a_walk_beside_a_neighbours_needs_no_answer_of_its_destination() {
        let mut walk = Walk::beside(Some(Duration::from_millis(1)));
        assert!(!walk.is_conclusive());
        walk.keep_silence(&[1, 2, 3], &[]);
        assert!(walk.hides());
        let seen = walk.observation(8).unwrap();
        assert_eq!((seen.near_only, seen.max_ttl, seen.reached_at_ttl), (true, Some(3), None));
    }

    #[test]
    fn an_unnamed_router_on_a_way_that_works_means_a_kernel_without_the_queue() {
        let old_kernel = walk([(1, heard(From::Unnamed)), (2, heard(From::Destination))]);
        assert_eq!(old_kernel.observation(8), Err(HopFailure::NotSupported));
        let no_neighbour = walk([(1, heard(From::Unnamed)), (2, heard(From::Unnamed))]);
        assert_eq!(no_neighbour.observation(8).unwrap().reached_at_ttl, None);
    }

    #[tokio::test]
    async fn a_walk_to_this_host_is_over_at_the_first_ttl() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let began = Instant::now();
        let until = Until::at(began + Duration::from_secs(10));
        let walk = Walk::first(listener.local_addr().unwrap(), 8, None, &until).await;
        let seen = walk.observation(8).unwrap();
        assert_eq!((seen.reached_at_ttl, seen.responders.len(), seen.max_ttl), (Some(1), 0, Some(8)));
        assert!(began.elapsed() < BEFORE_THE_SECOND_PACKET);
    }
}
