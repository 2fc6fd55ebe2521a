//! A wire with a delay: what goes in at one end comes out at the other some milliseconds later, in order.
//!
//! It runs in user space because not every kernel has `netem`. Threads that sleep are exact to some 50 µs, a timer of the
//! runtime only to a millisecond, which would be too coarse for what is measured over such a wire. Nothing is ever lost.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Larger than any packet of the lab's wires.
const LARGEST_PACKET: usize = 1 << 16;

/// Joins two interfaces by a wire that takes this long one way. It ends with the process.
///
/// # Errors
///
/// When a file cannot be used twice or no thread can be started.
pub(crate) fn join(near: File, far: File, one_way: Duration) -> io::Result<()> {
    carry(near.try_clone()?, far.try_clone()?, one_way)?;
    carry(far, near, one_way)
}

fn carry(mut from: File, mut to: File, one_way: Duration) -> io::Result<()> {
    let (travelling, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    let spawn = |work: Box<dyn FnOnce() + Send>| thread::Builder::new().name("wire".to_owned()).spawn(work);
    spawn(Box::new(move || {
        let mut packet = vec![0; LARGEST_PACKET];
        // An end that is down reads as an error; the wire is of no use to anybody then.
        while let Ok(length) = from.read(&mut packet) {
            if travelling.send((Instant::now() + one_way, packet[..length].to_vec())).is_err() {
                return;
            }
        }
    }))?;
    spawn(Box::new(move || {
        for (due, packet) in arriving {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // A packet that the other end does not take is lost, as on any wire whose end is down.
            let _ = to.write_all(&packet);
        }
    }))?;
    Ok(())
}
