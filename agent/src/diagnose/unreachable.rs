//! What the two rules about unreachable services share: which targets are, where the chain broke, what may be the cause.

use probes::observations::{TargetObservation, TcpFailure};

use crate::catalogue::{self, Service};
use crate::classify::SignalName;
use crate::classify::fold;
use crate::diagnose::Check;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::commands::{create_interface_endpoints, open_endpoint_group, open_own_group};
use crate::diagnose::phrases::{
    create_gateway_endpoint, fact, fails_alike, failure_places, furthest, lead_to_gateway_endpoint,
    show_endpoints, where_it_broke,
};
use crate::diagnose::proxied::recommended;
use crate::report::{Explained, Finding, Path, Remedy, Severity, Verdict};

/// One finding per target that is required (or not) and cannot be reached.
pub(super) fn check(case: &Case<'_>, rule: &str, required: bool, severity: Severity) -> Check {
    let concerned: Vec<_> = case.targets().filter(|(target, _)| target.required == required).collect();
    if concerned.is_empty() {
        return Check::NotApplicable("no such service was asked for".to_owned());
    }
    // The hosts of one service share its endpoint and its route: when they fail alike, the first speaks for the others.
    let mut findings: Vec<(&TargetObservation, Finding)> = Vec::new();
    for (target, verdict) in concerned.iter().filter(|(_, verdict)| verdict.reachable == Some(false)) {
        let found = finding(case, rule, severity, target, verdict);
        match findings
            .iter_mut()
            .find(|(first, _)| first.service == target.service && fail_alike(first, target))
        {
            Some((_, first)) => {
                first.explains.push(Explained { rule: rule.to_owned(), subject: found.subject.clone() });
                first.facts.push(fact("also", &target.host));
            }
            None => findings.push((target, found)),
        }
    }
    let findings = findings.into_iter().map(|(_, found)| found).collect();
    let unknown: Vec<&str> = concerned
        .iter()
        .filter(|(_, verdict)| verdict.reachable.is_none())
        .map(|(target, _)| target.target.as_str())
        .collect();
    let otherwise = if unknown.is_empty() {
        Check::Clear(format!("{} answer", concerned.len()))
    } else {
        Check::CannotTell(format!("not tried: {}", unknown.join(", ")))
    };
    Check::found_or(findings, otherwise)
}

