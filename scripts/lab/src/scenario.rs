//! Scenario files: a base topology, the changes made to it, the faults of the services around it, and what the agent
//! must make of it all. A file may hold several scenarios as variants of one, each called NAME/VARIANT.
//!
//! Reading yields a [`Definition`], complete and checked, from which a lab is built; nothing here touches the
//! network. Unknown keys anywhere are errors: a misspelt fault would otherwise test a healthy VPC.

pub(crate) mod expect;
mod variants;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::aws;
use crate::change::{self, Change, NothingToChange};
use crate::dns::Dns;
use crate::driver;
use crate::imds::Imds;
use crate::proxy::Proxy;
use crate::topology::{self, DhcpOptions, Invalid, Topology};
use crate::trust::Trust;
use expect::Expect;
use variants::VariantError;

/// A scenario, ready to be built.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) title: String,
    pub(crate) topology: Topology,
    pub(crate) imds: Imds,
    pub(crate) dns: Dns,
    pub(crate) aws: aws::Config,
    pub(crate) proxies: Vec<Proxy>,
    /// Variables of the instance besides the clean ones every run has, such as proxies.
    pub(crate) environment: BTreeMap<String, String>,
    /// Files of the instance by their path: from `/etc` on, from the root (`/…`), or from the home of the user who runs the
    /// command (`~/…`).
    pub(crate) files: BTreeMap<PathBuf, String>,
    /// Whose roots the instance has.
    pub(crate) trust: Trust,
    /// The counters of the instance's network driver.
    pub(crate) driver: driver::Counters,
    /// What the agent is started with, besides the output format.
    pub(crate) arguments: Vec<String>,
    pub(crate) expect: Expect,
    /// What the printed remedies must achieve; without it they are only parsed.
    pub(crate) fix: Option<Fix>,
}

/// What the remedies of a scenario's findings must achieve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fix {
    /// Rules whose findings must be gone once their commands have run; `RULE:SUBJECT` for those about one subject alone.
    pub(crate) findings: Vec<String>,
    /// Where a remedy lists alternatives: the numbers of the commands to run, from 1, by rule.
    pub(crate) chosen: BTreeMap<String, Vec<usize>>,
    /// The account of the operator who runs them, where it is not the instance's.
    pub(crate) account: Option<String>,
    /// Rules whose commands the lab cannot run, and why.
    pub(crate) not_run: BTreeMap<String, String>,
    /// Rules whose remedy has no command that changes anything, and why.
    pub(crate) words_only: BTreeMap<String, String>,
}

impl Fix {
    /// The rules whose findings must go.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &str> {
        self.findings.iter().map(|each| each.split_once(':').map_or(each.as_str(), |(rule, _)| rule))
    }

    /// The rules of which nothing is shown, with the reasons.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (&String, &String)> {
        self.words_only.iter().chain(&self.not_run)
    }

    /// Whether this finding must go.
    pub(crate) fn wants(&self, rule: &str, subject: &str) -> bool {
        self.findings.iter().any(|each| match each.split_once(':') {
            Some((wanted, about)) => wanted == rule && about == subject,
            None => each == rule,
        })
    }
}

/// Why a scenario could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("there is no scenario {name}; `vpc-lab list` names those that exist")]
    Unknown { name: String },
    #[error("failed to read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("failed to parse {path}")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("failed to make a change of {name}")]
    Change { name: String, source: NothingToChange },
    #[error("failed to find {name}")]
    Variant { name: String, source: VariantError },
    #[error("{name} does not describe a VPC that can be built")]
    Invalid { name: String, source: Invalid },
}

/// Reads a scenario by its name (`NAME` or `NAME/VARIANT`), or by the path of its file.
pub(crate) fn load(name: &str) -> Result<Definition, ScenarioError> {
    let (path, variant) = if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
        (PathBuf::from(name), None)
    } else {
        let (stem, variant) = name.split_once('/').map_or((name, None), |(stem, rest)| (stem, Some(rest)));
        (folder("scenarios").join(format!("{stem}.toml")), variant)
    };
    if !path.is_file() {
        return Err(ScenarioError::Unknown { name: name.to_owned() });
    }
    let name = name.to_owned();
    let (mut table, conditions) = variants::choose(read_table(&path)?, variant)
        .map_err(|source| ScenarioError::Variant { name: name.clone(), source })?;
    for condition in conditions {
        variants::lay(&mut table, read_table(&folder("conditions").join(format!("{condition}.toml")))?);
    }
    let file: File = parse(&path, table)?;
    let base = folder("topologies").join(format!("{}.toml", file.topology));
    let mut topology_table = read_table(&base)?;

    let mut sections = Sections::take_from(&mut topology_table, &base)?;
    sections.merge(file.imds, file.dns, file.aws);
    let mut topology: Topology = parse(&base, topology_table)?;
    for each in file.change {
        change::apply(&mut topology, each)
            .map_err(|source| ScenarioError::Change { name: name.clone(), source })?;
    }
    topology::check(&topology).map_err(|source| ScenarioError::Invalid { name: name.clone(), source })?;
    let mut aws: aws::Config = parse(&path, sections.aws)?;
    aws.region.clone_from(&topology.region);
    aws.instance.id.clone_from(&topology.instance.id);
    aws.instance.vpc_id = Some(topology.vpc.id.clone());
    let by_ipv6 = topology.ipv6.as_ref().filter(|_| topology.ipv6_only()).map(|ipv6| ipv6.address.into());
    aws.instance.private_ip = Some(by_ipv6.unwrap_or(topology.instance.private_address.into()));
    let dns: Dns = parse(&path, sections.dns)?;
    topology.dhcp_options = vec![DhcpOptions {
        id: None,
        name_servers: dns.nameservers.clone(),
        domain_names: dns.search.clone(),
    }];
    Ok(Definition {
        title: file.title,
        topology,
        imds: parse(&path, sections.imds)?,
        dns,
        aws,
        proxies: file.proxies,
        environment: file.environment,
        files: file.files,
        trust: file.trust,
        driver: file.driver,
        arguments: file.arguments,
        expect: file.expect,
        fix: file.fix,
    })
}

