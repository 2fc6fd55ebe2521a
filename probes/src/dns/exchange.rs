//! One question to one server and its whole message back, over UDP and, where needed, TCP.
//!
//! hickory's own streams carry it: a random id and source port for each datagram, replies from elsewhere, with another
//! id or to another question ignored. There is no cache and no second server. What the message says is for
//! [`super::answer`].

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hickory_resolver::net::NetError;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsHandle, DnsRequestSender, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::sleep;

use super::sockets::Provider;
use crate::observations::{LookupFailure, Transport};
use crate::step::Unclassified;

/// A lost datagram should cost little, a slow forwarder should not be asked twice: 0.75 s lies above what an uncached
/// answer usually takes.
const RETRY_CEILING: Duration = Duration::from_millis(750);

/// When UDP has been silent for this long, TCP is tried beside it.
const TCP_CEILING: Duration = Duration::from_millis(1500);

/// A reply, and what carried it.
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) transport: Transport,
}

/// Asks and waits, at most until the given time.
///
/// # Errors
///
/// How the exchange failed; a message that says "no" is not an error here.
pub(super) async fn ask(
    server: SocketAddr,
    name: &Name,
    record_type: RecordType,
    until: Instant,
) -> Result<Reply, LookupFailure> {
    let query = Query::query(name.clone(), record_type);
    let exchange = async {
        let mut options = DnsRequestOptions::default();
        let reply = ask_both_ways(server, &query, options, until).await?;
        // A server that does not know EDNS answers so and must be asked without it (RFC 6891, section 7).
        let code = reply.message.metadata.response_code;
        if !matches!(code, ResponseCode::FormErr | ResponseCode::NotImp) {
            return Ok(reply);
        }
        options.use_edns = false;
        ask_both_ways(server, &query, options, until).await
    };
    // The streams keep time themselves; this one limit holds even if they do not.
    tokio::time::timeout_at(until.into(), exchange).await.unwrap_or(Err(LookupFailure::TimedOut))
}

async fn ask_both_ways(
    server: SocketAddr,
    query: &Query,
    options: DnsRequestOptions,
    until: Instant,
) -> Result<Reply, LookupFailure> {
    let left = until.saturating_duration_since(Instant::now());
    let udp = ask_udp(server, query, options, left);
    let tcp_beside = async {
        sleep((left / 2).min(TCP_CEILING)).await;
        ask_tcp(server, query, options, until).await
    };
    tokio::pin!(udp, tcp_beside);
    let mut tcp_failed = false;
    loop {
        tokio::select! {
            biased;
            datagram = &mut udp => {
                let message = datagram?;
                if !message.metadata.truncation {
                    return Ok(Reply { message, transport: Transport::Udp });
                }
                // The stream that runs beside may already have begun; a fresh one costs one round trip more at most.
                let whole = tokio::time::timeout_at(until.into(), ask_tcp(server, query, options, until)).await;
                return whole.unwrap_or(Err(LookupFailure::TimedOut)).map_err(|_| LookupFailure::Malformed {
                    text: "the answer over UDP was cut short, and TCP gave none".to_owned(),
                });
            }
            reply = &mut tcp_beside, if !tcp_failed => match reply {
                Ok(reply) => return Ok(reply),
                // UDP is what clients use, so its failure is the one to tell.
                Err(_) => tcp_failed = true,
            },
        }
    }
}

async fn ask_udp(
    server: SocketAddr,
    query: &Query,
    mut options: DnsRequestOptions,
    limit: Duration,
) -> Result<Message, LookupFailure> {
    let retry = (limit / 4).min(RETRY_CEILING);
    options.retry_interval = retry;
    let mut stream = UdpClientStream::builder(server, Provider::default())
        .with_timeout(Some(limit))
        .with_retry_interval_floor(1)
        // The name is misleading: it counts all datagrams, the first one too.
        .with_max_retries(2)
        .build();
    let request = DnsRequest::from_query(query.clone(), options);
    let response = stream.send_message(request).first_answer().await.map_err(|error| failure_of(&error))?;
    Ok(response.into_message())
}

async fn ask_tcp(
    server: SocketAddr,
    query: &Query,
    options: DnsRequestOptions,
    until: Instant,
) -> Result<Reply, LookupFailure> {
    let left = until.saturating_duration_since(Instant::now());
    // The provider owns the task that moves the bytes; it must live until the answer is here, and ends it afterwards.
    let provider = Provider::default();
    let exchange = async {
        let handle = TcpClientStream::exchange(server, None, left, None, provider.clone()).await?;
        handle.send(DnsRequest::from_query(query.clone(), options)).first_answer().await
    };
    let response = exchange.await.map_err(|error| failure_of(&error))?;
    Ok(Reply { message: response.into_message(), transport: Transport::Tcp })
}

fn failure_of(error: &NetError) -> LookupFailure {
    let io = match error {
        NetError::Timeout => return LookupFailure::TimedOut,
        NetError::Proto(error) => return LookupFailure::Malformed { text: error.to_string() },
        NetError::Io(io) => io,
        other => return LookupFailure::Unclassified(Unclassified::from_text(other.to_string())),
    };
    match io.kind() {
        io::ErrorKind::TimedOut => LookupFailure::TimedOut,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::PermissionDenied => LookupFailure::Unreachable { text: io.to_string() },
        io::ErrorKind::UnexpectedEof => {
            LookupFailure::Malformed { text: "the server closed the connection without an answer".to_owned() }
        }
        _ => LookupFailure::Unclassified(Unclassified::from_io(io)),
    }
}
