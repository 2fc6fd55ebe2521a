//! Which requests a client on this host would send through a proxy, going by the environment variables that clients read.
//!
//! There is no standard for these variables. What is read here is what the three families of clients that talk to AWS do:
//! curl, Python (botocore, and with it the AWS CLI), and Go (the SSM Agent, Docker). Where they disagree, that is said and not
//! settled. Sources: curl(1), "ENVIRONMENT", and `lib/noproxy.c`; Python's `urllib.request.getproxies_environment` and
//! `proxy_bypass_environment`; Go's `golang.org/x/net/http/httpproxy`. The agent sees its own environment: a service started
//! with another one may differ.

mod line;

use std::net::IpAddr;

use ipnet::IpNet;
use probes::environment::Proxy;
use probes::plan::ProxyPlan;

pub use line::{Recommended, Trouble, corrected, no_proxy_list, troubles};

/// How clients on this host reach a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Directly: no proxy is named, or all clients leave this host out.
    Direct,
    /// Through this proxy, whichever client asks.
    Proxied(ProxyPlan),
    /// Some through this proxy and some directly, or through another.
    Unclear(ProxyPlan),
}

/// The families of clients, by how they read the variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// Lower case goes first, and `http_proxy` is read in lower case only. Entries are separated by commas or blanks; a
    /// leading dot makes no difference.
    Curl,
    /// Lower case goes first. Entries are separated by commas; leading dots make no difference, ranges are not understood.
    Python,
    /// Upper case goes first. Entries are separated by commas; a leading dot leaves out names below it only.
    Go,
}

/// All families.
pub const CLIENTS: [Client; 3] = [Client::Curl, Client::Python, Client::Go];

/// What kind of address a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`, as instance metadata.
    Http,
    /// `https://`, as every AWS API.
    Https,
}

impl Client {
    /// The family in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Python => "Python (AWS CLI, boto3)",
            Self::Go => "Go (SSM Agent, Docker)",
        }
    }

    /// The variables it takes a proxy from, the first that is set.
    fn variables(self, scheme: Scheme) -> &'static [&'static str] {
        match (self, scheme) {
            (Self::Curl, Scheme::Https) => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
            // A web server puts a request's `Proxy` field into HTTP_PROXY, so curl does not read it.
            (Self::Curl, Scheme::Http) => &["http_proxy", "all_proxy", "ALL_PROXY"],
            (Self::Python, Scheme::Https) => &["https_proxy", "HTTPS_PROXY"],
            (Self::Python, Scheme::Http) => &["http_proxy", "HTTP_PROXY"],
            (Self::Go, Scheme::Https) => &["HTTPS_PROXY", "https_proxy"],
            (Self::Go, Scheme::Http) => &["HTTP_PROXY", "http_proxy"],
        }
    }

    /// The variables it takes the list of exceptions from, the first that is set.
    fn exceptions(self) -> [&'static str; 2] {
        match self {
            Self::Curl | Self::Python => ["no_proxy", "NO_PROXY"],
            Self::Go => ["NO_PROXY", "no_proxy"],
        }
    }

    /// The proxy that this client takes to a host; `None` where it goes directly.
    #[must_use]
    pub fn proxy(self, variables: &[Proxy], scheme: Scheme, host: &str) -> Option<ProxyPlan> {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| variables.iter().find(|proxy| proxy.variable == *name))
        };
        let proxy = parse(first(self.variables(scheme))?)?;
        let list = first(&self.exceptions()).map_or("", |proxy| proxy.value.as_str());
        (!self.leaves_out(list, scheme, host)).then_some(proxy)
    }

    fn leaves_out(self, list: &str, scheme: Scheme, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let list = list.to_ascii_lowercase();
        if list.trim() == "*" {
            return true;
        }
        let separators: &[char] = if self == Self::Curl { &[',', ' ', '\t'] } else { &[','] };
        let entries = list.split(separators).map(str::trim).filter(|entry| !entry.is_empty());
        let address = host.parse::<IpAddr>().ok();
        entries.into_iter().any(|entry| match address {
            Some(address) => self.leaves_out_address(entry, address),
            None => self.leaves_out_name(entry, scheme, &host),
        })
    }

    fn leaves_out_address(self, entry: &str, address: IpAddr) -> bool {
        let text = entry.trim_start_matches('[').trim_end_matches(']');
        match self {
            Self::Go if entry == "*" => true,
            // Of a bracketed address Python compares the brackets too.
            Self::Python if address.is_ipv6() => entry == format!("[{address}]"),
            // curl reads ranges since its version 7.86.
            Self::Curl | Self::Go => {
                text.parse() == Ok(address) || entry.parse::<IpNet>().is_ok_and(|net| net.contains(&address))
            }
            Self::Python => text.parse() == Ok(address),
        }
    }

    fn leaves_out_name(self, entry: &str, scheme: Scheme, host: &str) -> bool {
        // A port limits an entry to requests to that port.
        let ours = if scheme == Scheme::Https { "443" } else { "80" };
        let entry = match entry.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => {
                if port != ours {
                    return false;
                }
                name
            }
            _ => entry,
        };
        let below = |name: &str| !name.is_empty() && host.ends_with(&format!(".{name}"));
        match self {
            Self::Curl => {
                let name = entry.strip_prefix('.').unwrap_or(entry);
                host == name || below(name)
            }
            Self::Python => {
                let name = entry.trim_start_matches('.');
                host == name || below(name)
            }
            Self::Go => match entry {
                "*" => true,
                _ => match entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')) {
                    Some(name) => below(name),
                    None => host == entry || below(entry),
                },
            },
        }
    }
}

/// How clients on this host would reach this host over HTTPS.
#[must_use]
pub fn way(variables: &[Proxy], host: &str) -> Way {
    let ways = CLIENTS.map(|client| client.proxy(variables, Scheme::Https, host));
    let Some(first) = ways.iter().flatten().next().cloned() else { return Way::Direct };
    let same = |other: &ProxyPlan| other.authority() == first.authority() && other.over_tls == first.over_tls;
    if ways.iter().all(|way| way.as_ref().is_some_and(same)) {
        Way::Proxied(first)
    } else {
        Way::Unclear(first)
    }
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

#[cfg(test)]
mod tests;
