//! The system calls that no safe wrapper among our dependencies offers: `TCP_INFO` and `TCP_SYNCNT`.
//!
//! This is the only module of the crate with unsafe code. It knows nothing of what the numbers are for; the TCP step
//! and the hop walk read them.

#![expect(unsafe_code, reason = "neither nix nor socket2 wraps TCP_INFO and TCP_SYNCNT")]

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;

/// What the kernel says of one TCP connection, as far as an observation needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// The smoothed round-trip time in microseconds; 0 when no sample could be taken (the SYN was sent again).
    pub(crate) rtt_us: u32,
    /// The largest segment we may send, in bytes: what the peer announced or what the path MTU allows, whichever is less,
    /// without the options that every segment carries.
    pub(crate) send_mss: u32,
    /// Whether every segment carries timestamps, whose option takes 12 bytes.
    pub(crate) timestamps: bool,
    /// The path MTU, in bytes.
    pub(crate) path_mtu: u32,
    /// All segments that were sent again so far.
    pub(crate) retransmits: u32,
}

/// The first 104 bytes of `struct tcp_info` (linux/tcp.h), which are the same on every kernel since 2.6: eight
/// octets, then 24 words. Read as words, so that the layout does not depend on a C library's header.
const TCP_INFO_WORDS: usize = 26;
/// The second of the four octets in this word holds the options that both sides agreed on.
const OPTIONS: usize = 1;
/// `TCPI_OPT_TIMESTAMPS`.
const WITH_TIMESTAMPS: u8 = 1;
const SEND_MSS: usize = 4;
const PATH_MTU: usize = 15;
const RTT: usize = 17;
const TOTAL_RETRANSMITS: usize = 25;

/// Reads `TCP_INFO` of a connection.
///
/// # Errors
///
/// The system's error, or `UnexpectedEof` if the kernel gave less than the fields we read.
pub(crate) fn tcp_info(socket: &impl AsFd) -> io::Result<TcpInfo> {
    let mut words = [0u32; TCP_INFO_WORDS];
    let wanted = mem::size_of_val(&words);
    let mut length = libc::socklen_t::try_from(wanted).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: `words` is writable for `length` bytes and aligned for the structure's words; the kernel writes at most
    // `length` bytes, and every bit pattern is a valid `u32`. The descriptor is borrowed, so it is open.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            words.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(length).unwrap_or(0) < wanted {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(TcpInfo {
        rtt_us: words[RTT],
        send_mss: words[SEND_MSS],
        timestamps: words[OPTIONS].to_ne_bytes()[1] & WITH_TIMESTAMPS != 0,
        path_mtu: words[PATH_MTU],
        retransmits: words[TOTAL_RETRANSMITS],
    })
}

/// Sets how often the kernel sends a SYN again before it gives up (`TCP_SYNCNT`, 1 to 255).
///
/// # Errors
///
/// The system's error.
pub(crate) fn set_syn_retries(socket: &impl AsFd, count: u8) -> io::Result<()> {
    let value = libc::c_int::from(count);
    let length =
        libc::socklen_t::try_from(mem::size_of_val(&value)).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: `value` is readable for `length` bytes for the time of the call, and the kernel only reads it. The
    // descriptor is borrowed, so it is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_SYNCNT,
            (&raw const value).cast(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_established_connection_has_a_segment_size_and_a_path_mtu() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let info = tcp_info(&stream).unwrap();
        assert!(info.send_mss > 500, "{info:?}");
        assert!(info.path_mtu > info.send_mss, "{info:?}");
        assert!(info.rtt_us > 0 && info.rtt_us < 1_000_000, "{info:?}");
        assert_eq!(info.retransmits, 0);
    }

    #[test]
    fn a_socket_that_is_not_tcp_gives_the_systems_error() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(tcp_info(&socket).is_err());
        assert!(set_syn_retries(&socket, 1).is_err());
    }

    #[test]
    fn the_number_of_syn_retries_is_accepted_on_tcp() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        set_syn_retries(&socket, 1).unwrap();
    }
}
