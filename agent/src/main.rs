//! The shell around the library: arguments in, report out, exit code. Everything that touches the process, the files or
//! the terminal is here and in [`output`]; everything that touches the network is in the `probes` crate.

#![forbid(unsafe_code)]

mod output;
mod saved;

use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use probes::environment::{Host, ObserveSettings};
use probes::observations::{Observations, Reply};
use probes::{Clock, Environment};
use tokio::signal::unix::{SignalKind, signal};
use vpcprobe::cli::{Cli, Command, FleetArguments, OutputArguments, RunArguments};
use vpcprobe::fleet::{Fleet, Unreadable};
use vpcprobe::judge::{exit, judge};
use vpcprobe::prefix_lists::{self, PrefixList};
use vpcprobe::redact::{Key, redacted};
use vpcprobe::render::nagios_code;
use vpcprobe::report::{EnvironmentRecord, Recording, Report, Run, SCHEMA_VERSION, Status};
use vpcprobe::settings::{
    FileSettings, FleetSettings, LONGEST_REPORT, Outputs, Redaction, Settings, SettingsError, Surroundings,
};
use vpcprobe::{catalogue, compare, explain, listing, permissions, plan};

/// All that instance metadata may take, answers or none.
const IMDS_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to wait before a second round; the pause doubles from round to round …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    // A fault of ours must not print a page of backtrace over the report; the report names the step or rule.
    std::panic::set_hook(Box::new(|panic| {
        complain(&format!("vpcprobe: internal error: {}", one_line(&panic.to_string())));
    }));
    let code = std::panic::catch_unwind(|| match dispatch() {
        Ok(code) => code,
        Err(error) => {
            let text = chain(&error);
            complain(&format!("vpcprobe: {text}"));
            usage(&text)
        }
    });
    ExitCode::from(code.unwrap_or(exit::INTERNAL))
}

fn dispatch() -> Result<u8, SettingsError> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to standard output; clap knows which is which.
            let _ = error.print();
            let first = error.to_string().lines().next().unwrap_or_default().to_owned();
            return Ok(if error.use_stderr() { usage(&first) } else { exit::OK });
        }
    };
    match cli.command {
        None => run(&cli.run),
        Some(Command::Run(arguments)) => run(&arguments),
        Some(Command::Judge { report, output }) => {
            let recording = read_report::<Recording>(&report)?;
            show(&judge(recording), &output)
        }
        Some(Command::Diff { old, new, format, redaction }) => {
            let redaction = Redaction::resolve(&redaction, &FileSettings::default())?;
            let mut reports = [read_report::<Report>(&old)?, read_report::<Report>(&new)?];
            if let Some(key) = key_of(&redaction)
                && let Err(error) = key.and_then(|key| rewrite(&mut reports, &key))
            {
                complain(&format!("vpcprobe: {error}"));
                return Ok(exit::INTERNAL);
            }
            let [old, new] = reports;
            if old.recording.run.redacted != new.recording.run.redacted {
                complain(
                    "vpcprobe: one of the reports holds pseudonyms and the other does not, so names differ",
                );
            }
            let changes = compare::compare(&old, &new);
            // A list of changes is text and nothing else, which always becomes JSON.
            let json = || serde_json::json!({ "changes": changes }).to_string() + "\n";
            print(&if format == "json" { json() } else { compare::text(&changes) });
            Ok(if changes.is_empty() { exit::OK } else { exit::FINDINGS })
        }
        Some(Command::Render { report, output }) => {
            let report = read_report::<Report>(&report)?;
            show(&report, &output)
        }
        Some(Command::Fleet(arguments)) => fleet(&arguments),
        Some(Command::Explain { topic }) => explain::explain(topic.as_deref()).map(|text| print(&text)),
        Some(Command::Services { region }) => listing::services(&region).map(|text| print(&text)),
        Some(Command::Schema { of }) => Ok(print(&listing::schema(&of))),
        Some(Command::IamPolicy(arguments)) => permissions(&arguments),
        Some(Command::Completions { shell }) => Ok(print(&listing::completions(shell))),
        Some(Command::Man) => Ok(print(&listing::manual())),
    }
}

