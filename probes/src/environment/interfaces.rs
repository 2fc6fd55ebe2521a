//! The network interfaces that are up, as the kernel lists them, joined with what instance metadata says of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ipnet::IpNet;

use super::Interface;
use super::metadata::InterfaceFacts;
use crate::netlink::{self, Link, LinkAddress};

/// The interfaces that are up, without loopback, by the kernel's number; empty where the kernel does not answer.
pub(super) fn observe() -> Vec<Interface> {
    let links = netlink::links().unwrap_or_default();
    read(links, &netlink::addresses().unwrap_or_default())
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

fn read(links: Vec<Link>, addresses: &[LinkAddress]) -> Vec<Interface> {
    let mut by_index = BTreeMap::new();
    for link in links {
        if link.up && !link.loopback {
            by_index.insert(link.index, of_link(link));
        }
    }
    for LinkAddress { index, prefix_length, address } in addresses {
        if let Some(interface) = by_index.get_mut(index)
            && let Ok(net) = IpNet::new(*address, *prefix_length)
            && !interface.addresses.contains(&net)
        {
            interface.addresses.push(net);
        }
    }
    by_index.into_values().collect()
}

fn of_link(link: Link) -> Interface {
    // Other lengths belong to tunnels, whose "hardware address" is the tunnel's own IP address.
    let mac = (link.address.len() == 6).then(|| mac_text(&link.address));
    Interface { name: link.name, mtu: link.mtu, mac, ..Interface::default() }
}

fn mac_text(bytes: &[u8]) -> String {
    bytes.iter().enumerate().fold(String::new(), |mut text, (position, byte)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{byte:02x}", if position == 0 { "" } else { ":" });
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, up: bool, name: &str) -> Link {
        Link {
            index,
            up,
            loopback: name == "lo",
            name: name.to_owned(),
            mtu: Some(9001),
            address: vec![0x0a, 0xff, 0, 1, 2, 3],
        }
    }

    fn address(index: u32, prefix_length: u8, address: &str) -> LinkAddress {
        LinkAddress { index, prefix_length, address: address.parse().unwrap() }
    }

    #[test]
    fn interfaces_that_are_up_are_listed_with_their_own_addresses() {
        let links = vec![link(1, true, "lo"), link(3, false, "down0"), link(2, true, "eth0")];
        let addresses = [
            address(2, 24, "10.0.1.5"),
            address(2, 24, "10.0.1.5"),
            address(2, 64, "fe80::1"),
            address(1, 8, "127.0.0.1"),
        ];
        let seen = read(links, &addresses);
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].name.as_str(), seen[0].mtu), ("eth0", Some(9001)));
        assert_eq!(seen[0].mac.as_deref(), Some("0a:ff:00:01:02:03"));
        let nets: Vec<String> = seen[0].addresses.iter().map(ToString::to_string).collect();
        assert_eq!(nets, ["10.0.1.5/24", "fe80::1/64"]);
    }

    #[test]
    fn the_address_of_a_tunnel_is_no_hardware_address() {
        let tunnel = Link { address: vec![10, 0, 1, 5], ..link(4, true, "tunl0") };
        assert_eq!(read(vec![tunnel], &[])[0].mac, None);
    }

    #[test]
    fn metadata_joins_by_hardware_address_and_keeps_what_the_kernel_lacks() {
        let mut interfaces = read(vec![link(2, true, "eth0")], &[]);
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
