//! A report in the formats that people and machines read. Nothing here decides anything: the same report always looks
//! the same.

pub mod brief;
mod summary;
mod table;
mod wrap;

use crate::report::Report;
use crate::settings::{Detail, Format};

pub use summary::for_people;

/// The report in a format, with its line end.
#[must_use]
pub fn render(report: &Report, format: Format, detail: Detail, verbose: bool) -> String {
    match format {
        Format::Json => json(report, detail),
        Format::Table => table::table(report, verbose),
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
