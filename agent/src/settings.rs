//! Settings: flags before `VPCPROBE_*` variables before the settings file before defaults, checked as a whole.
//!
//! Every refusal is one sentence that names the value and what would be right. The plan and the judgement read the
//! result; nobody reads the command line after this.

mod error;
mod file;
mod parse;

use std::path::PathBuf;
use std::time::Duration;

use probes::Environment;
use probes::environment::RegionSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{self, Variant};
use crate::cli::{OutputArguments, RedactionArguments, RunArguments};
use crate::prefix_lists::PrefixList;
use crate::profiles::{self, Profile, PublishedObject};
use crate::redact;

pub use error::SettingsError;
pub use file::{DEFAULT_FILE, FileSettings};

/// Everything a run is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The services to probe with whether each is required, in the order in which they are shown.
    pub services: Vec<WantedService>,
    /// Buckets to probe.
    pub buckets: Vec<String>,
    /// What AWS publishes in S3 that the profile's workload needs.
    pub published: &'static [PublishedObject],
    /// Tables to describe.
    pub tables: Vec<String>,
    /// The Region that was asked for.
    pub region: Option<String>,
    /// Which host names to use.
    pub variant: Variant,
    /// Services with the host name that they are asked under instead of their usual one.
    pub endpoints: Vec<(String, String)>,
    /// The profile of the AWS configuration files.
    pub aws_profile: Option<String>,
    /// Prefix-list files, already read; the Region they are for is checked once it is known.
    pub prefix_list_files: Vec<PrefixListFile>,
    /// With what the path is to be proven.
    pub proofs: WantedProofs,
    /// A file of roots.
    pub ca_bundle: Option<PathBuf>,
    /// Controls instead of the partition's own.
    pub control_hosts: Vec<String>,
    /// Whether IPv4 may be used.
    pub ipv4: bool,
    /// Whether IPv6 may be used.
    pub ipv6: bool,
    /// What one chain shares.
    pub timeout: Duration,
    /// When the run is over.
    pub deadline: Duration,
    /// For how long rounds are repeated; zero is one round.
    pub wait: Duration,
    /// Whether EC2 is asked about the subnet.
    pub inspect: bool,
    /// What the judgement reads.
    pub judge: JudgeSettings,
    /// Where the report goes.
    pub outputs: Outputs,
}

/// One service that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedService {
    /// Its id.
    pub id: String,
    /// Whether the instance cannot do its work without it.
    pub required: bool,
}

/// With what the path is to be proven.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedProofs {
    /// Roles to assume, by their ARNs.
    pub roles: Vec<String>,
    /// Probe buckets.
    pub buckets: Vec<String>,
}

/// A prefix-list file that was read.
#[derive(Debug, Clone)]
pub struct PrefixListFile {
    /// Its path, for messages.
    pub path: PathBuf,
    /// The service that it was said to be for.
    pub service: Option<String>,
    /// Its text.
    pub text: String,
}

/// The settings that the judgement reads; they go into the report, so that judging it again gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeSettings {
    /// From which severity on the exit code is 1.
    pub fail_on: FailOn,
    /// What was said to be true here.
    pub expect: Vec<Expectation>,
    /// The tables that were asked for, the first under the service's own host names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Whether calls were to be signed.
    pub sign: bool,
    /// Whether routers were looked for.
    pub hops: bool,
    /// Whether controls were contacted.
    pub controls: bool,
}

/// From which severity on the exit code is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// From errors on.
    Error,
    /// From warnings on.
    Warning,
    /// Never.
    Never,
}

/// One thing that was said to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// The service's id.
    pub service: String,
    /// Its path.
    pub path: ExpectedPath,
}

/// A path that may be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedPath {
    /// A gateway endpoint.
    Gateway,
    /// An interface endpoint.
    Interface,
    /// The internet.
    Internet,
    /// A proxy.
    Proxy,
    /// Any, as long as the service answers.
    Any,
}

/// Where the report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The format on standard output; `None` where all outputs are files.
    pub stdout: Option<Format>,
    /// The files.
    pub files: Vec<(Format, PathBuf)>,
    /// How much of the observations the JSON keeps.
    pub detail: Detail,
    /// Whether the table shows more.
    pub verbose: bool,
    /// Whether standard error stays empty.
    pub quiet: bool,
    /// Whether names, ids and addresses are shown.
    pub redaction: Redaction,
}

/// Whether names, ids and addresses are shown, or pseudonyms in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redaction {
    /// They are shown.
    None,
    /// Pseudonyms that are the same within what one run of this program shows.
    RandomKey,
    /// Pseudonyms that are the same under this key.
    Key(redact::Key),
}

