//! Proxy settings in files: those that services, login shells and the package manager take, whatever this process was given.
//!
//! A service that systemd starts sees no shell's variables, and a shell none of a unit's. Only files that this user may read
//! are looked at, nothing is followed (`EnvironmentFile`), and no value keeps a password. What differs is not judged here.

use std::path::{Path, PathBuf};

use super::files;
use super::proxies::{is_proxy_variable, without_password};
use super::{ProxyReader, ProxySetting};

/// The most settings that are kept.
const MOST_SETTINGS: usize = 24;
/// The most files of one folder that are read.
const MOST_FILES: usize = 32;
const LONGEST_VALUE: usize = 512;

/// Folders of unit files, the first of them that an administrator writes to.
const UNIT_FOLDERS: [&str; 4] =
    ["etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];
/// The units of each service.
const UNITS: [(&str, ProxyReader); 4] = [
    ("amazon-ssm-agent.service", ProxyReader::SsmAgent),
    ("snap.amazon-ssm-agent.amazon-ssm-agent.service", ProxyReader::SsmAgent),
    ("docker.service", ProxyReader::Docker),
    ("ecs.service", ProxyReader::Ecs),
];

/// What files below `root` say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Their settings, by file and line.
    pub(super) settings: Vec<ProxySetting>,
    /// The services that have a unit here.
    pub(super) services: Vec<ProxyReader>,
}

/// Reads every place below `root`, the real one but in tests. A user's own files are not looked at: a home folder may lie on a
/// network file system that is down.
pub(super) fn observe(root: &Path) -> Found {
    let mut found = Found::default();
    let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let mut take = |path: PathBuf, reader: ProxyReader, form: Form| {
        let Ok(text) = files::read(&path) else { return };
        let shown = path
            .strip_prefix(&real_root)
            .or_else(|_| path.strip_prefix(root))
            .map_or_else(|_| path.clone(), |below| Path::new("/").join(below));
        found.settings.extend(settings(&text, form).map(|setting| ProxySetting {
            file: shown.to_string_lossy().into_owned(),
            reader,
            ..setting
        }));
    };
    take(root.join("etc/environment"), ProxyReader::Shell, Form::Assignments);
    take(root.join("etc/profile"), ProxyReader::Shell, Form::Assignments);
    for path in in_folder(&root.join("etc/profile.d"), "sh") {
        take(path, ProxyReader::Shell, Form::Assignments);
    }
    let mut services = Vec::new();
    let mut seen = Vec::new();
    // On most systems the last of them is another name of the one before.
    for folder in UNIT_FOLDERS.iter().filter_map(|folder| root.join(folder).canonicalize().ok()) {
        if seen.contains(&folder) {
            continue;
        }
        seen.push(folder.clone());
        for (unit, reader) in UNITS {
            if folder.join(unit).exists() && !services.contains(&reader) {
                services.push(reader);
            }
            take(folder.join(unit), reader, Form::Unit);
            for path in in_folder(&folder.join(format!("{unit}.d")), "conf") {
                take(path, reader, Form::Unit);
            }
        }
        for path in in_folder(&folder.join("service.d"), "conf") {
            take(path, ProxyReader::AllServices, Form::Unit);
        }
    }
    take(root.join("etc/systemd/system.conf"), ProxyReader::AllServices, Form::Unit);
    take(root.join("etc/ecs/ecs.config"), ProxyReader::Ecs, Form::Assignments);
    take(root.join("etc/sysconfig/docker"), ProxyReader::Docker, Form::Assignments);
    for path in ["etc/yum.conf", "etc/dnf/dnf.conf"] {
        take(root.join(path), ProxyReader::PackageManager, Form::Package);
    }
    found.settings.truncate(MOST_SETTINGS);
    found.services = services;
    found
}

/// How a file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `NAME=value`, with or without `export`.
    Assignments,
    /// `Environment="NAME=value" …` of a unit, `DefaultEnvironment=` of systemd itself.
    Unit,
    /// `proxy=URL` of yum and dnf.
    Package,
}

