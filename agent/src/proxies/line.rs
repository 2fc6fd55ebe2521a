//! The list of hosts that go round a proxy: what is wrong with one, and one that every client reads alike.

use std::net::{IpAddr, Ipv4Addr};

/// Instance metadata, the one address among what AWS clients ask for by address.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Something in a list that some clients do not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Entries are parted by blanks without a comma: only curl takes those for separators.
    BlanksForCommas,
    /// Entries are parted by semicolons: nobody does.
    Semicolons,
    /// Quotes are part of the value, as where a file is not read by a shell.
    Quotes,
    /// An entry has a wildcard: only Go knows one, and only in front.
    Wildcard,
    /// An entry is a whole address with `http://`.
    Scheme,
    /// An entry is a range of addresses that instance metadata is meant by: Python knows none.
    Range,
}

impl Trouble {
    /// What is wrong, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BlanksForCommas => "blanks between entries, which only curl takes for separators",
            Self::Semicolons => "semicolons between entries, which no client takes for separators",
            Self::Quotes => "quotes inside the value",
            Self::Wildcard => "an entry with `*`, which curl and Python do not know (a leading dot does it)",
            Self::Scheme => "an entry with a scheme (`http://`), where a bare host name belongs",
            Self::Range => "a range in place of 169.254.169.254, which Python does not know",
        }
    }
}

/// What is wrong with a list, each kind once. That a single `*` stands for everything is known to all.
#[must_use]
pub fn troubles(list: &str) -> Vec<Trouble> {
    let list = list.trim();
    let mut found = Vec::new();
    let mut note = |trouble, there: bool| {
        if there && !found.contains(&trouble) {
            found.push(trouble);
        }
    };
    note(Trouble::Semicolons, list.contains(';'));
    note(Trouble::Quotes, list.contains(['"', '\'']));
    for entry in list.split(',').map(str::trim) {
        note(Trouble::BlanksForCommas, entry.contains([' ', '\t']));
        note(Trouble::Scheme, entry.contains("://"));
        let range = entry.parse::<ipnet::IpNet>().is_ok_and(|net| net.contains(&METADATA));
        note(Trouble::Range, range && !list.split(',').any(|other| other.trim() == METADATA.to_string()));
        note(Trouble::Wildcard, entry.contains('*') && list != "*");
    }
    found.sort();
    found
}

/// The list that was meant: entries parted by commas, without quotes, schemes and wildcards.
#[must_use]
pub fn corrected(list: &str) -> String {
    let entries = list.split([',', ';', ' ', '\t']).map(|entry| {
        let entry = entry.trim_matches(['"', '\'']);
        let entry = entry.split_once("://").map_or(entry, |(_, rest)| rest.trim_end_matches('/'));
        if entry == "*" { entry } else { entry.trim_start_matches('*') }
    });
    entries.filter(|entry| !entry.is_empty()).collect::<Vec<_>>().join(",")
}

/// A list that keeps AWS's own names out of the proxy for every family of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommended {
    /// The value.
    pub list: String,
    /// The commands for a shell, both spellings.
    pub commands: Vec<String>,
}

/// The list for a Region: instance metadata, every regional host (those of buckets, of DynamoDB accounts and dual-stack ones
/// included), VPC endpoints' own names, and what the list of today holds beside.
#[must_use]
pub fn no_proxy_list(today: &str, region: &str, dns_suffix: &str, dual_stack_suffix: &str) -> Recommended {
    // With the dot for clients that know it, without for those that take it literally; an IPv6 address with brackets for
    // Python and without for the others.
    let ours = [
        "169.254.169.254".to_owned(),
        "fd00:ec2::254".to_owned(),
        "[fd00:ec2::254]".to_owned(),
        format!("{region}.{dns_suffix}"),
        format!(".{region}.{dns_suffix}"),
        format!("{region}.vpce.{dns_suffix}"),
        format!(".{region}.vpce.{dns_suffix}"),
        format!("{region}.{dual_stack_suffix}"),
        format!(".{region}.{dual_stack_suffix}"),
    ];
    let fit = |entry: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/[]".contains(&byte);
        !entry.is_empty() && entry.bytes().all(plain) && !ours.iter().any(|our| our == entry)
    };
    let kept = corrected(today);
    let list: Vec<&str> = kept.split(',').filter(fit).chain(ours.iter().map(String::as_str)).collect();
    let list = list.join(",");
    let commands = vec![format!("export no_proxy=\"{list}\""), "export NO_PROXY=\"$no_proxy\"".to_owned()];
    Recommended { list, commands }
}
