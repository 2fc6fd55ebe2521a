//! The hosts file and the `hosts` line of nsswitch.conf: what can override DNS on this host.

use std::net::IpAddr;
use std::path::Path;

use super::{HostsEntry, files};

const ENTRIES_LIMIT: usize = 32;
const NAMES_LIMIT: usize = 16;

/// The sources that the host's name service asks, in order, as nsswitch.conf gives them.
pub(super) fn observe_nsswitch() -> Option<String> {
    hosts_line(&files::read(Path::new("/etc/nsswitch.conf")).ok()?)
}

/// The entries that name something other than this host.
pub(super) fn observe_entries() -> Vec<HostsEntry> {
    let own = files::first_line("/proc/sys/kernel/hostname").unwrap_or_default();
    entries(&files::read(Path::new("/etc/hosts")).unwrap_or_default(), &own)
}

fn hosts_line(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.split('#').next()?.trim();
        let sources = line.strip_prefix("hosts")?.trim_start().strip_prefix(':')?;
        let words: Vec<&str> = sources.split_ascii_whitespace().collect();
        Some(files::clipped(&words.join(" "), 256))
    })
}

/// An entry stays if any of its names is neither this host's nor one that every system has; even on a loopback address,
/// because a service's name may be sent to a local forwarder. Where there are too many, AWS names go first.
fn entries(text: &str, own_name: &str) -> Vec<HostsEntry> {
    let mut entries: Vec<HostsEntry> = text.lines().filter_map(|line| entry(line, own_name)).collect();
    if entries.len() > ENTRIES_LIMIT {
        entries.sort_by_key(|entry| {
            !entry.names.iter().any(|name| name.contains("amazonaws") || name.contains(".api.aws"))
        });
        entries.truncate(ENTRIES_LIMIT);
    }
    entries
}

fn entry(line: &str, own_name: &str) -> Option<HostsEntry> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let address: IpAddr = words.next()?.split('%').next()?.parse().ok()?;
    let names: Vec<String> = words
        .map(|name| files::clipped(name, 255).to_ascii_lowercase())
        .filter(|name| !is_common(name) && !is_own(name, own_name))
        .take(NAMES_LIMIT)
        .collect();
    (!names.is_empty()).then_some(HostsEntry { address, names })
}

/// Names that installers write into every hosts file.
fn is_common(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    ["localhost", "localhost4", "localhost6", "localdomain", "broadcasthost"].contains(&first)
        || first.starts_with("ip6-")
}

fn is_own(name: &str, own_name: &str) -> bool {
    let first_label = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    !own_name.is_empty() && first_label(name) == first_label(own_name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_lines_that_name_something_else_are_kept() {
        let text = "127.0.0.1 localhost localhost.localdomain\n::1 ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\n\
            127.0.1.1 ip-10-0-0-5.ec2.internal ip-10-0-0-5\n10.0.0.9 S3.us-east-1.amazonaws.com # override\n\
            127.0.0.1 dynamodb.us-east-1.amazonaws.com\n# 1.2.3.4 commented.example\nnot-an-address name\n10.0.0.7\n";
        let entries = entries(text, "ip-10-0-0-5");
        let seen: Vec<(String, &str)> =
            entries.iter().map(|entry| (entry.address.to_string(), entry.names[0].as_str())).collect();
        assert_eq!(
            seen,
            [
                ("10.0.0.9".to_owned(), "s3.us-east-1.amazonaws.com"),
                ("127.0.0.1".to_owned(), "dynamodb.us-east-1.amazonaws.com")
            ]
        );
    }

    #[test]
    fn a_service_name_survives_a_long_block_list() {
        let mut text = "0.0.0.0 advertisements.example\n".repeat(500);
        text.push_str("10.0.0.9 s3.amazonaws.com\n");
        let entries = entries(&text, "");
        assert_eq!(entries.len(), ENTRIES_LIMIT);
        assert_eq!(entries[0].names, ["s3.amazonaws.com"]);
    }

    #[test]
    fn the_hosts_line_of_nsswitch_is_found_without_its_key() {
        assert_eq!(
            hosts_line("passwd: files\nhosts:      files myhostname resolve [!UNAVAIL=return] dns # x\n")
                .as_deref(),
            Some("files myhostname resolve [!UNAVAIL=return] dns")
        );
        assert_eq!(hosts_line("#hosts: files\nhostsx: dns\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_within_bounds(text in "(?s).{0,400}", own in ".{0,20}") {
            prop_assert!(entries(&text, &own).len() <= ENTRIES_LIMIT);
            let _ = hosts_line(&text);
        }
    }
}
