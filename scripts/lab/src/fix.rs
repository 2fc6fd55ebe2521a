//! `vpc-lab fix`: do the commands that the agent prints really mend what it found?
//!
//! Every remedy of every scenario is parsed ([`parse`]): shell syntax by the shell, `aws` commands by the AWS CLI itself. Where a
//! scenario says so, the commands also run in its lab ([`mend`]), and the agent looks again. The commands come from the agent's
//! report as they stand there; nothing here knows a rule.

mod mend;
mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::realise;
use crate::scenario::{self, Fix};
pub(crate) use mend::mend;
use parse::Parsed;

/// What to mend, and with which agent.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) agent: PathBuf,
    pub(crate) jobs: usize,
    /// Where reports may lie already, as `SCENARIO.json`.
    pub(crate) reports: Option<PathBuf>,
    /// All scenarios if empty.
    pub(crate) scenarios: Vec<String>,
}

/// The part of a report that is about remedies.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Finding {
    rule: String,
    severity: String,
    subject: Subject,
    remedy: Remedy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Subject {
    id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Remedy {
    text: String,
    #[serde(default)]
    commands: Vec<String>,
}

/// What became of one scenario's remedies.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mended {
    before: Report,
    scripts: Vec<Ran>,
    /// Nothing where nothing was run.
    after: Option<Report>,
}

/// One script that was run.
#[derive(Debug, Serialize, Deserialize)]
struct Ran {
    rule: String,
    script: String,
    code: Option<i32>,
    said: String,
}

/// A scenario's remedies with what the plan says of them.
struct Outcome {
    scenario: String,
    fix: Fix,
    mended: Mended,
}

/// Runs the plan, prints what came of it, and returns whether every command parses, every fix that a scenario promises holds
/// and, where all scenarios took part, every rule's remedy was either tried or has its reason.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<bool> {
    let names =
        if plan.scenarios.is_empty() { scenario::names()? } else { scenario::expand(&plan.scenarios)? };
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, names.len().max(1)) {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let complaints = match outcome(plan, name) {
                        Ok(outcome) => {
                            let complaints = outcome.complaints();
                            let ran = !outcome.mended.scripts.is_empty();
                            outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
                            if complaints.is_empty() && !ran {
                                continue;
                            }
                            complaints
                        }
                        Err(error) => vec![format!("could not be run: {error:#}")],
                    };
                    failed.fetch_add(usize::from(!complaints.is_empty()), Ordering::Relaxed);
                    tell(name, start.elapsed(), &complaints);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by(|one, other| one.scenario.cmp(&other.scenario));
    let parsed = parse::all(remedies(&outcomes))?;
    let summary = Summary::of(&outcomes, &parsed);
    let mut out = io::stdout().lock();
    out.write_all(summary.text().as_bytes()).context("failed to write the result")?;
    let unclassified =
        plan.scenarios.is_empty() && !(summary.silent.is_empty() && summary.untried.is_empty());
    Ok(failed.into_inner() == 0 && summary.wrong.is_empty() && !unclassified)
}

fn tell(name: &str, elapsed: Duration, complaints: &[String]) {
    let verdict = if complaints.is_empty() { "ok    " } else { "FAILED" };
    let mut text = format!("{verdict} {name} ({:.1} s)\n", elapsed.as_secs_f64());
    for line in complaints.iter().flat_map(|complaint| complaint.lines()) {
        text.push_str("       ");
        text.push_str(line);
        text.push('\n');
    }
    // A closed standard output leaves the exit code to tell.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Runs one scenario in a process of its own, because a lab needs one without threads.
fn outcome(plan: &Plan, name: &str) -> anyhow::Result<Outcome> {
    let fix = scenario::load(name)?.fix.unwrap_or_default();
    let file = plan.reports.as_ref().map(|folder| scenario::report_file(folder, name));
    let file = file.filter(|file| file.is_file());
    if let (Some(file), true) = (&file, fix.findings.is_empty()) {
        let mended = Mended { before: read(file)?, scripts: Vec::new(), after: None };
        return Ok(Outcome { scenario: name.to_owned(), fix, mended });
    }
    let mut command = Command::new(std::env::current_exe().context("failed to find this program")?);
    command.args(["mend", name, "--agent"]).arg(&plan.agent).env("PATH", realise::search_path());
    if let Some(file) = file {
        command.arg("--report").arg(file);
    }
    let output = command.output().context("failed to start the lab")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let mended = serde_json::from_slice(&output.stdout).context("failed to read what became of it")?;
    Ok(Outcome { scenario: name.to_owned(), fix, mended })
}

fn read(file: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("failed to understand {}", file.display()))
}

