//! A service answers at some of its addresses and not at others: clients that pick the wrong one hang.

use probes::observations::{Attempt, TargetObservation};

use crate::classify::fold;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, failure_places, show_endpoints, show_filters};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "some-addresses-unreachable",
    title: "a service answers at some of its addresses only",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let mut findings = Vec::new();
    let mut several = 0;
    for (target, _) in case.targets().filter(|(_, verdict)| verdict.path != Path::Proxy) {
        let (alive, dead): (Vec<&Attempt>, Vec<&Attempt>) = Case::counted(target)
            .filter(|attempt| fold::reachable(attempt).is_some())
            .partition(|attempt| fold::reachable(attempt) == Some(true));
        several += usize::from(alive.len() + dead.len() > 1);
        if alive.is_empty() || dead.is_empty() {
            continue;
        }
        let list = |attempts: &[&Attempt]| {
            attempts.iter().map(|attempt| attempt.address.to_string()).collect::<Vec<_>>().join(" ")
        };
        findings.push(Finding {
            rule: RULE.id.to_owned(),
            severity: Severity::Warning,
            subject: target_subject(&target.target),
            summary: format!(
                "{} of {} addresses of {} do not answer ({}): clients that pick one of them hang",
                dead.len(),
                alive.len() + dead.len(),
                target.host,
                list(&dead)
            ),
            facts: vec![fact("dead", list(&dead)), fact("alive", list(&alive))],
            evidence: failure_places(target),
            causes: vec![
                "a network ACL lists the service's addresses one by one, and some are missing (it cannot name a prefix list): \
                 describe-network-acls shows it"
                    .to_owned(),
                "a security group lists the service's addresses instead of its prefix list: describe-security-groups shows it"
                    .to_owned(),
                "one Availability Zone's interface of the endpoint is blocked or broken".to_owned(),
                "a cached answer names an address that is no longer there".to_owned(),
            ],
            explains: Vec::new(),
            remedy: remedy(case, target),
        });
    }
    let otherwise = if several == 0 {
        Check::NotApplicable("one address each".to_owned())
    } else {
        Check::Clear(format!("{several} answer at all addresses"))
    };
    Check::found_or(findings, otherwise)
}

fn remedy(case: &Case<'_>, target: &TargetObservation) -> Remedy {
    let mut commands = show_filters(case);
    commands.extend(show_endpoints(case, &target.service));
    Remedy {
        text: "In network ACLs allow every range of the service, or 443 to everywhere; in security groups name the prefix list \
               instead of addresses; for an interface endpoint look at the subnet of the dead address."
            .to_owned(),
        commands,
    }
}
