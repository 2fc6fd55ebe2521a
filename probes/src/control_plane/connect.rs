//! The connections to EC2, and those of path proofs: its name looked up, every address tried at once, the first that stands and is trusted taken.
//!
//! The calls share a few connections to that one address, because EC2 takes its time for an answer and HTTP/1.1 carries
//! one exchange at a time. It knows nothing of what is asked on them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::{NotAsked, ReadFailure};
use crate::attempt::leads_to;
use crate::connection::Connection;
use crate::dns;
use crate::observations::{Lookup, TlsFailure};
use crate::plan::Families;
use crate::routes;
use crate::run::{DESCRIPTORS_OF_A_CHILD, Shared, Until};
use crate::step::{Step, Unclassified};
use crate::tcp;

/// Connections beside the first: ten calls can be made at once, and one more round over six costs little.
const FURTHER_CONNECTIONS: usize = 5;
/// The longest answer that is read. A page of fifty VPC endpoints with ordinary policies has about 150 KB.
const LONGEST_ANSWER: usize = 2 * 1024 * 1024;

/// A few connections to EC2, each lent to one exchange at a time.
pub(crate) struct Pool {
    peer: Peer,
    idle: Mutex<Vec<Option<Line>>>,
    /// How many entries `idle` has.
    waiting: Semaphore,
}

/// One connection with its place among the sockets that this process may open.
pub(crate) struct Line {
    /// The connection.
    pub(crate) connection: Arc<Connection>,
    _socket: OwnedSemaphorePermit,
}

/// Where the connections go.
#[derive(Clone)]
struct Peer {
    shared: Arc<Shared>,
    host: String,
    address: SocketAddr,
}

impl Pool {
    /// Looks EC2's name up and connects to it.
    ///
    /// # Errors
    ///
    /// Why EC2 cannot be asked. A peer for which no set of roots vouches gets no request at all.
    pub(crate) async fn open(shared: &Arc<Shared>, host: &str, until: &Until) -> Result<Self, NotAsked> {
        let addresses = resolve(shared, host, until).await;
        if addresses.is_empty() {
            return Err(NotAsked::NotResolved);
        }
        Self::connect(shared, host, addresses.into_iter().map(|address| (address, shared.port).into()), until)
            .await
    }

