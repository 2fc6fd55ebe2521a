//! From verdicts to findings: every rule looks at the same case, and causes take up what they explain.
//!
//! A rule is a plain struct in one constant table, its check a pure function. Its id is the name of its file, of its
//! manual page and of the lab scenario that fires it.

mod allowances;
mod association;
mod blocked;
pub mod case;
pub mod cause;
mod commands;
pub mod credentials;
mod egress;
mod endpoint_side;
mod metadata;
pub(crate) mod names;
mod own_acl;
mod own_groups;
mod perimeter;
pub mod phrases;
pub mod policies;
pub mod proxied;
pub mod refused;
pub mod rules;
pub mod situations;
mod unreachable;
pub mod way;
mod wire;

use std::collections::BTreeMap;

use crate::report::{CheckOutcome, CheckRecord, Explained, Finding, Severity};

pub use case::Case;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The id, in words with hyphens.
    pub id: &'static str,
    /// What it looks for, in one line for the list of rules.
    pub title: &'static str,
    /// The check.
    pub check: fn(&Case<'_>) -> Check,
}

/// What a rule came to, before causes took up what they explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It looked, and there is nothing; what it looked at.
    Clear(String),
    /// What it found, never empty.
    Found(Vec<Finding>),
    /// There is nothing here that it could look at; why.
    NotApplicable(String),
    /// What it needs to know was not observed; what that is.
    CannotTell(String),
}

impl Check {
    /// `Found` where there is anything, else what `otherwise` says.
    #[must_use]
    pub fn found_or(findings: Vec<Finding>, otherwise: Self) -> Self {
        if findings.is_empty() { otherwise } else { Self::Found(findings) }
    }
}

/// Findings, worst first, and what every rule came to, in the order of the table.
#[must_use]
pub fn diagnose(case: &Case<'_>) -> (Vec<Finding>, Vec<CheckRecord>) {
    let checks: Vec<(&Rule, Check)> = rules::RULES.iter().map(|rule| (rule, guarded(rule, case))).collect();
    let all: Vec<Finding> = checks
        .iter()
        .flat_map(|(_, check)| match check {
            Check::Found(findings) => findings.clone(),
            Check::Clear(_) | Check::NotApplicable(_) | Check::CannotTell(_) => Vec::new(),
        })
        .collect();
    let explained = explained_by(&all);
    let records = checks.iter().map(|(rule, check)| record(rule, check, &explained)).collect();
    let mut findings = Vec::new();
    for mut finding in all.iter().filter(|finding| !explained.contains_key(&key(finding))).cloned() {
        finding.explains.retain(|claim| explained.contains_key(claim));
        finding.explains.sort();
        findings.push(finding);
    }
    let unfit = unfit_for_commands(case);
    for finding in &mut findings {
        finding.remedy.commands.retain(|command| !unfit.iter().any(|value| command.contains(value)));
    }
    findings.sort_by(|left, right| {
        right.severity.cmp(&left.severity).then_with(|| order(left).cmp(&order(right)))
    });
    (findings, records)
}

/// A panic in a rule is a fault of ours, and must not cost the other rules: it becomes that rule's `cannot_tell`.
fn guarded(rule: &Rule, case: &Case<'_>) -> Check {
    let check = std::panic::AssertUnwindSafe(|| (rule.check)(case));
    std::panic::catch_unwind(check).unwrap_or_else(|_| {
        Check::CannotTell("internal_error: a fault of this program stopped the rule".to_owned())
    })
}

/// What every claim that meets a real finding is explained by. A finding that is itself explained explains nothing more, so
/// that whatever is hidden has a cause that is shown.
fn explained_by(findings: &[Finding]) -> BTreeMap<Explained, String> {
    let present: Vec<Explained> = findings.iter().map(key).collect();
    let mut explained = BTreeMap::new();
    for cause in findings {
        // Two findings that explain each other would both vanish: the first of them stays.
        if explained.contains_key(&key(cause)) {
            continue;
        }
        for claim in &cause.explains {
            if present.contains(claim) && *claim != key(cause) {
                explained
                    .entry(claim.clone())
                    .or_insert_with(|| format!("{} ({})", cause.rule, cause.subject.id));
            }
        }
    }
    explained
}

/// Values that come from outside and are put into commands, of a form that no id, Region or host name has. Somebody pastes
/// those commands into a shell: a command with such a value is not printed.
fn unfit_for_commands<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let host = &case.recording.environment.host;
    let control_plane = &case.recording.control_plane;
    let table = control_plane.route_table.as_ref().and_then(|step| step.done());
    let endpoints = control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let lists = control_plane.prefix_lists.as_ref().and_then(|step| step.done());
    let acls = control_plane.network_acls.as_ref().and_then(|step| step.done());
    let ids = [&host.region, &host.vpc_id, &host.subnet_id, &host.instance_id].into_iter().flatten();
    let interfaces = host.interfaces.iter();
    let groups = interfaces.clone().flat_map(|interface| &interface.security_group_ids);
    let subnets = interfaces.flat_map(|interface| &interface.subnet_id);
    let hosts = case.recording.targets.iter().map(|target| &target.host);
    let from_ec2 = table.iter().map(|table| &table.id);
    let from_ec2 = from_ec2.chain(endpoints.into_iter().flatten().flat_map(|endpoint| {
        std::iter::once(&endpoint.id).chain(&endpoint.security_groups).chain(&endpoint.route_tables)
    }));
    let from_ec2 = from_ec2.chain(lists.into_iter().flatten().map(|list| &list.id));
    let from_ec2 = from_ec2.chain(acls.into_iter().flatten().map(|acl| &acl.id));
    let plain = |value: &&String| {
        value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    let all = ids.chain(groups).chain(subnets).chain(hosts).chain(from_ec2);
    all.filter(|value| !plain(value)).map(String::as_str).collect()
}

fn record(rule: &Rule, check: &Check, explained: &BTreeMap<Explained, String>) -> CheckRecord {
    let (outcome, why) = match check {
        Check::Clear(why) => (CheckOutcome::Clear, why.clone()),
        Check::NotApplicable(why) => (CheckOutcome::NotApplicable, why.clone()),
        Check::CannotTell(why) => (CheckOutcome::CannotTell, why.clone()),
        Check::Found(findings) => {
            let causes: Vec<&String> =
                findings.iter().filter_map(|finding| explained.get(&key(finding))).collect();
            if causes.len() == findings.len() {
                let mut names: Vec<String> = causes.into_iter().cloned().collect();
                names.dedup();
                (CheckOutcome::Explained, format!("follows from {}", names.join(", ")))
            } else {
                let open = findings.iter().filter(|finding| !explained.contains_key(&key(finding)));
                let subjects: Vec<&str> = open.map(|finding| finding.subject.id.as_str()).collect();
                (CheckOutcome::Found, subjects.join(", "))
            }
        }
    };
    CheckRecord { rule: rule.id.to_owned(), outcome, why }
}

fn key(finding: &Finding) -> Explained {
    Explained { rule: finding.rule.clone(), subject: finding.subject.clone() }
}

fn order(finding: &Finding) -> (usize, &str) {
    let position = rules::RULES.iter().position(|rule| rule.id == finding.rule);
    (position.unwrap_or(usize::MAX), finding.subject.id.as_str())
}

/// How many findings have this severity.
#[must_use]
pub fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity).count()
}

#[cfg(test)]
mod tests;
