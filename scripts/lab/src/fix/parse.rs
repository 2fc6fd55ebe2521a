//! Whether commands are commands: the shell reads them, and the AWS CLI parses each call of it and checks its parameters against
//! the service's own model, without sending anything.
//!
//! A dry run of the script hands every argument vector over as the shell makes it, whatever variables and substitutions stand
//! in between.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::realise;

/// What is known of the remedies after parsing.
pub(super) struct Parsed {
    /// How many different calls of the AWS CLI there were.
    pub(super) commands: usize,
    /// The remedies (as their commands) that change something.
    pub(super) changing: BTreeSet<Vec<String>>,
    pub(super) wrong: Vec<String>,
}

/// What a printed script may use besides the AWS CLI: text tools of any Linux machine.
const TEXT_TOOLS: [&str; 11] =
    ["sed", "grep", "awk", "tr", "head", "tail", "cut", "cat", "sort", "printf", "jq"];

/// Stands in for the AWS CLI: keeps its arguments and answers something, where a policy is asked for an empty one.
const RECORDER: &str = r#"#!/bin/sh
printf '%s\0' "$#" "$@" >>"$VPC_LAB_RECORD"
case "$*" in *".PolicyDocument "* | *"--query Policy "*) echo '{"Statement":[]}' ;; *) echo dry-run ;; esac
"#;

/// Parses remedies, each with where it was found.
///
/// # Errors
///
/// When the shell or the AWS CLI cannot be started; what they refuse is in the answer.
pub(super) fn all(remedies: BTreeMap<Vec<String>, String>) -> anyhow::Result<Parsed> {
    let folder = tempfile::tempdir().context("failed to make a folder")?;
    let tools = tools(folder.path())?;
    let mut wrong = Vec::new();
    let mut changing = BTreeSet::new();
    let mut calls: BTreeMap<Vec<String>, Vec<(Vec<String>, String)>> = BTreeMap::new();
    for (commands, place) in remedies {
        let all: Vec<&str> = commands.iter().map(String::as_str).collect();
        let syntax = sh(&["-n"], &script(&all), folder.path(), &tools)?;
        if !syntax.status.success() {
            wrong.push(format!("{place}: {}", String::from_utf8_lossy(&syntax.stderr).trim()));
            continue;
        }
        let (operators, instances): (Vec<&str>, Vec<&str>) =
            all.iter().partition(|command| is_operators(command));
        if instances.iter().any(|command| changes_instance(command)) {
            changing.insert(commands.clone());
        }
        match dry_run(&operators, folder.path(), &tools)? {
            Ok(found) => {
                for call in found {
                    calls.entry(call).or_default().push((commands.clone(), place.clone()));
                }
            }
            Err(said) => wrong.push(format!("{place}: {said}")),
        }
    }
    let vectors: Vec<&Vec<String>> = calls.keys().collect();
    let answers = by_cli(&vectors)?;
    ensure!(answers.len() == vectors.len(), "the parser gave {} answers to {}", answers.len(), vectors.len());
    for ((call, remedies), answer) in calls.iter().zip(answers) {
        if let Some(error) = answer.error {
            let places: BTreeSet<&str> = remedies.iter().map(|(_, place)| place.as_str()).collect();
            let places = places.into_iter().collect::<Vec<_>>().join(", ");
            wrong.push(format!("{places}: aws {}: {error}", call.join(" ")));
        }
        if answer.changes {
            changing.extend(remedies.iter().map(|(commands, _)| commands.clone()));
        }
    }
    Ok(Parsed { commands: calls.len(), changing, wrong })
}

/// Whether a command belongs to an operator of the account: it calls the AWS CLI.
pub(super) fn is_operators(command: &str) -> bool {
    let words = command.split(|character: char| character.is_whitespace() || "(;|&\"'`".contains(character));
    let mut words = words.filter(|word| !word.is_empty());
    words.any(|word| word == "aws")
}

/// Whether a command for the instance's shell changes something there: its environment, or a file of its settings.
fn changes_instance(command: &str) -> bool {
    sets_environment(command) || without_sudo(command).is_some() || command.contains(" >/etc/")
}

/// What a command wants root to do.
pub(super) fn without_sudo(command: &str) -> Option<&str> {
    command.strip_prefix("sudo ")
}

/// Whether a command is about the environment of what is started after it.
pub(super) fn sets_environment(command: &str) -> bool {
    command.starts_with("export ") || command.starts_with("unset ")
}

