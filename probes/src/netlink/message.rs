//! One message of the routing socket, and what this program reads of the three kinds that it asks for.
//!
//! Only the fields that somebody here wants have names; everything else the kernel says is passed over. Numbers and layouts are
//! those of `linux/rtnetlink.h`, `if_link.h` and `if_addr.h`, in this machine's byte order.

use std::net::IpAddr;

use netlink_packet_core::{
    DecodeError, Emitable, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable, Nla, NlasIterator,
};

/// What a message is about, and whether it asks or tells.
mod kind {
    pub(super) const NEW_LINK: u16 = 16;
    pub(super) const GET_LINK: u16 = 18;
    pub(super) const NEW_ADDRESS: u16 = 20;
    pub(super) const GET_ADDRESS: u16 = 22;
    pub(super) const NEW_ROUTE: u16 = 24;
    pub(super) const GET_ROUTE: u16 = 26;
}

/// Lengths of `ifinfomsg`, `ifaddrmsg` and `rtmsg`.
const LINK_HEAD: usize = 16;
const ADDRESS_HEAD: usize = 8;
const ROUTE_HEAD: usize = 12;

const INET: u8 = 2;
const INET6: u8 = 10;

/// A message: a structure that its kind determines, and attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    kind: u16,
    head: Vec<u8>,
    attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    kind: u16,
    value: Vec<u8>,
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// The kernel's number of it.
    pub(crate) index: u32,
    /// Whether it is switched on.
    pub(crate) up: bool,
    /// Whether it leads to this host itself.
    pub(crate) loopback: bool,
    /// Its name.
    pub(crate) name: String,
    /// The longest packet that it takes, in bytes.
    pub(crate) mtu: Option<u32>,
    /// Its hardware address; of a tunnel, the tunnel's own IP address.
    pub(crate) address: Vec<u8>,
}

/// An address of a network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkAddress {
    /// The kernel's number of the interface.
    pub(crate) index: u32,
    /// The length of the prefix that is on the link.
    pub(crate) prefix_length: u8,
    /// The address of this host.
    pub(crate) address: IpAddr,
}

/// A route for one destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// Whether packets are sent or delivered; other routes refuse them.
    pub(crate) delivers: bool,
    /// The source address of packets.
    pub(crate) source: Option<IpAddr>,
    /// The router that they are given to; none where the destination is on the link.
    pub(crate) next_hop: Option<IpAddr>,
    /// The kernel's number of the interface.
    pub(crate) interface: Option<u32>,
}

impl Message {
    /// The question for all links.
    pub(super) fn links() -> Self {
        Self { kind: kind::GET_LINK, head: vec![0; LINK_HEAD], attributes: Vec::new() }
    }

    /// The question for all addresses.
    pub(super) fn addresses() -> Self {
        Self { kind: kind::GET_ADDRESS, head: vec![0; ADDRESS_HEAD], attributes: Vec::new() }
    }

    /// The question for the route to a destination, of packets that have this source address.
    pub(super) fn route(destination: IpAddr, source: Option<IpAddr>) -> Self {
        const DESTINATION: u16 = 1;
        const SOURCE: u16 = 2;
        let (family, to) = bytes_of(destination);
        let mut head = vec![0; ROUTE_HEAD];
        head[0] = family;
        head[1] = bits_of(&to);
        let mut attributes = vec![Attribute { kind: DESTINATION, value: to }];
        if let Some((_, from)) = source.map(bytes_of) {
            head[2] = bits_of(&from);
            attributes.push(Attribute { kind: SOURCE, value: from });
        }
        Self { kind: kind::GET_ROUTE, head, attributes }
    }

    /// The link that this message tells of.
    pub(super) fn as_link(&self) -> Option<Link> {
        const ADDRESS: u16 = 1;
        const NAME: u16 = 3;
        const MTU: u16 = 4;
        const UP: u32 = 1;
        const LOOPBACK: u32 = 8;
        if self.kind != kind::NEW_LINK {
            return None;
        }
        let flags = number(self.head.get(8..12)?)?;
        let name = self.attribute(NAME).unwrap_or_default();
        Some(Link {
            index: number(self.head.get(4..8)?)?,
            up: flags & UP != 0,
            loopback: flags & LOOPBACK != 0,
            name: String::from_utf8_lossy(name).trim_end_matches('\0').to_owned(),
            mtu: self.attribute(MTU).and_then(number),
            address: self.attribute(ADDRESS).unwrap_or_default().to_owned(),
        })
    }

