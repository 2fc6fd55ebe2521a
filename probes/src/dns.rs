//! What one resolver says about one host name: the host's own name service, or a server asked directly.
//!
//! Each question goes to exactly one server, past every cache of this host, so that an answer can be held against the
//! others. It does not choose servers, compares nothing and connects to none of the addresses; they go to the attempts.

mod answer;
mod exchange;
mod getent;
mod sockets;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use hickory_resolver::proto::rr::{Name, RecordType};

use crate::observations::{Answer, Lookup, LookupFailure, ResolverKind};
use crate::plan::{Families, ResolverPlan};
use crate::step::{Clock, SkipReason, Step, Unclassified};

const DNS_PORT: u16 = 53;

/// Asks what applications on this host get, through `getent ahosts` (nsswitch order, hosts file, search list, caches).
///
/// The program is the host's own, because a static binary must not load the host's name service modules. It runs
/// without a shell and is killed at `until`; without it the step is skipped.
pub async fn ask_system(clock: &Clock, host: &str, families: Families, until: Instant) -> Lookup {
    let a = getent::ask(clock, host, families, until).await;
    Lookup { resolver: "system".to_owned(), kind: ResolverKind::System, a, aaaa: None, alike: Vec::new() }
}

/// Asks one server for the IPv4 and the IPv6 addresses of an absolute name, both at once.
///
/// A question is sent once more when the first datagram stays unanswered, and over TCP when the answer came back
/// truncated or when UDP stays silent for half of the time. A family that may not be used is skipped.
pub async fn ask_resolver(
    clock: &Clock,
    resolver: &ResolverPlan,
    host: &str,
    families: Families,
    until: Instant,
) -> Lookup {
    let server = SocketAddr::new(resolver.address, DNS_PORT);
    let (a, aaaa) = ask_server(clock, server, host, families, until).await;
    Lookup {
        resolver: resolver.address.to_string(),
        kind: resolver.kind,
        a,
        aaaa: Some(aaaa),
        alike: Vec::new(),
    }
}

type AnswerStep = Step<Answer, LookupFailure>;

async fn ask_server(
    clock: &Clock,
    server: SocketAddr,
    host: &str,
    families: Families,
    until: Instant,
) -> (AnswerStep, AnswerStep) {
    let ask = |wanted: bool, record_type| async move {
        if !wanted {
            return Step::skipped(SkipReason::Disabled);
        }
        if until <= Instant::now() {
            return Step::skipped(SkipReason::OutOfTime);
        }
        clock.measure(ask_one(server, host, record_type, until)).await
    };
    tokio::join!(ask(families.ipv4, RecordType::A), ask(families.ipv6, RecordType::AAAA))
}

async fn ask_one(
    server: SocketAddr,
    host: &str,
    record_type: RecordType,
    until: Instant,
) -> Result<Answer, LookupFailure> {
    let name = absolute_name(host)?;
    let reply = exchange::ask(server, &name, record_type, until).await?;
    answer::read(&reply.message, &name, record_type, reply.transport)
}

fn absolute_name(host: &str) -> Result<Name, LookupFailure> {
    let invalid = |reason: &dyn std::fmt::Display| {
        LookupFailure::Unclassified(Unclassified::from_text(format!("not a host name: {reason}")))
    };
    let mut name = Name::from_ascii(host).map_err(|error| invalid(&error))?;
    name.set_fqdn(true);
    if name.is_root() {
        return Err(invalid(&"it is empty"));
    }
    Ok(name)
}

/// Keeps an address once, in the order of first sight, with IPv4 addresses out of their IPv6 wrapping.
fn push_address(addresses: &mut Vec<IpAddr>, address: IpAddr) {
    let address = address.to_canonical();
    if addresses.len() < ADDRESSES_LIMIT && !addresses.contains(&address) {
        addresses.push(address);
    }
}

/// More addresses than any service gives for one name; S3 gives eight. A hostile answer ends here.
const ADDRESSES_LIMIT: usize = 64;

#[cfg(test)]
mod tests;
