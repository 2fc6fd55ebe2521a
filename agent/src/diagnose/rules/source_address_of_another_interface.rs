//! Packets leave by one network interface with the address of another: EC2 drops them.

use probes::environment::Interface;
use probes::observations::{Attempt, TcpFailure};

use crate::diagnose::case::Case;
use crate::diagnose::cause;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "source-address-of-another-interface",
    title: "packets leave by one network interface with the address of another",
    check,
};

/// A wrong pair: who holds the address, and by which interface the packets leave.
struct Pair<'a> {
    holder: &'a Interface,
    leaves: &'a Interface,
    targets: Vec<&'a str>,
}

fn check(case: &Case<'_>) -> Check {
    let known = case.recording.environment.host.interfaces.iter().filter(|each| each.interface_id.is_some());
    if known.count() < 2 {
        return Check::NotApplicable("the instance has one network interface".to_owned());
    }
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for (target, _) in case.targets() {
        let silent =
            Case::counted(target).filter(|attempt| attempt.tcp.failed() == Some(&TcpFailure::TimedOut));
        for (holder, leaves) in silent.filter_map(|attempt| mismatch(case, attempt)) {
            match pairs.iter_mut().find(|pair| pair.holder == holder && pair.leaves == leaves) {
                Some(pair) if pair.targets.contains(&target.target.as_str()) => {}
                Some(pair) => pair.targets.push(&target.target),
                None => pairs.push(Pair { holder, leaves, targets: vec![&target.target] }),
            }
        }
    }
    let findings = pairs.iter().map(|pair| finding(case, pair)).collect();
    Check::found_or(
        findings,
        Check::Clear("packets leave by the interface whose address they carry".to_owned()),
    )
}

/// The holder of an attempt's source address and the interface it leaves by, where they differ.
fn mismatch<'a>(case: &Case<'a>, attempt: &Attempt) -> Option<(&'a Interface, &'a Interface)> {
    let route = attempt.route.as_ref()?;
    let (source, name) = (route.source?, route.interface.as_deref()?);
    let interfaces = &case.recording.environment.host.interfaces;
    let known = || interfaces.iter().filter(|each| each.interface_id.is_some());
    let holder = known().find(|each| each.addresses.iter().any(|net| net.addr() == source))?;
    let leaves = known().find(|each| each.name == name)?;
    (holder.name != leaves.name).then_some((holder, leaves))
}

fn finding(case: &Case<'_>, pair: &Pair<'_>) -> Finding {
    let (holder, leaves) = (pair.holder, pair.leaves);
    let consequence = cause::consequence(case, &pair.targets);
    let address = holder.addresses.iter().find(|net| net.addr().is_ipv4());
    let address = address.map(|net| net.addr().to_string()).unwrap_or_default();
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: case.instance(),
        summary: format!(
            "packets leave by {} with the address {address} of {}: EC2 drops what does not carry the interface's own address",
            leaves.name, holder.name
        ),
        facts: vec![
            fact("targets", pair.targets.join(" ")),
            fact("leaves_by", &leaves.name),
            fact("address_of", &holder.name),
        ],
        evidence: pair.targets.iter().map(|target| format!("{target}/*/tcp")).take(4).collect(),
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: remedy(holder, &address),
    }
}

/// Lets what carries the holder's address leave by the holder, as Amazon's own network tools set it up.
fn remedy(holder: &Interface, address: &str) -> Remedy {
    // The router of a subnet has its base address plus one (Amazon VPC user guide, subnet CIDR blocks).
    let subnet = holder.subnet_cidrs.iter().find_map(|cidr| match cidr {
        ipnet::IpNet::V4(block) => Some(std::net::Ipv4Addr::from(u32::from(block.network()) + 1)),
        ipnet::IpNet::V6(_) => None,
    });
    let table = 10_000 + holder.device_number.unwrap_or_default();
    let commands = match subnet {
        Some(router) if !address.is_empty() => vec![
            format!("ip route replace default via {router} dev {} table {table}", holder.name),
            format!("ip rule add from {address} lookup {table} pref {table}"),
        ],
        _ => Vec::new(),
    };
    Remedy {
        text: "Give each interface a routing table and a rule for its own address (as root; it holds until the next start). \
               Amazon Linux's amazon-ec2-net-utils does this by itself when it is up to date: update it, and look at what else \
               writes routes."
            .to_owned(),
        commands,
    }
}