/// The exit code of what cannot be meant. A monitoring system that wanted a plugin's output gets a plugin's: code 2 means
/// "critical" to it, and it reads standard output only.
#[expect(clippy::disallowed_methods, reason = "the format may be named in a variable")]
fn usage(text: &str) -> u8 {
    let meant = |value: &str| value == "nagios" || value.ends_with("=nagios") && value.starts_with("--");
    let on_line = std::env::args().skip(1).any(|argument| meant(&argument));
    let in_variable = ["VPCPROBE_FORMAT", "VPCPROBE_OUTPUT"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|value| value.split(',').any(meant)));
    if !on_line && !in_variable {
        return exit::USAGE;
    }
    print(&format!("VPCPROBE UNKNOWN - {}\n", one_line(text).replace('|', "/")));
    nagios_code(Status::Inconclusive)
}

#[expect(clippy::disallowed_methods, reason = "AWS_CA_BUNDLE is a setting of the SDKs' that is honoured")]
fn run(arguments: &RunArguments) -> Result<u8, SettingsError> {
    let bundle = std::env::var("AWS_CA_BUNDLE").ok();
    let surroundings = Surroundings {
        stdout_is_terminal: std::io::stdout().is_terminal(),
        aws_ca_bundle: bundle.as_deref(),
    };
    let settings = Settings::resolve(arguments, surroundings)?;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("vpcprobe: failed to start: {error}"));
            return Ok(exit::INTERNAL);
        }
    };
    let report = runtime.block_on(rounds(&settings))?;
    // What is still under way when the deadline came must not hold up the report.
    runtime.shutdown_background();
    Ok(finish(&report, &settings.outputs))
}

/// Whole rounds until nothing is at the level of `--fail-on`, or the time to wait is up; the report of the last one. While
/// a machine boots, credentials, routes and the clock may not be there yet.
async fn rounds(settings: &Settings) -> Result<Report, SettingsError> {
    let clock = Clock::start();
    // From the first moment on a signal ends the run, and not the report.
    let mut signalled = Box::pin(terminated());
    let mut pause = FIRST_PAUSE;
    let mut rounds = 1;
    loop {
        let (mut recording, ended) = record(settings, signalled.as_mut()).await?;
        recording.run.rounds = rounds;
        let report = judge(recording);
        let waited = Duration::try_from_secs_f64(clock.elapsed_ms() / 1000.0).unwrap_or(settings.wait);
        let left = settings.wait.saturating_sub(waited);
        if ended || report.summary.exit_code == exit::OK || left.is_zero() {
            return Ok(report);
        }
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = signalled.as_mut() => return Ok(report),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        rounds += 1;
    }
}

