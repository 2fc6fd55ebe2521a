//! The resolver's settings file, read as resolv.conf(5) and glibc do.

use std::net::IpAddr;
use std::path::Path;

use super::{ResolvConf, files};

const PATH: &str = "/etc/resolv.conf";

/// glibc takes no more than this from the options, whatever the file says (resolv.conf(5)).
const NDOTS_CEILING: u8 = 15;
const TIMEOUT_CEILING: u8 = 30;
const ATTEMPTS_CEILING: u8 = 5;

/// A search list has at most 256 characters in old libraries and no limit in new ones; this bounds the report.
const SEARCH_LIMIT: usize = 16;
const SERVERS_LIMIT: usize = 16;

/// The name servers in the order of the file, and the rest of its settings.
///
/// glibc uses the first three servers only; all are kept, because which one is listed fourth explains what somebody
/// meant. Without a file the library asks 127.0.0.1 (resolv.conf(5)), which is not invented here.
pub(super) fn observe() -> (Vec<IpAddr>, ResolvConf) {
    let (servers, mut settings) = parse(&files::read(Path::new(PATH)).unwrap_or_default());
    settings.link = std::fs::read_link(PATH).ok().map(|target| target.to_string_lossy().into_owned());
    (servers, settings)
}

fn parse(text: &str) -> (Vec<IpAddr>, ResolvConf) {
    let mut servers = Vec::new();
    let mut settings = ResolvConf { ndots: 1, timeout_s: 5, attempts: 2, ..ResolvConf::default() };
    for line in text.lines() {
        // The keyword must stand at the start of the line; comments start there too (resolv.conf(5)).
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("nameserver") => {
                let address = words.next().and_then(server_address);
                if let Some(address) = address.filter(|_| servers.len() < SERVERS_LIMIT) {
                    servers.push(address);
                }
            }
            // The last of `domain` and `search` wins.
            Some("domain") => settings.search = words.take(1).map(domain).collect(),
            Some("search") => settings.search = words.take(SEARCH_LIMIT).map(domain).collect(),
            Some("options") => words.for_each(|option| read_option(option, &mut settings)),
            _ => {}
        }
    }
    (servers, settings)
}

/// An address, without the interface that a link-local one may carry after a percent sign.
fn server_address(word: &str) -> Option<IpAddr> {
    word.split('%').next()?.parse().ok()
}

fn domain(word: &str) -> String {
    files::clipped(word, 255)
}

fn read_option(option: &str, settings: &mut ResolvConf) {
    let Some((name, value)) = option.split_once(':') else {
        return;
    };
    let Ok(value) = value.parse::<u32>() else {
        return;
    };
    let at_most = |ceiling: u8| u8::try_from(value).unwrap_or(ceiling).min(ceiling);
    match name {
        "ndots" => settings.ndots = at_most(NDOTS_CEILING),
        "timeout" => settings.timeout_s = at_most(TIMEOUT_CEILING),
        "attempts" => settings.attempts = at_most(ATTEMPTS_CEILING),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn defaults_are_those_of_the_manual() {
        let (servers, settings) = parse("");
        assert!(servers.is_empty() && settings.search.is_empty());
        assert_eq!((settings.ndots, settings.timeout_s, settings.attempts), (1, 5, 2));
    }

    #[test]
    fn every_server_is_kept_and_the_last_search_list_wins() {
        let text = "# comment\n; another\nnameserver 10.0.0.2\nnameserver\t169.254.169.253 trailing\nnameserver fe80::1%eth0\n\
            nameserver not-an-address\nnameserver fd00:ec2::253\ndomain first.example\nsearch ec2.internal corp.example\n\
            #nameserver 1.1.1.1\nnameserver";
        let (servers, settings) = parse(text);
        let expected: Vec<IpAddr> = ["10.0.0.2", "169.254.169.253", "fe80::1", "fd00:ec2::253"]
            .iter()
            .map(|a| a.parse().unwrap())
            .collect();
        assert_eq!(servers, expected);
        assert_eq!(settings.search, ["ec2.internal", "corp.example"]);
        assert_eq!(parse("search a b\ndomain c d\n").1.search, ["c"]);
    }

    #[test]
    fn options_are_read_within_the_limits_of_the_library() {
        let (_, settings) = parse("options ndots:5 timeout:1 attempts:3 rotate edns0\n");
        assert_eq!((settings.ndots, settings.timeout_s, settings.attempts), (5, 1, 3));
        let (_, settings) = parse("options ndots:99999 timeout:300\noptions attempts:-1 ndots\n");
        assert_eq!((settings.ndots, settings.timeout_s, settings.attempts), (15, 30, 2));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_within_bounds(text in "(?s).{0,400}") {
            let (servers, settings) = parse(&text);
            prop_assert!(servers.len() <= SERVERS_LIMIT && settings.search.len() <= SEARCH_LIMIT);
        }
    }
}
