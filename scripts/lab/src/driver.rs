//! The counters that an instance's network driver keeps, which `ethtool -S` shows.
//!
//! The wires of the lab have a driver of the kernel's with counters of its own, and the limits of EC2 that ENA's driver counts are
//! nowhere to be met. So the kernel hands every question of the command's to a network driver (`SIOCETHTOOL`) to the lab, which
//! answers those about counters for the interfaces that a scenario gives some, and lets the kernel answer the rest. The command asks
//! the kernel as it does anywhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::realise::FOLDER;
use crate::sys::{self, DriverQuestion};

/// `ethtool` commands and the set of strings that names counters (linux/ethtool.h).
const GET_STRINGS: u32 = 0x1b;
const GET_STATISTICS: u32 = 0x1d;
const GET_STRING_SETS: u32 = 0x37;
const STATISTICS: u32 = 1;
/// How long a counter's name may be, with the zero at its end.
const NAME: usize = 32;

/// The counters of each interface that has some, by their names.
pub(crate) type Counters = BTreeMap<String, BTreeMap<String, Counter>>;

/// One counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counter {
    /// What it is when the command starts.
    count: u64,
    /// What is added to it after each time that it is read.
    #[serde(default)]
    rise: u64,
}

/// Where the second process hands over what the kernel tells of its questions.
fn place() -> PathBuf {
    PathBuf::from(FOLDER).join("driver")
}

/// Becomes the driver of every command from now on.
pub(crate) fn serve(counters: Counters) -> io::Result<()> {
    let listener = UnixListener::bind(place())?;
    let counters = Arc::new(Mutex::new(counters));
    std::thread::spawn(move || {
        while let Ok((connection, _)) = listener.accept() {
            let counters = Arc::clone(&counters);
            std::thread::spawn(move || {
                // A command without a driver reads no counters, which its scenario notices.
                if let Ok(questions) = sys::receive_descriptor(&connection) {
                    answer_all(&questions, &counters);
                }
            });
        }
    });
    Ok(())
}

/// Has the lab answer this process's questions to network drivers, and those of the program that it becomes.
pub(crate) fn hand_over() -> io::Result<()> {
    sys::send_descriptor(&place(), &sys::driver_questions()?)
}

/// Answers until the command is gone.
fn answer_all(questions: &OwnedFd, counters: &Mutex<Counters>) {
    while let Ok(question) = sys::next_question(questions) {
        let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = answer(questions, &question, &mut counters).unwrap_or(false);
        // Who asked may be gone meanwhile.
        let _ = sys::settle_question(questions, &question, answered);
    }
}

/// Writes the answer to where it is expected; gives whether there was one.
fn answer(questions: &OwnedFd, question: &DriverQuestion, counters: &mut Counters) -> io::Result<bool> {
    let memory = File::options().read(true).write(true).open(format!("/proc/{}/mem", question.process))?;
    // A number of a process means nothing once that has ended, but this one still waits for the answer, so it was the right one.
    sys::check_waiting(questions, question)?;
    let mut request = [0; 24];
    memory.read_exact_at(&mut request, question.request)?;
    let (name, place) = request.split_at(16);
    let name = String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let place = u64::from_ne_bytes(place.try_into().map_err(io::Error::other)?);
    let mut head = [0; 16];
    memory.read_exact_at(&mut head, place)?;
    let Some(counters) = counters.get_mut(&name) else { return Ok(false) };
    let Some(said) = reply(head, counters) else { return Ok(false) };
    memory.write_all_at(&said, place)?;
    Ok(true)
}

/// The whole answer to a question that begins like this; none where the kernel has one.
fn reply(head: [u8; 16], counters: &mut BTreeMap<String, Counter>) -> Option<Vec<u8>> {
    let word = |at: usize| head[at..at + 4].try_into().map(u32::from_ne_bytes).ok();
    let (command, set) = (word(0)?, word(4)?);
    let count = u32::try_from(counters.len()).ok()?.to_ne_bytes();
    let sets = 1_u64 << STATISTICS;
    let wanted = u64::from_ne_bytes(head[8..].try_into().ok()?);
    match command {
        GET_STRING_SETS if wanted == sets => {
            let fields = [&command.to_ne_bytes()[..], &[0; 4], &sets.to_ne_bytes(), &count];
            Some(fields.concat())
        }
        GET_STRINGS if set == STATISTICS => {
            let mut said = [command.to_ne_bytes(), set.to_ne_bytes(), count].concat();
            for name in counters.keys() {
                let mut field = [0; NAME];
                let length = name.len().min(NAME - 1);
                field[..length].copy_from_slice(&name.as_bytes()[..length]);
                said.extend(field);
            }
            Some(said)
        }
        GET_STATISTICS => {
            let mut said = [command.to_ne_bytes(), count].concat();
            for counter in counters.values_mut() {
                said.extend(counter.count.to_ne_bytes());
                counter.count += counter.rise;
            }
            Some(said)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(command: u32, set: u32) -> [u8; 16] {
        let words = [&command.to_ne_bytes()[..], &set.to_ne_bytes(), &(1_u64 << STATISTICS).to_ne_bytes()];
        words.concat().try_into().unwrap()
    }

    fn counters() -> BTreeMap<String, Counter> {
        BTreeMap::from([
            ("conntrack_allowance_exceeded".to_owned(), Counter { count: 7, rise: 0 }),
            ("linklocal_allowance_exceeded".to_owned(), Counter { count: 889, rise: 12 }),
        ])
    }

    #[test]
    fn a_counter_rises_between_two_readings() {
        let mut counters = counters();
        let values = |said: &[u8]| -> Vec<u64> {
            said[8..].chunks_exact(8).map(|bytes| u64::from_ne_bytes(bytes.try_into().unwrap())).collect()
        };
        assert_eq!(values(&reply(head(GET_STATISTICS, 0), &mut counters).unwrap()), [7, 889]);
        assert_eq!(values(&reply(head(GET_STATISTICS, 0), &mut counters).unwrap()), [7, 901]);
    }

    #[test]
    fn names_and_numbers_of_counters_agree() {
        let mut counters = counters();
        let sets = reply(head(GET_STRING_SETS, 0), &mut counters).unwrap();
        assert_eq!(sets[16..], 2_u32.to_ne_bytes());
        let names = reply(head(GET_STRINGS, STATISTICS), &mut counters).unwrap();
        assert_eq!(names.len(), 12 + 2 * NAME);
        assert!(names[12..].starts_with(b"conntrack_allowance_exceeded\0"));
        assert!(names[12 + NAME..].starts_with(b"linklocal_allowance_exceeded\0"));
    }

    #[test]
    fn what_is_not_about_counters_is_left_to_the_kernel() {
        assert_eq!(reply(head(0x03, 0), &mut counters()), None);
        assert_eq!(reply(head(GET_STRINGS, 4), &mut counters()), None);
        let mut features = head(GET_STRING_SETS, 0);
        features[8..].copy_from_slice(&(1_u64 << 4).to_ne_bytes());
        assert_eq!(reply(features, &mut counters()), None);
    }
}
