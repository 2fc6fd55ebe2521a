//! Ends with success if a panic unwinds, for the toolchain and the settings that the agent is built with.
//!
//! The agent reports a panic in a step as a fact of that step. Whether that works in a static binary depends on the
//! unwinder that was linked in, and one that does not work shows at the first panic only. The agent has no panic to
//! offer, so this program is built beside it and panics: in the main thread and in another, below frames that have
//! something to clean up, with a payload that must arrive, and, where the standard library has them, with a backtrace, which
//! walks the same tables.

#![forbid(unsafe_code)]

use std::backtrace::Backtrace;
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How deep the panic lies.
const FRAMES: usize = 20;

static CLEANED_UP: AtomicUsize = AtomicUsize::new(0);

struct Frame;

impl Drop for Frame {
    fn drop(&mut self) {
        CLEANED_UP.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    panic::set_hook(Box::new(|_| {
        std::hint::black_box(Backtrace::force_capture().to_string());
    }));
    let here = panic::catch_unwind(|| descend(FRAMES)).is_err_and(arrived);
    let there = thread::spawn(|| descend(FRAMES)).join().is_err_and(arrived);
    let cleaned_up = CLEANED_UP.load(Ordering::Relaxed);
    if here && there && cleaned_up == 2 * FRAMES { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn descend(left: usize) {
    let frame = std::hint::black_box(Frame);
    if left == 1 {
        panic::panic_any(FRAMES);
    }
    descend(left - 1);
    drop(frame);
}

#[expect(clippy::needless_pass_by_value, reason = "a panic's payload comes by value")]
fn arrived(payload: Box<dyn std::any::Any + Send>) -> bool {
    payload.downcast_ref::<usize>() == Some(&FRAMES)
}
