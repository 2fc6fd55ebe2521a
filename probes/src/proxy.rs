//! The way through a proxy: its name, a connection, a tunnel, and through it the steps of every attempt.
//!
//! It measures what a client meets that takes the proxy, at the same time as the direct attempts and within the same
//! budget. Which clients do so is not known here. Handshake and call are those of [`crate::attempt`]; the facts go onto
//! the board beside the attempts.

mod tunnel;

use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use crate::attempt::Context;
use crate::dns;
use crate::observations::{
    LookupFailure, Proxied, ProxyAnswer, ProxyFailure, TcpConnection, TcpFailure, TlsFailure,
};
use crate::plan::ProxyPlan;
use crate::run::{DESCRIPTORS_OF_A_CHILD, Until, measure};
use crate::step::{Outcome, SkipReason, Step, millis};
use crate::stream::Stream;
use crate::tcp;

/// The most addresses of a proxy that are tried; more than these are one balancer's.
const MOST_ADDRESSES: usize = 4;

/// Everything about the way through a proxy, not tried yet.
pub(crate) fn untried(proxy: &ProxyPlan) -> Proxied {
    Proxied {
        proxy: proxy.authority(),
        address: None,
        tcp: Step::skipped(SkipReason::OutOfTime),
        connect: Step::skipped(SkipReason::OutOfTime),
        tls: Step::skipped(SkipReason::OutOfTime),
        call: Step::skipped(SkipReason::OutOfTime),
    }
}

/// Goes through the proxy, step by step, each written down the moment it ends.
pub(crate) async fn observe(context: &Context, proxy: &ProxyPlan) {
    let way = Way { context, proxy };
    let Some(addresses) = way.addresses().await else { return };
    let Some((stream, _permit)) = way.tcp(addresses).await else { return };
    let Some(tunnel) = way.connect(stream).await else { return };
    let (step, shaken) = context.shake_hands(tunnel).await;
    way.write(|proxied| {
        proxied.tls = step;
        if shaken.is_none() {
            proxied.call = Step::skipped(SkipReason::PreviousStepFailed);
        }
    });
    let Some((stream, trusted)) = shaken else { return };
    let step = context.ask(stream, trusted).await;
    way.write(|proxied| proxied.call = step);
}

/// The way of one target through one proxy.
struct Way<'a> {
    context: &'a Context,
    proxy: &'a ProxyPlan,
}

