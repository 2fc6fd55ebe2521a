//! `vpc-lab`: a simulated VPC with AWS at its far end, in which unmodified programs run.
//!
//! This file reads the command line; [`lab`] builds and runs one lab.

mod aws;
mod change;
mod delay;
mod dns;
mod driver;
mod etc;
mod fabric;
mod fix;
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
mod trust;
mod truth;
mod verify;
mod walks;
mod zone;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// What `vpc-lab fix --help` says besides.
const FIX: &str = r#"Every `aws` command of every remedy is parsed by the AWS CLI itself. In the scenarios that have a table [fix], the commands are
also run by `sh -eu`: those of the AWS CLI as the account's administrator on the internet, all others in the instance, as its
root where they begin with `sudo`. After that the agent must not report the finding any more, nor any new warning or error. Where
all scenarios take part, each rule has to have been fixed in one, or to have a reason in one.

  [fix]
  findings = ["s3-egress-through-nat"]              rules whose findings here must go (RULE:SUBJECT for one)
  chosen = { "s3-egress-through-nat" = [1, 3] }     where a remedy lists alternatives: which commands, from 1
  account = "210987654321"                          the operator's account, where it is not the instance's
  not_run = { "ssm-agent-hibernating" = "why" }     rules whose commands the lab cannot run
  words_only = { "credentials-missing" = "why" }    rules whose remedy has nothing to run"#;

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
        /// Where the command runs
        #[arg(long, value_enum, default_value = "instance")]
        place: instance::Place,
        /// How long the way to AWS and back takes, in milliseconds, besides what this machine needs for it
        #[arg(long, value_name = "MS", default_value_t = 0)]
        round_trip: u32,
        /// What a shell of the account's administrator, somewhere on the internet, does at the same time
        #[arg(long, value_name = "SCRIPT")]
        meanwhile: Option<String>,
        /// The command and its arguments, after `--`
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Run the agent in the scenarios and compare its reports with what they expect and with the packet counts
    Test {
        /// The agent to test; by default the one beside this program
        #[arg(long, value_name = "PATH")]
        agent: Option<PathBuf>,
        /// How many scenarios run at the same time; mostly they wait
        #[arg(long, default_value_t = 4)]
        jobs: usize,
        /// Leave each report in this folder, as SCENARIO.json
        #[arg(long, value_name = "FOLDER")]
        reports: Option<PathBuf>,
        /// List every verdict that ends undetermined, with its reasons
        #[arg(long)]
        undetermined: bool,
        /// The scenarios to run (NAME, or NAME/VARIANT for one of several); all by default
        scenarios: Vec<String>,
    },
    /// Run the commands that the agent prints as remedies, and look whether they help
    #[command(after_help = FIX)]
    Fix {
        /// The agent to test; by default the one beside this program
        #[arg(long, value_name = "PATH")]
        agent: Option<PathBuf>,
        /// How many scenarios run at the same time; mostly they wait
        #[arg(long, default_value_t = 4)]
        jobs: usize,
        /// Take reports from this folder, where `test --reports` has left them, instead of running the agent first
        #[arg(long, value_name = "FOLDER")]
        reports: Option<PathBuf>,
        /// The scenarios; all by default
        scenarios: Vec<String>,
    },
    /// Compare the agent's hop walks with those of traceroute
    Walks {
        /// The agent to test; by default the one beside this program
        #[arg(long, value_name = "PATH")]
        agent: Option<PathBuf>,
        /// How many scenarios run at the same time; mostly they wait
        #[arg(long, default_value_t = 24)]
        jobs: usize,
        /// The scenarios; all by default
        scenarios: Vec<String>,
    },
    /// Compare the walks of one scenario and print them as JSON (used by `walks` itself)
    #[command(hide = true)]
    Walk {
        scenario: String,
        #[arg(long)]
        agent: PathBuf,
    },
    /// Run one scenario's remedies in its lab and print what became of them as JSON (used by `fix` itself)
    #[command(hide = true)]
    Mend {
        scenario: String,
        #[arg(long)]
        agent: PathBuf,
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Become the command of a lab that is being run (used by `run` itself)
    #[command(hide = true)]
    Enter {
        #[arg(long)]
        place: instance::Place,
        /// Leave the machine's own files alone
        #[arg(long)]
        harmless: bool,
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
        Verb::Run { scenario, truth, place, round_trip, meanwhile, command } => {
            let mut definition = scenario::load(&scenario)?;
            definition.topology.round_trip_ms = round_trip;
            let command = if command.is_empty() { agent(&definition.arguments) } else { command };
            // Opened first: inside the lab the path may lead elsewhere.
            let ledger = truth.map(|path| {
                std::fs::File::create(&path).with_context(|| format!("failed to create {}", path.display()))
            });
            let ledger = ledger.transpose()?;
            let outcome = lab::run(&definition, place, meanwhile.as_deref(), &command)?;
            if let Some(file) = ledger {
                serde_json::to_writer(file, &outcome.truth).context("failed to write what happened")?;
            }
            Ok(ExitCode::from(u8::try_from(outcome.exit_code).unwrap_or(u8::MAX)))
        }
        Verb::Test { agent, jobs, reports, undetermined, scenarios } => {
            let plan =
                verify::Plan { agent: agent_or_beside(agent)?, jobs, reports, undetermined, scenarios };
            Ok(exit(verify::run(&plan)?))
        }
        Verb::Fix { agent, jobs, reports, scenarios } => {
            let plan = fix::Plan { agent: agent_or_beside(agent)?, jobs, reports, scenarios };
            Ok(exit(fix::run(&plan)?))
        }
        Verb::Walks { agent, jobs, scenarios } => {
            let plan = walks::Plan { agent: agent_or_beside(agent)?, jobs, scenarios };
            Ok(exit(walks::run(&plan)?))
        }
        Verb::Walk { scenario, agent } => {
            let compared = walks::compare(&scenario, &agent)?;
            serde_json::to_writer(io::stdout(), &compared).context("failed to write what was compared")?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Mend { scenario, agent, report } => {
            let mended = fix::mend(&scenario, &agent, report.as_deref())?;
            serde_json::to_writer(io::stdout(), &mended).context("failed to write what became of it")?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Enter { place, harmless, command } => {
            let surroundings =
                std::fs::read_to_string(place.file()).context("failed to find the lab this belongs to")?;
            match instance::become_command(&surroundings, harmless, &command)? {}
        }
    }
}

/// The agent to test, which usually lies beside this program.
fn agent_or_beside(agent: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let beside = || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("vpcprobe"));
    let agent = agent.map_or_else(beside, Ok).context("failed to find this program")?;
    agent.canonicalize().with_context(|| format!("failed to find the agent at {}", agent.display()))
}

fn exit(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The agent as a scenario starts it.
fn agent(arguments: &[String]) -> Vec<OsString> {
    let mut command = vec![OsString::from("vpcprobe"), "--format".into(), "table".into()];
    command.extend(arguments.iter().map(OsString::from));
    command
}
