//! Which requests a client on this host would send through a proxy, going by the environment variables that clients read.
//!
//! There is no standard for these variables. What is read here is what the three families of clients that talk to AWS do:
//! curl, Python (botocore, and with it the AWS CLI), and Go. Where they disagree, that is said and not settled.
//! Sources: curl(1), "ENVIRONMENT"; Python's `urllib.request.proxy_bypass_environment`; Go's
//! `golang.org/x/net/http/httpproxy`. The agent sees its own environment: a service started with another one may differ.

use probes::environment::Proxy;
use probes::plan::ProxyPlan;

/// How clients on this host reach a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Directly: no proxy is named, or all clients leave this host out.
    Direct,
    /// Through this proxy, whichever client asks.
    Proxied(ProxyPlan),
    /// Some through this proxy and some directly.
    Unclear(ProxyPlan),
}

/// The families of clients, by how they read the list of hosts to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Entries are separated by commas or blanks; a leading dot makes no difference.
    Curl,
    /// Entries are separated by commas; leading dots make no difference.
    Python,
    /// Entries are separated by commas; a leading dot leaves out names below it only.
    Go,
}

const DIALECTS: [Dialect; 3] = [Dialect::Curl, Dialect::Python, Dialect::Go];

/// How clients on this host would reach this host over HTTPS.
#[must_use]
pub fn way(variables: &[Proxy], host: &str) -> Way {
    let value = |name: &str| variables.iter().find(|proxy| proxy.variable == name);
    // The proxy for HTTPS is in the variable of that name, in either case; ALL_PROXY is read by some clients only.
    let own = value("https_proxy").or_else(|| value("HTTPS_PROXY"));
    let Some(named) = own.or_else(|| value("all_proxy")).or_else(|| value("ALL_PROXY")) else {
        return Way::Direct;
    };
    let Some(proxy) = parse(named) else { return Way::Direct };
    let lists: Vec<&str> = [value("no_proxy"), value("NO_PROXY")]
        .into_iter()
        .flatten()
        .map(|proxy| proxy.value.as_str())
        .collect();
    let left_out: Vec<bool> = if lists.is_empty() {
        vec![false]
    } else {
        // Which of the two spellings wins is another thing clients disagree on, so both count.
        lists.iter().flat_map(|list| DIALECTS.map(|dialect| leaves_out(dialect, list, host))).collect()
    };
    match (left_out.iter().all(|out| *out), left_out.iter().any(|out| *out), own.is_some()) {
        (true, _, _) => Way::Direct,
        (false, false, true) => Way::Proxied(proxy),
        _ => Way::Unclear(proxy),
    }
}

fn leaves_out(dialect: Dialect, list: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let list = list.to_ascii_lowercase();
    if list.trim() == "*" {
        return true;
    }
    let separators: &[char] = if dialect == Dialect::Curl { &[',', ' '] } else { &[','] };
    list.split(separators).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        // A port limits an entry to requests to that port; ours go to 443.
        let entry = match entry.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => {
                if port != "443" {
                    return false;
                }
                name
            }
            _ => entry,
        };
        let below = |name: &str| !name.is_empty() && host.ends_with(&format!(".{name}"));
        match dialect {
            Dialect::Curl => {
                let name = entry.strip_prefix('.').unwrap_or(entry);
                host == name || below(name)
            }
            Dialect::Python => {
                let name = entry.trim_start_matches('.');
                host == name || below(name)
            }
            Dialect::Go => match entry {
                "*" => true,
                _ => match entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')) {
                    Some(name) => below(name),
                    None => host == entry || below(entry),
                },
            },
        }
    })
}

/// The proxy that a variable names; `None` where it names none that speaks HTTP.
fn parse(proxy: &Proxy) -> Option<ProxyPlan> {
    let (scheme, rest) = proxy.value.trim().split_once("://").unwrap_or(("http", proxy.value.trim()));
    let over_tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    // Without a port curl takes 1080, the others what the scheme gives; proxies without one are rare.
    let port = match port {
        Some(port) => port.parse().ok()?,
        None if over_tls => 443,
        None => 80,
    };
    let named = !host.is_empty() && port != 0;
    named.then(|| ProxyPlan { variable: proxy.variable.clone(), host: host.to_owned(), port, over_tls })
}

