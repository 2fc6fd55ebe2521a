//! A report in the formats that people and machines read. Nothing here decides anything: the same report always looks
//! the same.

pub mod brief;
mod commands;
mod console;
mod container;
mod emf;
pub mod fleet;
mod html;
mod junit;
mod markup;
mod nagios;
mod prometheus;
mod ssm_inventory;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod wrap;

use probes::observations::Attempt;

use crate::report::Report;
use crate::settings::{Detail, Format};

pub use nagios::code as nagios_code;
pub use summary::for_people;

/// The report in a format, with its line end.
#[must_use]
pub fn render(report: &Report, format: Format, detail: Detail, verbose: bool) -> String {
    match format {
        Format::Json => json(report, detail),
        Format::Table => table::table(report, verbose),
        Format::Html => html::html(report),
        Format::Console => console::console(report),
        Format::Junit => junit::junit(report),
        Format::Prometheus => prometheus::prometheus(report),
        Format::Nagios => nagios::nagios(report),
        Format::Emf => emf::emf(report),
        Format::SsmInventory => ssm_inventory::ssm_inventory(report),
    }
}

/// One JSON document on one line.
fn json(report: &Report, detail: Detail) -> String {
    let text = match detail {
        Detail::Full => serde_json::to_string(report),
        Detail::Brief => serde_json::to_string(&brief::brief(report)),
    };
    // Reports hold strings, numbers and lists only, which always become JSON.
    format!("{}\n", text.unwrap_or_default())
}

/// How long the quickest address of a target took from connecting to the service's answer, in milliseconds; `None` where
/// none answered, and in a brief report, which leaves these times out.
fn time_to_answer(report: &Report, target: &str) -> Option<f64> {
    let target = report.recording.targets.iter().find(|each| each.target == target)?;
    let answered = |attempt: &&Attempt| attempt.call.done().is_some() && attempt.call.elapsed_ms > 0.0;
    let time = |attempt: &Attempt| attempt.call.start_ms + attempt.call.elapsed_ms - attempt.tcp.start_ms;
    target.attempts.iter().filter(answered).map(time).min_by(f64::total_cmp)
}

/// Seconds since 1970 of a time stamp of the report.
fn epoch_seconds(stamp: &str) -> Option<f64> {
    let stamp: jiff::Timestamp = stamp.parse().ok()?;
    Some(stamp.as_duration().as_secs_f64())
}