/// Observes the host, plans, observes the network, and puts it all down; also tells whether a signal ended it.
async fn record(
    settings: &Settings,
    mut signalled: Pin<&mut impl Future<Output = ()>>,
) -> Result<(Recording, bool), SettingsError> {
    let clock = Clock::start();
    let observe = ObserveSettings {
        region: settings.region.clone(),
        imds_timeout: IMDS_TIMEOUT,
        aws_profile: settings.aws_profile.clone(),
        ca_bundle: settings.ca_bundle.clone(),
    };
    let mut cut_short = false;
    let mut host = tokio::select! {
        host = probes::environment::observe(&observe, &clock) => host,
        () = signalled.as_mut() => {
            cut_short = true;
            Host::default()
        }
    };
    if !settings.judge.sign {
        host.secrets = None;
    }
    let prefix_lists = match settle_region(settings, &mut host.environment) {
        Err(SettingsError::NoRegion) if cut_short => Vec::new(),
        settled => settled?,
    };
    let planned = plan::plan(&host.environment, settings, &prefix_lists);
    let stop = async {
        if !cut_short {
            signalled.await;
            cut_short = true;
        }
    };
    let mut observations = probes::run(&planned, &host, &clock, stop).await;
    let elapsed_ms = clock.elapsed_ms();
    observations.targets.extend(plan::targets_without_host(settings, &planned.targets));
    host.environment.clock_offset_ms = clock_offset(&observations);
    host.environment.observe_allowances_again();
    let from_ec2 = observations.control_plane.prefix_lists.as_ref().and_then(|step| step.done());
    let prefix_lists = match (from_ec2, &host.environment.region) {
        (Some(lists), Some(region)) => prefix_lists::with_ec2s_own(prefix_lists, lists, region),
        _ => prefix_lists,
    };
    let recording = Recording {
        run: Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: clock.started_at(),
            elapsed_ms,
            deadline_ms: u64::try_from(settings.deadline.as_millis()).unwrap_or(u64::MAX),
            arguments: std::env::args_os()
                .skip(1)
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            cut_short: cut_short || elapsed_ms >= settings.deadline.as_secs_f64() * 1000.0,
            rounds: 1,
            redacted: false,
            settings: settings.judge.clone(),
        },
        environment: EnvironmentRecord { host: host.environment, prefix_lists },
        targets: observations.targets,
        controls: observations.controls,
        name_checks: observations.name_checks,
        control_plane: observations.control_plane,
        proofs: observations.proofs,
    };
    Ok((recording, cut_short))
}

/// Checks the Region that was found, fills in what follows from it, and gives the prefix lists that belong to it.
///
/// # Errors
/// No Region on a host that is no EC2 instance; a prefix-list file of another Region.
fn settle_region(
    settings: &Settings,
    environment: &mut Environment,
) -> Result<Vec<PrefixList>, SettingsError> {
    settings.check_region(environment)?;
    let partition = environment.region.as_deref().and_then(catalogue::partition_of_region);
    let Some((region, partition)) = environment.region.clone().zip(partition) else {
        if environment.ec2_signs.is_empty() {
            return Err(SettingsError::NoRegion);
        }
        // What was found is no Region of any partition, so no host name follows from it.
        environment.region = None;
        environment.region_source = None;
        return Ok(Vec::new());
    };
    environment.partition.get_or_insert_with(|| partition.name.clone());
    let mut lists = settings.prefix_lists_for(&region)?;
    for service in &settings.services {
        if !lists.iter().any(|list| list.service == service.id) {
            lists.extend(prefix_lists::snapshot(&service.id, &region));
        }
    }
    Ok(lists)
}

/// The peers' clock against ours, as most of them see it: the median of what their replies say.
fn clock_offset(observations: &Observations) -> Option<i64> {
    let attempts =
        observations.targets.iter().chain(&observations.controls).flat_map(|target| &target.attempts);
    let mut offsets: Vec<i64> = attempts
        .filter_map(|attempt| attempt.call.done())
        .filter_map(|reply: &Reply| reply.clock_offset_ms)
        .collect();
    offsets.sort_unstable();
    offsets.get(offsets.len() / 2).copied()
}

