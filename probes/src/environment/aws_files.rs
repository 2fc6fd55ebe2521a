//! The SDKs' configuration and credentials files: the chosen profile's Region and static keys.
//!
//! It reads what needs no call. A profile that needs one (a role to assume, single sign-on, a helper program) is named
//! as a problem and not resolved, so that a report never shows an identity that was guessed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::client_settings;
use super::files::{self, Variables};

/// What the files say for one profile.
#[derive(Default)]
pub(super) struct Profile {
    /// The Region of the profile.
    pub(super) region: Option<String>,
    /// The static keys that an SDK would take.
    pub(super) keys: Option<Keys>,
    /// The profile's settings that send requests elsewhere, by the names of their environment variables.
    pub(super) client_settings: Vec<(String, String)>,
    /// What was set but could not be used, and why; never a value of a key.
    pub(super) problems: Vec<String>,
}

/// A set of keys; its debug text shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(..)")
    }
}

/// Reads both files for the profile that `--aws-profile`, `AWS_PROFILE` or `AWS_DEFAULT_PROFILE` names, else `default`.
pub(super) fn observe(option: Option<&str>, variables: &Variables, home: Option<&Path>) -> Profile {
    let named =
        option.or_else(|| variables.value("AWS_PROFILE")).or_else(|| variables.value("AWS_DEFAULT_PROFILE"));
    let mut problems = Vec::new();
    let mut load = |variable: &str, name: &str, parse: fn(&str) -> Sections| {
        let path = path_of(variables.value(variable), name, home)?;
        match files::read(&path) {
            Ok(text) => Some(parse(&text)),
            // Without a file at the usual place there is nothing to tell; a file that somebody named should be there.
            Err(error) if error.kind() == ErrorKind::NotFound && variables.value(variable).is_none() => None,
            Err(error) => {
                problems.push(format!("{}: {error}", files::clipped(&path.to_string_lossy(), 128)));
                None
            }
        }
    };
    let whole_config = load("AWS_CONFIG_FILE", "config", parse).unwrap_or_default();
    let client_settings = client_settings::of_profile(&whole_config, named);
    let config = profiles_of(whole_config);
    let credentials = load("AWS_SHARED_CREDENTIALS_FILE", "credentials", parse).unwrap_or_default();
    let mut profile = choose(named, &config, &credentials);
    problems.append(&mut profile.problems);
    Profile { client_settings, problems, ..profile }
}

pub(super) type Section = BTreeMap<String, String>;
pub(super) type Sections = BTreeMap<String, Section>;

fn path_of(named: Option<&str>, name: &str, home: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => Some(home?.join(rest)),
            None => Some(PathBuf::from(path)),
        },
        None => Some(home?.join(".aws").join(name)),
    }
}

fn choose(named: Option<&str>, config: &Sections, credentials: &Sections) -> Profile {
    let name = named.unwrap_or("default");
    let (in_config, in_credentials) = (config.get(name), credentials.get(name));
    let mut profile = Profile::default();
    if named.is_some() && in_config.is_none() && in_credentials.is_none() {
        profile.problems.push(format!("profile {} is in neither file", files::clipped(name, 64)));
        return profile;
    }
    let value = |key: &str| {
        let of = |section: Option<&Section>| section.and_then(|section| section.get(key)).cloned();
        of(in_config).or_else(|| of(in_credentials)).filter(|value| !value.is_empty())
    };
    profile.region = value("region");
    let shown = files::clipped(name, 64);
    // The order is the SDKs': a role or single sign-on comes before keys, a program between the two files' keys.
    if let Some(key) = ["role_arn", "sso_session", "sso_start_url", "login_session"]
        .into_iter()
        .find(|key| value(key).is_some())
    {
        profile.problems.push(format!("profile {shown} sets {key}, which is not resolved here"));
        return profile;
    }
    match keys_of(in_credentials) {
        Ok(None) => {}
        Ok(keys) => {
            profile.keys = keys;
            return profile;
        }
        Err(missing) => {
            profile.problems.push(format!("profile {shown} of the credentials file lacks {missing}"));
        }
    }
    if value("credential_process").is_some() {
        profile.problems.push(format!("profile {shown} sets credential_process, which is not run here"));
        return profile;
    }
    match keys_of(in_config) {
        Ok(keys) => profile.keys = keys,
        Err(missing) => {
            profile.problems.push(format!("profile {shown} of the configuration file lacks {missing}"));
        }
    }
    profile
}

