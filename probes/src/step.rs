//! The shape every observation has: a step that was done, failed, or was skipped, with its place on one clock.
//!
//! Knows nothing of networks. Every other module of this crate returns its facts in these types, and the judging
//! crate reads them back from a report.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one step.
///
/// `Done` means that the peer answered, even if the answer was a refusal (an HTTP 403 is a reply). `Failed` means that
/// the step was tried and did not get there. `Skipped` means that it was not tried, and says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T, F> {
    /// The peer answered; what it said.
    Done(T),
    /// The step was tried and failed; how.
    Failed(F),
    /// The step was not tried; why.
    Skipped(SkipReason),
}

/// One observation with its start and length on the clock of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step<T, F> {
    /// When the step started, in milliseconds after the start of the run; not there for a step that was skipped.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub start_ms: f64,
    /// How long the step took, in milliseconds; not there for a step that was skipped, nor in reports of brief detail where it
    /// was done and took no longer than such steps do.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub elapsed_ms: f64,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome<T, F>,
}

/// Why a step was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The deadline or a termination signal came first.
    OutOfTime,
    /// A setting turned this step off (`--no-sign`, `--no-hops`, `--no-controls`, `--no-inspect`, `--ipv4`, `--ipv6`).
    Disabled,
    /// The step before it in the chain did not succeed.
    PreviousStepFailed,
    /// The host has no route for this address family.
    NoRouteForFamily,
    /// No region is known, so there is no host name to ask for.
    RegionUnknown,
    /// No credentials were found, and the step needs some.
    NoCredentials,
    /// Another address with the same source, next hop and prefix was walked instead.
    SharedWalk,
    /// The address lies in the VPC itself, where a walk tells nothing.
    InsideVpc,
    /// The routers on the way had already been asked for as many answers as they give.
    RouterQuota,
    /// Too few file descriptors are allowed to this process.
    DescriptorLimit,
    /// The host lacks the program that this step runs (`getent`).
    NoProgram,
    /// The instance metadata service did not answer an earlier question, so this one was not put.
    MetadataUnavailable,
    /// Nothing asked for it.
    NotAsked,
    /// A fault of this program stopped the step; the rest of the report is unaffected.
    InternalError,
}

/// A failure that is none of the documented ones, kept as the system gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unclassified {
    /// The error's own text.
    pub text: String,
    /// The operating system's error number, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub os_error: Option<i32>,
}

impl Unclassified {
    /// Keeps an I/O error that no documented variant fits.
    #[must_use]
    pub fn from_io(error: &std::io::Error) -> Self {
        Self { text: error.to_string(), os_error: error.raw_os_error() }
    }

    /// Keeps any other error by its text.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), os_error: None }
    }
}

impl<T, F> Step<T, F> {
    /// A step that was not tried.
    #[must_use]
    pub fn skipped(reason: SkipReason) -> Self {
        Self { start_ms: 0.0, elapsed_ms: 0.0, outcome: Outcome::Skipped(reason) }
    }

    /// A step with its place on the clock, to a tenth of a millisecond.
    #[must_use]
    pub fn placed(start_ms: f64, elapsed_ms: f64, outcome: Outcome<T, F>) -> Self {
        Self { start_ms: tenths(start_ms), elapsed_ms: tenths(elapsed_ms), outcome }
    }

    /// What the peer said, if it answered.
    pub fn done(&self) -> Option<&T> {
        match &self.outcome {
            Outcome::Done(value) => Some(value),
            Outcome::Failed(_) | Outcome::Skipped(_) => None,
        }
    }

    /// How the step failed, if it was tried and did.
    pub fn failed(&self) -> Option<&F> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Done(_) | Outcome::Skipped(_) => None,
        }
    }

    /// Why the step was not tried, if it was not.
    pub fn skip_reason(&self) -> Option<SkipReason> {
        match &self.outcome {
            Outcome::Skipped(reason) => Some(*reason),
            Outcome::Done(_) | Outcome::Failed(_) => None,
        }
    }
}

impl<T, U, F> Step<(T, U), F> {
    /// Parts the fact that is kept from what only the next step needs (a stream, a session).
    pub(crate) fn parted(self) -> (Step<T, F>, Option<U>) {
        let Self { start_ms, elapsed_ms, outcome } = self;
        let (outcome, rest) = match outcome {
            Outcome::Done((fact, rest)) => (Outcome::Done(fact), Some(rest)),
            Outcome::Failed(failure) => (Outcome::Failed(failure), None),
            Outcome::Skipped(reason) => (Outcome::Skipped(reason), None),
        };
        (Step { start_ms, elapsed_ms, outcome }, rest)
    }
}

/// The one monotonic clock of a run; every step is placed on it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    started_at: jiff::Timestamp,
}

impl Clock {
    /// Starts the clock now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now(), started_at: jiff::Timestamp::now() }
    }

    /// When the clock was started by this host's wall clock, RFC 3339 in UTC to the millisecond.
    #[must_use]
    pub fn started_at(&self) -> String {
        format!("{:.3}", self.started_at)
    }

    /// Milliseconds since the start of the run, to the microsecond.
    #[must_use]
    pub fn elapsed_ms(&self) -> f64 {
        millis(self.origin.elapsed())
    }

    /// The instant that lies `offset` after the start of the run.
    #[must_use]
    pub fn at(&self, offset: Duration) -> Instant {
        self.origin + offset
    }

    /// Runs one step and places it on the clock, to a tenth of a millisecond.
    pub async fn measure<T, F>(&self, step: impl Future<Output = Result<T, F>>) -> Step<T, F> {
        let start_ms = self.elapsed_ms();
        let began = Instant::now();
        let result = step.await;
        let elapsed_ms = millis(began.elapsed());
        let outcome = match result {
            Ok(value) => Outcome::Done(value),
            Err(failure) => Outcome::Failed(failure),
        };
        Step::placed(start_ms, elapsed_ms, outcome)
    }
}

/// A length of time in milliseconds, to the microsecond.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

fn tenths(milliseconds: f64) -> f64 {
    (milliseconds * 10.0).round() / 10.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_zero(milliseconds: &f64) -> bool {
    milliseconds.abs() < f64::EPSILON
}