    /// Connects to all addresses at once and takes the first that stands.
    ///
    /// # Errors
    ///
    /// As [`Pool::open`]; with several addresses, a peer that is not trusted tells more than one that is silent.
    pub(crate) async fn connect(
        shared: &Arc<Shared>,
        host: &str,
        addresses: impl Iterator<Item = SocketAddr>,
        until: &Until,
    ) -> Result<Self, NotAsked> {
        let mut attempts = JoinSet::new();
        for address in addresses {
            let peer = Peer { shared: Arc::clone(shared), host: host.to_owned(), address };
            let until = until.clone();
            attempts.spawn(async move {
                let line = peer.connect(&until).await;
                line.map(|line| (peer, line))
            });
        }
        let mut because = NotAsked::Unreachable;
        while let Some(ended) = attempts.join_next().await {
            match ended {
                Ok(Ok((peer, line))) => {
                    return Ok(Self { peer, idle: Mutex::new(vec![Some(line)]), waiting: Semaphore::new(1) });
                }
                Ok(Err(NotAsked::NotTrusted)) => because = NotAsked::NotTrusted,
                // A fault of ours at one address is one address less.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Err(because)
    }

    /// Opens the further connections; those that do not come about are done without.
    pub(crate) async fn widen(self: Arc<Self>, until: Until) {
        let mut further = JoinSet::new();
        for _ in 0..FURTHER_CONNECTIONS {
            let (peer, until) = (self.peer.clone(), until.clone());
            further.spawn(async move { peer.connect(&until).await });
        }
        while let Some(ended) = further.join_next().await {
            if let Ok(Ok(line)) = ended {
                self.give_back(Some(line));
            }
        }
    }

    /// Waits for a connection that nobody uses; one that the peer has closed is replaced.
    ///
    /// # Errors
    ///
    /// If the replacement does not come about.
    pub(crate) async fn take(&self, until: &Until) -> Result<Line, ReadFailure> {
        let Some(Ok(permit)) = until.bound(self.waiting.acquire()).await else {
            return Err(ReadFailure::TimedOut);
        };
        permit.forget();
        match self.idle().pop().flatten() {
            Some(line) if line.connection.is_open() => return Ok(line),
            Some(_) | None => {}
        }
        let replaced = self.peer.connect(until).await;
        replaced.map_err(|_| {
            self.give_back(None);
            ReadFailure::Unclassified(Unclassified::from_text("the connection could not be opened again"))
        })
    }

    /// Lends a connection to the next exchange; `None` makes that one open its own.
    pub(crate) fn give_back(&self, line: Option<Line>) {
        self.idle().push(line);
        self.waiting.add_permits(1);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Option<Line>>> {
        // Entries are only pushed and popped whole, so a panic elsewhere leaves nothing half written.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer {
    /// One connection over verified TLS.
    async fn connect(&self, until: &Until) -> Result<Line, NotAsked> {
        let shared = &self.shared;
        let Some(Ok(socket)) = until.bound(Arc::clone(&shared.sockets).acquire_owned()).await else {
            return Err(NotAsked::Unreachable);
        };
        let connected = tcp::connect(self.address, until).await;
        let (seen, stream) = connected.map_err(|_| NotAsked::Unreachable)?;
        shared.saw_rtt(seen.rtt_ms);
        let shaken = shared.tls.handshake(Box::new(stream), &self.host, until).await;
        let (presented, stream) = shaken.map_err(|failure| match failure {
            TlsFailure::TimedOut => NotAsked::Unreachable,
            _ => NotAsked::NotTrusted,
        })?;
        if !shared.roots.judge(&presented.chain, &self.host, until).await.accepted() {
            return Err(NotAsked::NotTrusted);
        }
        let connection = Connection::open(stream, &self.host).await.map_err(|_| NotAsked::Unreachable)?;
        let connection = Arc::new(connection.refusing_beyond(LONGEST_ANSWER));
        Ok(Line { connection, _socket: socket })
    }
}

/// What applications get for the name; only where they get nothing, what the planned resolvers say.
async fn resolve(shared: &Arc<Shared>, host: &str, until: &Until) -> Vec<IpAddr> {
    let families = shared.plan.families;
    let usable = |lookup: Option<Lookup>| {
        let found = lookup.map(|lookup| addresses_of(&lookup)).unwrap_or_default();
        found.into_iter().filter(|address| may_be_tried(shared, families, *address)).collect::<Vec<_>>()
    };
    let system = async {
        let _permit = shared.sockets.acquire_many(DESCRIPTORS_OF_A_CHILD).await.ok()?;
        Some(dns::ask_system(&shared.clock, host, families, until.now_known()).await)
    };
    let found = usable(until.bound(Box::pin(system)).await.flatten());
    if !found.is_empty() {
        return found;
    }
    let mut asked = JoinSet::new();
    for resolver in shared.plan.resolvers.clone() {
        let (shared, host, until) = (Arc::clone(shared), host.to_owned(), until.clone());
        asked.spawn(async move {
            let end = until.now_known();
            let asking = Box::pin(dns::ask_resolver(&shared.clock, &resolver, &host, families, end));
            until.bound(asking).await
        });
    }
    while let Some(ended) = asked.join_next().await {
        let found = usable(ended.ok().flatten());
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn addresses_of(lookup: &Lookup) -> Vec<IpAddr> {
    let answers = [Some(&lookup.a), lookup.aaaa.as_ref()].into_iter().flatten().filter_map(Step::done);
    answers.flat_map(|answer| answer.addresses.iter().copied()).collect()
}

fn may_be_tried(shared: &Shared, families: Families, address: IpAddr) -> bool {
    let (allowed, routed) = match address {
        IpAddr::V4(_) => (families.ipv4, shared.routed.ipv4),
        IpAddr::V6(_) => (families.ipv6, shared.routed.ipv6),
    };
    allowed && (routed || leads_to(address, routes::chosen_route(address).as_ref()))
}
