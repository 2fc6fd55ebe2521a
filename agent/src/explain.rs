//! The manual: pages of rules, the table of verdicts, the list of both.

use std::fmt::Write as _;

use crate::classify::signal::SignalName;
use crate::classify::table::{Row, TABLE};
use crate::diagnose::rules::{RULES, rule};
use crate::diagnose::situations;
use crate::packed;
use crate::settings::SettingsError;

/// The page of a rule, the table of verdicts, the map of situations, or the list of rules.
///
/// # Errors
/// A topic that is neither, with the nearest rule.
pub fn explain(topic: Option<&str>) -> Result<String, SettingsError> {
    match topic {
        None => Ok(list()),
        Some("verdicts") => Ok(verdicts()),
        Some("situations") => Ok(situations()),
        Some(id) => {
            let known = || RULES.iter().map(|rule| rule.id).collect::<Vec<_>>();
            rule(id)
                .and_then(|rule| packed::page(rule.id))
                .ok_or_else(|| SettingsError::unknown_rule(id, &known()))
        }
    }
}

fn list() -> String {
    let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let line = |rule: &crate::diagnose::Rule| format!("{:<width$}  {}\n", rule.id, rule.title);
    RULES.iter().map(line).collect()
}

fn situations() -> String {
    let mut text = String::new();
    for situation in situations::all() {
        let answer =
            if situation.rules.is_empty() { "no rule".to_owned() } else { situation.rules.join(", ") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<4} {}\n       {answer}", situation.id, situation.what);
        if !situation.limit.is_empty() {
            let _ = writeln!(text, "       {}", situation.limit);
        }
    }
    text
}

fn verdicts() -> String {
    let mut text = String::from(
        "Which signals mean which path. The first row whose conditions all hold decides; a dimension that a row does not\n\
         name may have any value. Confidence: proven (the service or the control plane said so), likely (independent signs\n\
         agree), possible (one sign, none against it). What a path proof means (`proof_…`, made only with --prove-with) is\n\
         concluded from the documented meaning of aws:SourceVpce and of session policies; no example of Amazon's was found.\n\
         Controls are hosts that no VPC endpoint here serves (--control-host, --no-controls): `control_…` a public one,\n\
         `other_region_…` the same service in another Region, whose addresses no gateway endpoint of this one carries.\n\
         `egress_…` is the address that a control sees the instance under; it names the carrier of what takes that control's\n\
         way, and never says whether a gateway endpoint carries something else.\n",
    );
    for (number, row) in TABLE.iter().enumerate() {
        let ruling = row.ruling;
        let via = ruling.via.map(|via| format!(" via {}", via.words())).unwrap_or_default();
        let sure = ruling.confidence.map(|confidence| format!(", {}", confidence.word())).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ =
            write!(text, "\n{:>2}. {}{via}{sure}\n    {}\n", number + 1, ruling.path.words(), row.reading);
        if !row.twin.is_empty() {
            let _ = writeln!(text, "    But: {}", row.twin);
        }
        for names in conditions(row) {
            let _ = writeln!(text, "      {}", names.join(" or "));
        }
    }
    text
}

/// The values that a row asks for, one list per dimension that it names.
fn conditions(row: &Row) -> Vec<Vec<String>> {
    let dimensions: [Vec<SignalName>; 11] = [
        row.address.iter().map(|value| value.name()).collect(),
        row.prefixes.iter().map(|value| value.name()).collect(),
        row.hops.iter().map(|value| value.name()).collect(),
        row.control.iter().map(|value| value.name()).collect(),
        row.contact.iter().map(|value| value.name()).collect(),
        row.identity.iter().map(|value| value.name()).collect(),
        row.word.iter().map(|value| value.name()).collect(),
        row.proof.iter().map(|value| value.name()).collect(),
        row.public_address.iter().map(|value| value.name()).collect(),
        row.egress.iter().map(|value| value.name()).collect(),
        row.configured.iter().map(|value| value.name()).collect(),
    ];
    let named = dimensions.into_iter().filter(|names| !names.is_empty());
    named.map(|names| names.into_iter().map(word).collect()).collect()
}

/// A signal's name as it stands in a report.
fn word(name: SignalName) -> String {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(word)) => word,
        _ => format!("{name:?}"),
    }
}
