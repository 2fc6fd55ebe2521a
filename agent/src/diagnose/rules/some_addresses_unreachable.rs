//! A service answers at some of its addresses and not at others: clients that pick the wrong one hang.

use probes::observations::Attempt;

use crate::classify::fold;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::{fact, show_endpoints};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "some-addresses-unreachable",
    title: "a service answers at some of its addresses only",
    page: include_str!("../../../pages/some-addresses-unreachable.md"),
    check,
};

fn check(case: &Case<'_>) -> Check {
    let mut findings = Vec::new();
    let mut several = 0;
    for (target, _) in case.targets() {
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
            evidence: dead.iter().take(6).map(|attempt| format!("{}/{}/tcp", target.target, attempt.address)).collect(),
            causes: vec![
                "a security group or network ACL lists the service's addresses by hand, and some are missing: compare with the \
                 prefix list"
                    .to_owned(),
                "one Availability Zone's interface of the endpoint is blocked or broken".to_owned(),
                "a cached answer names an address that is no longer there".to_owned(),
            ],
            explains: Vec::new(),
            remedy: Remedy {
                text: "Allow the service's prefix list (or the endpoint's subnets) instead of single addresses.".to_owned(),
                commands: show_endpoints(case, &target.service),
            },
        });
    }
    let otherwise = if several == 0 {
        Check::NotApplicable("one address each".to_owned())
    } else {
        Check::Clear(format!("{several} answer at all addresses"))
    };
    Check::found_or(findings, otherwise)
}