/// A format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document on one line.
    Json,
    /// A table for people.
    Table,
    /// A page for a browser.
    Html,
    /// A few lines for the console of a booting machine, the last one for programs.
    Console,
    /// `JUnit` XML, for build servers.
    Junit,
    /// Metrics for the textfile collector of Prometheus.
    Prometheus,
    /// A status line as Nagios plugins print it, with their exit codes.
    Nagios,
    /// Log lines from which `CloudWatch` makes metrics.
    Emf,
    /// A file for the inventory of Systems Manager.
    SsmInventory,
}

impl Format {
    /// All of them with their names on the command line.
    pub const ALL: [(&'static str, Self); 9] = [
        ("json", Self::Json),
        ("table", Self::Table),
        ("html", Self::Html),
        ("console", Self::Console),
        ("junit", Self::Junit),
        ("prometheus", Self::Prometheus),
        ("nagios", Self::Nagios),
        ("emf", Self::Emf),
        ("ssm-inventory", Self::SsmInventory),
    ];

    /// Whether it is for programs, so that people are told on standard error.
    #[must_use]
    pub fn is_for_programs(self) -> bool {
        !matches!(self, Self::Table | Self::Console | Self::Nagios)
    }
}

/// How much of the observations the JSON keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What a rule or a signal reads.
    Brief,
    /// All of it.
    Full,
}

/// What settings depend on beside the command line.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// The value of `AWS_CA_BUNDLE`.
    pub aws_ca_bundle: Option<&'a str>,
}

impl Settings {
    /// Checks everything that was said on the command line, in variables and in the settings file.
    ///
    /// # Errors
    /// The first thing that cannot be meant, with what would be right.
    pub fn resolve(arguments: &RunArguments, surroundings: Surroundings<'_>) -> Result<Self, SettingsError> {
        let file = FileSettings::load(arguments.config.as_deref())?;
        let outputs = Outputs::resolve(&arguments.output, &file, surroundings.stdout_is_terminal)?;
        let profile_name = arguments.profile.as_ref().or(file.profile.as_ref());
        let profile = match profile_name {
            Some(name) => Some(profiles::profile(name).ok_or_else(|| SettingsError::unknown_profile(name))?),
            None => None,
        };
        let named =
            parse::services(arguments.service.as_deref().or(file.service.as_deref()).unwrap_or_default())?;
        let expect =
            parse::expectations(arguments.expect.as_deref().or(file.expect.as_deref()).unwrap_or_default())?;
        let buckets = parse::buckets(arguments.bucket.clone().or(file.bucket).unwrap_or_default())?;
        let tables = parse::tables(arguments.table.clone().or(file.table).unwrap_or_default())?;
        let mut services = wanted(profile, &named, &expect, !buckets.is_empty(), !tables.is_empty());
        let proofs = parse::proofs(
            arguments.prove_with.as_deref().or(file.prove_with.as_deref()).unwrap_or_default(),
        )?;
        if !proofs.buckets.is_empty() && !services.iter().any(|service| service.id == "s3") {
            // There must be a way to prove something about.
            services.push(WantedService { id: "s3".to_owned(), required: false });
        }

        let region = arguments.region.clone().or(file.region);
        if let Some(region) = &region {
            parse::region(region)?;
        }
        let flag = |on_line: Option<bool>, in_file: Option<bool>| on_line.or(in_file).unwrap_or(false);
        let variant = Variant::from_settings(
            flag(arguments.dual_stack, file.dual_stack),
            flag(arguments.fips, file.fips),
        );
        let timeout = parse::duration(
            "--timeout",
            arguments.timeout.as_deref().or(file.timeout.as_deref()),
            Duration::from_secs(3),
        )?;
        let deadline = parse::duration(
            "--deadline",
            arguments.deadline.as_deref().or(file.deadline.as_deref()),
            Duration::from_secs(20),
        )?;
        let wait = parse::duration_or_none(
            "--wait",
            arguments.wait.as_deref().or(file.wait.as_deref()),
            Duration::ZERO,
        )?;
        if deadline < timeout {
            return Err(SettingsError::DeadlineBeforeTimeout { deadline, timeout });
        }
        let prefix_list_files = parse::prefix_list_files(
            arguments.prefix_lists.as_deref().or(file.prefix_lists.as_deref()).unwrap_or_default(),
        )?;
        let ca_bundle = arguments.ca_bundle.clone().or(file.ca_bundle);
        if let Some(path) = &ca_bundle {
            parse::ca_bundle(path)?;
        }
        // What the SDKs' own variable names is part of what is looked at: a wrong file there is a finding.
        let ca_bundle = ca_bundle
            .or_else(|| surroundings.aws_ca_bundle.filter(|value| !value.is_empty()).map(PathBuf::from));
        let fail_on = parse::fail_on(arguments.fail_on.as_deref().or(file.fail_on.as_deref()))?;
        Ok(Self {
            services,
            published: profile.map(|profile| profile.published).unwrap_or_default(),
            buckets,
            tables: tables.clone(),
            region,
            variant,
            endpoints: parse::endpoints(
                arguments.endpoint.as_deref().or(file.endpoint.as_deref()).unwrap_or_default(),
            )?,
            aws_profile: arguments.aws_profile.clone().or(file.aws_profile),
            prefix_list_files,
            proofs,
            ca_bundle,
            control_hosts: parse::hosts(
                arguments.control_host.clone().or(file.control_host).unwrap_or_default(),
            )?,
            ipv4: !flag(arguments.ipv6, file.ipv6),
            ipv6: !flag(arguments.ipv4, file.ipv4),
            timeout,
            deadline,
            wait,
            inspect: !flag(arguments.no_inspect, file.no_inspect),
            judge: JudgeSettings {
                fail_on,
                expect,
                tables,
                sign: !flag(arguments.no_sign, file.no_sign),
                hops: !flag(arguments.no_hops, file.no_hops),
                controls: !flag(arguments.no_controls, file.no_controls),
            },
            outputs,
        })
    }