/// Commands as one script.
pub(super) fn script(commands: &[&str]) -> String {
    commands.iter().flat_map(|command| [*command, "\n"]).collect()
}

/// A folder with the recorder and the text tools, and nothing else.
fn tools(folder: &Path) -> anyhow::Result<PathBuf> {
    let tools = folder.join("tools");
    std::fs::create_dir(&tools).context("failed to make a folder")?;
    let recorder = tools.join("aws");
    std::fs::write(&recorder, RECORDER).context("failed to write the recorder")?;
    std::fs::set_permissions(&recorder, std::fs::Permissions::from_mode(0o755))
        .context("failed to make the recorder a program")?;
    let path = realise::search_path();
    for tool in TEXT_TOOLS {
        let found = std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file());
        if let Some(found) = found {
            symlink(found, tools.join(tool)).context("failed to link a tool")?;
        }
    }
    Ok(tools)
}

/// The argument vectors of all calls of the AWS CLI in a script, or what the shell said against it.
fn dry_run(
    commands: &[&str],
    folder: &Path,
    tools: &Path,
) -> anyhow::Result<Result<Vec<Vec<String>>, String>> {
    let record = folder.join("record");
    std::fs::write(&record, "").context("failed to make the record")?;
    let output = sh(&["-eu"], &script(commands), folder, tools)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Ok(Err(format!("a dry run ends with {}: {said}", output.status)));
    }
    let text = std::fs::read_to_string(&record).context("failed to read the record")?;
    let mut fields = text.split_terminator('\0').map(str::to_owned);
    let mut calls = Vec::new();
    while let Some(count) = fields.next() {
        let count = count.parse().context("failed to read the record")?;
        calls.push(fields.by_ref().take(count).collect());
    }
    Ok(Ok(calls))
}

fn sh(options: &[&str], script: &str, folder: &Path, tools: &Path) -> anyhow::Result<Output> {
    Command::new("/bin/sh")
        .args(options)
        .args(["-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", tools)
        .env("VPC_LAB_RECORD", folder.join("record"))
        .stdin(Stdio::null())
        .output()
        .context("failed to start the shell")
}

/// What the AWS CLI says of one call.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    /// Whether the operation changes something.
    changes: bool,
    error: Option<String>,
}

/// Asks the AWS CLI's own code about all calls at once.
fn by_cli(calls: &[&Vec<String>]) -> anyhow::Result<Vec<Answer>> {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("parse-aws-commands");
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start {}", program.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that stops reading has said why on its standard error, which is what gets reported.
        let _ = stdin.write_all(serde_json::to_string(calls)?.as_bytes());
    }
    let output = child.wait_with_output().context("failed to wait for the parser")?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(output.status.success(), "the parser of AWS CLI commands failed: {said}");
    serde_json::from_slice(&output.stdout).context("failed to read what the parser said")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_call_the_cli_belong_to_the_operator() {
        assert!(is_operators("aws ec2 describe-vpcs"));
        assert!(is_operators("RT=$(aws ec2 describe-route-tables)"));
        assert!(is_operators("echo x; aws s3 ls"));
        assert!(!is_operators("dig +short s3.us-east-1.amazonaws.com"));
        assert!(!is_operators("sudo systemctl restart amazon-ssm-agent"));
    }

    #[test]
    fn settings_of_the_instance_are_told_from_looks_at_it() {
        assert!(changes_instance("export AWS_USE_DUALSTACK_ENDPOINT=true"));
        assert!(changes_instance("printf '%s\\n' \"$R\" >/etc/hosts"));
        assert!(!changes_instance("getent ahosts s3.us-east-1.amazonaws.com 2>/dev/null"));
    }

    #[test]
    fn a_dry_run_records_what_the_shell_makes_of_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools(folder.path()).unwrap();
        let commands = ["RT=$(aws a 'b c' | sed s/dry/wet/)", "aws d \"$RT\""];
        let calls = dry_run(&commands, folder.path(), &tools).unwrap().unwrap();
        assert_eq!(calls, [vec!["a", "b c"], vec!["d", "wet-run"]]);
    }

    #[test]
    fn a_dry_run_fails_where_a_variable_was_never_set() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools(folder.path()).unwrap();
        assert!(dry_run(&["aws a \"$RT\""], folder.path(), &tools).unwrap().is_err());
        assert!(dry_run(&["frobnicate"], folder.path(), &tools).unwrap().is_err());
    }
}
