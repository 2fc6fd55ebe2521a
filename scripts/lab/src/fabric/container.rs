//! A container on the instance as Docker makes one by default: a network namespace of its own behind a bridge, whose packets
//! leave under the instance's address.

use std::net::Ipv4Addr;

use super::{INSTANCE, Namespace, forwarding, line, namespace};
use crate::topology::Topology;

/// The namespace of the container.
pub(crate) const CONTAINER: &str = "box";

const BRIDGE: &str = "docker0";
const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 2);
const MAC: &str = "02:42:ac:11:00:02";

/// What Docker does to packets that leave the bridge's network.
const TRANSLATION: &str = "table ip docker {
\tchain postrouting {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tip saddr 172.17.0.0/16 oifname != \"docker0\" masquerade
\t}
}
";

/// The container's namespace, and the instance's part in it.
pub(super) fn extend(topology: &Topology, namespaces: &mut Vec<Namespace>) {
    if !topology.instance.container {
        return;
    }
    if let Some(instance) = namespaces.iter_mut().find(|each| each.name == INSTANCE) {
        instance.settings.extend(forwarding());
        line(&mut instance.network, format_args!("addr add {GATEWAY}/16 dev {BRIDGE}"));
        line(&mut instance.network, format_args!("link set {BRIDGE} up"));
        instance.firewall.push_str(TRANSLATION);
    }
    let mut container = namespace(CONTAINER);
    line(&mut container.network, format_args!("addr add {ADDRESS}/16 dev eth0"));
    line(&mut container.network, format_args!("link set eth0 up"));
    line(&mut container.network, format_args!("route add default via {GATEWAY} dev eth0"));
    namespaces.push(container);
}

/// The wire between them, which needs no addresses of the lab's own.
pub(super) fn wires(topology: &Topology) -> String {
    if !topology.instance.container {
        return String::new();
    }
    format!(
        "link add {BRIDGE} mtu 1500 netns {INSTANCE} type veth peer name eth0 mtu 1500 netns {CONTAINER} address {MAC}\n"
    )
}