    /// Refuses a Region that was asked for and is neither listed nor what this instance itself says: a misspelling would
    /// lead to host names that do not exist.
    ///
    /// # Errors
    /// Such a Region, with the nearest one that is listed.
    pub fn check_region(&self, environment: &Environment) -> Result<(), SettingsError> {
        let Some(region) = &self.region else { return Ok(()) };
        let confirmed = environment
            .region_hints
            .iter()
            .any(|hint| hint.source == RegionSource::Imds && hint.region == *region);
        if confirmed || catalogue::is_known_region(region) {
            return Ok(());
        }
        Err(SettingsError::unknown_region(region))
    }

    /// The prefix lists that were given in files, for this Region.
    ///
    /// # Errors
    /// A file that is not what the AWS CLI prints, or is for another Region.
    pub fn prefix_lists_for(&self, region: &str) -> Result<Vec<PrefixList>, SettingsError> {
        let mut lists = Vec::new();
        for file in &self.prefix_list_files {
            let parsed = crate::prefix_lists::parse_cli_json(&file.text, file.service.as_deref(), region)
                .map_err(|source| SettingsError::PrefixLists { path: file.path.clone(), source })?;
            lists.extend(parsed);
        }
        Ok(lists)
    }
}

impl Outputs {
    /// Checks where the report is to go.
    ///
    /// # Errors
    /// An unknown format or detail, or two formats for standard output.
    pub fn resolve(
        arguments: &OutputArguments,
        file: &FileSettings,
        stdout_is_terminal: bool,
    ) -> Result<Self, SettingsError> {
        let wanted = arguments.output.as_deref().unwrap_or(&file.output);
        let mut stdout = None;
        let mut files = Vec::new();
        for text in wanted {
            match text.split_once('=') {
                Some((format, path)) if !path.is_empty() => {
                    files.push((parse::format(format)?, PathBuf::from(path)));
                }
                Some(_) => return Err(SettingsError::OutputWithoutFile { value: text.clone() }),
                None => parse::only_one(&mut stdout, parse::format(text)?)?,
            }
        }
        if let Some(format) = &arguments.format {
            parse::only_one(&mut stdout, parse::format(format)?)?;
        }
        if stdout.is_none() && files.is_empty() {
            stdout = Some(if stdout_is_terminal { Format::Table } else { Format::Json });
        }
        Ok(Self {
            stdout,
            files,
            detail: parse::detail(arguments.detail.as_deref())?,
            verbose: arguments.verbose,
            quiet: arguments.quiet,
            redaction: Redaction::resolve(&arguments.redaction, file)?,
        })
    }
}

impl Redaction {
    /// Checks whether pseudonyms are wanted, and under which key. To name a key is to want them: who forgets the other option
    /// must not show what he meant to hide.
    ///
    /// # Errors
    /// A key that cannot be read or is too short to be secret.
    pub fn resolve(arguments: &RedactionArguments, file: &FileSettings) -> Result<Self, SettingsError> {
        let key = arguments.redact_key.as_deref().or(file.redact_key.as_deref());
        match (arguments.redact.or(file.redact), key) {
            (Some(false), _) | (None, None) => Ok(Self::None),
            (_, Some(path)) => parse::redaction_key(path).map(Self::Key),
            (Some(true), None) => Ok(Self::RandomKey),
        }
    }
}

impl Expectation {
    /// The service and path as they are written on the command line.
    #[must_use]
    pub fn as_argument(&self) -> String {
        format!("{}={}", self.service, self.path.word())
    }
}

impl ExpectedPath {
    /// The path as it is written on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Interface => "interface",
            Self::Internet => "internet",
            Self::Proxy => "proxy",
            Self::Any => "any",
        }
    }
}

