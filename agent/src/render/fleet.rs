//! The overview of a fleet for a person at a terminal of 80 columns, and for programs. However many instances there are, a page
//! tells the worst of it; `--verbose` tells all.

mod matrix;

use super::wrap::{plain, wrapped};
use crate::fleet::{Fix, FleetFinding, Leak, LeakPlace, Overview, Place, PlaceCount, SubjectCount};
use crate::judge::shortened;
use crate::report::Severity;

/// How many of a kind are listed before the rest is only counted.
#[derive(Clone, Copy)]
struct Limits {
    rows: usize,
    places: usize,
    instances: usize,
    fixes: usize,
}

const PAGE: Limits = Limits { rows: 12, places: 2, instances: 2, fixes: 3 };
const ALL: Limits = Limits { rows: usize::MAX, places: usize::MAX, instances: usize::MAX, fixes: usize::MAX };

/// One JSON document on one line.
#[must_use]
pub fn json(overview: &Overview) -> String {
    // An overview holds strings, numbers and lists only, which always become JSON.
    format!("{}\n", serde_json::to_string(overview).unwrap_or_default())
}

/// The page.
#[must_use]
pub fn table(overview: &Overview, verbose: bool) -> String {
    let limits = if verbose { ALL } else { PAGE };
    let mut text = head(overview);
    if let Some((first, others)) = overview.fixes.split_first() {
        text.push_str(&fix_first(first, others, limits));
    }
    text.push_str(&matrix::matrix(&overview.groups, limits));
    if !overview.findings.is_empty() {
        text.push_str("\nFINDINGS NOW\n");
        let findings = overview.findings.iter().map(|finding| one_finding(finding, limits));
        text.extend(findings);
    }
    if !overview.through_nat.is_empty() {
        text.push_str("\nTHROUGH NAT, WHERE A GATEWAY ENDPOINT WOULD COST NOTHING\n");
        text.extend(overview.through_nat.iter().map(|leak| one_leak(leak, limits)));
    }
    text.push_str(&foot(overview));
    text.lines().map(|line| format!("{}\n", plain(line).trim_end())).collect()
}

/// A few lines for people, where standard output is for programs.
#[must_use]
pub fn for_people(overview: &Overview) -> String {
    let summary = &overview.summary;
    let mut lines = vec![format!("vpcprobe: {}: {}", instances(summary.instances), statuses(overview))];
    if summary.unreadable > 0 {
        lines.push(format!("{} could not be read as reports", count(summary.unreadable)));
    }
    if let Some(fix) = overview.fixes.first() {
        let whom = instances(fix.instances);
        lines.push(shortened(&format!("fix first: {} ({whom}): {}", fix.rule, fix.remedy.text), 240));
    }
    lines.iter().map(|line| format!("{}\n", plain(line))).collect()
}

fn head(overview: &Overview) -> String {
    let summary = &overview.summary;
    let day = |at: &Option<String>| at.as_deref().map_or_else(|| "?".to_owned(), minute);
    let first = format!(
        "{} in {} from {} to {} UTC",
        instances(summary.instances),
        counted(summary.reports, "report", "reports"),
        day(&summary.first_report_at),
        day(&summary.last_report_at),
    );
    let mut text = wrapped(&first, 0);
    text.push_str(&wrapped(&statuses(overview), 0));
    if summary.silent > 0 {
        let silent = format!(
            "{} last reported more than a day before the newest report: what is said of them may be over",
            instances(summary.silent)
        );
        text.push_str(&wrapped(&silent, 0));
    }
    if summary.unreadable > 0 {
        let unread = format!(
            "{} could not be read as reports; standard error names them",
            counted(summary.unreadable, "file or line", "files or lines")
        );
        text.push_str(&wrapped(&unread, 0));
    }
    text
}

fn statuses(overview: &Overview) -> String {
    let summary = &overview.summary;
    let parts = [
        (summary.failing, "FAILING"),
        (summary.inconclusive, "INCONCLUSIVE"),
        (summary.degraded, "DEGRADED"),
        (summary.healthy, "HEALTHY"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(*number)))
        .collect();
    parts.join(", ")
}

fn fix_first(fix: &Fix, others: &[Fix], limits: Limits) -> String {
    let rest = fix.of - fix.instances;
    let whom = match (fix.instances, rest) {
        (_, 0) => format!("helps {}, all that have this finding", instances(fix.instances)),
        _ => format!(
            "helps {} of the {} that have this finding; the others need it with ids of their own",
            count(fix.instances),
            instances(fix.of)
        ),
    };
    let mut text = String::from("\nFIX FIRST\n");
    let mark = fix.severity.word().to_uppercase();
    text.push_str(&wrapped(&format!("{mark} {} {}", fix.rule, since(&fix.since, fix.or_before)), 2));
    text.push_str(&wrapped(&format!("{whom}."), 2));
    text.push_str(&places(&fix.places, limits));
    if fix.causes.len() > 1 {
        text.push_str("  Possible causes, most likely first:\n");
        for (number, cause) in fix.causes.iter().enumerate() {
            text.push_str(&wrapped(&format!("{}. {cause}", number + 1), 4));
        }
    } else if let Some(cause) = fix.causes.first() {
        text.push_str(&wrapped(&format!("Cause: {cause}"), 2));
    }
    text.push_str(&wrapped(&format!("Fix: {}", fix.remedy.text), 2));
    if fix.for_each && fix.instances > 1 {
        text.push_str(&wrapped(
            &format!("For each instance, with ids of its own; those of {}:", fix.example),
            2,
        ));
    }
    for command in &fix.remedy.commands {
        // Commands stay on one line however long they are: they are there to be copied.
        text.push_str(&format!("    {command}\n"));
    }
    text.push_str(&then(fix, others, limits));
    text
}

