//! A report without what tells whose it is: for people who want to show one to others.
//!
//! Only what was observed is rewritten, and the rewritten observations are judged again: verdicts, findings and commands are
//! then written from pseudonyms, and no sentence of this program has to be searched for names. The observations are walked as
//! the values they are in JSON, not field by field: a field that somebody adds later, or a name in the midst of a sentence of
//! AWS's, is met like every other text (see [`text`]). What the walk cannot know by form or by word is taken for a name, so
//! that what nobody thought of is hidden and not shown. The few fields that hold a bare name, which may be any word (a role
//! called `endpoint`), are named in [`bare_names`].
//!
//! Pseudonyms are the same for the same name under the same key, in every place and in every report. Addresses keep what is
//! said of them (see [`addresses`]), and ids, accounts and ARNs their form. So the judgement comes out the same, which is not
//! believed but looked at: [`Redacted::changed`] says where it does not.
//!
//! Kept are times, lengths of time, ports, codes, versions, the Region and its zones, and what AWS publishes.

mod addresses;
mod key;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::collections::HashSet;

use clap::{Arg, CommandFactory};
use ipnet::IpNet;
use serde_json::Value;

use crate::catalogue;
use crate::classify::evidence::is_private;
use crate::cli::Cli;
use crate::judge::judge;
use crate::prefix_lists::{self, Source};
use crate::profiles;
use crate::report::{Recording, Report};

pub use key::{Key, SHORTEST_KEY};

use addresses::Addresses;
use text::Redactor;

/// A report with pseudonyms.
#[derive(Debug, Clone)]
pub struct Redacted {
    /// The report, judged again.
    pub report: Report,
    /// What the judgement says differently than without pseudonyms; empty but for a fault of this program.
    pub changed: Vec<&'static str>,
}

/// Observations that could not be rewritten: a fault of this program. It says nothing of what they hold.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("failed to put pseudonyms into the report")]
pub struct RedactError;

/// Options whose values are words of this program's own; all other values on a command line are somebody's names.
const PLAIN_OPTIONS: &[&str] = &[
    "profile",
    "service",
    "expect",
    "region",
    "timeout",
    "deadline",
    "wait",
    "fail-on",
    "format",
    "detail",
    "fips",
    "dual-stack",
    "no-sign",
    "no-hops",
    "no-controls",
    "no-inspect",
    "ipv4",
    "ipv6",
];

/// The report with pseudonyms under a key.
///
/// # Errors
/// None that anything in a report may cause.
pub fn redacted(report: &Report, key: &Key) -> Result<Redacted, RedactError> {
    // Judging first fills in what a brief report leaves out.
    let original = judge(report.recording.clone());
    let recording = pseudonymous(&original.recording, key).ok_or(RedactError)?;
    let report = judge(recording);
    let changed = changed(&original, &report);
    Ok(Redacted { report, changed })
}

fn pseudonymous(recording: &Recording, key: &Key) -> Option<Recording> {
    let redactor = Redactor {
        key,
        addresses: Addresses::new(key, published(recording), &recording.environment.host.vpc_cidrs),
        known: no_secrets(recording),
    };
    let mut value = serde_json::to_value(recording).ok()?;
    walk(&mut value, &redactor);
    let mut image: Recording = serde_json::from_value(value).ok()?;
    bare_names(recording, &mut image, &redactor);
    image.run.redacted = true;
    Some(image)
}