/// The keys of a section; none where there is no key, and the missing half's name where there is only one.
fn keys_of(section: Option<&Section>) -> Result<Option<Keys>, &'static str> {
    let value =
        |key: &str| section.and_then(|section| section.get(key)).filter(|value| !value.is_empty()).cloned();
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (None, None) => Ok(None),
        (Some(_), None) => Err("aws_secret_access_key"),
        (None, Some(_)) => Err("aws_access_key_id"),
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(Some(Keys { access_key_id, secret_access_key, session_token: value("aws_session_token") }))
        }
    }
}

/// The configuration file's sections under the names of their profiles: `[default]` and `[profile NAME]`; others
/// (`[sso-session NAME]`, `[services NAME]`) are not profiles.
fn profiles_of(config: Sections) -> Sections {
    let mut profiles = Sections::new();
    for (title, section) in config {
        let name = match title.split_once(char::is_whitespace) {
            Some(("profile", name)) => name.trim().trim_matches(['"', '\'']),
            None if title == "default" => "default",
            _ => continue,
        };
        profiles.entry(name.to_owned()).or_default().extend(section);
    }
    profiles
}

/// An INI text as the SDKs read it: keys in lower case, the last one wins. Deeper indented lines below a key without a value
/// are settings below it, named `KEY.SETTING` here; otherwise they continue the value, and no key that is read here has such a
/// value.
pub(super) fn parse(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut current: Option<String> = None;
    let mut indent_of_last = None;
    let mut above: Option<String> = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if indent_of_last.is_some_and(|last| indent > last) {
            if let (Some(title), Some(above), Some((key, value))) =
                (&current, &above, content.split_once('='))
            {
                let section = sections.entry(title.clone()).or_default();
                let key = format!("{above}.{}", key.trim().to_ascii_lowercase());
                section.insert(key, without_comment(value).to_owned());
            }
            continue;
        }
        if let Some(rest) = content.strip_prefix('[') {
            current = rest.split_once(']').map(|(title, _)| title.trim().to_owned());
            indent_of_last = None;
            if let Some(title) = &current {
                sections.entry(title.clone()).or_default();
            }
            continue;
        }
        let (Some(title), Some((key, value))) = (&current, content.split_once('=')) else {
            continue;
        };
        indent_of_last = Some(indent);
        let section = sections.entry(title.clone()).or_default();
        let (key, value) = (key.trim().to_ascii_lowercase(), without_comment(value));
        above = value.is_empty().then(|| key.clone());
        section.insert(key, value.to_owned());
    }
    sections
}

