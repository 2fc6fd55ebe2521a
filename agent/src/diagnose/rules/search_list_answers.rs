//! A domain of the search list answers for service names: `ndots` makes the host's name service ask there first.

use std::net::IpAddr;

use probes::observations::{NameCheck, TargetObservation};
use probes::plan::NamePurpose;

use crate::diagnose::case::Case;
use crate::diagnose::names;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "search-list-answers",
    title: "a search domain answers for service names before DNS is asked for the name itself",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let settings = &case.recording.environment.host.resolv_conf;
    let asked: Vec<&NameCheck> = case
        .recording
        .name_checks
        .iter()
        .filter(|check| check.purpose == NamePurpose::SearchDomain)
        .collect();
    // Reports of brief detail keep the checks that were answered.
    if settings.ndots < 2 || settings.search.is_empty() {
        return Check::NotApplicable("names are asked for as they are first".to_owned());
    }
    let findings: Vec<Finding> = asked
        .iter()
        .filter_map(|check| {
            let answer = check.a.done()?;
            let misled = misled(case, &answer.addresses);
            (!misled.is_empty()).then(|| finding(case, check, &answer.addresses, &misled))
        })
        .take(1)
        .collect();
    Check::found_or(findings, Check::Clear("no search domain answers for them".to_owned()))
}

/// The targets that applications get these addresses for, which no server gives for the name itself.
fn misled<'a>(case: &Case<'a>, answered: &[IpAddr]) -> Vec<&'a TargetObservation> {
    let is_misled = |target: &&TargetObservation| {
        let given = names::system(target).map(names::addresses).unwrap_or_default();
        let direct = target.lookups.iter().filter(|lookup| lookup.resolver != "system");
        let direct: Vec<IpAddr> = direct.flat_map(names::addresses).collect();
        !given.is_empty()
            && given.iter().all(|address| answered.contains(address) && !direct.contains(address))
    };
    case.recording.targets.iter().filter(is_misled).collect()
}

fn finding(
    case: &Case<'_>,
    check: &NameCheck,
    answered: &[IpAddr],
    misled: &[&TargetObservation],
) -> Finding {
    let settings = &case.recording.environment.host.resolv_conf;
    let targets: Vec<&str> = misled.iter().map(|target| target.target.as_str()).collect();
    let mut consequence = names::consequence(case, &targets);
    consequence.explains.push(names::claim("resolver-answers-differ", names::resolver_subject("system")));
    let domain = settings
        .search
        .iter()
        .map(|domain| domain.trim_matches('.'))
        .find(|domain| check.name.ends_with(&format!(".{domain}")))
        .unwrap_or_default();
    let addresses = answered.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let host = misled.first().map_or("", |target| target.host.as_str());
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: case.instance(),
        summary: format!(
            "applications get {addresses} for {}: search domain {domain} answers for every name, and ndots:{} makes it be asked \
             before the name itself",
            names::listed(targets.iter().copied()),
            settings.ndots
        ),
        facts: vec![
            fact("search_domain", domain),
            fact("ndots", settings.ndots),
            fact("name_that_answered", &check.name),
        ],
        evidence: vec!["environment/resolv_conf".to_owned(), "name_checks/search_domain".to_owned()],
        causes: Vec::new(),
        explains: consequence.explains,
        remedy: Remedy {
            text: format!(
                "Set ndots back to 1, so that names with a dot are asked for as they are first (as root; the command changes \
                 resolv.conf as it is now, so change what writes it as well: DHCP options, systemd-resolved, or in Kubernetes the \
                 pod's dnsConfig). Better still, take the wildcard record out of {domain}. A final dot ({host}.) does it for one \
                 client."
            ),
            commands: vec![
                "R=$(sed 's/ndots:[0-9]*/ndots:1/' /etc/resolv.conf) && printf '%s\\n' \"$R\" >/etc/resolv.conf"
                    .to_owned(),
            ],
        },
    }
}
