//! The system calls that no safe wrapper among our dependencies offers: `TCP_INFO`, `TCP_SYNCNT` and a driver's counters.
//!
//! This is the only module of the crate with unsafe code. It knows nothing of what the numbers are for; the TCP step, the hop walk
//! and the look at the host read them.

#![expect(unsafe_code, reason = "neither nix nor socket2 wraps TCP_INFO, TCP_SYNCNT and SIOCETHTOOL")]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, UdpSocket};
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

/// `ethtool` commands and the set of strings that names counters (linux/ethtool.h).
const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETH_SS_STATS: u32 = 1;
/// The length of a counter's name, in words.
const NAME_WORDS: usize = 8;
/// More counters than any driver has.
const MOST_COUNTERS: usize = 16_384;
/// Room for counters that a driver gains between two questions, as when somebody gives it more queues: older kernels do not look
/// how much room there is.
const SPARE_COUNTERS: usize = 1024;

/// The counters that an interface's driver keeps besides the kernel's own, by name (what `ethtool -S` shows); none where it keeps
/// none. Reading takes no privilege.
///
/// # Errors
///
/// The system's error; `InvalidData` where the answers do not fit each other.
pub(crate) fn driver_counters(interface: &str) -> io::Result<Vec<(String, u64)>> {
    // Any socket will do: it only leads into the network namespace.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let [first, second] = in_memory([1 << ETH_SS_STATS, 0]);
    let mut info = [ETHTOOL_GSSET_INFO, 0, first, second, 0];
    ethtool(&socket, interface, &mut info)?;
    let count = usize::try_from(info[4]).unwrap_or(usize::MAX);
    if info[2..4] == [0, 0] || count == 0 {
        return Ok(Vec::new());
    }
    if count > MOST_COUNTERS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let room = count + SPARE_COUNTERS;
    let mut names = vec![0; 3 + room * NAME_WORDS];
    names[..3].copy_from_slice(&[ETHTOOL_GSTRINGS, ETH_SS_STATS, info[4]]);
    ethtool(&socket, interface, &mut names)?;
    let mut values = vec![0; 2 + room * 2];
    values[..2].copy_from_slice(&[ETHTOOL_GSTATS, info[4]]);
    ethtool(&socket, interface, &mut values)?;
    if names[2] != info[4] || values[1] != info[4] {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let names = names[3..].chunks_exact(NAME_WORDS).map(|words| {
        let bytes: Vec<u8> =
            words.iter().flat_map(|word| word.to_ne_bytes()).take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let values = values[2..].chunks_exact(2).map(|words| number_of([words[0], words[1]]));
    Ok(names.zip(values).take(count).collect())
}

/// Puts one question to an interface's driver. The words hold it, and then the answer.
fn ethtool(socket: &UdpSocket, interface: &str, words: &mut [u32]) -> io::Result<()> {
    // SAFETY: every field of the structure is a number, an array of numbers or a pointer, all of which may be zero.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
    // SAFETY: `request` names an interface in its terminated array, and points to `words`, which stay borrowed for the call. What the
    // kernel writes there is bounded by the number of the driver's counters, for which the caller has made room and more. The
    // descriptor is borrowed, so it is open.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The two words of a number of 64 bits in the order in which they lie in memory; given those, the words by weight.
const fn in_memory([low, high]: [u32; 2]) -> [u32; 2] {
    if cfg!(target_endian = "big") { [high, low] } else { [low, high] }
}

fn number_of(words: [u32; 2]) -> u64 {
    let [low, high] = in_memory(words);
    u64::from(low) | u64::from(high) << 32
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
    fn loopback_keeps_no_counters_and_an_unknown_interface_is_an_error() {
        assert_eq!(driver_counters("lo").unwrap(), []);
        assert!(driver_counters("none0").is_err());
        assert!(driver_counters("a-name-that-is-too-long").is_err());
    }

    #[test]
    fn the_counters_of_this_machines_interfaces_have_names_of_their_own() {
        for interface in &nix::net::if_::if_nameindex().unwrap() {
            let counters = driver_counters(interface.name().to_str().unwrap()).unwrap_or_default();
            let names: std::collections::BTreeSet<&str> =
                counters.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.len(), counters.len(), "{interface:?}");
            assert!(names.iter().all(|name| !name.is_empty() && name.is_ascii()), "{interface:?}: {names:?}");
        }
    }

    #[test]
    fn two_words_are_a_number_as_the_kernel_writes_it() {
        let bytes = 0x0123_4567_89ab_cdef_u64.to_ne_bytes();
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(number_of([word(0), word(4)]), 0x0123_4567_89ab_cdef);
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