impl Way<'_> {
    /// The proxy's addresses, as applications on this host get them.
    async fn addresses(&self) -> Option<Vec<IpAddr>> {
        let shared = &self.context.shared;
        let families = shared.plan.families;
        if let Ok(address) = self.proxy.bare_host().parse::<IpAddr>() {
            let allowed = if address.is_ipv4() { families.ipv4 } else { families.ipv6 };
            if !allowed {
                self.skip(SkipReason::Disabled);
            }
            return allowed.then(|| vec![address]);
        }
        let until = &self.context.until;
        let Some(Ok(_permit)) = until.bound(shared.sockets.acquire_many(DESCRIPTORS_OF_A_CHILD)).await else {
            self.skip(SkipReason::DescriptorLimit);
            return None;
        };
        let (start_ms, began) = (shared.clock.elapsed_ms(), Instant::now());
        let asking = dns::ask_system(&shared.clock, &self.proxy.host, families, until.now_known());
        let outcome = match until.bound(Box::pin(asking)).await {
            None => Outcome::Failed(LookupFailure::TimedOut),
            Some(lookup) => lookup.a.outcome,
        };
        let lookup = match outcome {
            Outcome::Done(answer) if !answer.addresses.is_empty() => return Some(answer.addresses),
            // It has addresses, but none of a family that may be used.
            Outcome::Done(_) => LookupFailure::NotFound,
            Outcome::Failed(failure) => failure,
            Outcome::Skipped(reason) => {
                self.skip(reason);
                return None;
            }
        };
        let failure = Outcome::Failed(ProxyFailure::NotResolved { lookup });
        let step = Step::placed(start_ms, millis(began.elapsed()), failure);
        self.skip(SkipReason::PreviousStepFailed);
        self.write(|proxied| proxied.connect = step);
        None
    }

    /// Connects to the first address that stands.
    async fn tcp(&self, mut addresses: Vec<IpAddr>) -> Option<(Stream, OwnedSemaphorePermit)> {
        let (shared, until) = (&self.context.shared, &self.context.until);
        addresses.truncate(MOST_ADDRESSES);
        let wanted = u32::try_from(addresses.len()).unwrap_or(1);
        let sockets = Arc::clone(&shared.sockets).acquire_many_owned(wanted);
        let Some(Ok(mut permits)) = until.bound(sockets).await else {
            self.skip(SkipReason::PreviousStepFailed);
            self.write(|proxied| proxied.tcp = Step::skipped(SkipReason::DescriptorLimit));
            return None;
        };
        let racing = first_standing(&addresses, self.proxy.port, until);
        let (step, standing) = measure(&shared.clock, racing).await.parted();
        // Only the winner's socket is still open.
        drop(permits.split(permits.num_permits().saturating_sub(1)));
        let address = standing.as_ref().map(|(address, _)| *address).or(addresses.first().copied());
        if standing.is_none() {
            self.skip(SkipReason::PreviousStepFailed);
        }
        self.write(|proxied| {
            proxied.address = address;
            proxied.tcp = step;
        });
        let (_, stream) = standing?;
        Some((Box::new(stream), permits))
    }

    /// Asks for the tunnel.
    async fn connect(&self, stream: Stream) -> Option<Stream> {
        let asking = Box::pin(self.ask_for_tunnel(stream));
        let (step, tunnel) = measure(&self.context.shared.clock, asking).await.parted();
        self.write(|proxied| {
            proxied.connect = step;
            if tunnel.is_none() {
                proxied.tls = Step::skipped(SkipReason::PreviousStepFailed);
                proxied.call = Step::skipped(SkipReason::PreviousStepFailed);
            }
        });
        tunnel
    }

    async fn ask_for_tunnel(&self, stream: Stream) -> Result<(ProxyAnswer, Stream), ProxyFailure> {
        let (shared, until) = (&self.context.shared, &self.context.until);
        let stream = if self.proxy.over_tls { self.over_tls(stream).await? } else { stream };
        let destination = format!("{}:{}", self.context.target.host, shared.port);
        let authorization = shared.proxy_authorizations.of(&self.proxy.variable);
        let asking = tunnel::open(stream, &destination, authorization.as_ref());
        until.bound(asking).await.unwrap_or(Err(ProxyFailure::TimedOut))
    }

    /// Shakes hands with the proxy itself, which clients do only with one that somebody vouches for.
    async fn over_tls(&self, stream: Stream) -> Result<Stream, ProxyFailure> {
        let (shared, until) = (&self.context.shared, &self.context.until);
        let host = self.proxy.bare_host();
        let (presented, stream) =
            shared.tls.handshake(stream, host, until).await.map_err(|failure| match failure {
                TlsFailure::TimedOut => ProxyFailure::TimedOut,
                failure => ProxyFailure::Tls { failure },
            })?;
        let trust = shared.roots.judge(&presented.chain, host, until).await;
        if trust.accepted() { Ok(Box::new(stream)) } else { Err(ProxyFailure::Untrusted { trust }) }
    }

    /// Notes why no step that is still to come is tried.
    fn skip(&self, reason: SkipReason) {
        self.write(|proxied| {
            proxied.tcp = Step::skipped(reason);
            proxied.connect = Step::skipped(reason);
            proxied.tls = Step::skipped(reason);
            proxied.call = Step::skipped(reason);
        });
    }

    fn write(&self, write: impl FnOnce(&mut Proxied)) {
        self.context.slot.proxied(write);
    }
}

/// What connecting to the first address that stands gives.
type Standing = (TcpConnection, (IpAddr, TcpStream));

/// Connects to all addresses at once and keeps the first connection that stands; where none does, it tells how the
/// first address failed.
async fn first_standing(addresses: &[IpAddr], port: u16, until: &Until) -> Result<Standing, TcpFailure> {
    let mut racing = JoinSet::new();
    for (place, address) in addresses.iter().copied().enumerate() {
        let until = until.clone();
        racing.spawn(async move {
            let connected = tcp::connect(SocketAddr::new(address, port), &until).await;
            connected
                .map(|(connection, stream)| (connection, (address, stream)))
                .map_err(|failure| (place, failure))
        });
    }
    let mut first_failure: Option<(usize, TcpFailure)> = None;
    while let Some(ended) = racing.join_next().await {
        match ended {
            Ok(Ok(standing)) => return Ok(standing),
            Ok(Err((place, failure))) => {
                if first_failure.as_ref().is_none_or(|(first, _)| place < *first) {
                    first_failure = Some((place, failure));
                }
            }
            // A fault of ours belongs to the step that asked for this.
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    resume_unwind(panic)
                }
            }
        }
    }
    // There is always an address, so the time-out stands for nothing that happens.
    Err(first_failure.map_or(TcpFailure::TimedOut, |(_, failure)| failure))
}

#[cfg(test)]
mod tests;
