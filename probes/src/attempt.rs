//! One attempt: TCP, TLS and the call at one address, one after the other on one connection.
//!
//! Each step is written down the moment it ends. A step whose predecessor failed is skipped for that reason; no step is
//! ever repeated, but one that failed may be tried in other ways ([`crate::retries`]).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::client::TlsStream;

use crate::call;
use crate::connection::Connection;
use crate::observations::{CallFailure, ChosenRoute, Reply, TlsFailure, TlsSession};
use crate::plan::TargetPlan;
use crate::retries::Broken;
use crate::routes;
use crate::run::{Shared, Slot, Until, measure};
use crate::step::{Outcome, SkipReason, Step};
use crate::stream::Stream;
use crate::tcp;
use crate::tls;

/// What an attempt works with.
pub(crate) struct Context {
    /// What all steps of the run share.
    pub(crate) shared: Arc<Shared>,
    /// Where its facts are written down.
    pub(crate) slot: Slot,
    /// The target that it belongs to.
    pub(crate) target: Arc<TargetPlan>,
    /// The end of its chain's budget.
    pub(crate) until: Until,
    /// Whether other ways were tried at an address of this target already.
    pub(crate) tried_again: Arc<AtomicBool>,
}

/// The kernel's choice of route for an address that is going to be tried.
pub(crate) type Route = Option<ChosenRoute>;

impl Context {
    /// Opens the attempt on the board and says which route it will take; `None` if the address is not to be tried,
    /// in which case the reason stands on the board.
    pub(crate) fn open(&self, address: IpAddr) -> Option<Route> {
        let route = routes::chosen_route(address);
        let reason = self.reason_against(address, route.as_ref());
        let hops = if self.shared.plan.hops.is_none() { SkipReason::Disabled } else { SkipReason::OutOfTime };
        self.slot.open_attempt(address, route.clone(), reason.unwrap_or(hops));
        if let Some(reason) = reason {
            self.slot.attempt(address, |attempt| {
                attempt.tcp = Step::skipped(reason);
                attempt.tls = Step::skipped(reason);
                attempt.call = Step::skipped(reason);
            });
            return None;
        }
        Some(route)
    }

    fn reason_against(&self, address: IpAddr, route: Option<&ChosenRoute>) -> Option<SkipReason> {
        let (families, routed) = (self.shared.plan.families, self.shared.routed);
        let (allowed, family_routed) = match address {
            IpAddr::V4(_) => (families.ipv4, routed.ipv4),
            IpAddr::V6(_) => (families.ipv6, routed.ipv6),
        };
        if !allowed {
            return Some(SkipReason::Disabled);
        }
        (!family_routed && !leads_to(address, route)).then_some(SkipReason::NoRouteForFamily)
    }

    /// Carries the attempt out, step by step.
    pub(crate) async fn carry_out(self, address: IpAddr) {
        let connected = self.tcp(address).await;
        if self.target.elsewhere {
            // Whether a connection stands is all that is compared.
            return self.slot.attempt(address, |attempt| {
                attempt.tls = Step::skipped(SkipReason::NotAsked);
                attempt.call = Step::skipped(SkipReason::NotAsked);
            });
        }
        let Some((stream, _permit)) = connected else { return };
        let shaking = Box::pin(self.shake_hands(stream));
        let (step, shaken) =
            self.with_retries(address, Broken::Handshake, shaking, |(step, _)| step.failed().is_some()).await;
        self.slot.attempt(address, |attempt| {
            attempt.tls = step;
            if shaken.is_none() {
                attempt.call = Step::skipped(SkipReason::PreviousStepFailed);
            }
        });
        let Some((stream, trusted)) = shaken else { return };
        let asking = Box::pin(self.ask(stream, trusted));
        let step = self.with_retries(address, Broken::Call, asking, |step| step.failed().is_some()).await;
        self.slot.attempt(address, |attempt| attempt.call = step);
    }

    async fn tcp(&self, address: IpAddr) -> Option<(Stream, OwnedSemaphorePermit)> {
        let socket = Arc::clone(&self.shared.sockets).acquire_owned();
        let Some(Ok(permit)) = self.until.bound(socket).await else {
            self.slot.attempt(address, |attempt| {
                attempt.tcp = Step::skipped(SkipReason::DescriptorLimit);
                attempt.tls = Step::skipped(SkipReason::PreviousStepFailed);
                attempt.call = Step::skipped(SkipReason::PreviousStepFailed);
            });
            return None;
        };
        let destination = SocketAddr::new(address, self.shared.port);
        let step = measure(&self.shared.clock, tcp::connect(destination, &self.until)).await;
        let (step, stream) = step.parted();
        if let Some(connection) = step.done() {
            self.shared.saw_rtt(connection.rtt_ms);
        }
        self.slot.attempt(address, |attempt| {
            attempt.tcp = step;
            if stream.is_none() {
                attempt.tls = Step::skipped(SkipReason::PreviousStepFailed);
                attempt.call = Step::skipped(SkipReason::PreviousStepFailed);
            }
        });
        Some((Box::new(stream?), permit))
    }

    /// Shakes hands with the target, and says beside the stream whether the peer may see what credentials have signed.
    pub(crate) async fn shake_hands(
        &self,
        stream: Stream,
    ) -> (Step<TlsSession, TlsFailure>, Option<(TlsStream<Stream>, bool)>) {
        let handshake = self.shared.tls.handshake(stream, &self.target.host, &self.until);
        let (step, stream) = measure(&self.shared.clock, handshake).await.parted();
        let Step { start_ms, elapsed_ms, outcome } = step;
        let outcome = match outcome {
            Outcome::Failed(failure) => Outcome::Failed(failure),
            Outcome::Skipped(reason) => Outcome::Skipped(reason),
            // What the roots say is worked out on this host after the handshake and is no part of its length.
            Outcome::Done(presented) => {
                let trust = self.shared.roots.judge(&presented.chain, &self.target.host, &self.until).await;
                let chain = tls::summarize(&presented.chain);
                let issuer = chain.first().map(|leaf| leaf.issuer.clone()).unwrap_or_default();
                Outcome::Done(TlsSession {
                    version: Some(presented.version),
                    issuer,
                    chain,
                    trust,
                    as_first: false,
                })
            }
        };
        let trusted = matches!(&outcome, Outcome::Done(session) if session.trust.accepted());
        (Step { start_ms, elapsed_ms, outcome }, stream.map(|stream| (stream, trusted)))
    }

    /// Makes the target's request: signed where there are credentials and the peer is trusted, else unsigned, which
    /// still shows who answers.
    pub(crate) async fn ask(&self, stream: TlsStream<Stream>, trusted: bool) -> Step<Reply, CallFailure> {
        let credentials = self.shared.credentials.as_ref().filter(|_| trusted);
        let asking = async {
            let connection = Arc::new(Connection::open(stream, &self.target.host).await?.filling_packets());
            call::call(&connection, &self.target, credentials, &self.until).await
        };
        // The SDKs' futures are large; on the heap they do not weigh on every task that only might make a call.
        measure(&self.shared.clock, Box::pin(asking)).await
    }
}

/// Whether an address of a family that has no route to the internet can be reached all the same.
///
/// Where netlink is closed to us (a sandbox), no route is known of any address; the kernel is then asked in the one way that is
/// always open.
pub(crate) fn leads_to(address: IpAddr, route: Option<&ChosenRoute>) -> bool {
    route.map_or_else(|| kernel_has_route(address), |route| !routes::from_link_local(address, route))
}

/// Whether the kernel would send to an address: a datagram socket is connected, which sends nothing.
fn kernel_has_route(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, 443))).is_ok()
}
