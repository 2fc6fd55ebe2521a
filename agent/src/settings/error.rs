//! What can be wrong with settings, each in one sentence that names the value and what would be right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::catalogue;
use crate::prefix_lists::ParseError;
use crate::profiles::PROFILES;
use crate::redact::SHORTEST_KEY;
use crate::report::SCHEMA_VERSION;

/// A setting that cannot be meant. Leads to exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A service that is not in the catalogue.
    #[error("unknown service {value:?}{}", hint(.nearest.as_deref(), "`vpcprobe services` lists the known ones"))]
    UnknownService {
        /// What was given.
        value: String,
        /// The nearest known one.
        nearest: Option<String>,
    },
    /// A Region that belongs to no partition.
    #[error("unknown Region {value:?}{}", hint(.nearest.as_deref(), "a Region looks like eu-central-1"))]
    UnknownRegion {
        /// What was given.
        value: String,
        /// The nearest known one.
        nearest: Option<String>,
    },
    /// A profile that does not exist.
    #[error("unknown profile {value:?}{}; the profiles are {}", hint(.nearest.as_deref(), ""), profile_names())]
    UnknownProfile {
        /// What was given.
        value: String,
        /// The nearest known one.
        nearest: Option<String>,
    },
    /// One of a few words was wanted.
    #[error("unknown {what} {value:?}{}; it must be one of {}", hint(.nearest.as_deref(), ""), .known.join(", "))]
    UnknownWord {
        /// What it is.
        what: &'static str,
        /// What was given.
        value: String,
        /// The nearest known one.
        nearest: Option<String>,
        /// All known ones.
        known: Vec<&'static str>,
    },
    /// An expectation without its two parts.
    #[error("expectation {value:?} is not SERVICE=PATH, such as s3=gateway")]
    NotAnExpectation {
        /// What was given.
        value: String,
    },
    /// Two expectations of one service that cannot both hold.
    #[error("expectations {first:?} and {second:?} cannot both hold; leave one of them out")]
    ContradictoryExpectations {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// An expectation that can never hold.
    #[error("expectation {value:?} cannot hold: {service} has no {kind} endpoint")]
    ImpossibleExpectation {
        /// What was given.
        value: String,
        /// The service.
        service: String,
        /// The kind of endpoint.
        kind: &'static str,
    },
    /// Something that is no length of time.
    #[error(
        "{option} {value:?} is not a length of time; write a whole number with a unit, such as 500ms, 3s or 2m"
    )]
    NotADuration {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
    },
    /// A key that may be guessed.
    #[error(
        "the redaction key {} is shorter than {SHORTEST_KEY} bytes; `head -c 32 /dev/urandom | base64` makes one",
        .path.display()
    )]
    ShortKey {
        /// The file.
        path: PathBuf,
    },
    /// A deadline that leaves no room for one chain.
    #[error(
        "--deadline {deadline:?} is shorter than --timeout {timeout:?}; the deadline holds for the whole run"
    )]
    DeadlineBeforeTimeout {
        /// The deadline.
        deadline: Duration,
        /// The time-out.
        timeout: Duration,
    },
    /// Neither family of addresses may be used.
    #[error("--ipv4 and --ipv6 exclude each other; without them both families are used")]
    NoFamilyLeft,
    /// Something that is no bucket's name.
    #[error(
        "{value:?} is not a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens; give the name alone, without s3:// or ARN"
    )]
    NotABucket {
        /// What was given.
        value: String,
    },
    /// Something that is no table's name.
    #[error(
        "{value:?} is not a table name: 3 to 255 letters, digits, dots, hyphens and underscores; give the name alone, without ARN"
    )]
    NotATable {
        /// What was given.
        value: String,
    },
    /// Something that is not a service with the URL to ask it under.
    #[error(
        "endpoint {value:?} is not SERVICE=URL with https, a host name, port 443 and no path, such as \
         ssm=https://vpce-0a1b2c3d-4e5f6a7b.ssm.us-east-1.vpce.amazonaws.com"
    )]
    NotAnEndpoint {
        /// What was given.
        value: String,
    },
    /// Something that is no host name.
    #[error("{value:?} is not a host name; give the name alone, without scheme, port or path")]
    NotAHost {
        /// What was given.
        value: String,
    },
    /// Something to prove the path with that is neither a role nor a bucket.
    #[error("{value:?} is nothing to prove a path with; write role=ARN or bucket=NAME")]
    NotAProof {
        /// What was given.
        value: String,
    },
    /// A role that is not named by its ARN.
    #[error(
        "{value:?} does not name a role by its ARN; write role=arn:aws:iam::ACCOUNT_ID:role/NAME (aws-cn in China)"
    )]
    NotARole {
        /// What was given.
        value: String,
    },
    /// An output that names no file.
    #[error("output {value:?} names no file; write FORMAT=FILE, or FORMAT alone for standard output")]
    OutputWithoutFile {
        /// What was given.
        value: String,
    },
    /// Two formats for one stream.
    #[error(
        "two formats are meant for standard output; give all but one of them a file, as in --output json=FILE"
    )]
    TwoFormatsOnStdout,
    /// A file that cannot be read.
    #[error("failed to read the {what} {}", .path.display())]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A settings file that is not what it should be.
    #[error("failed to understand line {line} of the settings file {}, {text:?}: {problem}", .path.display())]
    BadFile {
        /// Its path.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value in a settings file that cannot be meant.
    #[error("wrong value of {key} in the settings file {}", .path.display())]
    InFile {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<SettingsError>,
    },
    /// A CA bundle without a certificate.
    #[error("the CA bundle {} holds no certificate; it must be a PEM file with BEGIN CERTIFICATE blocks", .path.display())]
    EmptyCaBundle {
        /// Its path.
        path: PathBuf,
    },
    /// A prefix-list file that is not what it should be.
    #[error("failed to use the prefix-list file {}", .path.display())]
    PrefixLists {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: ParseError,
    },
    /// A saved report that is not one.
    #[error("failed to understand the report {}{}", .path.display(), what_it_is(source))]
    BadReport {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A report of another shape.
    #[error(
        "the report {} has the shape of version {version}; this program reads version {SCHEMA_VERSION}",
        .path.display()
    )]
    OtherVersion {
        /// Its path.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A file that is longer than any report.
    #[error("the report {} is longer than {LONGEST_REPORT} bytes, which no report is", .path.display())]
    TooLong {
        /// Its path.
        path: PathBuf,
    },
    /// Paths among which there is no report.
    #[error("there is no report that can be read in {}", listed(.paths))]
    NoReports {
        /// The paths.
        paths: Vec<PathBuf>,
    },
    /// A rule that does not exist.
    #[error("there is no rule {value:?}{}", hint(.nearest.as_deref(), "`vpcprobe explain` lists them"))]
    UnknownRule {
        /// What was given.
        value: String,
        /// The nearest known one.
        nearest: Option<String>,
    },
    /// Not on EC2, and no Region from any source.
    #[error(
        "no Region is known and this host does not look like an EC2 instance (no instance metadata, no EC2 firmware, no \
         VPC search domain); give one with --region, such as --region eu-central-1"
    )]
    NoRegion,
}

