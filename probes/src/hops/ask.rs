//! One ask: a connection attempt whose packets live for a given number of hops, and who ends it.
//!
//! A router that drops the packet says so by ICMP, and the kernel queues that message on the socket since Linux 5.8
//! (`IP_RECVERR` on TCP); no privilege is needed. Where the packet arrives, the destination itself answers. The kernel
//! sends an unanswered SYN again after one second, which would ask every router a second time; callers end an ask
//! before that.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::sys;
use crate::tcp::set_receive_errors;

/// What an ask heard, and after what time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// Who ended the ask.
    pub(super) from: From,
    /// The time from our first packet to the answer.
    pub(super) after: Duration,
}

/// Who ended an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// The destination: it accepted the connection, or refused it.
    Destination,
    /// A router, by an ICMP message.
    Router {
        /// The router's address.
        address: IpAddr,
        /// Type and code of the message, where it is not "time exceeded in transit".
        icmp: Option<String>,
    },
    /// Somebody said "unreachable", but the kernel kept who it was to itself.
    Unnamed,
}

/// Asks at one TTL; waits for as long as nobody answers.
///
/// # Errors
///
/// The system's error if the packet could not be sent.
pub(super) async fn ask(destination: SocketAddr, ttl: u8) -> io::Result<Heard> {
    let socket = Socket::new(Domain::for_address(destination), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match destination {
        SocketAddr::V4(_) => socket.set_ttl_v4(ttl.into())?,
        SocketAddr::V6(_) => socket.set_unicast_hops_v6(ttl.into())?,
    }
    set_receive_errors(&socket, destination, true)?;
    sys::set_syn_retries(&socket, 1)?;
    // A connection that was only made to see who answers is reset, which leaves nothing behind on either side.
    socket.set_linger(Some(Duration::ZERO))?;
    let began = Instant::now();
    match socket.connect(&destination.into()) {
        Ok(()) => return Ok(Heard { from: From::Destination, after: began.elapsed() }),
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    let stream = TcpStream::from_std(socket.into())?;
    loop {
        stream.ready(Interest::ERROR | Interest::WRITABLE).await?;
        let after = began.elapsed();
        if let Some(from) = who_answered(&stream)? {
            return Ok(Heard { from, after });
        }
        // Nothing yet: the runtime has to forget each readiness, or it would not wait for the next. It can only be told
        // by an operation that would block, of one kind at a time.
        for interest in [Interest::ERROR, Interest::WRITABLE] {
            let _ = stream.try_io(interest, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }
}

/// Who ended the connection attempt; `None` if it goes on.
fn who_answered(stream: &TcpStream) -> io::Result<Option<From>> {
    if let Some(router) = queued_error(stream)? {
        return Ok(Some(router));
    }
    match stream.take_error()? {
        None => Ok(stream.peer_addr().is_ok().then_some(From::Destination)),
        Some(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ECONNREFUSED | Errno::ECONNRESET) => Ok(Some(From::Destination)),
            Some(Errno::EHOSTUNREACH | Errno::ENETUNREACH) => Ok(Some(From::Unnamed)),
            _ => Err(error),
        },
    }
}

/// Reads one ICMP message from the socket's error queue.
fn queued_error(stream: &TcpStream) -> io::Result<Option<From>> {
    let mut payload = [0u8; 64];
    let mut slices = [IoSliceMut::new(&mut payload)];
    let mut control = cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = match recvmsg::<()>(stream.as_raw_fd(), &mut slices, Some(&mut control), flags) {
        Ok(message) => message,
        Err(Errno::EAGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    for entry in message.cmsgs()? {
        match entry {
            ControlMessageOwned::Ipv4RecvErr(error, Some(from))
                if error.ee_origin == libc::SO_EE_ORIGIN_ICMP =>
            {
                let address = IpAddr::V4(Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)));
                return Ok(Some(From::Router { address, icmp: unusual(&error, 11) }));
            }
            ControlMessageOwned::Ipv6RecvErr(error, Some(from))
                if error.ee_origin == libc::SO_EE_ORIGIN_ICMP6 =>
            {
                let address = IpAddr::V6(Ipv6Addr::from(from.sin6_addr.s6_addr));
                return Ok(Some(From::Router { address, icmp: unusual(&error, 3) }));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Type and code, unless they are those of "time exceeded in transit" (11/0, for IPv6 3/0).
fn unusual(error: &libc::sock_extended_err, time_exceeded: u8) -> Option<String> {
    let usual = error.ee_type == time_exceeded && error.ee_code == 0;
    (!usual).then(|| format!("{}/{}", error.ee_type, error.ee_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listening_destination_answers_for_itself() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            let heard = ask(listener.local_addr().unwrap(), 1).await.unwrap();
            assert_eq!(heard.from, From::Destination);
        }
    }

    #[tokio::test]
    async fn a_destination_that_refuses_answers_for_itself_as_well() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(ask(address, 1).await.unwrap().from, From::Destination);
    }
}
