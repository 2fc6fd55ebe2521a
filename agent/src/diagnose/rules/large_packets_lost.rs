//! Small packets come through and packets of full size do not: the path takes less than the hosts believe, and nobody says so.

use probes::observations::{CallFailure, TlsFailure};

use crate::diagnose::case::Case;
use crate::diagnose::cause::consequence;
use crate::diagnose::phrases::fact;
use crate::diagnose::wire::{Retried, passed, retried, with_alike, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule =
    Rule { id: "large-packets-lost", title: "packets of full size get lost (MTU)", check };

fn check(case: &Case<'_>) -> Check {
    let all = retried(case);
    let incoming: Vec<&Retried<'_>> = all.iter().filter(|retried| loses_answers(retried)).collect();
    let outgoing: Vec<&Retried<'_>> = all.iter().filter(|retried| loses_requests(retried)).collect();
    let both: Vec<&Retried<'_>> = incoming.iter().chain(&outgoing).copied().collect();
    let Some(first) = both.first() else {
        return Check::Clear("nothing stalled that works with small packets".to_owned());
    };
    let (direction, what) = match (incoming.is_empty(), outgoing.is_empty()) {
        (false, true) => ("incoming", "the server's certificates do not arrive"),
        (true, false) => ("outgoing", "TLS stands, and requests of more than one small packet get no answer"),
        _ => ("both", "certificates do not arrive and longer requests get no answer"),
    };
    let concerned = with_alike(case, &both);
    let targets: Vec<&str> = concerned.iter().map(|target| target.target.as_str()).collect();
    let hosts: Vec<&str> = concerned.iter().map(|target| target.host.as_str()).collect();
    let follows = consequence(case, &targets);
    let device = device(case, first);
    let mut facts = vec![fact("hosts", hosts.join(" ")), fact("direction", direction)];
    facts.extend(device.as_ref().and_then(|(_, mtu)| *mtu).map(|mtu| crate::report::Fact {
        name: "interface_mtu".to_owned(),
        value: mtu.to_string(),
        unit: Some("bytes".to_owned()),
    }));
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: follows.severity,
        subject: case.instance(),
        summary: format!(
            "packets of full size get lost on the way to {} ({direction}): {what}; with segments of 1,200 bytes everything works",
            targets.join(", ")
        ),
        facts,
        evidence: both
            .iter()
            .take(4)
            .map(|each| format!("{}/{}/retries", each.target.target, each.attempt.address))
            .collect(),
        causes: words(&[
            "a tunnel, VPN, transit gateway or appliance on the way takes smaller packets than this host's interface, and the ICMP \
             message that says so (type 3 code 4, IPv6 type 2) is dropped by a network ACL, security group or firewall",
            "a middlebox drops what is larger than it likes",
        ]),
        explains: follows.explains,
        remedy: remedy(case, device.map(|(name, _)| name)),
    }])
}

/// The handshake stalls in every form but the one with small packets.
fn loses_answers(retried: &Retried<'_>) -> bool {
    matches!(retried.attempt.tls.failed(), Some(TlsFailure::TimedOut))
        && passed(retried.retries.small_packets.as_ref())
        && !passed(retried.retries.tls12.as_ref())
        && retried.retries.other_names.iter().all(|other| !passed(Some(&other.outcome)))
}

/// The handshake stands, and the request is answered with small packets only.
fn loses_requests(retried: &Retried<'_>) -> bool {
    let again = retried.retries.again.as_ref();
    matches!(retried.attempt.call.failed(), Some(CallFailure::TimedOut))
        && passed(retried.retries.small_packets.as_ref())
        && again.is_some()
        && !passed(again)
}

/// The interface that the packets leave by, with its MTU: that of the route, else the primary one.
fn device(case: &Case<'_>, retried: &Retried<'_>) -> Option<(String, Option<u32>)> {
    let interfaces = &case.recording.environment.host.interfaces;
    let by_route = retried.attempt.route.as_ref().and_then(|route| route.interface.as_deref());
    let named = by_route.and_then(|name| interfaces.iter().find(|interface| interface.name == name));
    let interface = named.or_else(|| interfaces.first())?;
    let plain = interface.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| (interface.name.clone(), interface.mtu))
}

fn remedy(case: &Case<'_>, device: Option<String>) -> Remedy {
    let host = &case.recording.environment.host;
    let mut commands: Vec<String> =
        device.map(|device| format!("sudo ip link set dev {device} mtu 1400")).into_iter().collect();
    commands.push("sudo sysctl -w net.ipv4.tcp_mtu_probing=1".to_owned());
    if let (Some(region), Some(subnet)) = (&host.region, &host.subnet_id) {
        commands.push(format!(
            "aws ec2 describe-network-acls --region {region} --filters Name=association.subnet-id,Values={subnet} --query \
             'NetworkAcls[].Entries[]'"
        ));
    }
    Remedy {
        text: "Lower the interface's MTU to what the path takes (1500 at an internet gateway or VPN, less inside tunnels), and write \
               it into the network settings, or let the kernel find it out (tcp_mtu_probing). The lasting cure is to let \
               ICMP type 3 code 4 (IPv6: type 2) back in through network ACLs and firewalls."
            .to_owned(),
        commands,
    }
}
