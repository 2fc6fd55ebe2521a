//! `vpc-lab`: a simulated VPC with AWS at its far end, in which unmodified programs run.
//!
//! This file reads the command line; [`lab`] builds and runs one lab.

mod aws;
mod change;
mod dns;
mod fabric;
mod imds;
mod instance;
mod lab;
mod live;
mod prefixes;
mod proxy;
mod realise;
mod scenario;
mod sys;
mod topology;
mod truth;
mod verify;
mod zone;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "vpc-lab", version, about = "A simulated VPC in Linux namespaces, with AWS at its far end")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Name the scenarios
    List,
    /// Run a command in a scenario's instance; without one, the agent with its table
    Run {
        /// A scenario's name, or the path of its file
        scenario: String,
        /// Write what really happened (packet counts, privileges) to this file as JSON
        #[arg(long, value_name = "FILE")]
        truth: Option<PathBuf>,
        /// The command and its arguments, after `--`
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Run the agent in the scenarios and compare its reports with what they expect and with the packet counts
    Test {
        /// The agent to test; by default the one beside this program
        #[arg(long, value_name = "PATH")]
        agent: Option<PathBuf>,
        /// How many scenarios run at the same time
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Leave each report in this folder, as SCENARIO.json
        #[arg(long, value_name = "FOLDER")]
        reports: Option<PathBuf>,
        /// The scenarios to run; all by default
        scenarios: Vec<String>,
    },
    /// Become the command of a lab that is being run (used by `run` itself)
    #[command(hide = true)]
    Enter {
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match obey(Arguments::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done about a standard error that is closed.
            let _ = writeln!(io::stderr(), "vpc-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List => {
            let mut out = io::stdout().lock();
            for name in scenario::names()? {
                writeln!(out, "{name:<30} {}", scenario::load(&name)?.title)
                    .context("failed to write the list")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Verb::Run { scenario, truth, command } => {
            let definition = scenario::load(&scenario)?;
            let command = if command.is_empty() { agent(&definition.arguments) } else { command };
            // Opened first: inside the lab the path may lead elsewhere.
            let ledger = truth.map(|path| {
                std::fs::File::create(&path).with_context(|| format!("failed to create {}", path.display()))
            });
            let ledger = ledger.transpose()?;
            let outcome = lab::run(&definition, &command)?;
            if let Some(file) = ledger {
                serde_json::to_writer(file, &outcome.truth).context("failed to write what happened")?;
            }
            Ok(ExitCode::from(u8::try_from(outcome.exit_code).unwrap_or(u8::MAX)))
        }
        Verb::Test { agent, jobs, reports, scenarios } => {
            let beside = || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("vpcprobe"));
            let agent = agent.map_or_else(beside, Ok).context("failed to find this program")?;
            let passed = verify::run(&verify::Plan { agent, jobs, reports, scenarios })?;
            Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Verb::Enter { command } => {
            let path = format!("{}/instance.json", realise::FOLDER);
            let surroundings =
                std::fs::read_to_string(path).context("failed to find the lab this belongs to")?;
            match instance::become_command(&surroundings, &command)? {}
        }
    }
}

/// The agent as a scenario starts it.
fn agent(arguments: &[String]) -> Vec<OsString> {
    let mut command = vec![OsString::from("vpcprobe"), "--format".into(), "table".into()];
    command.extend(arguments.iter().map(OsString::from));
    command
}
