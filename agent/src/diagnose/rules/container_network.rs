//! This ran in a network namespace of its own, as in a container, and not in the instance's.
//!
//! Instance metadata lists the instance's network interfaces; where none of them is here, addresses, routes, resolver settings
//! and the hops that are seen are the container's. Where metadata does not answer, nothing is said: that its hop limit is too
//! small for a container is the matter of another rule.

use std::net::IpAddr;

use probes::environment::Environment;

use crate::classify::evidence::own_network::{has_own_network, is_here};
use crate::diagnose::case::Case;
use crate::diagnose::names::listed;
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "container-network",
    title: "this ran in the network of a container, and not in the instance's",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    match has_own_network(host) {
        None => Check::NotApplicable("instance metadata does not say whose network this is".to_owned()),
        Some(false) => Check::Clear("the instance's own network interfaces are here".to_owned()),
        Some(true) => Check::Found(vec![finding(case, host)]),
    }
}

fn finding(case: &Case<'_>, host: &Environment) -> Finding {
    let here: Vec<IpAddr> = host
        .interfaces
        .iter()
        .filter(|interface| is_here(interface))
        .flat_map(|interface| interface.addresses.iter().map(ipnet::IpNet::addr))
        .filter(|address| !matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()))
        .collect();
    let of_vpc = |address: &IpAddr| host.vpc_cidrs.iter().any(|cidr| cidr.contains(address));
    let texts = |addresses: &[IpAddr]| addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>();
    let (own, instance) = (texts(&here), texts(&host.private_ips));
    let how = if here.iter().any(of_vpc) {
        "its address is one of the VPC's, and packets to other networks may be translated"
    } else {
        "its packets are translated to the instance's address"
    };
    let mut facts = vec![
        fact("addresses_here", own.join(" ")),
        fact("instance_addresses", instance.join(" ")),
        fact("ndots", host.resolv_conf.ndots),
    ];
    let resolvers = texts(&host.resolvers);
    facts.extend((!resolvers.is_empty()).then(|| fact("resolvers", resolvers.join(" "))));
    Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Notice,
        subject: case.instance(),
        summary: format!(
            "this ran in a network of its own ({}), as in a container, and not in that of the instance ({}): {how}, and resolver, \
             hosts file, proxies and the way to instance metadata are those inside",
            listed(own.iter().map(String::as_str)),
            listed(instance.iter().map(String::as_str))
        ),
        facts,
        evidence: vec!["environment/container".to_owned()],
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: in_words(
            "Nothing is wrong with that. What the report says holds for this container; for what runs on the instance itself, run \
             it there (docker run --network host, hostNetwork in a pod, nsenter --target 1 --net), and compare both with `vpcprobe \
             diff`.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use probes::environment::{Container, Interface};

    use super::*;
    use crate::classify;
    use crate::report::Recording;
    use crate::testing::recording;

    fn kernels(address: &str) -> Interface {
        Interface {
            name: "eth0".into(),
            mtu: Some(1500),
            addresses: vec![address.parse().unwrap()],
            ..Interface::default()
        }
    }

    fn metadatas() -> Interface {
        Interface {
            name: "eni-1".into(),
            interface_id: Some("eni-1".into()),
            subnet_id: Some("subnet-0a1b2c3d".into()),
            ..Interface::default()
        }
    }

    fn with(interfaces: Vec<Interface>, own_network: Option<bool>) -> Recording {
        let mut recording = recording();
        recording.environment.host.interfaces = interfaces;
        recording.environment.host.container = Some(Container { signs: Vec::new(), own_network });
        recording
    }

    fn checked(recording: &Recording) -> Check {
        let verdicts = classify::verdicts(recording);
        check(&Case { recording, verdicts: &verdicts })
    }

    #[test]
    fn where_none_of_the_instances_interfaces_is_here_it_is_another_network() {
        let Check::Found(found) = checked(&with(vec![kernels("172.17.0.2/16"), metadatas()], Some(true)))
        else {
            panic!("not found")
        };
        assert_eq!(found[0].severity, Severity::Notice);
        assert!(found[0].summary.contains("translated to the instance's address"), "{}", found[0].summary);
        let Check::Found(found) = checked(&with(vec![kernels("10.0.1.77/32"), metadatas()], Some(true)))
        else {
            panic!("not found")
        };
        assert!(found[0].summary.contains("one of the VPC's"), "{}", found[0].summary);
    }

    #[test]
    fn a_container_on_the_instances_own_network_is_none_of_this_rule() {
        let joined = Interface { interface_id: Some("eni-1".into()), ..kernels("10.0.1.10/24") };
        assert!(matches!(checked(&with(vec![joined.clone()], Some(false))), Check::Clear(_)));
        let mut on_host = with(vec![joined], None);
        on_host.environment.host.container = None;
        assert!(matches!(checked(&on_host), Check::Clear(_)));
    }

    #[test]
    fn without_the_word_of_metadata_nothing_is_said() {
        assert!(matches!(checked(&with(vec![kernels("172.17.0.2/16")], None)), Check::NotApplicable(_)));
    }
}
