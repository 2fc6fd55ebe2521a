//! `vpc-lab test`: runs the agent in every scenario and compares its report with what the scenario expects and with what
//! really happened.
//!
//! Each scenario runs in a process of its own, because a lab needs a process without threads and takes everything down
//! with it. The report is read as JSON and by its published schema only: this crate knows nothing of the agent.

mod redaction;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::realise;
use crate::scenario::{self, Definition};
use crate::truth::Truth;
use report::Report;

/// What to test, and with which agent.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) agent: PathBuf,
    pub(crate) jobs: usize,
    /// Where to leave each report, as `SCENARIO.json`.
    pub(crate) reports: Option<PathBuf>,
    /// Whether to list the verdicts that are undetermined.
    pub(crate) undetermined: bool,
    /// All scenarios if empty.
    pub(crate) scenarios: Vec<String>,
}

/// What came of one scenario.
#[derive(Debug, Default)]
struct Outcome {
    /// Everything that is wrong.
    complaints: Vec<String>,
    /// Verdicts without a path, with their reasons.
    undetermined: Vec<String>,
}

/// The longest summary Run Command shows, in characters.
const LONGEST_SUMMARY: usize = 1_500;
/// The longest report Run Command keeps, in characters.
const LONGEST_REPORT: usize = 24_000;

