//! One scenario's lab in which the remedies run: the agent finds, the printed commands run, the agent looks again, in an
//! environment that has what those commands export.

use std::ffi::OsString;
use std::path::Path;
use std::process::Output;

use anyhow::Context as _;

use super::parse::{is_operators, script, sets_environment, without_sudo};
use super::{Finding, Mended, Ran, Report, read};
use crate::instance::Place;
use crate::lab::Lab;
use crate::scenario::{self, Definition, Fix};

/// Runs what the scenario wants to be run. Must be called before any thread exists.
///
/// # Errors
///
/// When there is no such scenario, the lab cannot be built, or the agent prints no report.
pub(crate) fn mend(name: &str, agent: &Path, report: Option<&Path>) -> anyhow::Result<Mended> {
    let definition = scenario::load(name)?;
    let before = report.map(read).transpose()?;
    let lab = Lab::start(&definition, &definition.environment)?;
    let before = before.map_or_else(|| look(&lab, &definition, agent, &[]), Ok)?;
    let fix = definition.fix.clone().unwrap_or_default();
    let mut scripts = Vec::new();
    let mut exports = Vec::new();
    for rule in fix.rules() {
        let wanted = |finding: &&Finding| finding.rule == rule && fix.wants(rule, &finding.subject.id);
        for finding in before.findings.iter().filter(wanted) {
            let commands = chosen(finding, &fix);
            scripts.extend(run(&lab, rule, &commands)?);
            exports.extend(commands.into_iter().filter(|command| sets_environment(command)));
        }
    }
    let after = if scripts.is_empty() { None } else { Some(look(&lab, &definition, agent, &exports)?) };
    Ok(Mended { before, scripts, after })
}

/// Runs the agent as the scenario starts it, after commands that set its environment.
fn look(lab: &Lab, definition: &Definition, agent: &Path, exports: &[&str]) -> anyhow::Result<Report> {
    let shell = format!("{}exec \"$0\" \"$@\"", script(exports));
    let mut command: Vec<OsString> = ["sh", "-eu", "-c", &shell].map(OsString::from).to_vec();
    command.extend([OsString::from(agent), "--format".into(), "json".into()]);
    command.extend(definition.arguments.iter().map(OsString::from));
    let output = lab.capture(Place::Instance, &command)?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("the agent printed no report; it said: {}", String::from_utf8_lossy(&output.stderr).trim())
    })
}

/// The commands of a remedy that the scenario wants to be run.
fn chosen<'a>(finding: &'a Finding, fix: &Fix) -> Vec<&'a str> {
    let numbers = fix.chosen.get(&finding.rule);
    let commands = finding.remedy.commands.iter().zip(1..);
    let wanted = commands.filter(|(_, number)| numbers.is_none_or(|numbers| numbers.contains(number)));
    wanted.map(|(command, _)| command.as_str()).collect()
}

/// Runs commands, in the order in which their places are first named; on the instance what is started with `sudo` by itself.
fn run(lab: &Lab, rule: &str, commands: &[&str]) -> anyhow::Result<Vec<Ran>> {
    // What the operator's shell remembers must reach its later commands, so each place has one script.
    let mut places: Vec<((Place, bool), Vec<&str>)> = Vec::new();
    for &command in commands {
        let place = if is_operators(command) { Place::Operator } else { Place::Instance };
        let as_root = without_sudo(command).filter(|_| place == Place::Instance);
        let (place, command) = ((place, as_root.is_some()), as_root.unwrap_or(command));
        match places.iter_mut().find(|(other, _)| *other == place) {
            Some((_, commands)) => commands.push(command),
            None => places.push((place, vec![command])),
        }
    }
    let mut scripts = Vec::new();
    for ((place, as_root), commands) in places {
        let script = script(&commands);
        let shell = ["sudo", "sh", "-eu", "-c", &script];
        let shell: Vec<OsString> =
            shell.iter().skip(usize::from(!as_root)).map(|word| OsString::from(*word)).collect();
        let output = lab.capture(place, &shell)?;
        scripts.push(Ran { rule: rule.to_owned(), script, code: output.status.code(), said: said(&output) });
    }
    Ok(scripts)
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().chars().take(2_000).collect::<String>();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}
