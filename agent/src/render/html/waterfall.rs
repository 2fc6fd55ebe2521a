//! Where the time went: every lookup and every step of every address on one time line, a row each.

use probes::Step;
use probes::observations::TargetObservation;

use super::escaped;
use crate::judge::shortened;
use crate::report::Report;

/// Where the bars begin and end, and how high a row is.
const LEFT: f64 = 290.0;
const RIGHT: f64 = 930.0;
const ROW: f64 = 16.0;
/// The room for the scale.
const TOP: f64 = 24.0;

/// One row: who was asked, and what was done when.
struct Row {
    name: String,
    is_first_of_target: bool,
    bars: Vec<Bar>,
}

struct Bar {
    class: &'static str,
    start: f64,
    elapsed: f64,
    failed: bool,
}

pub(super) fn waterfall(report: &Report) -> String {
    let recording = &report.recording;
    let rows: Vec<Row> = recording.targets.iter().chain(&recording.controls).flat_map(rows).collect();
    // A brief report keeps how long some steps took, and of none when it began.
    let timed = |row: &Row| row.bars.iter().any(|bar| bar.class != "lookup" && bar.start > 0.0);
    if !rows.iter().any(timed) {
        return "<p>This report was saved without the times of its steps; <code>--detail full</code> keeps them.</p>\n"
            .to_owned();
    }
    let end = rows.iter().flat_map(|row| &row.bars).map(|bar| bar.start + bar.elapsed).fold(1.0, f64::max);
    let tick = tick(end);
    let end = (end / tick).ceil() * tick;
    let scale = (RIGHT - LEFT) / end;
    #[expect(clippy::cast_precision_loss, reason = "a report has a few hundred rows at most")]
    let height = TOP + ROW * rows.len() as f64 + 8.0;
    let mut text = format!(
        "<svg class=\"waterfall\" viewBox=\"0 0 960 {height}\" role=\"img\">\n<title>Time of every step in milliseconds</title>\n"
    );
    let mut at = 0.0;
    while at <= end + tick / 2.0 {
        let x = LEFT + at * scale;
        text.push_str(&format!(
            "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height}\"/>\
             <text class=\"scale\" x=\"{x:.1}\" y=\"14\">{at} ms</text>\n"
        ));
        at += tick;
    }
    let mut y = TOP;
    for row in &rows {
        if row.is_first_of_target {
            text.push_str(&format!("<line class=\"line\" x1=\"0\" x2=\"960\" y1=\"{y}\" y2=\"{y}\"/>\n"));
        }
        text.push_str(&drawn(row, y, scale));
        y += ROW;
    }
    text.push_str("</svg>\n");
    format!(
        "{text}<p class=\"legend\"><span class=\"lookup\">name</span> <span class=\"tcp\">connection</span> \
         <span class=\"tls\">TLS</span> <span class=\"call\">call</span> <span class=\"failed\">failed</span></p>\n"
    )
}

/// A distance between ticks that gives 4 to 10 of them.
fn tick(end: f64) -> f64 {
    let mut tick = 1.0;
    for factor in [2.0, 2.5, 2.0].iter().cycle() {
        if end / tick <= 10.0 {
            break;
        }
        tick *= factor;
    }
    tick
}

fn rows(target: &TargetObservation) -> Vec<Row> {
    let mut rows = Vec::new();
    for lookup in &target.lookups {
        let mut bars = vec![bar("lookup", &lookup.a)];
        bars.extend(lookup.aaaa.as_ref().map(|step| bar("lookup", step)));
        rows.push(Row {
            name: format!("lookup by {}", lookup.resolver),
            is_first_of_target: false,
            bars: known(bars),
        });
    }
    for attempt in &target.attempts {
        let bars = vec![bar("tcp", &attempt.tcp), bar("tls", &attempt.tls), bar("call", &attempt.call)];
        rows.push(Row { name: attempt.address.to_string(), is_first_of_target: false, bars: known(bars) });
    }
    if let Some(first) = rows.first_mut() {
        first.is_first_of_target = true;
        let target = target.target.strip_prefix("control:").unwrap_or(&target.target);
        first.name = format!("{target}: {}", first.name);
    }
    rows
}

/// The bars of what was done at all.
fn known(bars: Vec<Option<Bar>>) -> Vec<Bar> {
    bars.into_iter().flatten().collect()
}

fn bar<T, F>(class: &'static str, step: &Step<T, F>) -> Option<Bar> {
    let failed = match &step.outcome {
        probes::Outcome::Done(_) => false,
        probes::Outcome::Failed(_) => true,
        probes::Outcome::Skipped(_) => return None,
    };
    (step.elapsed_ms > 0.0).then_some(Bar { class, start: step.start_ms, elapsed: step.elapsed_ms, failed })
}

fn drawn(row: &Row, y: f64, scale: f64) -> String {
    let class = if row.is_first_of_target { "name first" } else { "name" };
    let mut text = format!(
        "<text class=\"{class}\" x=\"{:.0}\" y=\"{:.0}\">{}</text>\n",
        LEFT - 8.0,
        y + 12.0,
        escaped(&shortened(&row.name, 48))
    );
    for bar in &row.bars {
        let failed = if bar.failed { " failed" } else { "" };
        let outcome = if bar.failed { ", failed" } else { "" };
        text.push_str(&format!(
            "<rect class=\"bar {}{failed}\" x=\"{:.1}\" y=\"{:.0}\" width=\"{:.1}\" height=\"10\"><title>{}: {:.1} ms from \
             {:.1} ms{outcome}</title></rect>\n",
            bar.class,
            LEFT + bar.start * scale,
            y + 3.0,
            // What is too short to see is still there.
            (bar.elapsed * scale).max(1.5),
            bar.class,
            bar.elapsed,
            bar.start
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::mixed;
    use super::*;
    use crate::render::brief;

    #[test]
    fn ticks_are_neither_few_nor_many() {
        for end in [3.0, 11.0, 99.0, 101.0, 750.0, 3_000.0, 20_000.0] {
            let ticks = end / tick(end);
            assert!((2.0..=10.0).contains(&ticks), "{end}: {ticks}");
        }
    }

    #[test]
    fn every_step_that_was_done_has_a_bar() {
        let report = mixed();
        let steps = |target: &TargetObservation| rows(target).iter().map(|row| row.bars.len()).sum::<usize>();
        let recording = &report.recording;
        let bars: usize = recording.targets.iter().chain(&recording.controls).map(steps).sum();
        assert!(bars > 50);
        assert_eq!(waterfall(&report).matches("<rect class=\"bar ").count(), bars);
    }

    #[test]
    fn a_report_without_times_says_so() {
        assert!(waterfall(&brief::brief(&mixed())).contains("--detail full"));
    }
}
