//! Trying again in other ways, after TCP stood at an address and the handshake or the call came to nothing.
//!
//! A silence after the first message has several causes that look the same: a filter on the server name, packets of full size
//! that get lost, something that takes only old versions. Each other way changes one thing. They run only where something has
//! failed or is overdue, at one address of a target, beside the step that waits and within its budget; all are handshakes and
//! harmless requests. What they mean is not known here.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::attempt::Context;
use crate::observations::{OtherName, Retries, Retry, TlsFailure};
use crate::stream::Stream;
use crate::tcp;
use crate::tls::TlsClient;

/// Segments of this size fit every path that IPv6 allows (RFC 8200 §5: 1,280 bytes), headers included.
const SMALL_SEGMENT: u32 = 1_200;
/// A step that has taken this long is overdue: services answer in tens of milliseconds, and a lost packet costs 200.
const OVERDUE: Duration = Duration::from_secs(1);
/// The most targets of one run at which other ways are tried: what befalls more than these has one cause, and a busy host must
/// not be made busier.
const MOST_TARGETS: usize = 4;
/// Sockets that the other ways take at the same time.
const SOCKETS: u32 = 4;

/// Which step came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The TLS handshake.
    Handshake,
    /// The request.
    Call,
}

impl Context {
    /// Runs a step and, when it fails or is overdue, other ways beside it. What they came to is written down only if the step
    /// fails in the end.
    pub(crate) async fn with_retries<T>(
        &self,
        address: IpAddr,
        broken: Broken,
        step: impl Future<Output = T>,
        has_failed: impl Fn(&T) -> bool,
    ) -> T {
        let mut step = pin!(step);
        let left = self.until.now_known().saturating_duration_since(Instant::now());
        let early = tokio::time::timeout(OVERDUE.min(left / 3), &mut step).await;
        if early.as_ref().is_ok_and(|outcome| !has_failed(outcome)) || !self.may_try_again() {
            return match early {
                Ok(outcome) => outcome,
                Err(_) => step.await,
            };
        }
        // On the heap: they seldom run, and would weigh on every attempt.
        let mut looking = Box::pin(self.other_ways(address, broken));
        let mut seen = None;
        let outcome = match early {
            Ok(outcome) => outcome,
            Err(_) => loop {
                tokio::select! {
                    outcome = &mut step => break outcome,
                    retries = &mut looking, if seen.is_none() => seen = Some(retries),
                }
            },
        };
        if has_failed(&outcome) {
            let retries = match seen {
                Some(retries) => retries,
                None => looking.await,
            };
            self.slot.attempt(address, |attempt| attempt.retries = retries);
        }
        outcome
    }

    /// Whether this is the first address of the target that needs it, and not too many targets have.
    fn may_try_again(&self) -> bool {
        self.target.service != "control"
            && !self.target.elsewhere
            && !self.tried_again.swap(true, Ordering::Relaxed)
            && self.shared.tried_again.fetch_add(1, Ordering::Relaxed) < MOST_TARGETS
    }

    async fn other_ways(&self, address: IpAddr, broken: Broken) -> Option<Retries> {
        let sockets = self.shared.sockets.acquire_many(SOCKETS);
        let Some(Ok(_permit)) = self.until.bound(sockets).await else { return None };
        let to = SocketAddr::new(address, self.shared.port);
        let host = self.target.host.as_str();
        let tls = &self.shared.tls;
        if broken == Broken::Call {
            let (small_packets, again) =
                tokio::join!(Box::pin(self.whole(to, Some(SMALL_SEGMENT))), Box::pin(self.whole(to, None)));
            return Some(Retries {
                small_packets: Some(small_packets),
                again: Some(again),
                ..Retries::default()
            });
        }
        let old = tls.old();
        let [first, second] = self.other_hosts();
        let (small_packets, tls12, first, second) = tokio::join!(
            self.small_handshake(to),
            self.handshake(to, &old, host),
            self.for_name(to, first),
            self.for_name(to, second),
        );
        Some(Retries {
            small_packets: Some(small_packets),
            other_names: first.into_iter().chain(second).collect(),
            tls12: Some(tls12),
            again: None,
        })
    }

    /// Names that another filter rule would meet: another service's and a control's.
    fn other_hosts(&self) -> [Option<&str>; 2] {
        let plan = &self.shared.plan;
        let sibling = plan.targets.iter().find(|other| other.service != self.target.service);
        let control = plan.controls.first();
        [sibling.map(|other| other.host.as_str()), control.map(|control| control.host.as_str())]
    }

    async fn for_name(&self, to: SocketAddr, name: Option<&str>) -> Option<OtherName> {
        let name = name?;
        let outcome = self.handshake(to, &self.shared.tls, name).await;
        Some(OtherName { name: name.to_owned(), outcome })
    }

    async fn handshake(&self, to: SocketAddr, tls: &TlsClient, name: &str) -> Retry {
        let Ok((_, stream)) = tcp::connect(to, &self.until).await else { return Retry::NotConnected };
        shaken(tls.handshake(Box::new(stream), name, &self.until).await.map(|_| ()))
    }

    /// The target's own handshake in small segments.
    async fn small_handshake(&self, to: SocketAddr) -> Retry {
        let Some(stream) = tcp::connect_small(to, SMALL_SEGMENT, &self.until).await else {
            return Retry::NotConnected;
        };
        let shaking = self.shared.tls.handshake(Box::new(stream), &self.target.host, &self.until);
        shaken(shaking.await.map(|_| ()))
    }

    /// The target's own handshake and request, in small segments where a size is given.
    async fn whole(&self, to: SocketAddr, segment: Option<u32>) -> Retry {
        let stream = match segment {
            Some(segment) => tcp::connect_small(to, segment, &self.until).await,
            None => tcp::connect(to, &self.until).await.ok().map(|(_, stream)| stream),
        };
        let Some(stream) = stream else { return Retry::NotConnected };
        let stream: Stream = Box::new(stream);
        let (step, shaking) = self.shake_hands(stream).await;
        let Some((stream, trusted)) = shaking else {
            let failure = step.failed().cloned();
            return failure.map_or(Retry::NotConnected, |failure| Retry::Handshake { failure });
        };
        let answered = self.ask(stream, trusted).await.done().is_some();
        if answered { Retry::Passed } else { Retry::Unanswered }
    }
}

fn shaken(result: Result<(), TlsFailure>) -> Retry {
    match result {
        Ok(()) => Retry::Passed,
        Err(failure) => Retry::Handshake { failure },
    }
}