/// The services to probe: the named ones alone, or beside the profile where both are given; what is expected, and the
/// service of a named bucket or table, is probed and required in any case.
fn wanted(
    profile: Option<&Profile>,
    named: &[String],
    expect: &[Expectation],
    buckets: bool,
    tables: bool,
) -> Vec<WantedService> {
    let mut services: Vec<WantedService> = Vec::new();
    let mut add = |id: &str, required: bool| match services.iter_mut().find(|service| service.id == id) {
        Some(service) => service.required |= required,
        None => services.push(WantedService { id: id.to_owned(), required }),
    };
    let core = profiles::profile("core");
    let base = if named.is_empty() { profile.or(core) } else { profile };
    if let Some(profile) = base {
        for id in profile.required {
            add(id, true);
        }
        for id in profile.optional {
            add(id, false);
        }
    }
    for id in named {
        add(id, true);
    }
    for expectation in expect {
        add(&expectation.service, true);
    }
    if buckets {
        add("s3", true);
    }
    if tables {
        add("dynamodb", true);
    }
    let order = |id: &str| catalogue::services().iter().position(|service| service.id() == id);
    services.sort_by_key(|service| (!service.required, order(&service.id)));
    services
}

#[cfg(test)]
mod tests {
    use probes::environment::RegionHint;

    use super::*;

    const QUIET: Surroundings<'_> = Surroundings { stdout_is_terminal: false, aws_ca_bundle: None };

    fn ids(settings: &Settings) -> Vec<(&str, bool)> {
        settings.services.iter().map(|service| (service.id.as_str(), service.required)).collect()
    }

    #[test]
    fn without_anything_the_core_profile_is_probed() {
        let settings = Settings::resolve(&RunArguments::default(), QUIET).unwrap();
        assert!(ids(&settings).contains(&("s3", true)));
        assert!(ids(&settings).contains(&("dynamodb", false)));
        assert_eq!(settings.outputs.stdout, Some(Format::Json));
    }

    #[test]
    fn a_named_service_replaces_the_profile_and_is_required() {
        let arguments = RunArguments { service: Some(vec!["kms".into()]), ..RunArguments::default() };
        assert_eq!(ids(&Settings::resolve(&arguments, QUIET).unwrap()), [("kms", true)]);
    }

    #[test]
    fn a_named_service_beside_a_profile_adds_to_it() {
        let arguments = RunArguments {
            service: Some(vec!["dynamodb".into()]),
            profile: Some("core".into()),
            ..RunArguments::default()
        };
        let settings = Settings::resolve(&arguments, QUIET).unwrap();
        assert!(ids(&settings).contains(&("dynamodb", true)));
        assert!(ids(&settings).contains(&("s3", true)));
    }

    #[test]
    fn an_unknown_service_is_refused_with_the_nearest_known_one() {
        let arguments = RunArguments { service: Some(vec!["ssmmesages".into()]), ..RunArguments::default() };
        let text = Settings::resolve(&arguments, QUIET).unwrap_err().to_string();
        assert!(text.contains("ssmmesages") && text.contains("ssmmessages"), "{text}");
    }

    #[test]
    fn an_unknown_region_is_refused_with_the_nearest_known_one() {
        let arguments = RunArguments { region: Some("europe-west1".into()), ..RunArguments::default() };
        assert!(Settings::resolve(&arguments, QUIET).unwrap_err().to_string().contains("europe-west1"));

        let arguments = RunArguments { region: Some("eu-wst-1".into()), ..RunArguments::default() };
        let settings = Settings::resolve(&arguments, QUIET).unwrap();
        let text = settings.check_region(&Environment::default()).unwrap_err().to_string();
        assert!(text.contains("eu-wst-1") && text.contains("eu-west-1"), "{text}");
    }

    #[test]
    fn a_region_that_is_not_listed_is_taken_when_the_instance_says_the_same() {
        let arguments = RunArguments { region: Some("eu-west-9".into()), ..RunArguments::default() };
        let settings = Settings::resolve(&arguments, QUIET).unwrap();
        let hint = RegionHint { source: RegionSource::Imds, region: "eu-west-9".into() };
        let environment = Environment { region_hints: vec![hint], ..Environment::default() };
        assert!(settings.check_region(&environment).is_ok());
    }

    #[test]
    fn two_formats_for_standard_output_are_refused() {
        let output = OutputArguments {
            format: Some("table".into()),
            output: Some(vec!["json".into()]),
            ..Default::default()
        };
        assert!(Outputs::resolve(&output, &FileSettings::default(), false).is_err());
    }

    #[test]
    fn with_files_only_standard_output_stays_empty() {
        let output = OutputArguments { output: Some(vec!["json=/tmp/x".into()]), ..Default::default() };
        assert_eq!(Outputs::resolve(&output, &FileSettings::default(), true).unwrap().stdout, None);
    }
}