/// Every text in a value, wherever it stands. Keys are the schema's, never data.
fn walk(value: &mut Value, redactor: &Redactor<'_>) {
    match value {
        Value::String(text) => *text = redactor.text(text),
        Value::Array(members) => members.iter_mut().for_each(|member| walk(member, redactor)),
        Value::Object(members) => members.values_mut().for_each(|member| walk(member, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Fields that hold one name and nothing else, which is somebody's even where it is a word that this program knows.
fn bare_names(recording: &Recording, image: &mut Recording, redactor: &Redactor<'_>) {
    let name = |name: &String| redactor.name(name);
    let host = &recording.environment.host;
    image.environment.host.role = host.role.as_ref().map(name);
    image.environment.host.command_id = host.command_id.as_ref().map(name);
    image.run.settings.tables = recording.run.settings.tables.iter().map(name).collect();
    image.run.arguments = arguments(&recording.run.arguments, redactor);
    for (proof, image) in recording.proofs.buckets.iter().zip(&mut image.proofs.buckets) {
        image.bucket = redactor.name(&proof.bucket);
    }
}

/// A command line: options, the values of plain ones, and pseudonyms for all other values.
fn arguments(arguments: &[String], redactor: &Redactor<'_>) -> Vec<String> {
    let command = Cli::command();
    let options: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
    let mut plain = false;
    let mut images = Vec::new();
    for argument in arguments {
        if argument == "run" && images.is_empty() {
            images.push(argument.clone());
            continue;
        }
        let option = argument
            .strip_prefix("--")
            .map(|rest| rest.split_once('=').map_or((rest, None), |(name, value)| (name, Some(value))));
        let shown =
            |value: &str, plain: bool| if plain { redactor.text(value) } else { redactor.name(value) };
        images.push(match option {
            Some((name, value)) => {
                plain = PLAIN_OPTIONS.contains(&name);
                let value = value.map(|value| format!("={}", shown(value, plain))).unwrap_or_default();
                let name = if options.contains(&name) { name.to_owned() } else { redactor.name(name) };
                format!("--{name}{value}")
            }
            None if argument.len() == 2 && argument.starts_with('-') => {
                plain = false;
                argument.clone()
            }
            None => shown(argument, std::mem::take(&mut plain)),
        });
    }
    images
}

/// Blocks that AWS publishes: the embedded ranges of every Region, so that they are the same in all reports, and what EC2 said.
/// A list from a file may be anybody's.
fn published(recording: &Recording) -> Vec<IpNet> {
    let from_ec2 = recording.environment.prefix_lists.iter().filter(|list| list.source == Source::Ec2Api);
    let of_ec2 = from_ec2.flat_map(|list| &list.cidrs).filter(|cidr| !is_private(cidr.network()));
    prefix_lists::all_published().copied().chain(of_ec2.copied()).collect()
}

/// Words of a report that are no secret, though this program does not know them beforehand.
fn no_secrets(recording: &Recording) -> HashSet<String> {
    let host = &recording.environment.host;
    let mut known = HashSet::new();
    if let Some(region) =
        host.region.as_ref().filter(|region| catalogue::partition_of_region(region).is_some())
    {
        let zone = host.availability_zone.as_ref();
        // A Region that is too new to be listed has zones that are not known either.
        known.extend(
            zone.filter(|zone| zone.strip_prefix(region.as_str()).is_some_and(|rest| rest.len() == 1))
                .cloned(),
        );
        known.extend(profiles::published_buckets(region));
        known.insert(region.clone());
    }
    let lists = recording.environment.prefix_lists.iter().filter(|list| list.source == Source::Ec2Api);
    known.extend(lists.filter_map(|list| list.id.clone()));
    known
}

/// What two judgements say differently, leaving out names.
fn changed(original: &Report, image: &Report) -> Vec<&'static str> {
    let summary = |report: &Report| (report.summary.status, report.summary.exit_code);
    let verdicts = |report: &Report| -> Vec<_> {
        let said = report.verdicts.iter().map(|verdict| {
            let mut because: Vec<String> =
                verdict.because.iter().map(|reason| format!("{:?}", reason.signal)).collect();
            because.sort();
            let mut addresses: Vec<_> = verdict
                .addresses
                .iter()
                .map(|address| (address.path, address.confidence, address.reachable))
                .collect();
            addresses.sort();
            (
                verdict.path,
                verdict.via,
                verdict.confidence,
                verdict.reachable,
                verdict.required,
                because,
                addresses,
            )
        });
        said.collect()
    };
    let findings = |report: &Report| {
        let mut found: Vec<_> = report
            .findings
            .iter()
            .map(|finding| (finding.rule.clone(), finding.severity, format!("{:?}", finding.subject.kind)))
            .collect();
        found.sort();
        found
    };
    let checks = |report: &Report| -> Vec<_> {
        report.checks.iter().map(|check| (check.rule.clone(), format!("{:?}", check.outcome))).collect()
    };
    let differences = [
        ("status", summary(original) != summary(image)),
        ("verdicts", verdicts(original) != verdicts(image)),
        ("findings", findings(original) != findings(image)),
        ("checks", checks(original) != checks(image)),
    ];
    differences.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect()
}
