//! What an address is by itself: private or public, inside the VPC or not, inside a service's prefixes or not.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use probes::observations::{Attempt, TargetObservation};

use crate::catalogue;
use crate::classify::signal::{Address, Prefixes};
use crate::prefix_lists::Source;
use crate::report::EnvironmentRecord;

pub(super) fn address_of(
    environment: &EnvironmentRecord,
    target: &TargetObservation,
    attempt: &Attempt,
) -> (Address, String) {
    let address = attempt.address;
    if is_not_routable(address) {
        return (Address::AddressNotRoutable, format!("{address} belongs to no service"));
    }
    let cidrs = &environment.host.vpc_cidrs;
    let block = cidrs.iter().find(|cidr| cidr.contains(&address)).copied().or_else(|| {
        // With metadata silent, a subnet of this host's own is still known to be in the VPC.
        let own = environment.host.interfaces.iter().flat_map(|interface| &interface.addresses);
        own.map(IpNet::trunc).find(|net| is_private(address) && net.contains(&address))
    });
    if let Some(block) = block {
        let offers = catalogue::service(&target.service).is_none_or(catalogue::Service::private_dns);
        let text = format!("{address} is in this VPC ({block})");
        let kind = if offers { Address::AddressInVpc } else { Address::AddressInVpcByOverride };
        return (kind, text);
    }
    if !is_private(address) {
        return (Address::AddressPublic, format!("{address} is public"));
    }
    if cidrs.is_empty() {
        let text = format!("{address} is private; the VPC's blocks are not known");
        return (Address::AddressPrivateVpcUnknown, text);
    }
    let text = format!("{address} is private, outside this VPC");
    (Address::AddressPrivateOutsideVpc, text)
}

pub(super) fn prefixes_of(
    environment: &EnvironmentRecord,
    target: &TargetObservation,
    address: IpAddr,
) -> (Prefixes, String) {
    let gateway_capable =
        catalogue::service(&target.service).is_some_and(catalogue::Service::gateway_capable);
    if !gateway_capable || is_private(address) {
        return (Prefixes::NoGatewayForService, format!("{} has no gateway endpoint", target.service));
    }
    if let Some(meant) = translated(address) {
        let text = format!(
            "{address} stands for {meant} behind a NAT64, and no gateway endpoint's list holds such addresses"
        );
        return (Prefixes::OutsidePrefixList, text);
    }
    // A list of the other family says nothing about this address.
    let mut lists = environment.prefix_lists.iter().filter(|list| {
        list.service == target.service
            && list.cidrs.iter().any(|cidr| cidr.addr().is_ipv4() == address.is_ipv4())
    });
    let Some(list) = lists.clone().find(|list| list.contains(address).is_some()).or_else(|| lists.next())
    else {
        let text = format!("no prefix list of {} is known for this Region", target.service);
        return (Prefixes::PrefixesUnknown, text);
    };
    let name = match (&list.source, &list.id, &list.as_of) {
        (Source::Snapshot, _, Some(date)) => format!("the {} ranges of {date}", target.service),
        (Source::Snapshot, _, None) => format!("the published {} ranges", target.service),
        (_, Some(id), _) => format!("prefix list {id} of {}", target.service),
        (_, None, _) => format!("the prefix list of {}", target.service),
    };
    match (list.contains(address), &list.source) {
        (Some(cidr), Source::Snapshot) => (Prefixes::InsideSnapshot, format!("inside {name} ({cidr})")),
        (Some(cidr), _) => (Prefixes::InsidePrefixList, format!("inside {name} ({cidr})")),
        (None, Source::Snapshot) => {
            (Prefixes::OutsideSnapshot, format!("outside {name}, which may have grown since"))
        }
        (None, _) => (Prefixes::OutsidePrefixList, format!("outside {name}")),
    }
}

/// Whether a router belongs to the internet side: a public address, or one of the ranges seen behind internet gateways
/// (240.0.0.0/4, 100.64.0.0/10) unless the VPC itself uses it.
pub(super) fn is_internet_side(environment: &EnvironmentRecord, address: IpAddr) -> bool {
    if environment.host.vpc_cidrs.iter().any(|cidr| cidr.contains(&address)) {
        return false;
    }
    match address {
        IpAddr::V4(v4) => {
            let shared = u32::from(v4) & 0xffc0_0000 == 0x6440_0000;
            shared || v4.octets()[0] >= 240 || !is_private(address)
        }
        IpAddr::V6(_) => !is_private(address),
    }
}

/// The IPv4 address that an address in `64:ff9b::/96` stands for (RFC 6052), which Amazon's resolver makes up where DNS64 is on: the
/// subnet's route for this block leads to a NAT gateway, whatever routes it has for the IPv4 address (Amazon VPC user guide,
/// "Enable outbound IPv6 traffic using DNS64 and NAT64").
fn translated(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

/// Private in the sense of a VPC: RFC 1918, RFC 6598 (100.64.0.0/10), RFC 4193 (unique local IPv6 addresses).
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || u32::from(v4) & 0xffc0_0000 == 0x6440_0000,
        IpAddr::V6(v6) => v6.segments()[0] & 0xfe00 == 0xfc00,
    }
}

/// Whether an address can belong to no service: loopback, link-local, unspecified, multicast.
pub(crate) fn is_not_routable(address: IpAddr) -> bool {
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return true;
    }
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_behind_a_nat64_stands_for_one_of_ipv4() {
        let meant = |text: &str| translated(text.parse().unwrap());
        assert_eq!(meant("64:ff9b::305:f28"), Some(Ipv4Addr::new(3, 5, 15, 40)));
        assert_eq!(meant("64:ff9b:1::305:f28"), None);
        assert_eq!(meant("2600:1fa0:8000::34d8:6f1"), None);
        assert_eq!(meant("3.5.15.40"), None);
    }
}