impl Outcome {
    /// Everything that is not as the scenario's plan wants it.
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let before = keys(&self.mended.before, |_| true);
        for rule in self.fix.rules().chain(self.fix.reasons().map(|(rule, _)| rule.as_str())) {
            if !before.iter().any(|(found, _)| found == rule) {
                complaints.push(format!("the agent does not find {rule} here"));
            }
        }
        for ran in self.mended.scripts.iter().filter(|ran| ran.code != Some(0)) {
            let code = ran.code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
            complaints.push(format!("{}: {code} of\n{}\n{}", ran.rule, ran.script.trim(), ran.said.trim()));
        }
        let Some(after) = &self.mended.after else { return complaints };
        let wanted = |finding: &Finding| self.fix.wants(&finding.rule, &finding.subject.id);
        for (rule, subject) in keys(after, wanted) {
            complaints.push(format!("{rule} is still there, about {subject}"));
        }
        let worse = keys(after, |finding| finding.severity != "notice");
        let new = worse.difference(&before).filter(|(rule, subject)| !self.fix.wants(rule, subject));
        for (rule, subject) in new {
            complaints.push(format!("{rule} is new, about {subject}"));
        }
        complaints
    }
}

/// The findings of a kind, by rule and subject.
fn keys(report: &Report, wanted: impl Fn(&Finding) -> bool) -> BTreeSet<(String, String)> {
    let findings = report.findings.iter().filter(|finding| wanted(finding));
    findings.map(|finding| (finding.rule.clone(), finding.subject.id.clone())).collect()
}

/// Every remedy that was printed, once.
fn remedies(outcomes: &[Outcome]) -> BTreeMap<Vec<String>, String> {
    let mut remedies = BTreeMap::new();
    for outcome in outcomes {
        for finding in &outcome.mended.before.findings {
            let place = format!("{} in {}", finding.rule, outcome.scenario);
            remedies.entry(finding.remedy.commands.clone()).or_insert(place);
        }
    }
    remedies
}

/// What is known of the rules' remedies once everything has run.
struct Summary {
    /// By rule: the scenarios in which its commands were shown to help.
    fixed: BTreeMap<String, Vec<String>>,
    /// By rule: why there is nothing to run.
    words_only: BTreeMap<String, String>,
    /// By rule: why the lab cannot run what there is.
    not_run: BTreeMap<String, String>,
    /// Rules without a command that changes anything, of which no scenario says why.
    silent: BTreeSet<String>,
    /// Rules with commands that change something and that no scenario has run.
    untried: BTreeSet<String>,
    commands: usize,
    /// What does not parse, and what a plan says wrongly.
    wrong: Vec<String>,
}

impl Summary {
    fn of(outcomes: &[Outcome], parsed: &Parsed) -> Self {
        let mut wrong = parsed.wrong.clone();
        let mut fixed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (mut words_only, mut not_run) = (BTreeMap::new(), BTreeMap::new());
        let mut rules = BTreeSet::new();
        let mut changing = BTreeSet::new();
        for outcome in outcomes {
            for finding in &outcome.mended.before.findings {
                rules.insert(finding.rule.clone());
                if !parsed.changing.contains(&finding.remedy.commands) {
                    continue;
                }
                changing.insert(finding.rule.clone());
                if outcome.fix.words_only.contains_key(&finding.rule) {
                    wrong.push(format!(
                        "{}: the remedy of {} has commands that change something",
                        outcome.scenario, finding.rule
                    ));
                }
            }
            for rule in outcome.fix.rules().filter(|_| outcome.complaints().is_empty()) {
                fixed.entry(rule.to_owned()).or_default().push(outcome.scenario.clone());
            }
            words_only.extend(outcome.fix.words_only.clone());
            not_run.extend(outcome.fix.not_run.clone());
        }
        for rule in fixed.keys().filter(|rule| !changing.contains(*rule)) {
            wrong.push(format!("{rule}: called fixed, but no command of it changes anything"));
        }
        // What is shown somewhere needs no excuse elsewhere.
        words_only.retain(|rule, _| !fixed.contains_key(rule));
        not_run.retain(|rule, _| !fixed.contains_key(rule));
        let open = |rule: &&String| {
            ![fixed.contains_key(*rule), words_only.contains_key(*rule), not_run.contains_key(*rule)]
                .contains(&true)
        };
        let silent = rules.difference(&changing).filter(open).cloned().collect();
        let untried = changing.iter().filter(open).cloned().collect();
        Self { fixed, words_only, not_run, silent, untried, commands: parsed.commands, wrong }
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("fixed by their printed commands: {} rules", self.fixed.len())];
        lines
            .extend(self.fixed.iter().map(|(rule, scenarios)| format!("  {rule}: {}", scenarios.join(", "))));
        for (what, rules) in [("words only", &self.words_only), ("beyond the lab", &self.not_run)] {
            lines.push(format!("{what}: {} rules", rules.len()));
            lines.extend(rules.iter().map(|(rule, why)| format!("  {rule}: {why}")));
        }
        for (what, rules) in [
            ("nothing to run, and no scenario says why", &self.silent),
            ("commands that no scenario has run", &self.untried),
        ] {
            if !rules.is_empty() {
                lines.push(format!("{what}: {} rules", rules.len()));
                lines.extend(rules.iter().map(|rule| format!("  {rule}")));
            }
        }
        lines.push(format!("AWS CLI commands parsed: {}, wrong: {}", self.commands, self.wrong.len()));
        lines.extend(self.wrong.iter().map(|each| format!("  {}", each.replace('\n', "\n  "))));
        lines.join("\n") + "\n"
    }
}
