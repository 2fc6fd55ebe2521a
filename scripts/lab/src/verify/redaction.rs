//! Whether a report that is shown with pseudonyms says the same and tells nothing of whose it is.
//!
//! What must not be in it is taken from the scenario: the names of the account that the lab was told, and every text of the
//! scenario that has the form of an id of AWS's or of a private address. So a scenario that brings new names needs no list here.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::report::{Conclusions, Report};
use crate::scenario::Definition;

/// The formats in which a report is searched for names: all that is observed, and all that is written for people.
const FORMATS: [&str; 3] = ["json", "table", "html"];

/// Addresses that stand for their class in texts and settings, and are nobody's.
const CLASSES: [&str; 4] = ["10.0.0.0", "100.64.0.0", "172.16.0.0", "192.168.0.0"];

/// Lets the agent show its report again with pseudonyms, and says what is wrong with that.
pub(super) fn complaints(
    agent: &Path,
    folder: &Path,
    text: &str,
    report: &Report,
    definition: &Definition,
) -> anyhow::Result<Vec<String>> {
    let file = |name: &str| folder.join(format!("redacted.{name}"));
    std::fs::write(file("of"), text).context("failed to write the report")?;
    // Not random, so that two runs of a test say the same.
    std::fs::write(file("key"), "the same key in every run\n").context("failed to write a key")?;
    let mut command = Command::new(agent);
    command
        .arg("judge")
        .arg(file("of"))
        .args(["--quiet", "--detail", "full", "--redact-key"])
        .arg(file("key"));
    for format in FORMATS {
        command.arg("--output").arg(format!("{format}={}", file(format).display()));
    }
    let output = command.output().context("failed to start the agent")?;
    let code = output.status.code();
    let mut complaints = Vec::new();
    if code != Some(report.summary.exit_code) {
        let said = String::from_utf8_lossy(&output.stderr);
        complaints.push(format!("with pseudonyms: exit code {code:?}, it said: {}", said.trim()));
    }
    let names = names(definition);
    for format in FORMATS {
        let shown = std::fs::read_to_string(file(format)).context("failed to read what the agent wrote")?;
        // A rule begins like the name of a role of the lab's.
        let searched = shown.replace("path-proof-failed", "");
        let left = names.iter().filter(|name| holds(&searched, name));
        complaints.extend(left.map(|name| format!("with pseudonyms: the {format} holds {name}")));
        if format == "json" {
            let redacted: Report =
                serde_json::from_str(&shown).context("failed to read a report with pseudonyms")?;
            if redacted.run.redacted != Some(true) {
                complaints.push("with pseudonyms: the report does not say so".to_owned());
            }
            let (before, after) = (Conclusions::of(report), Conclusions::of(&redacted));
            if before != after {
                complaints.push(format!("with pseudonyms other conclusions:\n- {before:?}\n+ {after:?}"));
            }
        }
    }
    Ok(complaints)
}

/// Everything in a scenario that tells whose it is.
fn names(definition: &Definition) -> BTreeSet<String> {
    let (aws, topology) = (&definition.aws, &definition.topology);
    let mut names: BTreeSet<String> = [&aws.account_id, &aws.role_name].into_iter().cloned().collect();
    names.extend(aws.organization_id.clone());
    names.extend(aws.organization_accounts.iter().cloned());
    names.extend(aws.roles.iter().map(|role| role.name.clone()));
    names.extend(aws.buckets.iter().map(|bucket| bucket.name.clone()));
    names.extend(aws.tables.iter().cloned());
    names.extend(
        aws.users.iter().flat_map(|user| [user.access_key_id.clone(), user.secret_access_key.clone()]),
    );
    let everybodys = |domain: &&String| domain.ends_with(".internal") || domain.ends_with("cluster.local");
    names.extend(definition.dns.search.iter().flatten().filter(|domain| !everybodys(domain)).cloned());
    names.extend(topology.vpc.cidrs.iter().map(ToString::to_string));
    names.extend(topology.subnets.iter().map(|subnet| subnet.cidr.to_string()));
    let public = topology.nat_gateways.iter().map(|gateway| gateway.public_address);
    names.extend(public.chain(topology.instance.public_address).map(|address| address.to_string()));
    names.insert(topology.instance.mac.clone());
    let everything = format!(
        "{topology:?} {:?} {:?} {:?} {:?}",
        definition.dns, definition.proxies, definition.environment, definition.files
    );
    let between = |character: char| !(character.is_ascii_alphanumeric() || matches!(character, '.' | '-'));
    names.extend(
        everything.split(between).filter(|text| is_id(text) || is_private_address(text)).map(str::to_owned),
    );
    // The ids of AWS's own prefix lists are the same for everybody.
    for list in topology.prefix_lists.iter().filter(|list| !list.service.is_empty()) {
        names.remove(&list.id);
    }
    names
}

/// Whether it is an id of AWS's: a kind, and 8 or 17 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(kind, number)| {
        matches!(number.len(), 8 | 17)
            && number.bytes().all(|byte| byte.is_ascii_hexdigit())
            && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    })
}

fn is_private_address(text: &str) -> bool {
    let shared = |address: Ipv4Addr| address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
    let address: Result<Ipv4Addr, _> = text.parse();
    address.is_ok_and(|address| address.is_private() || shared(address)) && !CLASSES.contains(&text)
}

/// Whether a text holds a name as a whole, and not only in the midst of another.
fn holds(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + name.len()..].chars();
        let (next, further) = (after.next(), after.next());
        let goes_on = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let is_number = name.starts_with(|first: char| first.is_ascii_digit());
        let joined_before = goes_on(before) || before == Some('.') && is_number;
        let joined_after =
            goes_on(next) || next == Some('.') && further.is_some_and(|further| further.is_ascii_digit());
        !joined_before && !joined_after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_whole_only() {
        assert!(holds("at 10.0.1.1: no answer", "10.0.1.1"));
        assert!(holds("10.0.1.1.", "10.0.1.1"));
        assert!(!holds("10.0.1.10", "10.0.1.1"));
        assert!(!holds("10.0.1.1.5", "10.0.1.1"));
        assert!(!holds("reorders", "orders"));
        assert!(holds("table/orders\"", "orders"));
    }

    #[test]
    fn ids_and_private_addresses_are_known_by_their_form() {
        assert!(
            is_id("vpce-0123456789abcdef0")
                && is_id("pl-63a5400a")
                && !is_id("us-east-1")
                && !is_id("x-1234")
        );
        assert!(is_private_address("10.0.1.5") && is_private_address("100.64.0.2"));
        assert!(!is_private_address("10.0.0.0") && !is_private_address("169.254.169.254"));
    }
}