    /// The address that this message tells of.
    pub(super) fn as_address(&self) -> Option<LinkAddress> {
        const ADDRESS: u16 = 1;
        const LOCAL: u16 = 2;
        if self.kind != kind::NEW_ADDRESS {
            return None;
        }
        // On a point-to-point link `ADDRESS` is the peer's and `LOCAL` is ours; elsewhere they agree or IPv6 has only the first.
        let address = self.attribute(LOCAL).or_else(|| self.attribute(ADDRESS)).and_then(address)?;
        Some(LinkAddress { index: number(self.head.get(4..8)?)?, prefix_length: *self.head.get(1)?, address })
    }

    /// The route that this message tells of.
    pub(super) fn as_route(&self) -> Option<Route> {
        const INTERFACE: u16 = 4;
        const GATEWAY: u16 = 5;
        const PREFERRED_SOURCE: u16 = 7;
        const VIA: u16 = 18;
        const UNICAST: u8 = 1;
        const LOCAL: u8 = 2;
        if self.kind != kind::NEW_ROUTE {
            return None;
        }
        // A next hop of the other family stands behind the number of that family.
        let via = self.attribute(VIA).and_then(|via| address(via.get(2..)?));
        Some(Route {
            delivers: matches!(self.head.get(7), Some(&(UNICAST | LOCAL))),
            source: self.attribute(PREFERRED_SOURCE).and_then(address),
            next_hop: self.attribute(GATEWAY).and_then(address).or(via),
            interface: self.attribute(INTERFACE).and_then(number),
        })
    }

    fn attribute(&self, kind: u16) -> Option<&[u8]> {
        let attribute = self.attributes.iter().find(|attribute| attribute.kind == kind)?;
        Some(&attribute.value)
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.head.len() + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (head, attributes) = buffer.split_at_mut(self.head.len());
        head.copy_from_slice(&self.head);
        self.attributes.as_slice().emit(attributes);
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let length = match header.message_type {
            kind::NEW_LINK => LINK_HEAD,
            kind::NEW_ADDRESS => ADDRESS_HEAD,
            kind::NEW_ROUTE => ROUTE_HEAD,
            other => return Err(format!("a message of kind {other} answers nothing that was asked").into()),
        };
        let (head, attributes) =
            payload.split_at_checked(length).ok_or_else(|| DecodeError::from("a message cut short"))?;
        let attributes = NlasIterator::new(attributes)
            .map(|each| each.map(|each| Attribute { kind: each.kind(), value: each.value().to_owned() }));
        let attributes = attributes.collect::<Result<_, _>>()?;
        Ok(Self { kind: header.message_type, head: head.to_owned(), attributes })
    }
}

impl Nla for Attribute {
    fn value_len(&self) -> usize {
        self.value.len()
    }

    fn kind(&self) -> u16 {
        self.kind
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.value);
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn bytes_of(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (INET, address.octets().to_vec()),
        IpAddr::V6(address) => (INET6, address.octets().to_vec()),
    }
}

