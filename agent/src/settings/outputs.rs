//! Where a report goes, in which format, how much of it, and whether with names or with pseudonyms.

use std::path::PathBuf;

use super::{FileSettings, SettingsError, parse};
use crate::cli::{OutputArguments, RedactionArguments};
use crate::redact;

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
        let on_line = arguments.output.is_some();
        let wanted = arguments.output.as_deref().unwrap_or(&file.output);
        let mut stdout = None;
        let mut files = Vec::new();
        for text in wanted {
            match parse::output(text).map_err(file.blamed("output", on_line))? {
                (format, Some(path)) => files.push((format, path)),
                (format, None) => parse::only_one(&mut stdout, format)?,
            }
        }
        // The file's word on standard output counts where the command line says nothing of it.
        let in_file = file.format.as_ref().filter(|_| !on_line);
        if let Some(format) = arguments.format.as_ref().or(in_file) {
            let format = parse::format(format).map_err(file.blamed("format", arguments.format.is_some()))?;
            parse::only_one(&mut stdout, format)?;
        }
        if stdout.is_none() && files.is_empty() {
            stdout = Some(if stdout_is_terminal { Format::Table } else { Format::Json });
        }
        Ok(Self {
            stdout,
            files,
            detail: parse::detail(arguments.detail.as_deref().or(file.detail.as_deref()))
                .map_err(file.blamed("detail", arguments.detail.is_some()))?,
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
            (_, Some(path)) => {
                let blamed = file.blamed("redact_key", arguments.redact_key.is_some());
                parse::redaction_key(path).map(Self::Key).map_err(blamed)
            }
            (Some(true), None) => Ok(Self::RandomKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