/// The names of all scenarios, each variant by its own, sorted.
pub(crate) fn names() -> Result<Vec<String>, ScenarioError> {
    let path = folder("scenarios");
    let failed = |source| ScenarioError::Read { path: path.clone(), source };
    let mut stems = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        if entry.extension().is_some_and(|extension| extension == "toml")
            && let Some(stem) = entry.file_stem()
        {
            stems.push(stem.to_string_lossy().into_owned());
        }
    }
    stems.sort();
    expand(&stems)
}

/// The scenarios that are meant: of a file with variants all of them, where none is named.
pub(crate) fn expand(given: &[String]) -> Result<Vec<String>, ScenarioError> {
    let mut names = Vec::new();
    for name in given {
        let path = folder("scenarios").join(format!("{name}.toml"));
        let variants = if path.is_file() {
            variants::names(&read_table(&path)?)
                .map_err(|source| ScenarioError::Variant { name: name.clone(), source })?
        } else {
            Vec::new()
        };
        if variants.is_empty() {
            names.push(name.clone());
        }
        names.extend(variants.iter().map(|variant| format!("{name}/{variant}")));
    }
    Ok(names)
}

/// Where a scenario's report lies in a folder of reports.
pub(crate) fn report_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{}.json", name.replace('/', "--")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    topology: String,
    #[serde(default)]
    change: Vec<Change>,
    #[serde(default)]
    imds: Table,
    #[serde(default)]
    dns: Table,
    #[serde(default)]
    aws: Table,
    #[serde(default)]
    proxies: Vec<Proxy>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<PathBuf, String>,
    #[serde(default)]
    trust: Trust,
    #[serde(default)]
    driver: driver::Counters,
    #[serde(default)]
    arguments: Vec<String>,
    expect: Expect,
    fix: Option<Fix>,
}

/// The parts of a topology file that are not the VPC; a scenario's own tables are laid over them.
struct Sections {
    imds: Table,
    dns: Table,
    aws: Table,
}

impl Sections {
    fn take_from(table: &mut Table, path: &Path) -> Result<Self, ScenarioError> {
        let mut take = |key: &str| match table.remove(key) {
            Some(value) => parse_value(path, value),
            None => Ok(Table::new()),
        };
        Ok(Self { imds: take("imds")?, dns: take("dns")?, aws: take("aws")? })
    }

    fn merge(&mut self, imds: Table, dns: Table, aws: Table) {
        overlay(&mut self.imds, imds);
        overlay(&mut self.dns, dns);
        overlay(&mut self.aws, aws);
    }
}

/// Lays one table over another: tables merge, everything else replaces.
fn overlay(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The scenario and topology files belong to the source tree, from which the lab is run; `VPC_LAB_FILES` names a copy for a
/// user who cannot read the tree.
fn folder(name: &str) -> PathBuf {
    let copy = std::env::var_os("VPC_LAB_FILES").map(PathBuf::from);
    copy.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR"))).join(name)
}

fn read_table(path: &Path) -> Result<Table, ScenarioError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
    text.parse().map_err(|source| parse_error(path, source))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, table: Table) -> Result<T, ScenarioError> {
    parse_value(path, Value::Table(table))
}

fn parse_value<T: serde::de::DeserializeOwned>(path: &Path, value: Value) -> Result<T, ScenarioError> {
    value.try_into().map_err(|source| parse_error(path, source))
}

fn parse_error(path: &Path, source: toml::de::Error) -> ScenarioError {
    ScenarioError::Parse { path: path.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_tree_can_be_read() {
        let names = names().unwrap();
        assert!(names.len() >= 10, "{names:?}");
        for name in names {
            let definition = load(&name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert!(!definition.title.is_empty());
        }
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let table: Table =
            "title = 'x'\ntopology = 'private'\nchanges = []\n[expect]\nstatus = 'healthy'".parse().unwrap();
        let error = parse::<File>(Path::new("x.toml"), table).err().unwrap();
        assert!(matches!(error, ScenarioError::Parse { .. }));
    }

    #[test]
    fn a_scenario_overlays_the_tables_of_its_topology() {
        let mut base: Table = "a = 1\n[t]\nb = 2\nc = 3".parse().unwrap();
        overlay(&mut base, "[t]\nb = 4".parse().unwrap());
        assert_eq!(base, "a = 1\n[t]\nb = 4\nc = 3".parse().unwrap());
    }
}
