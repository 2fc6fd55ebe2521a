//! `DynamoDB`'s regional name works and the account's own name does not: SDKs that prefer it fail after an upgrade.

use probes::observations::TargetObservation;

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::names::{self, Says};
use crate::diagnose::phrases::{fact, failure_places, furthest, in_words, where_it_broke};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "dynamodb-account-name-blocked",
    title: "DynamoDB's regional name works, the account's own name does not",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let find = |name: &str| case.targets().find(|(target, _)| target.target == name);
    let (Some((regional, regional_verdict)), Some((account, verdict))) =
        (find("dynamodb"), find("dynamodb:account"))
    else {
        return Check::NotApplicable("the account's own name was not asked for".to_owned());
    };
    match (regional_verdict.reachable, verdict.reachable) {
        (Some(true), Some(false)) => Check::Found(vec![finding(case, regional, account, verdict)]),
        (Some(true), Some(true)) => Check::Clear("both names work".to_owned()),
        (Some(true), None) => Check::CannotTell("the account's own name was not tried".to_owned()),
        _ => Check::NotApplicable("the regional name does not work either".to_owned()),
    }
}

fn finding(
    case: &Case<'_>,
    regional: &TargetObservation,
    account: &TargetObservation,
    verdict: &Verdict,
) -> Finding {
    let consequence = names::consequence(case, &[&account.target]);
    let attempts: Vec<_> = Case::counted(account).collect();
    let causes: Vec<String> = match furthest(&attempts) {
        None => vec![
            "a DNS allow-list or DNS Firewall knows dynamodb.REGION and not ACCOUNT.ddb.REGION".to_owned(),
            "a private hosted zone or a forwarder for the domain lacks the name".to_owned(),
        ],
        Some(_) if verdict.path == Path::Proxy => {
            vec!["the proxy's rules know dynamodb.REGION and not ACCOUNT.ddb.REGION".to_owned()]
        }
        Some(attempt) if attempt.tcp.done().is_some() => vec![
            "a firewall that looks at the server name (such as AWS Network Firewall's domain list) knows dynamodb.REGION and not \
             ACCOUNT.ddb.REGION"
                .to_owned(),
        ],
        Some(_) => vec![
            "a security group, network ACL or route lists DynamoDB's addresses one by one, and lacks this name's".to_owned(),
        ],
    };
    let nowhere = matches!(names::vpc_says(account), Says::NoName | Says::Nowhere | Says::Silent);
    let broke = if attempts.is_empty() && nowhere {
        "it cannot be resolved".to_owned()
    } else {
        where_it_broke(account, verdict)
    };
    let suffix = account.host.split_once('.').map_or(account.host.as_str(), |(_, rest)| rest);
    Finding {
        rule: RULE.id.to_owned(),
        severity: if regional.required { Severity::Error } else { consequence.severity },
        subject: target_subject(&account.target),
        summary: format!(
            "{} works, but {}, which current SDKs prefer, does not: {broke}",
            regional.host, account.host
        ),
        facts: vec![fact("works", &regional.host), fact("blocked", &account.host)],
        evidence: failure_places(account),
        causes,
        explains: consequence.explains,
        remedy: in_words(format!(
            "Allow *.{suffix} wherever {} is allowed. Until then, let SDKs keep to the regional name: \
             AWS_ACCOUNT_ID_ENDPOINT_MODE=disabled in the environment of the application, or account_id_endpoint_mode = disabled in \
             its AWS configuration file.",
            regional.host
        )),
    }
}
