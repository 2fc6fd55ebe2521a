//! The TCP step: one connection to one address, as the kernel sees it.
//!
//! It takes an address and cannot take a name, so what it measures is never a matter of which address a library
//! picked. It does not know what the peer is; the stream goes on to the TLS step, the facts into the attempt.

use std::io;
use std::net::SocketAddr;

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::observations::{TcpConnection, TcpFailure};
use crate::run::Until;
use crate::step::{Unclassified, millis};
use crate::sys;

/// Connects to an address, and tells what the kernel measured on the handshake.
///
/// # Errors
///
/// How the connection failed, by the error number alone. Silence until the budget is over is [`TcpFailure::TimedOut`].
pub(crate) async fn connect(
    address: SocketAddr,
    until: &Until,
) -> Result<(TcpConnection, TcpStream), TcpFailure> {
    let began = Instant::now();
    let connected = until.bound(establish(address, None)).await.ok_or(TcpFailure::TimedOut)?;
    let stream = connected.map_err(|error| classify(&error))?;
    Ok((describe(&stream, began), stream))
}

/// Connects to an address such that neither side sends a segment of more than `segment` bytes; `None` where no connection
/// stands within the budget.
pub(crate) async fn connect_small(address: SocketAddr, segment: u32, until: &Until) -> Option<TcpStream> {
    until.bound(establish(address, Some(segment))).await?.ok()
}

async fn establish(address: SocketAddr, segment: Option<u32>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // The steps after this one send a message and wait for its answer; waiting for more to send would be measured too.
    socket.set_tcp_nodelay(true)?;
    if let Some(segment) = segment {
        // Before the SYN, so that the peer is told as well.
        socket.set_tcp_mss(segment)?;
    }
    // Whether an ICMP error ends a connection attempt without this option has changed between kernels; with it,
    // "unreachable" is an error at once on all of them instead of a time-out on some.
    set_receive_errors(&socket, address, true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    // An established connection must not fail for a passing ICMP error that TCP itself would survive.
    set_receive_errors(&stream, address, false)?;
    Ok(stream)
}

/// Asks the kernel for ICMP errors on this socket (`IP_RECVERR`, `IPV6_RECVERR`), or to keep them to itself.
pub(crate) fn set_receive_errors(
    socket: &impl std::os::fd::AsFd,
    address: SocketAddr,
    wanted: bool,
) -> io::Result<()> {
    if address.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &wanted)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &wanted)?;
    }
    Ok(())
}

/// What the timestamps option takes of every segment, padding included (RFC 7323, appendix A). An announced segment size counts
/// it in, the kernel's own figure does not.
const TIMESTAMPS: u32 = 12;

fn describe(stream: &TcpStream, began: Instant) -> TcpConnection {
    let waited_ms = millis(began.elapsed());
    match sys::tcp_info(stream) {
        Ok(info) => TcpConnection {
            // The kernel takes no sample when the SYN had to be sent again; the time we waited is then the best there is.
            rtt_ms: if info.rtt_us == 0 { waited_ms } else { f64::from(info.rtt_us) / 1000.0 },
            send_mss: Some(info.send_mss),
            peer_mss: Some(info.send_mss + if info.timestamps { TIMESTAMPS } else { 0 }),
            path_mtu: Some(info.path_mtu),
            retransmits: Some(info.retransmits),
        },
        Err(_) => TcpConnection {
            rtt_ms: waited_ms,
            send_mss: None,
            peer_mss: None,
            path_mtu: None,
            retransmits: None,
        },
    }
}

/// Names a connection error by its number; the text is never looked at.
fn classify(error: &io::Error) -> TcpFailure {
    let Some(number) = error.raw_os_error() else {
        return TcpFailure::Unclassified(Unclassified::from_io(error));
    };
    match Errno::from_raw(number) {
        Errno::ETIMEDOUT => TcpFailure::TimedOut,
        Errno::ECONNREFUSED => TcpFailure::Refused,
        Errno::ECONNRESET => TcpFailure::Reset,
        Errno::ENETUNREACH => TcpFailure::NetworkUnreachable,
        Errno::EHOSTUNREACH => TcpFailure::HostUnreachable,
        Errno::EPERM | Errno::EACCES => TcpFailure::NotPermitted,
        Errno::EADDRNOTAVAIL => TcpFailure::NoSourceAddress,
        _ => TcpFailure::Unclassified(Unclassified::from_io(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Until {
        Until::at(std::time::Instant::now() + Duration::from_millis(500))
    }

    #[tokio::test]
    async fn a_listening_address_gives_a_connection_with_the_kernels_figures() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (seen, stream) = connect(listener.local_addr().unwrap(), &soon()).await.unwrap();
        assert!(seen.rtt_ms > 0.0 && seen.rtt_ms < 500.0);
        assert!(seen.send_mss.is_some() && seen.path_mtu.is_some());
        assert!(seen.peer_mss >= seen.send_mss, "{seen:?}");
        assert_eq!(seen.retransmits, Some(0));
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn the_peers_announcement_counts_the_timestamps_that_the_kernels_figure_leaves_out() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_tcp_mss(1000).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.listen(1).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let (seen, stream) = connect(address, &soon()).await.unwrap();
        assert_eq!(seen.peer_mss, Some(1000), "{seen:?}");
        let timestamps = sys::tcp_info(&stream).unwrap().timestamps;
        assert_eq!(seen.send_mss, Some(if timestamps { 988 } else { 1000 }), "{seen:?}");
    }

    #[tokio::test]
    async fn the_ipv6_loopback_is_connected_the_same_way() {
        let listener = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
        assert!(connect(listener.local_addr().unwrap(), &soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(connect(address, &soon()).await.unwrap_err(), TcpFailure::Refused);
    }

    #[tokio::test]
    async fn silence_is_a_time_out_when_the_budget_is_over() {
        // A listener whose queue of one is full drops further SYNs, which is silence as a client sees it.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let _first = std::net::TcpStream::connect(address).unwrap();
        let began = Instant::now();
        let until = Until::at(std::time::Instant::now() + Duration::from_millis(200));
        assert_eq!(connect(address, &until).await.unwrap_err(), TcpFailure::TimedOut);
        assert!(began.elapsed() >= Duration::from_millis(200));
    }

    #[test]
    fn every_documented_error_number_has_its_failure() {
        let rows = [
            (Errno::ETIMEDOUT, TcpFailure::TimedOut),
            (Errno::ECONNREFUSED, TcpFailure::Refused),
            (Errno::ECONNRESET, TcpFailure::Reset),
            (Errno::ENETUNREACH, TcpFailure::NetworkUnreachable),
            (Errno::EHOSTUNREACH, TcpFailure::HostUnreachable),
            (Errno::EPERM, TcpFailure::NotPermitted),
            (Errno::EACCES, TcpFailure::NotPermitted),
            (Errno::EADDRNOTAVAIL, TcpFailure::NoSourceAddress),
        ];
        for (number, failure) in rows {
            assert_eq!(classify(&io::Error::from_raw_os_error(number as i32)), failure);
        }
        let other = classify(&io::Error::from_raw_os_error(Errno::ENOBUFS as i32));
        assert!(matches!(other, TcpFailure::Unclassified(u) if u.os_error == Some(Errno::ENOBUFS as i32)));
    }
}
