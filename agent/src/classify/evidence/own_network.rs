//! Whether this program ran in a network namespace of its own, as in a container, and which routers are then the instance itself.

use std::net::IpAddr;

use probes::environment::{Environment, Interface};

/// Whether the network is another than the instance's; `None` where metadata does not tell.
#[must_use]
pub fn has_own_network(host: &Environment) -> Option<bool> {
    let listed = host.interfaces.iter().any(|interface| interface.interface_id.is_some());
    match &host.container {
        Some(container) => container.own_network,
        None => listed.then_some(false),
    }
}

/// Whether the kernel has the interface: what metadata alone knows has neither an MTU nor addresses.
#[must_use]
pub fn is_here(interface: &Interface) -> bool {
    interface.mtu.is_some() || !interface.addresses.is_empty()
}

/// Whether a router on the way out of a container is the instance itself: the bridge, or the instance under its own address.
///
/// Where metadata does not say whose network this is, a router next door is passed over as well: AWS's own never answer, so it
/// is a container's bridge or, rarely, a NAT instance in the same subnet, and then the routers behind it tell.
#[must_use]
pub fn is_the_instance(host: &Environment, router: IpAddr) -> bool {
    let here = host.interfaces.iter().filter(|interface| is_here(interface));
    let is_neighbour =
        || here.clone().flat_map(|interface| &interface.addresses).any(|net| net.contains(&router));
    match has_own_network(host) {
        Some(true) => is_neighbour() || host.private_ips.contains(&router),
        Some(false) => false,
        None => is_neighbour(),
    }
}