/// The line that keeps AWS's own names, instance metadata included, out of the proxy for every family of clients.
#[must_use]
pub fn no_proxy_line(region: &str, dns_suffix: &str, dual_stack_suffix: &str) -> String {
    // With the dot for clients that know it, without for those that take it literally.
    format!(
        "export no_proxy=169.254.169.254,{region}.{dns_suffix},.{region}.{dns_suffix},.{dual_stack_suffix}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const S3: &str = "s3.us-east-1.amazonaws.com";

    fn way_with(pairs: &[(&str, &str)], host: &str) -> Way {
        let variables: Vec<Proxy> = pairs
            .iter()
            .map(|(variable, value)| Proxy { variable: (*variable).into(), value: (*value).into() })
            .collect();
        way(&variables, host)
    }

    fn proxied(way: &Way) -> bool {
        matches!(way, Way::Proxied(_))
    }

    #[test]
    fn without_a_proxy_for_https_the_way_is_direct() {
        assert_eq!(way_with(&[], S3), Way::Direct);
        assert_eq!(way_with(&[("http_proxy", "http://proxy:3128")], S3), Way::Direct);
        assert_eq!(way_with(&[("https_proxy", "socks5://proxy:1080")], S3), Way::Direct);
    }

    #[test]
    fn a_proxy_for_https_takes_what_is_not_left_out() {
        let Way::Proxied(proxy) = way_with(&[("HTTPS_PROXY", "http://user@proxy.corp:3128/")], S3) else {
            panic!("not proxied")
        };
        assert_eq!(
            (proxy.host.as_str(), proxy.port, proxy.variable.as_str()),
            ("proxy.corp", 3128, "HTTPS_PROXY")
        );
        assert!(proxied(&way_with(
            &[("https_proxy", "http://p:1"), ("no_proxy", "169.254.169.254,corp")],
            S3
        )));
    }

    #[test]
    fn a_name_or_a_domain_that_all_clients_read_alike_is_left_out() {
        for list in [
            S3,
            "us-east-1.amazonaws.com",
            ".us-east-1.amazonaws.com",
            "x, amazonaws.com ",
            "*",
            "AMAZONAWS.COM",
        ] {
            let found = way_with(&[("https_proxy", "http://p:1"), ("no_proxy", list)], S3);
            assert_eq!(found, Way::Direct, "{list}");
        }
    }

    #[test]
    fn what_clients_read_differently_is_unclear() {
        for list in [
            // A leading dot before the very name: Go leaves out names below it only.
            ".s3.us-east-1.amazonaws.com",
            // A wildcard: only Go knows it.
            "*.amazonaws.com",
            // Blanks between entries: only curl takes them for separators.
            "localhost amazonaws.com",
        ] {
            let found = way_with(&[("https_proxy", "http://p:1"), ("no_proxy", list)], S3);
            assert!(matches!(found, Way::Unclear(_)), "{list}: {found:?}");
        }
        let both = [("https_proxy", "http://p:1"), ("no_proxy", "corp"), ("NO_PROXY", "amazonaws.com")];
        assert!(matches!(way_with(&both, S3), Way::Unclear(_)));
        assert!(matches!(way_with(&[("ALL_PROXY", "http://p:1")], S3), Way::Unclear(_)));
    }

    #[test]
    fn a_part_of_a_label_is_not_a_domain() {
        assert!(proxied(&way_with(
            &[("https_proxy", "http://p:1"), ("no_proxy", "zonaws.com,3.us-east-1.amazonaws.com")],
            S3
        )));
    }

    #[test]
    fn the_line_that_is_recommended_leaves_everything_out_for_everyone() {
        let line = no_proxy_line("us-east-1", "amazonaws.com", "api.aws");
        let list = line.strip_prefix("export no_proxy=").unwrap();
        assert!(!list.contains(' '), "a blank would end the value");
        for host in
            [S3, "bucket.s3.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com", "ssm.us-east-1.api.aws"]
        {
            let found = way_with(&[("https_proxy", "http://p:1"), ("no_proxy", list)], host);
            assert_eq!(found, Way::Direct, "{host}");
        }
    }
}