/// The longest file that is read as a report, in bytes; a report of full detail has some hundred thousand.
pub const LONGEST_REPORT: u64 = 64 << 20;

impl SettingsError {
    /// A settings file that is no TOML, or says something that no settings file may say.
    pub(super) fn bad_file(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count();
        Self::BadFile {
            path: path.to_owned(),
            line: line + 1,
            text: text.lines().nth(line).unwrap_or_default().trim().to_owned(),
            // The words of TOML, not of the library.
            problem: error.message().replace("a sequence", "a list in brackets"),
        }
    }

    /// A profile that does not exist, with the nearest one that does.
    pub(super) fn unknown_profile(value: &str) -> Self {
        let nearest = nearest(value, PROFILES.iter().map(|profile| profile.name));
        Self::UnknownProfile { value: value.to_owned(), nearest }
    }

    /// A service that does not exist, with the nearest one that does.
    pub(super) fn unknown_service(value: &str) -> Self {
        Self::UnknownService {
            value: value.to_owned(),
            nearest: catalogue::nearest_service(value).map(str::to_owned),
        }
    }

    /// A Region that is not known, with the nearest one that is.
    #[must_use]
    pub fn unknown_region(value: &str) -> Self {
        Self::UnknownRegion {
            value: value.to_owned(),
            nearest: catalogue::nearest_region(value).map(str::to_owned),
        }
    }

    /// A rule that does not exist, with the nearest one that does.
    #[must_use]
    pub fn unknown_rule(value: &str, known: &[&'static str]) -> Self {
        Self::UnknownRule { value: value.to_owned(), nearest: nearest(value, known.iter().copied()) }
    }
}

/// The known word that is nearest to what was written, if one is near enough to be meant.
pub(super) fn nearest<'a>(value: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|word| (strsim::jaro_winkler(value, word), word))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word.to_owned())
}

fn hint(nearest: Option<&str>, otherwise: &str) -> String {
    match (nearest, otherwise) {
        (Some(nearest), _) => format!("; did you mean {nearest:?}?"),
        (None, "") => String::new(),
        (None, otherwise) => format!("; {otherwise}"),
    }
}

/// What a file may be that is no report.
fn what_it_is(error: &serde_json::Error) -> &'static str {
    if error.is_eof() {
        ", which is not whole"
    } else if error.is_syntax() {
        ", which is not JSON"
    } else {
        ", which is JSON and not what `vpcprobe --format json` writes"
    }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn profile_names() -> String {
    PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ")
}