/// The settings in a text, without its file and reader.
fn settings(text: &str, form: Form) -> impl Iterator<Item = ProxySetting> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with('#'));
    lines.flat_map(move |(line, number)| {
        let pairs = match form {
            Form::Assignments => assignment(line).into_iter().collect(),
            Form::Unit => of_unit(line),
            Form::Package => assignment(line)
                .filter(|(name, _, _)| *name == "proxy")
                .map(|(_, value, _)| ("https_proxy", value, false))
                .into_iter()
                .collect(),
        };
        pairs.into_iter().filter(|(name, _, _)| is_proxy_variable(name)).map(move |(name, value, blanks)| {
            ProxySetting {
                file: String::new(),
                line: number,
                reader: ProxyReader::Shell,
                variable: files::clipped(name, 64),
                value: files::clipped(&without_password(value), LONGEST_VALUE),
                blanks,
            }
        })
    })
}

/// A variable with its value, and whether blanks stand around the equals sign, with which no shell takes it.
fn assignment(line: &str) -> Option<(&str, &str, bool)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line.split_once('=')?;
    let blanks = name.ends_with([' ', '\t']) || value.starts_with([' ', '\t']);
    Some((name.trim(), unquoted(value.trim()), blanks))
}

/// The variables in a line of a unit. Several may stand in one line, each in quotes (systemd.exec(5), `Environment=`).
fn of_unit(line: &str) -> Vec<(&str, &str, bool)> {
    let Some((key, value)) = line.split_once('=') else { return Vec::new() };
    if !matches!(key.trim(), "Environment" | "DefaultEnvironment") {
        return Vec::new();
    }
    let value = value.trim();
    let mut words = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let (word, after) = match quote {
            Some(quote) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            None => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    words.into_iter().filter_map(assignment).collect()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// The regular files of a folder with this extension, by name.
fn in_folder(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .take(MOST_FILES)
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn short(setting: &ProxySetting) -> (String, u32, String, String, bool) {
        (setting.file.clone(), setting.line, setting.variable.clone(), setting.value.clone(), setting.blanks)
    }

    #[test]
    fn shells_units_and_the_package_manager_are_read_each_in_its_own_form() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "etc/environment", "# comment\nHTTPS_PROXY=\"http://u:secret@proxy:3128\"\nPATH=/bin\n");
        write(root, "etc/profile.d/proxy.sh", "  export no_proxy = a.example\nnot a setting\n");
        write(
            root,
            "etc/systemd/system/amazon-ssm-agent.service.d/override.conf",
            "[Service]\nEnvironment=\"http_proxy=http://p:1\" \"https_proxy=http://p:2\" no_proxy=169.254.169.254\n",
        );
        write(root, "usr/lib/systemd/system/amazon-ssm-agent.service", "[Service]\nExecStart=/usr/bin/x\n");
        write(root, "etc/dnf/dnf.conf", "[main]\nproxy=http://p:3\nproxy_username=u\n");
        let found = observe(root);
        let seen: Vec<_> = found.settings.iter().map(short).collect();
        let drop_in = "/etc/systemd/system/amazon-ssm-agent.service.d/override.conf";
        let row = |file: &str, line, name: &str, value: &str, blanks| {
            (file.to_owned(), line, name.to_owned(), value.to_owned(), blanks)
        };
        assert_eq!(
            seen,
            [
                row("/etc/environment", 2, "HTTPS_PROXY", "http://proxy:3128", false),
                row("/etc/profile.d/proxy.sh", 1, "no_proxy", "a.example", true),
                row(drop_in, 2, "http_proxy", "http://p:1", false),
                row(drop_in, 2, "https_proxy", "http://p:2", false),
                row(drop_in, 2, "no_proxy", "169.254.169.254", false),
                row("/etc/dnf/dnf.conf", 2, "https_proxy", "http://p:3", false),
            ]
        );
        assert_eq!(found.services, [ProxyReader::SsmAgent]);
        assert_eq!(found.settings[2].reader, ProxyReader::SsmAgent);
        assert_eq!(found.settings[5].reader, ProxyReader::PackageManager);
    }

    #[test]
    fn a_host_without_any_of_it_has_none() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(observe(root.path()), Found::default());
    }

    #[test]
    fn a_unit_with_an_open_quote_does_not_stop_the_reader() {
        let seen: Vec<_> =
            settings("Environment=\"https_proxy=http://p:1\nEnvironment=", Form::Unit).collect();
        assert_eq!(seen[0].value, "http://p:1");
    }
}
