//! The network interfaces that are up, as the kernel lists them, joined with what instance metadata says of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use super::Interface;
use super::metadata::InterfaceFacts;
use crate::netlink;

/// The interfaces that are up, without loopback, by the kernel's number; empty where the kernel does not answer.
pub(super) fn observe() -> Vec<Interface> {
    let links = netlink::dump(RouteNetlinkMessage::GetLink(LinkMessage::default())).unwrap_or_default();
    let addresses =
        netlink::dump(RouteNetlinkMessage::GetAddress(AddressMessage::default())).unwrap_or_default();
    read(&links, &addresses)
}

/// Adds the facts of instance metadata to the interface with the same hardware address.
///
/// An interface that metadata knows and this network namespace does not have (inside a container, all of them) is added
/// under its id, because its subnet and security groups still rule the traffic.
pub(super) fn join(interfaces: &mut Vec<Interface>, facts: &[InterfaceFacts]) {
    for fact in facts {
        let position =
            interfaces.iter().position(|interface| interface.mac.as_deref() == Some(fact.mac.as_str()));
        let index = position.unwrap_or_else(|| {
            let name = fact.interface_id.clone().unwrap_or_else(|| fact.mac.clone());
            interfaces.push(Interface { name, mac: Some(fact.mac.clone()), ..Interface::default() });
            interfaces.len() - 1
        });
        let interface = &mut interfaces[index];
        interface.interface_id.clone_from(&fact.interface_id);
        interface.device_number = fact.device_number;
        interface.subnet_id.clone_from(&fact.subnet_id);
        interface.vpc_id.clone_from(&fact.vpc_id);
        interface.subnet_cidrs.clone_from(&fact.subnet_cidrs);
        interface.security_group_ids.clone_from(&fact.security_group_ids);
        interface.public_ipv4s.clone_from(&fact.public_ipv4s);
    }
}

fn read(links: &[RouteNetlinkMessage], addresses: &[RouteNetlinkMessage]) -> Vec<Interface> {
    let mut by_index = BTreeMap::new();
    for message in links {
        let RouteNetlinkMessage::NewLink(link) = message else {
            continue;
        };
        if link.header.flags.contains(LinkFlags::Up) && !link.header.flags.contains(LinkFlags::Loopback) {
            by_index.insert(link.header.index, read_link(link));
        }
    }
    for message in addresses {
        let RouteNetlinkMessage::NewAddress(address) = message else {
            continue;
        };
        if let Some(interface) = by_index.get_mut(&address.header.index)
            && let Some(net) = read_address(address)
            && !interface.addresses.contains(&net)
        {
            interface.addresses.push(net);
        }
    }
    by_index.into_values().collect()
}

fn read_link(link: &LinkMessage) -> Interface {
    let mut interface = Interface::default();
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => interface.mtu = Some(*mtu),
            // Other lengths belong to tunnels, whose "hardware address" is the tunnel's own IP address.
            LinkAttribute::Address(bytes) if bytes.len() == 6 => interface.mac = Some(mac_text(bytes)),
            _ => {}
        }
    }
    interface
}

fn mac_text(bytes: &[u8]) -> String {
    bytes.iter().enumerate().fold(String::new(), |mut text, (position, byte)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{byte:02x}", if position == 0 { "" } else { ":" });
        text
    })
}

/// On a point-to-point link `Address` is the peer's and `Local` is ours; elsewhere they agree or IPv6 has only the first.
fn read_address(message: &AddressMessage) -> Option<IpNet> {
    let mut own: Option<IpAddr> = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => own = Some(*address),
            AddressAttribute::Address(address) => own = own.or(Some(*address)),
            _ => {}
        }
    }
    IpNet::new(own?, message.header.prefix_len).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, flags: LinkFlags, name: &str) -> RouteNetlinkMessage {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.header.flags = flags;
        link.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Mtu(9001),
            LinkAttribute::Address(vec![0x0a, 0xff, 0, 1, 2, 3]),
        ];
        RouteNetlinkMessage::NewLink(link)
    }

    fn address(index: u32, attributes: Vec<AddressAttribute>) -> RouteNetlinkMessage {
        let mut address = AddressMessage::default();
        address.header.index = index;
        address.header.prefix_len = 24;
        address.attributes = attributes;
        RouteNetlinkMessage::NewAddress(address)
    }

    #[test]
    fn interfaces_that_are_up_are_listed_with_their_own_addresses() {
        let links = [
            link(1, LinkFlags::Up | LinkFlags::Loopback, "lo"),
            link(3, LinkFlags::empty(), "down0"),
            link(2, LinkFlags::Up, "eth0"),
        ];
        let ours: IpAddr = "10.0.1.5".parse().unwrap();
        let peer: IpAddr = "10.0.1.6".parse().unwrap();
        let addresses = [
            address(2, vec![AddressAttribute::Address(peer), AddressAttribute::Local(ours)]),
            address(2, vec![AddressAttribute::Local(ours), AddressAttribute::Address(peer)]),
            address(2, vec![AddressAttribute::Address("fe80::1".parse().unwrap())]),
            address(1, vec![AddressAttribute::Address("127.0.0.1".parse().unwrap())]),
        ];
        let seen = read(&links, &addresses);
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].name.as_str(), seen[0].mtu), ("eth0", Some(9001)));
        assert_eq!(seen[0].mac.as_deref(), Some("0a:ff:00:01:02:03"));
        let nets: Vec<String> = seen[0].addresses.iter().map(ToString::to_string).collect();
        assert_eq!(nets, ["10.0.1.5/24", "fe80::1/24"]);
    }

    #[test]
    fn metadata_joins_by_hardware_address_and_keeps_what_the_kernel_lacks() {
        let mut interfaces = read(&[link(2, LinkFlags::Up, "eth0")], &[]);
        let fact = |mac: &str, id: &str| InterfaceFacts {
            mac: mac.to_owned(),
            interface_id: Some(id.to_owned()),
            ..InterfaceFacts::default()
        };
        join(&mut interfaces, &[fact("0a:ff:00:01:02:03", "eni-1"), fact("0a:ff:00:01:02:04", "eni-2")]);
        let seen: Vec<(&str, Option<&str>)> = interfaces
            .iter()
            .map(|interface| (interface.name.as_str(), interface.interface_id.as_deref()))
            .collect();
        assert_eq!(seen, [("eth0", Some("eni-1")), ("eni-2", Some("eni-2"))]);
    }

    #[test]
    fn the_kernel_is_asked_without_panic() {
        assert!(observe().iter().all(|interface| interface.name != "lo"));
    }
}
