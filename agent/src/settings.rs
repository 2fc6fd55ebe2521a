//! Settings: flags before `VPCPROBE_*` variables before the settings file before defaults, checked as a whole.
//!
//! Every refusal is one sentence that names the value and what would be right. The plan and the judgement read the
//! result; nobody reads the command line after this.

mod error;
mod file;
mod fleet;
mod outputs;
mod parse;

use std::path::PathBuf;
use std::time::Duration;

use probes::Environment;
use probes::environment::RegionSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::cli::RunArguments;
use crate::prefix_lists::PrefixList;
use crate::profiles::{self, AwsBuckets, Profile, PublishedObject};

pub use error::{LONGEST_REPORT, SettingsError};
pub use file::{DEFAULT_FILE, FileSettings};
pub use fleet::FleetSettings;
pub use outputs::{Detail, Format, Outputs, Redaction};

/// Everything a run is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The services to probe with whether each is required, in the order in which they are shown.
    pub services: Vec<WantedService>,
    /// Buckets to probe.
    pub buckets: Vec<String>,
    /// What AWS publishes in S3 that the profile's workload needs.
    pub published: &'static [PublishedObject],
    /// The buckets of AWS that the profile's workload needs.
    pub aws_buckets: &'static [AwsBuckets],
    /// Tables to describe.
    pub tables: Vec<String>,
    /// The Region that was asked for.
    pub region: Option<String>,
    /// Whether to use the names for both address families; `None` where nothing says so.
    pub dual_stack: Option<bool>,
    /// Whether to use the FIPS names; `None` where nothing says so.
    pub fips: Option<bool>,
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
    /// Controls instead of the partition's own host and the services in another Region.
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
        let blamed = |key, on_line| file.blamed(key, on_line);
        let profile = match arguments.profile.as_ref().or(file.profile.as_ref()) {
            Some(name) => {
                let known = profiles::profile(name).ok_or_else(|| SettingsError::unknown_profile(name));
                Some(known.map_err(blamed("profile", arguments.profile.is_some()))?)
            }
            None => None,
        };
        let named = parse::services(given(arguments.service.as_deref(), file.service.as_deref()))
            .map_err(blamed("service", arguments.service.is_some()))?;
        let expect = parse::expectations(given(arguments.expect.as_deref(), file.expect.as_deref()))
            .map_err(blamed("expect", arguments.expect.is_some()))?;
        let buckets = parse::buckets(given(arguments.bucket.as_deref(), file.bucket.as_deref()).to_vec())
            .map_err(blamed("bucket", arguments.bucket.is_some()))?;
        let tables = parse::tables(given(arguments.table.as_deref(), file.table.as_deref()).to_vec())
            .map_err(blamed("table", arguments.table.is_some()))?;
        let mut services = wanted(profile, &named, &expect, !buckets.is_empty(), !tables.is_empty());
        let proofs = parse::proofs(given(arguments.prove_with.as_deref(), file.prove_with.as_deref()))
            .map_err(blamed("prove_with", arguments.prove_with.is_some()))?;
        if !proofs.buckets.is_empty() && !services.iter().any(|service| service.id == "s3") {
            // There must be a way to prove something about.
            services.push(WantedService { id: "s3".to_owned(), required: false });
        }

        let region = arguments.region.clone().or(file.region.clone());
        if let Some(region) = &region {
            parse::region(region).map_err(blamed("region", arguments.region.is_some()))?;
        }
        let flag = |on_line: Option<bool>, in_file: Option<bool>| on_line.or(in_file).unwrap_or(false);
        let (timeout, deadline, wait) = times(arguments, &file)?;
        let prefix_list_files =
            parse::prefix_list_files(given(arguments.prefix_lists.as_deref(), file.prefix_lists.as_deref()))
                .map_err(blamed("prefix_lists", arguments.prefix_lists.is_some()))?;
        let ca_bundle = arguments.ca_bundle.clone().or(file.ca_bundle.clone());
        if let Some(path) = &ca_bundle {
            parse::ca_bundle(path).map_err(blamed("ca_bundle", arguments.ca_bundle.is_some()))?;
        }
        // What the SDKs' own variable names is part of what is looked at: a wrong file there is a finding.
        let ca_bundle = ca_bundle
            .or_else(|| surroundings.aws_ca_bundle.filter(|value| !value.is_empty()).map(PathBuf::from));
        let fail_on = parse::fail_on(arguments.fail_on.as_deref().or(file.fail_on.as_deref()))
            .map_err(blamed("fail_on", arguments.fail_on.is_some()))?;
        let endpoints = parse::endpoints(given(arguments.endpoint.as_deref(), file.endpoint.as_deref()))
            .map_err(blamed("endpoint", arguments.endpoint.is_some()))?;
        let control_hosts =
            parse::hosts(given(arguments.control_host.as_deref(), file.control_host.as_deref()).to_vec())
                .map_err(blamed("control_host", arguments.control_host.is_some()))?;
        let (ipv4, ipv6) = families(arguments, &file)?;
        Ok(Self {
            services,
            published: profile.map(|profile| profile.published).unwrap_or_default(),
            aws_buckets: profile.map(|profile| profile.aws_buckets).unwrap_or_default(),
            buckets,
            tables: tables.clone(),
            region,
            dual_stack: arguments.dual_stack.or(file.dual_stack),
            fips: arguments.fips.or(file.fips),
            endpoints,
            aws_profile: arguments.aws_profile.clone().or(file.aws_profile.clone()),
            prefix_list_files,
            proofs,
            ca_bundle,
            control_hosts,
            ipv4,
            ipv6,
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

/// What one chain shares, when the run is over, and for how long rounds are repeated.
fn times(
    arguments: &RunArguments,
    file: &FileSettings,
) -> Result<(Duration, Duration, Duration), SettingsError> {
    let timeout = parse::duration(
        "--timeout",
        arguments.timeout.as_deref().or(file.timeout.as_deref()),
        Duration::from_secs(3),
    )
    .map_err(file.blamed("timeout", arguments.timeout.is_some()))?;
    let deadline = parse::duration(
        "--deadline",
        arguments.deadline.as_deref().or(file.deadline.as_deref()),
        Duration::from_secs(20),
    )
    .map_err(file.blamed("deadline", arguments.deadline.is_some()))?;
    let wait =
        parse::duration_or_none("--wait", arguments.wait.as_deref().or(file.wait.as_deref()), Duration::ZERO)
            .map_err(file.blamed("wait", arguments.wait.is_some()))?;
    if deadline < timeout {
        return Err(SettingsError::DeadlineBeforeTimeout { deadline, timeout });
    }
    Ok((timeout, deadline, wait))
}

/// Whether IPv4 and IPv6 may be used. A word on either on the command line takes the place of the file's on both.
fn families(arguments: &RunArguments, file: &FileSettings) -> Result<(bool, bool), SettingsError> {
    let (only_ipv4, only_ipv6) = if arguments.ipv4.or(arguments.ipv6).is_some() {
        (arguments.ipv4, arguments.ipv6)
    } else {
        (file.ipv4, file.ipv6)
    };
    let (only_ipv4, only_ipv6) = (only_ipv4.unwrap_or(false), only_ipv6.unwrap_or(false));
    if only_ipv4 && only_ipv6 {
        return Err(SettingsError::NoFamilyLeft);
    }
    Ok((!only_ipv6, !only_ipv4))
}

/// The values on the command line or in a variable, else those of the settings file.
fn given<'a>(on_line: Option<&'a [String]>, in_file: Option<&'a [String]>) -> &'a [String] {
    on_line.or(in_file).unwrap_or_default()
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
    #[expect(clippy::disallowed_methods, reason = "a test writes the file that is read")]
    fn a_flag_for_one_family_takes_the_place_of_the_files_word_on_both() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("vpcprobe.toml");
        std::fs::write(&config, "ipv6 = true").unwrap();
        let families = |arguments: RunArguments| {
            let settings = Settings::resolve(&arguments, QUIET).unwrap();
            (settings.ipv4, settings.ipv6)
        };
        let config = Some(config);
        assert_eq!(
            families(RunArguments { config: config.clone(), ..RunArguments::default() }),
            (false, true)
        );
        let flag = RunArguments { config, ipv4: Some(true), ..RunArguments::default() };
        assert_eq!(families(flag), (true, false));
    }
}