/// Resolves when this process is told to end.
async fn terminated() {
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without a handler the signal ends the process as it always did.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[expect(clippy::disallowed_methods, reason = "AWS_CA_BUNDLE is a setting of the SDKs' that is honoured")]
fn permissions(arguments: &RunArguments) -> Result<u8, SettingsError> {
    let bundle = std::env::var("AWS_CA_BUNDLE").ok();
    let surroundings = Surroundings { stdout_is_terminal: false, aws_ca_bundle: bundle.as_deref() };
    let settings = Settings::resolve(arguments, surroundings)?;
    if let Some(policy) = permissions::policy(&settings) {
        return Ok(print(&policy));
    }
    complain("vpcprobe: a run with these options needs no permission");
    Ok(exit::OK)
}

fn show(report: &Report, arguments: &OutputArguments) -> Result<u8, SettingsError> {
    let outputs = Outputs::resolve(arguments, &FileSettings::default(), std::io::stdout().is_terminal())?;
    Ok(finish(report, &outputs))
}

/// Reads reports of many instances and says what they say together. What is no report is named, and left out of the rest.
fn fleet(arguments: &FleetArguments) -> Result<u8, SettingsError> {
    let settings = FleetSettings::resolve(arguments, std::io::stdout().is_terminal())?;
    let mut fleet = Fleet::default();
    let mut unreadable = Vec::new();
    saved::read(&arguments.paths, &mut |place, document| {
        let from = place.to_string();
        let taken = document.and_then(|document| fleet.take(document, &from).map_err(|error| chain(&error)));
        if let Err(why) = taken {
            complain(&format!("vpcprobe: {from}: {why}"));
            unreadable.push(Unreadable { file: place.file.to_owned(), line: place.line, why });
        }
    });
    if fleet.reports() == 0 {
        return Err(SettingsError::NoReports { paths: arguments.paths.clone() });
    }
    Ok(output::write_overview(&fleet.overview(settings.fail_on, unreadable), &settings.outputs))
}

/// Writes the report as it is wanted: as it is, or with pseudonyms. One that could not be rewritten is not shown at all.
fn finish(report: &Report, outputs: &Outputs) -> u8 {
    let Some(key) = key_of(&outputs.redaction) else { return output::write(report, outputs) };
    let redacted = match key.and_then(|key| redacted(report, &key).map_err(|error| error.to_string())) {
        Ok(redacted) => redacted,
        Err(error) => {
            complain(&format!("vpcprobe: {error}"));
            return exit::INTERNAL;
        }
    };
    let code = output::write(&redacted.report, outputs);
    if redacted.changed.is_empty() {
        return code;
    }
    let what = redacted.changed.join(", ");
    complain(&format!("vpcprobe: internal error: with pseudonyms the report is judged differently: {what}"));
    exit::INTERNAL
}

/// Puts pseudonyms into several reports, the same for the same name.
fn rewrite(reports: &mut [Report], key: &Key) -> Result<(), String> {
    for report in reports {
        *report = redacted(report, key).map_err(|error| error.to_string())?.report;
    }
    Ok(())
}

/// The key for pseudonyms, where they are wanted; or why there is none.
fn key_of(redaction: &Redaction) -> Option<Result<Key, String>> {
    match redaction {
        Redaction::None => None,
        Redaction::Key(key) => Some(Ok(key.clone())),
        Redaction::RandomKey => {
            let mut bytes = [0; 32];
            let random = getrandom::fill(&mut bytes);
            Some(random.map(|()| Key::new(bytes)).map_err(|error| format!("failed to make a key: {error}")))
        }
    }
}

fn read_report<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, SettingsError> {
    let unreadable = |source| SettingsError::Unreadable { what: "report", path: path.to_owned(), source };
    let file: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    let mut text = String::new();
    file.take(LONGEST_REPORT + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LONGEST_REPORT {
        return Err(SettingsError::TooLong { path: path.to_owned() });
    }
    let bad = |source| SettingsError::BadReport { path: path.to_owned(), source };
    // The version comes first: what another one means by a key is not to be guessed.
    match serde_json::from_str::<Shape>(&text).map_err(bad)?.schema_version {
        Some(version) if version != SCHEMA_VERSION => {
            Err(SettingsError::OtherVersion { path: path.to_owned(), version })
        }
        _ => serde_json::from_str(&text).map_err(bad),
    }
}

/// The part of a report that says how the rest is to be read; observations alone need not have it.
#[derive(serde::Deserialize)]
struct Shape {
    #[serde(default)]
    schema_version: Option<u32>,
}

fn print(text: &str) -> u8 {
    // A reader that closed the pipe early (`| head`) has all it wanted.
    let _ = std::io::stdout().write_all(text.as_bytes());
    exit::OK
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// An error and everything that led to it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