/// What helps next: of each further rule that which helps most.
fn then(first: &Fix, others: &[Fix], limits: Limits) -> String {
    let mut rules = vec![first.rule.as_str()];
    let mut next = Vec::new();
    for fix in others {
        if !rules.contains(&fix.rule.as_str()) || limits.fixes == usize::MAX {
            rules.push(&fix.rule);
            next.push(fix);
        }
    }
    let shown = next.len().min(limits.fixes);
    let mut text = String::new();
    for fix in &next[..shown] {
        let mark = fix.severity.word();
        let whom = if fix.instances == fix.of {
            instances(fix.of)
        } else {
            format!("{} of {}", count(fix.instances), instances(fix.of))
        };
        text.push_str(&wrapped(&format!("Then {mark} {}: helps {whom}", fix.rule), 2));
    }
    if next.len() > shown {
        text.push_str(&format!("  and {}\n", counted(next.len() - shown, "more rule", "more rules")));
    }
    text
}

fn one_finding(finding: &FleetFinding, limits: Limits) -> String {
    let mark = finding.severity.word().to_uppercase();
    let about = match finding.subjects.as_slice() {
        [] => String::new(),
        subjects => format!(" [{}]", about(subjects)),
    };
    let line = format!(
        "{mark} {}{about}: {} {}",
        finding.rule,
        instances(finding.instances),
        since(&finding.since, finding.or_before)
    );
    let mut text = wrapped(&line, 2);
    // What is only worth knowing need not be found place by place.
    if finding.severity > Severity::Notice || limits.places == usize::MAX {
        text.push_str(&places(&finding.places, limits));
    }
    text
}

/// What a finding is about, at most three of it.
fn about(subjects: &[SubjectCount]) -> String {
    let shown: Vec<&str> = subjects.iter().take(3).map(|subject| subject.id.as_str()).collect();
    let rest = subjects.len() - shown.len();
    let more = if rest > 0 { format!(", and {} more", count(rest)) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn one_leak(leak: &Leak, limits: Limits) -> String {
    let mut text = format!("  {}: {}\n", leak.service, instances(leak.instances));
    let shown = leak.places.len().min(limits.places);
    for place in &leak.places[..shown] {
        text.push_str(&leak_place(place, limits));
    }
    text.push_str(&rest_of(&leak.places[shown..], |place| place.instances));
    text
}

fn leak_place(place: &LeakPlace, limits: Limits) -> String {
    let sure = place.confidence.map_or("", |sure| sure.word());
    let ids = named(&place.instance_ids, limits.instances);
    behind(&label(place.instances), &format!("{}, {sure}: {ids}", whereabouts(&place.place)))
}

fn places(places: &[PlaceCount], limits: Limits) -> String {
    let shown = places.len().min(limits.places);
    let mut text = String::new();
    for place in &places[..shown] {
        text.push_str(&behind(&label(place.instances), &whereabouts(&place.place)));
    }
    text.push_str(&rest_of(&places[shown..], |place| place.instances));
    text
}

fn rest_of<T>(rest: &[T], instances_in: impl Fn(&T) -> usize) -> String {
    if rest.is_empty() {
        return String::new();
    }
    let number: usize = rest.iter().map(instances_in).sum();
    behind(&label(number), &format!("in {}", counted(rest.len(), "more place", "more places")))
}

/// How many instances, in front of where they are.
fn label(number: usize) -> String {
    format!("    {:>7}  ", count(number))
}

/// The text behind a label, its further lines below its first.
fn behind(label: &str, text: &str) -> String {
    let width = label.chars().count();
    let lines = wrapped(text, width);
    format!("{label}{}", lines.get(width..).unwrap_or_default())
}

fn foot(overview: &Overview) -> String {
    let more = match overview.findings.first() {
        Some(finding) => format!(" `vpcprobe explain {}` tells more about a finding.", finding.rule),
        None => String::new(),
    };
    format!(
        "\n{}",
        wrapped(
            &format!("Exit code {}. `--format json` names every instance.{more}", overview.summary.exit_code),
            0
        )
    )
}

/// The most exact names of a place that its reports know.
fn whereabouts(place: &Place) -> String {
    let within = [&place.subnet_id, &place.route_table_id];
    let around = [&place.account_id, &place.region, &place.vpc_id];
    let known = |parts: &[&Option<String>]| -> Vec<String> {
        parts.iter().filter_map(|part| part.as_deref()).map(str::to_owned).collect()
    };
    let (within, around) = (known(&within), known(&around));
    match (within.is_empty(), around.is_empty()) {
        (false, _) => within.join(" "),
        (true, false) => around.join(" "),
        (true, true) => "a place that the reports do not know".to_owned(),
    }
}

/// The first few ids, and how many more.
fn named(ids: &[String], limit: usize) -> String {
    let shown = ids.len().min(limit);
    let mut text = ids[..shown].join(" ");
    if ids.len() > shown {
        text.push_str(&format!(" and {} more", count(ids.len() - shown)));
    }
    text
}

fn since(stamp: &str, or_before: bool) -> String {
    format!("since {}{}", minute(stamp), if or_before { " or before" } else { "" })
}

/// A time stamp to the minute.
fn minute(stamp: &str) -> String {
    stamp.chars().take(16).map(|character| if character == 'T' { ' ' } else { character }).collect()
}

fn instances(number: usize) -> String {
    counted(number, "instance", "instances")
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A number with its thousands set apart.
fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
