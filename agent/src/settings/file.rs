//! The settings file: the same names as the flags, in TOML.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SettingsError;

/// Where the settings file is looked for when none is named.
pub const DEFAULT_FILE: &str = "/etc/vpcprobe.toml";

/// What a settings file may say; each key is the flag of the same name with underscores.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented at the flag of its name")]
pub struct FileSettings {
    /// Where it was read.
    #[serde(skip)]
    pub path: PathBuf,
    pub profile: Option<String>,
    pub service: Option<Vec<String>>,
    pub bucket: Option<Vec<String>>,
    pub table: Option<Vec<String>>,
    pub expect: Option<Vec<String>>,
    pub region: Option<String>,
    pub fips: Option<bool>,
    pub dual_stack: Option<bool>,
    pub endpoint: Option<Vec<String>>,
    pub aws_profile: Option<String>,
    pub prefix_lists: Option<Vec<String>>,
    pub prove_with: Option<Vec<String>>,
    pub ca_bundle: Option<PathBuf>,
    pub control_host: Option<Vec<String>>,
    pub no_sign: Option<bool>,
    pub no_hops: Option<bool>,
    pub no_controls: Option<bool>,
    pub no_inspect: Option<bool>,
    pub ipv4: Option<bool>,
    pub ipv6: Option<bool>,
    pub timeout: Option<String>,
    pub deadline: Option<String>,
    pub wait: Option<String>,
    pub fail_on: Option<String>,
    pub detail: Option<String>,
    pub format: Option<String>,
    pub redact: Option<bool>,
    pub redact_key: Option<PathBuf>,
    #[serde(default)]
    pub output: Vec<String>,
}

impl FileSettings {
    /// Reads the named file, or the default one where it exists.
    ///
    /// # Errors
    /// A named file that cannot be read, or a file that is not TOML or has an unknown key.
    #[expect(clippy::disallowed_methods, reason = "the settings file is one of the files that are read")]
    pub fn load(named: Option<&Path>) -> Result<Self, SettingsError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => {
                return Err(SettingsError::Unreadable {
                    what: "settings file",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        match toml::from_str::<Self>(&text) {
            Ok(settings) => Ok(Self { path: path.to_owned(), ..settings }),
            Err(error) => Err(SettingsError::bad_file(path, &text, &error)),
        }
    }

    /// What makes an error say that this file is to blame, for a value that is not on the command line nor in a variable.
    pub(super) fn blamed(
        &self,
        key: &'static str,
        on_line: bool,
    ) -> impl Fn(SettingsError) -> SettingsError + use<> {
        let path = self.path.clone();
        move |error| {
            if on_line {
                return error;
            }
            SettingsError::InFile { key, path: path.clone(), source: Box::new(error) }
        }
    }
}
