//! A firewall on this host rejects outbound connections: the error comes at once and from everywhere, and a VPC drops in silence.

use probes::observations::{Attempt, TargetObservation, TcpFailure};

use crate::classify::fold;
use crate::diagnose::case::Case;
use crate::diagnose::cause;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy};

pub(super) const RULE: Rule =
    Rule { id: "host-firewall", title: "a firewall on this host rejects outbound connections", check };

/// A target's attempt that was rejected.
type Rejected<'a> = (&'a TargetObservation, &'a Attempt);

fn check(case: &Case<'_>) -> Check {
    let tried = || {
        case.targets()
            .filter(|(_, verdict)| verdict.path != Path::Proxy)
            .flat_map(|(target, _)| target.attempts.iter().map(move |attempt| (target, attempt)))
            .filter(|(target, attempt)| fold::counts(target, attempt))
    };
    let rejected: Vec<Rejected<'_>> = tried()
        .filter(|(_, attempt)| {
            matches!(
                attempt.tcp.failed(),
                Some(TcpFailure::Refused | TcpFailure::HostUnreachable | TcpFailure::NotPermitted)
            )
        })
        .collect();
    if rejected.is_empty() {
        return Check::Clear("no connection was rejected".to_owned());
    }
    let certain = rejected.iter().any(|(_, attempt)| not_permitted(attempt));
    let addresses = rejected.iter().map(|(_, attempt)| attempt.address);
    let several = addresses.collect::<std::collections::BTreeSet<_>>().len() > 1;
    let controls = case.recording.controls.iter().flat_map(|control| &control.attempts);
    let others_silent = controls.clone().any(|attempt| attempt.tcp.failed() == Some(&TcpFailure::TimedOut));
    let everything = tried().count() == rejected.len() && !case.anything_connects() && !others_silent;
    if !(certain || everything && several) {
        return Check::Clear(
            "some connections stand or stay silent: it is not this host that rejects".to_owned(),
        );
    }
    let concerned: Vec<Rejected<'_>> =
        rejected.into_iter().filter(|(_, attempt)| !certain || not_permitted(attempt)).collect();
    Check::Found(vec![finding(case, &concerned, certain)])
}

fn not_permitted(attempt: &Attempt) -> bool {
    attempt.tcp.failed() == Some(&TcpFailure::NotPermitted)
}

fn finding(case: &Case<'_>, rejected: &[Rejected<'_>], certain: bool) -> Finding {
    let mut targets: Vec<&str> = rejected.iter().map(|(target, _)| target.target.as_str()).collect();
    targets.dedup();
    let consequence = cause::consequence(case, &targets);
    // What stays in the subnet meets nothing but this host and the endpoint, and an endpoint never rejects.
    let neighbours = case.recording.environment.host.interfaces.iter().flat_map(|each| &each.subnet_cidrs);
    let near = |attempt: &Attempt| neighbours.clone().any(|cidr| cidr.contains(&attempt.address));
    let sure = certain || rejected.iter().any(|(_, attempt)| near(attempt));
    let causes = if sure {
        Vec::new()
    } else {
        vec![
            "a firewall on this host (nftables, iptables, firewalld, a security agent) rejects port 443: nft list ruleset shows \
             it"
                .to_owned(),
            "an appliance that all routes lead through rejects it: describe-route-tables shows where they lead".to_owned(),
        ]
    };
    let what = if certain { "this host does not permit" } else { "something at this host rejects, at once," };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: case.instance(),
        summary: format!(
            "{what} connections to port 443 of {} address{}, and a VPC's own filters drop in silence: a firewall on this host",
            rejected.len(),
            if rejected.len() == 1 { "" } else { "es" }
        ),
        facts: vec![fact("targets", targets.join(" "))],
        evidence: rejected
            .iter()
            .map(|(target, attempt)| format!("{}/{}/tcp", target.target, attempt.address))
            .take(4)
            .collect(),
        causes,
        explains: consequence.explains,
        remedy: Remedy {
            text: "Look for the rule (as root) and let port 443 out. Security agents and firewalld write rules of their own; \
                   programs attached to a control group (eBPF) show in `bpftool cgroup tree`."
                .to_owned(),
            commands: vec!["nft list ruleset".to_owned(), "iptables -S OUTPUT".to_owned()],
        },
    }
}
