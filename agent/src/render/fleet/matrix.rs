//! Instances by targets: a row for the instances of one status that have the same verdicts, a column for each target, and below it
//! where the instances of each row are. Targets that do not fit beside each other go into further blocks.

use std::collections::{BTreeMap, BTreeSet};

use super::super::wrap::WIDTH;
use super::{Limits, behind, count, instances, label, named, rest_of, whereabouts};
use crate::fleet::{Group, VerdictRow};
use crate::report::{Confidence, Path, Via};

/// What a cell says, in the words of the line that explains it.
const LEGEND: &str = "  + answers  - does NOT answer  ? not tried    *** proven  ** likely  * possible\n";

/// The matrix and where the instances of its rows are.
pub(super) fn matrix(groups: &[Group], limits: Limits) -> String {
    let rows = rows(groups);
    let shown = &rows[..rows.len().min(limits.rows)];
    let mut text = format!("\nPATHS NOW, alike instances in one row, worst first\n{LEGEND}");
    let columns = columns(groups, shown);
    let margin = " ".repeat(11);
    let mut at = 0;
    while at < columns.len() {
        let fit = fitting(&columns[at..], WIDTH - margin.len());
        let block = &columns[at..at + fit];
        text.push_str(&format!("{margin}{}\n", line(block, |column| column.target.clone())));
        for (number, row) in shown.iter().enumerate() {
            let cells = line(block, |column| row.cell(&column.target));
            text.push_str(&format!("{:>3} {:>7}{cells}\n", number + 1, count(row.instances)));
        }
        at += fit;
    }
    for (number, row) in shown.iter().enumerate() {
        text.push_str(&row.places(number + 1, limits));
    }
    let rest = &rows[shown.len()..];
    if !rest.is_empty() {
        let number = rest.iter().map(|row| row.instances).sum();
        text.push_str(&format!(
            "  and {} more rows with {} (--verbose)\n",
            count(rest.len()),
            instances(number)
        ));
    }
    text
}

/// The groups of one status with the same verdicts, wherever they are.
struct Row<'a> {
    groups: Vec<&'a Group>,
    instances: usize,
}

/// The rows, worst first, those of the most instances first among the equally bad.
fn rows(groups: &[Group]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut known: BTreeMap<(&str, &[VerdictRow]), usize> = BTreeMap::new();
    // Groups come worst first, so rows of one status stay together, and only their order by size has to be made anew.
    for group in groups {
        let place = *known.entry((group.status.word(), &group.verdicts)).or_insert(rows.len());
        if place == rows.len() {
            rows.push(Row { groups: Vec::new(), instances: 0 });
        }
        rows[place].groups.push(group);
        rows[place].instances += group.instances;
    }
    let bad: BTreeMap<&str, usize> =
        groups.iter().enumerate().rev().map(|(place, group)| (group.status.word(), place)).collect();
    rows.sort_by_key(|row| {
        (row.groups.first().and_then(|group| bad.get(group.status.word())), std::cmp::Reverse(row.instances))
    });
    rows
}

impl Row<'_> {
    fn cell(&self, target: &str) -> String {
        let verdicts = self.groups.first().map(|group| group.verdicts.as_slice()).unwrap_or_default();
        verdicts.iter().find(|verdict| verdict.target == target).map_or_else(String::new, cell)
    }

    /// What is wrong with these instances, and where they are.
    fn places(&self, number: usize, limits: Limits) -> String {
        let status = self.groups.first().map_or("", |group| group.status.word());
        let rules: BTreeSet<&str> =
            self.groups.iter().flat_map(|group| &group.rules).map(String::as_str).collect();
        let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
        let colon = if rules.is_empty() { "" } else { ": " };
        let mut text =
            behind(&format!("{number:>3}. "), &format!("{} {status}{colon}{rules}", count(self.instances)));
        // Where all is well need not be listed.
        let listed = if rules.is_empty() && limits.places < usize::MAX { 0 } else { limits.places };
        let shown = self.groups.len().min(listed);
        for group in &self.groups[..shown] {
            let ids = named(&group.instance_ids, limits.instances);
            text.push_str(&behind(&label(group.instances), &format!("{}: {ids}", whereabouts(&group.place))));
        }
        text.push_str(&rest_of(&self.groups[shown..], |group| group.instances));
        text
    }
}

/// A column: a target, and how wide its widest cell is.
struct Column {
    target: String,
    width: usize,
}

/// The targets, those that an instance cannot do without first, then those of the most instances.
fn columns(groups: &[Group], shown: &[Row<'_>]) -> Vec<Column> {
    let mut seen: BTreeMap<&str, (bool, usize)> = BTreeMap::new();
    for group in groups {
        for verdict in &group.verdicts {
            let (required, instances) = seen.entry(&verdict.target).or_default();
            *required |= verdict.required;
            *instances += group.instances;
        }
    }
    let mut targets: Vec<_> = seen.into_iter().collect();
    targets.sort_by_key(|(_, (required, instances))| (!required, std::cmp::Reverse(*instances)));
    targets
        .into_iter()
        .map(|(target, _)| {
            let cells = shown.iter().map(|row| row.cell(target).chars().count());
            let width = cells.chain([target.chars().count()]).max().unwrap_or_default();
            Column { target: target.to_owned(), width }
        })
        .collect()
}

/// How many columns fit, one at least.
fn fitting(columns: &[Column], width: usize) -> usize {
    let mut used = 0;
    let fit = columns.iter().take_while(|column| {
        used += column.width + 2;
        used <= width
    });
    fit.count().max(1)
}

fn line(columns: &[Column], text: impl Fn(&Column) -> String) -> String {
    columns.iter().map(|column| format!("  {:<width$}", text(column), width = column.width)).collect()
}

/// Path, answer and confidence of a target, such as `+gateway **`.
fn cell(verdict: &VerdictRow) -> String {
    let answers = match verdict.reachable {
        Some(true) => '+',
        Some(false) => '-',
        None => '?',
    };
    let sure = match verdict.confidence {
        Some(Confidence::Proven) => " ***",
        Some(Confidence::Likely) => " **",
        Some(Confidence::Possible) => " *",
        None => "",
    };
    format!("{answers}{}{sure}", short(verdict))
}

/// The path in a word; what carries it where that says more.
fn short(verdict: &VerdictRow) -> &'static str {
    match (verdict.path, verdict.via) {
        (Path::GatewayEndpoint, _) => "gateway",
        (Path::InterfaceEndpoint, _) => "iface",
        (Path::Internet, Some(Via::NatGateway | Via::NatInstance)) => "nat",
        (Path::Internet, Some(Via::NatOrAppliance)) => "nat?",
        (Path::Internet, Some(Via::InternetGateway)) => "igw",
        (Path::Internet, Some(Via::EgressOnlyInternetGateway)) => "eigw",
        (Path::Internet, Some(Via::TransitGateway)) => "tgw",
        (Path::Internet, Some(Via::VpnGateway)) => "vgw",
        (Path::Internet, Some(Via::Peering)) => "peering",
        (Path::Internet, Some(Via::Firewall)) => "firewall",
        (Path::Internet, None) => "internet",
        (Path::Proxy, _) => "proxy",
        (Path::Split, _) => "split",
        (Path::Unreachable, _) => "none",
        (Path::Undetermined, _) => "unknown",
    }
}
