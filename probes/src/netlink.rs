//! Questions to the kernel's routing socket: links, addresses, and the route to one destination.
//!
//! It needs no privilege and changes nothing. The kernel answers while the question is being sent, so these calls
//! never wait. [`crate::routes`] and the environment's interface list read the answers.

mod message;

use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use message::Message;
pub(crate) use message::{Link, LinkAddress, Route};

/// The kernel's datagrams in a dump are at most this long (`NLMSG_GOODSIZE` is 8 KiB, a caller's larger buffer may raise
/// it to 32 KiB).
const DATAGRAM_LIMIT: usize = 64 * 1024;

/// Dumps beyond this many datagrams are cut: no instance has that many interfaces.
const DATAGRAMS_LIMIT: usize = 1024;

/// All network interfaces.
///
/// # Errors
///
/// The kernel's own error number.
pub(crate) fn links() -> Result<Vec<Link>> {
    let answers = exchange(Message::links(), NLM_F_REQUEST | NLM_F_DUMP)?;
    Ok(answers.iter().filter_map(Message::as_link).collect())
}

/// All addresses of all network interfaces.
///
/// # Errors
///
/// The kernel's own error number.
pub(crate) fn addresses() -> Result<Vec<LinkAddress>> {
    let answers = exchange(Message::addresses(), NLM_F_REQUEST | NLM_F_DUMP)?;
    Ok(answers.iter().filter_map(Message::as_address).collect())
}

/// The route to a destination, of packets that have this source address, or whichever the kernel gives them.
///
/// # Errors
///
/// The kernel's own error number, `ENETUNREACH` where it has no route.
pub(crate) fn route(destination: IpAddr, source: Option<IpAddr>) -> Result<Route> {
    let answers = exchange(Message::route(destination, source), NLM_F_REQUEST)?;
    answers.first().and_then(Message::as_route).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))
}

fn exchange(question: Message, flags: u16) -> Result<Vec<Message>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    // The kernel has put the answer in the queue when `send` returns, so that an empty queue is an error, not a wait.
    socket.set_non_blocking(true)?;

    let mut message = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::InnerMessage(question));
    message.header.flags = flags;
    message.header.sequence_number = 1;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut answers = Vec::new();
    for _ in 0..DATAGRAMS_LIMIT {
        let mut datagram = Vec::with_capacity(DATAGRAM_LIMIT);
        socket.recv(&mut datagram, 0)?;
        if read_datagram(&datagram, &mut answers)? || flags & NLM_F_DUMP == 0 {
            break;
        }
    }
    Ok(answers)
}

/// Adds the messages of one datagram; true when the kernel says that this was the last.
fn read_datagram(mut rest: &[u8], answers: &mut Vec<Message>) -> Result<bool> {
    while !rest.is_empty() {
        let message = match NetlinkMessage::<Message>::deserialize(rest) {
            Ok(message) => message,
            Err(error) => return Err(Error::new(ErrorKind::InvalidData, error.to_string())),
        };
        // Messages start at multiples of four bytes (NLMSG_ALIGN); a length of nothing would never end.
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX).max(1).next_multiple_of(4);
        match message.payload {
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
            NetlinkPayload::InnerMessage(inner) => answers.push(inner),
            _ => {}
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_lists_the_loopback_link() {
        assert!(links().unwrap().iter().any(|link| link.loopback && link.name == "lo"));
    }

    #[test]
    fn a_datagram_cut_short_is_an_error_and_not_a_panic() {
        for length in 1..20 {
            assert!(read_datagram(&vec![0xff; length], &mut Vec::new()).is_err());
        }
    }
}
