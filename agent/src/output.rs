//! Where a report goes: standard output, files, and a few lines for people on standard error.

use std::io::Write;
use std::path::Path;

use vpcprobe::fleet::Overview;
use vpcprobe::judge::exit;
use vpcprobe::render::{fleet, for_people, nagios_code, render};
use vpcprobe::report::{Report, Status};
use vpcprobe::settings::{Detail, Format, Outputs};

/// Writes the report everywhere it is wanted and gives the exit code. A report in hand is never lost: when a file cannot
/// be written, the report goes to standard output.
pub(crate) fn write(report: &Report, outputs: &Outputs) -> u8 {
    let mut failed = false;
    if let Some(format) = outputs.stdout {
        failed |= !to_stdout(&render(report, format, outputs.detail, outputs.verbose));
    }
    for (format, path) in &outputs.files {
        let text = render(report, *format, outputs.detail, outputs.verbose);
        if let Err(error) = to_file(path, &text) {
            failed = true;
            complain(&format!("vpcprobe: failed to write {}: {error}", path.display()));
        }
    }
    if failed && outputs.stdout.is_none() {
        to_stdout(&render(report, Format::Json, Detail::Brief, false));
    }
    if outputs.stdout.is_some_and(Format::is_for_programs) && !outputs.quiet {
        let _ = std::io::stderr().write_all(for_people(report).as_bytes());
    }
    match (outputs.stdout, failed) {
        (Some(Format::Nagios), true) => nagios_code(Status::Inconclusive),
        (Some(Format::Nagios), false) => nagios_code(report.summary.status),
        (_, true) => exit::USAGE,
        (_, false) => report.summary.exit_code,
    }
}

/// Writes the overview of a fleet everywhere it is wanted and gives the exit code.
pub(crate) fn write_overview(overview: &Overview, outputs: &Outputs) -> u8 {
    let text = |format| match format {
        Format::Table => fleet::table(overview, outputs.verbose),
        _ => fleet::json(overview),
    };
    let mut failed = false;
    if let Some(format) = outputs.stdout {
        failed |= !to_stdout(&text(format));
    }
    for (format, path) in &outputs.files {
        if let Err(error) = to_file(path, &text(*format)) {
            failed = true;
            complain(&format!("vpcprobe: failed to write {}: {error}", path.display()));
        }
    }
    if failed && outputs.stdout.is_none() {
        to_stdout(&text(Format::Json));
    }
    if outputs.stdout.is_some_and(Format::is_for_programs) && !outputs.quiet {
        let _ = std::io::stderr().write_all(fleet::for_people(overview).as_bytes());
    }
    if failed { exit::USAGE } else { overview.summary.exit_code }
}

/// Whether the text got out. A reader that closed the pipe early has all it wanted.
fn to_stdout(text: &str) -> bool {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("vpcprobe: failed to write to standard output: {error}"));
            false
        }
        _ => true,
    }
}

/// Readers see the old file or the new one, never half of one: the text goes to a file beside it, which then takes its
/// name.
#[expect(clippy::disallowed_methods, reason = "reports are written")]
fn to_file(path: &Path, text: &str) -> std::io::Result<()> {
    let name = path.file_name().ok_or(std::io::ErrorKind::IsADirectory)?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // It may not exist; what matters is the first error.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