/// Runs every scenario of the plan, prints one line for each and the differences below it, and returns whether all
/// passed.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<bool> {
    let agent = plan.agent.clone();
    let names =
        if plan.scenarios.is_empty() { scenario::names()? } else { scenario::expand(&plan.scenarios)? };
    let schema = json_of(Command::new(&agent).arg("schema"))?;
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, names.len().max(1)) {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let outcome =
                        check(&agent, name, &schema, plan.reports.as_deref()).unwrap_or_else(|error| {
                            Outcome {
                                complaints: vec![format!("could not be run: {error:#}")],
                                ..Outcome::default()
                            }
                        });
                    let text = lines(name, start.elapsed(), &outcome.complaints);
                    let mut outcomes = outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    // A closed standard output leaves the exit code to tell.
                    let _ = io::stdout().write_all(text.as_bytes());
                    outcomes.insert(name, outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let failed = outcomes.values().filter(|outcome| !outcome.complaints.is_empty()).count();
    io::stdout()
        .write_all(closing(&outcomes, failed, plan.undetermined).as_bytes())
        .context("failed to write the result")?;
    Ok(failed == 0)
}

/// What is said after the last scenario.
fn closing(outcomes: &BTreeMap<&String, Outcome>, failed: usize, undetermined: bool) -> String {
    let mut lines = Vec::new();
    if undetermined {
        lines.push("undetermined:".to_owned());
        for (name, outcome) in outcomes {
            lines.extend(outcome.undetermined.iter().map(|verdict| format!("  {name}: {verdict}")));
        }
    }
    lines.push(format!("{} passed, {failed} failed\n", outcomes.len() - failed));
    lines.join("\n")
}

fn lines(name: &str, elapsed: Duration, complaints: &[String]) -> String {
    let verdict = if complaints.is_empty() { "ok    " } else { "FAILED" };
    let mut text = format!("{verdict} {name} ({:.1} s)\n", elapsed.as_secs_f64());
    for complaint in complaints {
        for line in complaint.lines() {
            text.push_str("       ");
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Runs one scenario and looks at everything that could be wrong.
fn check(agent: &Path, name: &str, schema: &Value, reports: Option<&Path>) -> anyhow::Result<Outcome> {
    let definition = scenario::load(name)?;
    let folder = tempfile::tempdir().context("failed to make a folder")?;
    let truth_file = folder.path().join("truth.json");
    let output = Command::new(std::env::current_exe().context("failed to find this program")?)
        .args(["run", name, "--truth"])
        .arg(&truth_file)
        .arg("--")
        .arg(agent)
        .args(["--format", "json"])
        .args(&definition.arguments)
        .env("PATH", realise::search_path())
        .output()
        .context("failed to start the lab")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if let Some(folder) = reports {
        let file = scenario::report_file(folder, name);
        std::fs::write(&file, &text).with_context(|| format!("failed to write {}", file.display()))?;
    }
    let Ok(value) = serde_json::from_str::<Value>(&text) else {
        bail!(
            "the agent did not print a report, but {:?}\n{}",
            text,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    };
    let truth = std::fs::read(&truth_file).context("failed to read what happened")?;
    let truth: Truth = serde_json::from_slice(&truth).context("failed to read what happened")?;

    let mut complaints = by_schema(schema, &value);
    let report: Report = match serde_json::from_value(value.clone()) {
        Ok(report) => report,
        Err(error) => {
            complaints.push(format!("the report lacks what the contract fixes: {error}"));
            return Ok(Outcome { complaints, ..Outcome::default() });
        }
    };
    complaints.extend(by_expectation(&definition, &report, &output));
    complaints.extend(report.contradictions(&truth));
    complaints.extend(report.foreign_words(&definition.topology.region));
    complaints.extend(by_privileges(&truth));
    complaints.extend(by_size(&text, &value));
    complaints.extend(by_judging(agent, folder.path(), &text)?);
    complaints.extend(redaction::complaints(agent, folder.path(), &text, &report, &definition)?);
    Ok(Outcome { complaints, undetermined: report.undetermined() })
}

fn by_schema(schema: &Value, report: &Value) -> Vec<String> {
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator
            .iter_errors(report)
            .map(|error| format!("schema: {error} at {}", error.instance_path()))
            .collect(),
        Err(error) => vec![format!("the agent's schema is none: {error}")],
    }
}

fn by_expectation(definition: &Definition, report: &Report, output: &Output) -> Vec<String> {
    let expect = &definition.expect;
    let mut complaints = Vec::new();
    if report.summary.status != expect.status {
        complaints.push(format!("status: expected {}, got {}", expect.status, report.summary.status));
    }
    let code = output.status.code();
    for (what, got) in [("exit code", code), ("summary.exit_code", Some(report.summary.exit_code))] {
        if got != Some(expect.exit_code) {
            complaints.push(format!("{what}: expected {}, got {got:?}", expect.exit_code));
        }
    }
    let expected: BTreeSet<_> = expect.verdicts.iter().cloned().collect();
    complaints.extend(difference("verdict", &expected, &report.verdicts_like(&expected)));
    let expected: BTreeSet<_> = expect.findings.iter().cloned().collect();
    complaints.extend(difference("finding", &expected, &report.findings_as_expected()));
    if let Some(most) = expect.max_elapsed_ms
        && report.run.elapsed_ms > most
    {
        complaints.push(format!("elapsed: at most {most} ms, got {} ms", report.run.elapsed_ms));
    }
    complaints
}

/// One line for each member that only one of two sets has.
fn difference<T: Ord + Display>(what: &str, expected: &BTreeSet<T>, got: &BTreeSet<T>) -> Vec<String> {
    let missing = expected.difference(got).map(|each| format!("- {what} {each}"));
    let surplus = got.difference(expected).map(|each| format!("+ {what} {each}"));
    missing.chain(surplus).collect()
}

fn by_privileges(truth: &Truth) -> Option<String> {
    match &truth.capabilities {
        Some(capabilities) if capabilities.none() => None,
        Some(capabilities) => Some(format!("the agent ran with privileges: {capabilities:?}")),
        None => Some("the agent's privileges could not be read".to_owned()),
    }
}

fn by_size(text: &str, report: &Value) -> Vec<String> {
    let summary = report["summary"].to_string().chars().count();
    let whole = text.trim_end().chars().count();
    let too_long = |what: &str, got: usize, most: usize| {
        (got > most).then(|| format!("{what}: at most {most} characters, got {got}"))
    };
    let lines = (text.trim_end().lines().count() != 1).then(|| "the report is not one line".to_owned());
    [too_long("summary", summary, LONGEST_SUMMARY), too_long("report", whole, LONGEST_REPORT), lines]
        .into_iter()
        .flatten()
        .collect()
}

/// A report's parts, each as the bytes that were printed.
type Parts = BTreeMap<String, Box<RawValue>>;

/// What the agent concludes must follow from what it observed: without the conclusions it must come to the same ones,
/// byte for byte.
fn by_judging(agent: &Path, folder: &Path, report: &str) -> anyhow::Result<Vec<String>> {
    const CONCLUSIONS: [&str; 4] = ["summary", "verdicts", "findings", "checks"];
    let first: Parts = serde_json::from_str(report).context("failed to read the report")?;
    let mut observations = first.clone();
    observations.retain(|key, _| !CONCLUSIONS.contains(&key.as_str()));
    let file = folder.join("observations.json");
    let text = serde_json::to_string(&observations).context("failed to write observations")?;
    std::fs::write(&file, text).context("failed to write observations")?;
    let second: Parts = json_of(Command::new(agent).arg("judge").arg(&file).args(["--format", "json"]))?;
    let part =
        |parts: &Parts, key: &str| parts.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let mut complaints = Vec::new();
    for key in CONCLUSIONS {
        let (before, after) = (part(&first, key), part(&second, key));
        if before != after {
            complaints
                .push(format!("judging the observations again gives other {key}:\n- {before}\n+ {after}"));
        }
    }
    Ok(complaints)
}

/// Runs a program that prints JSON. Its exit code is not looked at: a judge of bad news does not exit with 0.
fn json_of<T: DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let output = command.output().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(
        !output.stdout.is_empty(),
        "{command:?} printed nothing; it said: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).with_context(|| format!("failed to read what {command:?} printed"))
}
