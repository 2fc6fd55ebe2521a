//! Finding and reading saved reports: files with a document on each line, and folders of them.
//!
//! Files are read a line at a time, so that a fleet's reports need not fit into memory. What a document means is the library's
//! business; here it is bytes with the place where they were found.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use vpcprobe::settings::LONGEST_REPORT;

/// Where something was found.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    /// The line, from 1; none where it is about the whole file.
    pub(crate) line: Option<usize>,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}", self.file),
            None => write!(formatter, "{}", self.file),
        }
    }
}

/// What takes the documents: bytes, or why there are none.
pub(crate) type Taker<'a> = dyn FnMut(Place<'_>, Result<&[u8], String>) + 'a;

/// Reads all that is under these paths, folders in the order of names.
pub(crate) fn read(paths: &[PathBuf], take: &mut Taker<'_>) {
    for path in paths {
        if path == Path::new("-") {
            documents("-", io::stdin().lock(), take);
        } else if path.is_dir() {
            folder(path, take);
        } else {
            file(path, take);
        }
    }
}

fn folder(path: &Path, take: &mut Taker<'_>) {
    let entries = std::fs::read_dir(path).and_then(|entries| {
        // Links to folders are not followed, because they may lead in a circle.
        let named = |entry: io::Result<std::fs::DirEntry>| {
            entry.and_then(|entry| Ok((entry.path(), entry.file_type()?.is_dir())))
        };
        entries.map(named).collect::<io::Result<BTreeMap<_, _>>>()
    });
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            take(whole(&path.to_string_lossy()), Err(format!("it cannot be listed: {error}")));
            return;
        }
    };
    for (path, is_folder) in entries {
        if is_folder {
            folder(&path, take);
        } else if holds_reports(&path) {
            file(&path, take);
        }
    }
}

/// Whether a file in a folder is read: what people name reports, and what Run Command names them in S3. Its `stderr` beside
/// that, and whatever else lies around, is none.
fn holds_reports(path: &Path) -> bool {
    let known =
        |extension: &std::ffi::OsStr| ["json", "jsonl", "ndjson"].iter().any(|known| extension == *known);
    path.file_name().is_some_and(|name| name == "stdout") || path.extension().is_some_and(known)
}

fn file(path: &Path, take: &mut Taker<'_>) {
    let name = path.to_string_lossy();
    match File::open(path) {
        Ok(open) => documents(&name, BufReader::new(open), take),
        Err(error) => {
            take(whole(&name), Err(format!("it cannot be opened: {error}")));
        }
    }
}

/// A document is a line, unless the first line is nothing but a bracket: then it was set out over many lines, and all of the file
/// is one document.
fn documents(name: &str, mut reader: impl BufRead, take: &mut Taker<'_>) {
    let mut document = Vec::new();
    for line in 1_usize.. {
        document.clear();
        let place = Place { file: name, line: Some(line) };
        match next_line(&mut reader, &mut document) {
            Ok(0) if line == 1 => return take(whole(name), Ok(b"")),
            Ok(0) => return,
            Ok(_) if line == 1 && matches!(document.trim_ascii(), b"{" | b"[") => {
                let rest = reader.by_ref().take(LONGEST_REPORT).read_to_end(&mut document);
                return take(whole(name), rest.map(|_| document.as_slice()).map_err(|error| unread(&error)));
            }
            Ok(length) if length >= LONGEST_REPORT => {
                take(place, Err(format!("it is longer than {LONGEST_REPORT} bytes")));
                // What follows would be the middle of something.
                return;
            }
            // The last line of a file may be followed by an empty one, and files that were joined have some between.
            Ok(_) if document.trim_ascii().is_empty() && line > 1 => {}
            Ok(_) => take(place, Ok(&document)),
            Err(error) => return take(place, Err(unread(&error))),
        }
    }
}

fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    reader.take(LONGEST_REPORT).read_until(b'\n', line).map(|length| length as u64)
}

fn unread(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

fn whole(file: &str) -> Place<'_> {
    Place { file, line: None }
}
