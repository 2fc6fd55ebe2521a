//! `vpc-lab`: a simulated VPC with AWS at its far end, in which unmodified programs run.

mod aws;
mod change;
mod dns;
mod fabric;
mod imds;
mod instance;
mod lab;
mod prefixes;
mod realise;
mod scenario;
mod sys;
mod topology;
mod zone;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Names the scenarios
    List,
    /// Runs a command in a scenario's instance; without one, the agent
    Run { scenario: String, #[arg(last = true)] command: Vec<OsString> },
    #[command(hide = true)]
    Enter { #[arg(last = true)] command: Vec<OsString> },
}

fn main() -> ExitCode {
    match go(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("vpc-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn go(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List => {
            for name in scenario::names()? {
                println!("{name:24} {}", scenario::load(&name)?.title);
            }
            Ok(ExitCode::SUCCESS)
        }
        Verb::Run { scenario, command } => {
            let definition = scenario::load(&scenario)?;
            let code = lab::run(&definition, &command)?;
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
        Verb::Enter { command } => {
            let text = std::fs::read_to_string(format!("{}/instance.json", realise::FOLDER))?;
            match instance::become_command(&text, &command)? {}
        }
    }
}
