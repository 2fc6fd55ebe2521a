//! What `fleet` is told, checked as a whole.

use super::{FailOn, FileSettings, Format, Outputs, SettingsError, parse};
use crate::cli::{FleetArguments, OutputArguments};

/// Everything `fleet` is told besides where the reports are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetSettings {
    /// From which severity on the exit code is 1.
    pub fail_on: FailOn,
    /// Where the overview goes.
    pub outputs: Outputs,
}

impl FleetSettings {
    /// Checks what was given.
    ///
    /// # Errors
    /// An unknown severity or format, or a format that is made for a single report.
    pub fn resolve(arguments: &FleetArguments, stdout_is_terminal: bool) -> Result<Self, SettingsError> {
        let wanted = OutputArguments {
            output: arguments.output.clone(),
            format: arguments.format.clone(),
            verbose: arguments.verbose,
            quiet: arguments.quiet,
            ..OutputArguments::default()
        };
        let outputs = Outputs::resolve(&wanted, &FileSettings::default(), stdout_is_terminal)?;
        for format in outputs.stdout.iter().chain(outputs.files.iter().map(|(format, _)| format)) {
            if !matches!(format, Format::Json | Format::Table) {
                let name = Format::ALL.iter().find(|(_, known)| known == format).map_or("", |(name, _)| name);
                return Err(SettingsError::UnknownWord {
                    what: "format of an overview",
                    value: name.to_owned(),
                    nearest: None,
                    known: vec!["json", "table"],
                });
            }
        }
        Ok(Self { fail_on: parse::fail_on(arguments.fail_on.as_deref())?, outputs })
    }
}
