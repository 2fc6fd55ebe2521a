//! The kernel's choice of route, read in a network namespace whose tables this test fills itself.

use std::net::IpAddr;
use std::process::Command;

use probes::routes::{chosen_route, has_ipv4_route, has_ipv6_route};

const INSIDE: &str = "VPCPROBE_TEST_INSIDE_NAMESPACE";

/// The commands that make the namespace; the veth pair stands for the instance's interface.
const SETUP: &str = "
    set -e
    ip link set lo up
    ip link add eth0 type veth peer name wire0
    ip link set eth0 up
    ip link set wire0 up
    ip addr add 10.0.1.5/24 dev eth0
    ip -6 addr add 2600:1f18::5/64 dev eth0 nodad
    ip route add default via 10.0.1.1
    ip route add blackhole 198.51.100.0/26
    ip route add unreachable 198.51.100.64/26
    ip route add prohibit 198.51.100.128/26
    ip -6 route add unreachable 2001:db8:1::/48
    ip rule add to 203.0.113.9 lookup 77
    ip route add 203.0.113.9 via 10.0.1.77 table 77
    ip route add 203.0.113.8 via inet6 fe80::1 dev eth0
";

#[test]
#[ignore = "needs user namespaces"]
fn routes_rules_and_refusals_are_read_as_the_kernel_applies_them() {
    // A process with threads cannot enter a user namespace, so the test starts itself again inside one.
    if std::env::var_os(INSIDE).is_none() {
        let name = "routes_rules_and_refusals_are_read_as_the_kernel_applies_them";
        let script = format!("{SETUP}\nexec \"$0\" --ignored --exact {name} --nocapture");
        let status = Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "sh", "-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env(INSIDE, "yes")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let route = |text: &str| chosen_route(ip(text));

    let public = route("52.216.1.1").unwrap();
    assert_eq!((public.source, public.next_hop), (Some(ip("10.0.1.5")), Some(ip("10.0.1.1"))));
    assert_eq!(public.interface.as_deref(), Some("eth0"));

    let neighbour = route("10.0.1.9").unwrap();
    assert_eq!((neighbour.source, neighbour.next_hop), (Some(ip("10.0.1.5")), None));
    assert_eq!(route("10.0.1.5").unwrap().interface.as_deref(), Some("lo"));

    assert_eq!(route("203.0.113.9").unwrap().next_hop, Some(ip("10.0.1.77")));
    assert_eq!(route("203.0.113.8").unwrap().next_hop, Some(ip("fe80::1")));
    for refused in ["198.51.100.1", "198.51.100.65", "198.51.100.129", "2001:db8:1::1", "2600:1fa0::1"] {
        assert_eq!(route(refused), None, "{refused}");
    }
    assert!(has_ipv4_route());
    assert!(!has_ipv6_route());
}