/// Whether the first addresses that count fail in the same way, or neither has any.
fn fail_alike(one: &TargetObservation, other: &TargetObservation) -> bool {
    let nearest = |target| furthest(&Case::counted(target).collect::<Vec<_>>());
    match (nearest(one), nearest(other)) {
        (Some(one), Some(other)) => fails_alike(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn finding(
    case: &Case<'_>,
    rule: &str,
    severity: Severity,
    target: &TargetObservation,
    verdict: &Verdict,
) -> Finding {
    let (causes, remedy) = causes_and_remedy(case, target, verdict);
    let resolves = Case::counted(target).next().is_some();
    let mut facts = vec![fact("host", &target.host)];
    if let Some(attempt) = furthest(&Case::counted(target).collect::<Vec<_>>()) {
        facts.push(fact("address", attempt.address));
    }
    Finding {
        rule: rule.to_owned(),
        severity,
        subject: target_subject(&target.target),
        summary: format!(
            "{} ({}) cannot be {}: {}",
            target.target,
            target.host,
            if resolves { "reached" } else { "resolved" },
            where_it_broke(target, verdict)
        ),
        facts,
        evidence: failure_places(target),
        causes,
        explains: Vec::new(),
        remedy,
    }
}

fn causes_and_remedy(
    case: &Case<'_>,
    target: &TargetObservation,
    verdict: &Verdict,
) -> (Vec<String>, Remedy) {
    if verdict.path == Path::Proxy {
        return refused_by_proxy(case, verdict);
    }
    let Some(attempt) = furthest(&Case::counted(target).collect::<Vec<_>>()) else {
        return unresolved(case, target);
    };
    let in_vpc = case.recording.environment.host.vpc_cidrs.iter().any(|cidr| cidr.contains(&attempt.address));
    match attempt.tcp.failed() {
        Some(TcpFailure::TimedOut) if verdict.path == Path::InterfaceEndpoint && in_vpc => {
            blocked_endpoint(case, target)
        }
        Some(TcpFailure::TimedOut) if verdict.path == Path::InterfaceEndpoint => elsewhere(case, target),
        Some(TcpFailure::TimedOut) if router_seen(verdict) => behind_router(case, verdict),
        Some(TcpFailure::TimedOut) if verdict.path == Path::GatewayEndpoint => shut_in(case, target),
        Some(TcpFailure::TimedOut) => silent_public(case, target),
        Some(TcpFailure::Refused | TcpFailure::Reset) => (
            words(&["a firewall on this host or on the way rejects the connection", "nothing listens at this address"]),
            Remedy {
                text: "Look for a rule on this host that rejects port 443, and at what the name resolves to.".to_owned(),
                commands: vec![format!("getent ahosts {}", target.host), "nft list ruleset".to_owned()],
            },
        ),
        Some(TcpFailure::NotPermitted) => (
            words(&["this host's own firewall does not let the connection out"]),
            Remedy { text: "Allow outbound port 443 on this host.".to_owned(), commands: vec!["nft list ruleset".to_owned()] },
        ),
        Some(_) => (
            words(&["this host has no route to the address", "a router on the way rejects it"]),
            Remedy {
                text: "Look at this host's own routes first: the error came at once, and a VPC drops in silence.".to_owned(),
                commands: vec![format!("ip route get {}", attempt.address), "ip rule".to_owned()],
            },
        ),
        None if attempt.tls.failed().is_some() => (
            words(&[
                "a filter on the server name (such as AWS Network Firewall's domain list) does not let this host name pass",
                "packets of full size get lost (MTU), so the certificate never arrives",
                "a proxy or captive page answers in place of the service",
            ]),
            Remedy {
                text: format!("Allow {} in the firewall, and look at the path MTU.", target.host),
                commands: vec![format!(
                    "openssl s_client -connect {}:443 -servername {} </dev/null",
                    socket_address(attempt.address),
                    target.host
                )],
            },
        ),
        None if attempt.tls.done().is_some_and(|session| !session.trust.accepted()) => (
            words(&[
                "TLS is intercepted by a device whose authority this host does not know",
                "this host's store lacks the roots of this partition",
            ]),
            Remedy {
                text: "Exempt AWS host names from interception, or name the authority's file with AWS_CA_BUNDLE.".to_owned(),
                commands: vec![format!(
                    "openssl s_client -connect {}:443 -servername {} -showcerts </dev/null",
                    socket_address(attempt.address),
                    target.host
                )],
            },
        ),
        None => (
            words(&["the service or something in its place accepts the connection and does not answer in time"]),
            Remedy {
                text: "Run again; if it stays, compare with another instance by `vpcprobe --detail full`.".to_owned(),
                commands: Vec::new(),
            },
        ),
    }
}

/// The proxy that clients here are sent through does not let them to the service.
fn refused_by_proxy(case: &Case<'_>, verdict: &Verdict) -> (Vec<String>, Remedy) {
    let direct = verdict.addresses.iter().any(|address| address.reachable == Some(true));
    let mut causes = words(&[
        "the proxy's own rules do not let this host name pass",
        "the proxy, or the way to it, is down",
    ]);
    if direct {
        causes.insert(0, "the service answers directly: it is missing in no_proxy".to_owned());
    }
    let host = &case.recording.environment.host;
    let set: Vec<&str> = host.proxies.iter().map(|proxy| proxy.variable.as_str()).collect();
    let text = format!(
        "Keep AWS host names out of the proxy (here {} are set), with this line where the variables are set: without blanks \
         around the equals sign, and both spellings if both are in use.",
        set.join(", ")
    );
    (causes, Remedy { text, commands: recommended(case).map(|line| line.commands).unwrap_or_default() })
}

fn unresolved(case: &Case<'_>, target: &TargetObservation) -> (Vec<String>, Remedy) {
    let servers = &case.recording.environment.host.resolvers;
    let commands = servers.iter().map(|server| format!("dig +time=2 +tries=1 @{server} {}", target.host));
    (
        words(&[
            "a private hosted zone for this domain lacks the name",
            "a DNS firewall or Resolver rule blocks or forwards it",
            "the service does not exist in this Region",
        ]),
        Remedy {
            text: "Ask the VPC resolver directly: if it knows the name, mend the host's own servers; if not, look for private \
                   hosted zones, Resolver rules and DNS Firewall."
                .to_owned(),
            commands: commands.chain([format!("dig +time=2 +tries=1 @169.254.169.253 {}", target.host)]).collect(),
        },
    )
}

/// A private address of the VPC that stays silent: something between this instance and the endpoint's interfaces.
fn blocked_endpoint(case: &Case<'_>, target: &TargetObservation) -> (Vec<String>, Remedy) {
    let elsewhere = case.targets().any(|(other, verdict)| {
        other.target != target.target
            && verdict.path == Path::InterfaceEndpoint
            && verdict.reachable == Some(true)
    });
    let mut causes = vec![
        "the security group of the interface endpoint lacks inbound 443 from this instance: describe-security-groups shows it"
            .to_owned(),
        "the network ACL of the endpoint's subnet blocks it: describe-network-acls shows it".to_owned(),
    ];
    if elsewhere {
        causes.push("this one endpoint is broken; other interface endpoints answer, so this instance's own rules are probably fine".to_owned());
    } else {
        causes.insert(1, "the security group of this instance lacks outbound 443 to the VPC: describe-security-groups shows it".to_owned());
    }
    let mut commands = show_endpoints(case, &target.service);
    commands.extend(open_endpoint_group(case, &target.service));
    let text = "Let this instance's security group in to the endpoint's on port 443.".to_owned();
    (causes, Remedy { text, commands })
}

/// A private address outside the VPC: an endpoint in another network, or an override that leads astray.
fn elsewhere(case: &Case<'_>, target: &TargetObservation) -> (Vec<String>, Remedy) {
    let mut causes = words(&[
        "the name leads to an interface endpoint in another VPC, and the way there (transit gateway, peering, its security \
         group) is closed",
        "a record of one's own (private hosted zone, hosts file) names an address that is not there",
    ]);
    let hosts = &case.recording.environment.host.hosts_entries;
    if hosts.iter().any(|entry| entry.names.contains(&target.host)) {
        causes.insert(0, format!("the hosts file of this host names {}", target.host));
    }
    let remedy = Remedy {
        text: "Find out who gives this address, and whether this VPC has a way to it.".to_owned(),
        commands: vec![
            format!("grep -n {} /etc/hosts", target.host),
            format!("dig +short @169.254.169.253 {}", target.host),
        ],
    };
    (causes, remedy)
}

/// Whether a router answered on the way: what the route table says is no such sign.
fn router_seen(verdict: &Verdict) -> bool {
    let seen = [
        SignalName::PrivateFirstResponder,
        SignalName::PrivateResponderOnly,
        SignalName::InternetFirstResponder,
    ];
    verdict.path == Path::Internet && verdict.because.iter().any(|reason| seen.contains(&reason.signal))
}

/// The packets get as far as a router: what stops them is behind it, not in this subnet's way out.
fn behind_router(case: &Case<'_>, verdict: &Verdict) -> (Vec<String>, Remedy) {
    let router = verdict.because.iter().find(|reason| reason.evidence.ends_with("/hops"));
    let seen = router.map(|reason| format!(" ({})", reason.text)).unwrap_or_default();
    let host = &case.recording.environment.host;
    let commands = match (&host.region, &host.vpc_id) {
        (Some(region), Some(vpc)) => vec![
            format!("aws ec2 describe-nat-gateways --region {region} --filter Name=vpc-id,Values={vpc}"),
            format!("aws ec2 describe-network-acls --region {region} --filters Name=vpc-id,Values={vpc}"),
        ],
        _ => Vec::new(),
    };
    let causes = vec![
        format!("the packets get as far as a router{seen}; the route, network ACL or firewall behind it stops them"),
        "the answers are stopped on the way back: the subnet's network ACL lacks the returning ports 1024-65535".to_owned(),
    ];
    let text = "This instance's security group and route are not what stops it. Look at the NAT gateway's state, its subnet's \
                route table and network ACL, and any firewall behind it.";
    (causes, Remedy { text: text.to_owned(), commands })
}

/// The route to the gateway endpoint is there, and still nothing comes back: the packets are dropped before it or on the way
/// back.
fn shut_in(case: &Case<'_>, target: &TargetObservation) -> (Vec<String>, Remedy) {
    let causes = words(&[
        "the security group of this instance does not allow outbound 443 to the service's prefix list: \
         describe-security-groups shows it",
        "the network ACL of the subnet lacks outbound 443 to the service's addresses, or the returning ports 1024-65535: \
         describe-network-acls shows it",
    ]);
    let remedy = Remedy {
        text: "The subnet's route is right. Let the instance's security group out to the prefix list."
            .to_owned(),
        commands: open_own_group(case, &target.service),
    };
    (causes, remedy)
}

/// A public address that stays silent: route, security group and network ACL look the same from inside.
fn silent_public(case: &Case<'_>, target: &TargetObservation) -> (Vec<String>, Remedy) {
    let service = catalogue::service(&target.service);
    let gateway = service.is_some_and(Service::gateway_capable);
    if gateway && case.recording.control_plane.route_table.as_ref().is_some_and(|step| step.done().is_some())
    {
        return lead_to_gateway_endpoint(case, &target.service);
    }
    let private_connects = case
        .targets()
        .any(|(other, verdict)| verdict.path == Path::InterfaceEndpoint && fold_connects(other));
    let mut causes = Vec::new();
    if gateway {
        if private_connects {
            causes.push(
                "the security group of this instance allows outbound 443 inside the VPC only, not to the service's prefix \
                 list: describe-security-groups shows it"
                    .to_owned(),
            );
        }
        causes.push(
            "the subnet's route table has no route to the service: no gateway endpoint, or one that is not associated with \
             this route table; describe-route-tables shows it"
                .to_owned(),
        );
    } else {
        causes.push(
            "the VPC has no interface endpoint for the service, or its private DNS is off, so the name resolves to public \
             addresses that this subnet has no way to: describe-vpc-endpoints shows it"
                .to_owned(),
        );
    }
    causes.push("the network ACL lacks outbound 443 or the returning ports 1024-65535: describe-network-acls shows it".to_owned());
    causes.push(
        "a route leads to something that is gone (state blackhole): describe-route-tables shows it"
            .to_owned(),
    );
    let mut commands = Vec::new();
    if gateway && private_connects {
        commands.extend(open_own_group(case, &target.service));
    }
    commands.extend(show_endpoints(case, &target.service));
    if !gateway {
        commands.extend(create_interface_endpoints(case, &[&target.service]));
    } else if !private_connects {
        commands.extend(create_gateway_endpoint(case, &target.service));
    }
    let text = if gateway && private_connects {
        "Look at the security group first, and let it out to the service's prefix list. If that is so already, look at which \
         route tables the gateway endpoint is associated with."
    } else if gateway {
        "If the VPC has a gateway endpoint, associate it with this subnet's route table and allow its prefix list in the \
         security group; only if it has none, create one."
    } else {
        "If the VPC has an interface endpoint for the service, switch its private DNS on; if it has none, create one."
    };
    (causes, Remedy { text: text.to_owned(), commands })
}

fn fold_connects(target: &TargetObservation) -> bool {
    target.attempts.iter().any(|attempt| fold::reachable(attempt) == Some(true))
}

fn socket_address(address: std::net::IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

fn words(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