fn bits_of(address: &[u8]) -> u8 {
    if address.len() == 4 { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(all: &[(u16, &[u8])]) -> Vec<Attribute> {
        all.iter().map(|(kind, value)| Attribute { kind: *kind, value: value.to_vec() }).collect()
    }

    /// A message as the kernel would send it, read again.
    fn read(kind: u16, head: &[u8], all: &[(u16, &[u8])]) -> Result<Message, DecodeError> {
        let sent = Message { kind, head: head.to_vec(), attributes: attributes(all) };
        let mut bytes = vec![0; sent.buffer_len()];
        sent.serialize(&mut bytes);
        let mut header = NetlinkHeader::default();
        header.message_type = kind;
        Message::deserialize(&header, &bytes)
    }

    fn route(kind: u8, all: &[(u16, &[u8])]) -> Route {
        let head = [INET, 0, 0, 0, 254, 0, 0, kind, 0, 0, 0, 0];
        read(kind::NEW_ROUTE, &head, all).unwrap().as_route().unwrap()
    }

    #[test]
    fn the_question_for_a_route_has_its_addresses_as_whole_prefixes() {
        let destination: IpAddr = "3.5.15.40".parse().unwrap();
        let question = Message::route(destination, Some("10.0.1.5".parse().unwrap()));
        let mut bytes = vec![0; question.buffer_len()];
        question.serialize(&mut bytes);
        assert_eq!(bytes[..12], [2, 32, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let attribute = |kind: u16, value: [u8; 4]| {
            [8_u16.to_ne_bytes(), kind.to_ne_bytes()].concat().into_iter().chain(value).collect::<Vec<_>>()
        };
        assert_eq!(bytes[12..20], attribute(1, [3, 5, 15, 40]));
        assert_eq!(bytes[20..], attribute(2, [10, 0, 1, 5]));
    }

    #[test]
    fn next_hop_is_the_gateway_even_of_the_other_family() {
        let ours = [10, 0, 1, 2];
        let far = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let via = [&10_u16.to_ne_bytes()[..], &far.octets()].concat();
        let seen = route(1, &[(18, &via), (7, &ours), (4, &3_u32.to_ne_bytes())]);
        assert_eq!(seen.next_hop, Some(far.into()));
        assert_eq!((seen.source, seen.interface, seen.delivers), (Some(ours.into()), Some(3), true));
        assert_eq!(route(1, &[(5, &ours)]).next_hop, Some(ours.into()));
    }

    #[test]
    fn a_route_that_refuses_delivers_nothing() {
        // Unspecified, broadcast, multicast, blackhole, unreachable, prohibit.
        for kind in [0, 3, 5, 6, 7, 8] {
            assert!(!route(kind, &[]).delivers);
        }
        assert!(route(1, &[]).delivers && route(2, &[]).delivers);
    }

    #[test]
    fn a_link_has_its_name_without_the_zero_at_its_end() {
        let mut head = [0; LINK_HEAD];
        head[4..8].copy_from_slice(&2_u32.to_ne_bytes());
        head[8..12].copy_from_slice(&0x1043_u32.to_ne_bytes());
        let all: [(u16, &[u8]); 3] =
            [(3, b"eth0\0"), (4, &9001_u32.to_ne_bytes()), (1, &[10, 255, 0, 1, 2, 3])];
        let link = read(kind::NEW_LINK, &head, &all).unwrap().as_link().unwrap();
        let expected = Link {
            index: 2,
            up: true,
            loopback: false,
            name: "eth0".to_owned(),
            mtu: Some(9001),
            address: vec![10, 255, 0, 1, 2, 3],
        };
        assert_eq!(link, expected);
    }

    #[test]
    fn the_local_address_is_ours_wherever_it_stands() {
        let mut head = [0; ADDRESS_HEAD];
        head[1] = 24;
        head[4..8].copy_from_slice(&2_u32.to_ne_bytes());
        let (ours, peer) = ([10, 0, 1, 5], [10, 0, 1, 6]);
        let rows: [&[(u16, &[u8])]; 3] =
            [&[(1, &peer), (2, &ours)], &[(2, &ours), (1, &peer)], &[(1, &ours)]];
        for all in rows {
            let seen = read(kind::NEW_ADDRESS, &head, all).unwrap().as_address().unwrap();
            assert_eq!(seen, LinkAddress { index: 2, prefix_length: 24, address: ours.into() });
        }
        assert_eq!(read(kind::NEW_ADDRESS, &head, &[]).unwrap().as_address(), None);
    }

    #[test]
    fn a_message_of_another_kind_or_cut_short_is_an_error() {
        assert!(read(kind::GET_LINK, &[0; LINK_HEAD], &[]).is_err());
        assert!(read(kind::NEW_ROUTE, &[0; ROUTE_HEAD - 1], &[]).is_err());
        assert!(read(kind::NEW_ROUTE, &[[0; ROUTE_HEAD].as_slice(), &[200, 0, 1, 0]].concat(), &[]).is_err());
    }
}
