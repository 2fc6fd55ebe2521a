//! Bounded reading of the host's own files, and the process's variables.
//!
//! A file may be missing, huge, a pipe or not text; none of that may stop a run or fill its memory.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// No file that is read here is near this size in the field.
pub(super) const FILE_LIMIT: u64 = 64 * 1024;

/// The first 64 KiB of a regular file, invalid UTF-8 replaced.
///
/// # Errors
///
/// The system's error; `InvalidInput` for what is not a regular file, since a pipe could keep us waiting.
pub(super) fn read(path: &Path) -> Result<String> {
    // Opening a pipe without a writer would block; a regular file does not know the flag.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first line of a file, trimmed; `None` where it cannot be read or is empty.
pub(super) fn first_line(path: &str) -> Option<String> {
    let text = read(Path::new(path)).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| clipped(line, 256))
}

/// At most so many characters of a text.
pub(super) fn clipped(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// The process's environment variables, read once, so that every reader sees the same ones.
#[derive(Default, Clone)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process; invalid UTF-8 replaced.
    pub(super) fn of_process() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// A variable's value; an empty one counts as not set, as in the SDKs.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_file_is_cut_and_a_device_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge");
        std::fs::write(&path, vec![b'x'; 200_000]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 65_536);
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(&folder.path().join("missing")).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn a_pipe_without_a_writer_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert_eq!(read(&path).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let variables = Variables::from([("A", ""), ("B", "b")]);
        assert_eq!(variables.value("A"), None);
        assert_eq!(variables.value("B"), Some("b"));
    }
}