/// The value up to a comment, which begins with a number sign or semicolon after white space.
fn without_comment(value: &str) -> &str {
    let mut end = value.len();
    for (position, _) in value.match_indices(['#', ';']) {
        if value[..position].ends_with(char::is_whitespace) {
            end = position;
            break;
        }
    }
    value[..end].trim()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(named: Option<&str>, config: &str, credentials: &str) -> Profile {
        choose(named, &profiles_of(parse(config)), &parse(credentials))
    }

    #[test]
    fn the_credentials_file_comes_before_the_configuration_file() {
        let config = "[default]\nregion = eu-west-1 # home\naws_access_key_id=C\naws_secret_access_key=c\n";
        let credentials =
            "[default]\nAWS_Access_Key_ID = A\naws_secret_access_key = a=b/c+d#e\naws_session_token= t\n";
        let profile = chosen(None, config, credentials);
        assert_eq!(profile.region.as_deref(), Some("eu-west-1"));
        let keys = profile.keys.unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.as_str()), ("A", "a=b/c+d#e"));
        assert_eq!(keys.session_token.as_deref(), Some("t"));
        assert_eq!(chosen(None, config, "").keys.unwrap().access_key_id, "C");
    }

    #[test]
    fn profiles_are_found_by_name_and_nested_settings_are_not_taken_for_their_own() {
        let config = "[profile dev]\nregion=us-west-2\ns3 =\n    region = nowhere-1\n  max = 3\noutput=json\n\n\
            [dev]\nregion=wrong-1\n[sso-session dev]\nregion=wrong-2\n[profile \"two words\"]\nregion=us-east-2\n";
        assert_eq!(chosen(Some("dev"), config, "").region.as_deref(), Some("us-west-2"));
        assert_eq!(chosen(Some("two words"), config, "").region.as_deref(), Some("us-east-2"));
        let indented = "  [default]\n  region = us-east-1\n  output = json\n";
        assert_eq!(chosen(None, indented, "").region.as_deref(), Some("us-east-1"));
    }

    #[test]
    fn what_needs_a_call_is_named_and_not_guessed() {
        let keys = "aws_access_key_id=A\naws_secret_access_key=s3cr3t\n";
        for (setting, name) in [
            ("role_arn=arn:aws:iam::1:role/r", "role_arn"),
            ("sso_session=corp", "sso_session"),
            ("sso_start_url=u", "sso_start_url"),
        ] {
            let profile = chosen(None, &format!("[default]\n{setting}\n"), &format!("[default]\n{keys}"));
            assert!(profile.keys.is_none());
            assert_eq!(profile.problems.len(), 1);
            assert!(profile.problems[0].contains(name) && !profile.problems[0].contains("s3cr3t"));
        }
        let process = chosen(None, &format!("[default]\ncredential_process=/bin/x\n{keys}"), "");
        assert!(process.keys.is_none() && process.problems[0].contains("credential_process"));
        let process = chosen(None, "[default]\ncredential_process=/bin/x\n", &format!("[default]\n{keys}"));
        assert!(process.keys.is_some() && process.problems.is_empty());
    }

    #[test]
    fn half_a_pair_and_a_missing_profile_are_problems() {
        let half = chosen(None, "", "[default]\naws_access_key_id=A\n");
        assert!(half.keys.is_none() && half.problems[0].contains("aws_secret_access_key"));
        assert!(chosen(Some("nobody"), "", "").problems[0].contains("nobody"));
        assert!(chosen(None, "", "").problems.is_empty());
    }

    #[test]
    fn named_files_are_read_and_their_absence_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let aws = folder.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        std::fs::write(aws.join("config"), "[profile x]\nregion=eu-central-1\n").unwrap();
        let by_variable = Variables::from([("AWS_PROFILE", "x")]);
        assert_eq!(observe(None, &by_variable, Some(folder.path())).region.as_deref(), Some("eu-central-1"));
        let elsewhere = Variables::from([("AWS_CONFIG_FILE", "~/nothing-here")]);
        let profile = observe(None, &elsewhere, Some(folder.path()));
        assert_eq!(profile.problems.len(), 1);
        assert!(observe(None, &Variables::default(), None).problems.is_empty());
    }

    #[test]
    fn debug_text_shows_no_key() {
        let keys = Keys {
            access_key_id: "AKIAX".into(),
            secret_access_key: "hush".into(),
            session_token: Some("tok".into()),
        };
        assert_eq!(format!("{keys:?}"), "Keys(..)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(?s).{0,300}", other in "[\\[\\]=#; \t\na-z]{0,200}") {
            let _ = chosen(Some("a"), &text, &other);
            let _ = chosen(None, &other, &text);
        }
    }
}
