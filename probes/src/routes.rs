//! The kernel's choice of route for one destination: source address, next hop, interface.
//!
//! It asks the kernel as a connection would, policy rules included, and sends nothing. What the choice means is for the
//! judging crate: the hop walk groups addresses by it, verdicts cite it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netlink::{self, Route};
use crate::observations::ChosenRoute;

/// Public addresses of S3, which stand for "the internet, as far as AWS goes" when a family is asked for as a whole.
const PUBLIC_IPV4: Ipv4Addr = Ipv4Addr::new(52, 216, 0, 1);
const PUBLIC_IPV6: Ipv6Addr = Ipv6Addr::new(0x2600, 0x1fa0, 0, 0, 0, 0, 0, 1);

/// What the kernel would do with a packet to this destination.
///
/// `None` where it has no route (`ENETUNREACH`), a route that refuses (`unreachable`, `blackhole`, `prohibit`), or where
/// it does not answer the question at all.
#[must_use]
pub fn chosen_route(destination: IpAddr) -> Option<ChosenRoute> {
    let first = ask(destination, None)?;
    // Once it has a source address, a connection looks again: rules may go by that address.
    let again = first.source.and_then(|source| ask(destination, Some(source)));
    Some(match again {
        Some(route) => ChosenRoute { source: first.source, ..route },
        None => first,
    })
}

fn ask(destination: IpAddr, source: Option<IpAddr>) -> Option<ChosenRoute> {
    netlink::route(destination, source).ok().and_then(chosen)
}

/// Whether packets to the IPv4 internet have a route, by the kernel's own table.
#[must_use]
pub fn has_ipv4_route() -> bool {
    leads_out(PUBLIC_IPV4.into())
}

/// Whether packets to the IPv6 internet have a route and a source address that is not link-local.
#[must_use]
pub fn has_ipv6_route() -> bool {
    leads_out(PUBLIC_IPV6.into())
}

fn leads_out(destination: IpAddr) -> bool {
    chosen_route(destination).is_some_and(|route| match route.source {
        Some(IpAddr::V6(source)) => !source.is_unicast_link_local() && !source.is_loopback(),
        Some(IpAddr::V4(source)) => !source.is_loopback(),
        None => false,
    })
}

/// Whether a route would send packets from an IPv4 link-local address to somewhere that is not link-local.
///
/// An instance in an IPv6-only subnet is given such an address and a default route by DHCP, and neither leads beyond
/// instance metadata. A pod of Amazon EKS with IPv6 has one, too, and there its node translates it: the address alone tells nothing.
#[must_use]
pub(crate) fn from_link_local(destination: IpAddr, route: &ChosenRoute) -> bool {
    let link_local = |address| matches!(address, IpAddr::V4(address) if address.is_link_local());
    route.source.is_some_and(link_local) && !link_local(destination)
}

/// Whether the IPv4 internet would be sent to from a link-local address.
pub(crate) fn ipv4_from_link_local() -> bool {
    let destination = PUBLIC_IPV4.into();
    chosen_route(destination).is_some_and(|route| from_link_local(destination, &route))
}

fn chosen(route: Route) -> Option<ChosenRoute> {
    let Route { delivers, source, next_hop, interface } = route;
    delivers.then(|| ChosenRoute { source, next_hop, interface: interface.and_then(interface_name) })
}

fn interface_name(index: u32) -> Option<String> {
    nix::net::if_::if_indextoname(index).ok()?.into_string().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_on_link_from_itself() {
        let route = chosen_route(Ipv4Addr::LOCALHOST.into()).unwrap();
        assert_eq!(route.source, Some(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(route.next_hop, None);
        assert_eq!(route.interface.as_deref(), Some("lo"));
    }

    #[test]
    fn a_route_that_refuses_is_no_route() {
        assert_eq!(chosen(Route { delivers: false, ..Route::default() }), None);
    }

    #[test]
    fn multicast_and_broadcast_destinations_do_not_panic() {
        for address in ["224.0.0.1", "255.255.255.255", "0.0.0.0", "ff02::1", "::"] {
            let _ = chosen_route(address.parse().unwrap());
        }
    }
}
