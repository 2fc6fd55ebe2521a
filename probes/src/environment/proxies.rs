//! The proxy variables of this process, without the passwords that their values may carry.
//!
//! It does not say which requests a proxy would take; programs read these variables in different ways.

use super::Proxy;
use super::files::{self, Variables};

const PROXIES_LIMIT: usize = 32;
const VALUE_LIMIT: usize = 1024;

/// Every variable whose name ends in `_proxy`, in either case: `http_proxy`, `HTTPS_PROXY`, `all_proxy`, `no_proxy`, and
/// those of single programs such as `AWS_HTTP_PROXY` or `npm_config_https_proxy`.
pub(super) fn observe(variables: &Variables) -> Vec<Proxy> {
    variables
        .iter()
        .filter(|(name, value)| !value.is_empty() && is_proxy_variable(name))
        .take(PROXIES_LIMIT)
        .map(|(name, value)| Proxy {
            variable: files::clipped(name, 128),
            value: files::clipped(&without_password(value), VALUE_LIMIT),
        })
        .collect()
}

fn is_proxy_variable(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_proxy")
}

/// The value without what stands between a scheme and an at sign.
///
/// Everything up to the *last* at sign goes, because passwords hold at signs, slashes and commas that nobody escaped.
fn without_password(value: &str) -> String {
    let Some((before, host)) = value.rsplit_once('@') else {
        return value.to_owned();
    };
    match before.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => format!("{scheme}://{host}"),
        _ => host.to_owned(),
    }
}

fn is_scheme(text: &str) -> bool {
    ["http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h", "ftp"]
        .iter()
        .any(|scheme| text.trim().eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_cases_and_programs_own_variables_are_found() {
        let variables = Variables::from([
            ("http_proxy", "http://10.0.0.9:3128"),
            ("HTTPS_PROXY", "http://user:s3cret@proxy:3128"),
            ("no_proxy", "169.254.169.254,.amazonaws.com"),
            ("ALL_PROXY", ""),
            ("PATH", "/bin"),
        ]);
        let seen = observe(&variables);
        let names: Vec<&str> = seen.iter().map(|proxy| proxy.variable.as_str()).collect();
        assert_eq!(names, ["HTTPS_PROXY", "http_proxy", "no_proxy"]);
        assert_eq!(seen[0].value, "http://proxy:3128");
        assert_eq!(seen[2].value, "169.254.169.254,.amazonaws.com");
    }

    #[test]
    fn passwords_go_however_they_are_written() {
        for (value, expected) in [
            ("http://user:pass@proxy:3128/", "http://proxy:3128/"),
            ("user:pass@proxy:3128", "proxy:3128"),
            ("http://user:p@ss/w@proxy:3128", "http://proxy:3128"),
            ("socks5h://u@proxy", "socks5h://proxy"),
            ("secret://x@proxy", "proxy"),
            ("http://proxy:3128", "http://proxy:3128"),
        ] {
            assert_eq!(without_password(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_password_survives(user in "[a-z]{1,8}", password in "[!-~]{4,20}", host in "[a-z]{1,3}") {
            let secret = format!("Q9{password}9Q");
            let shown = without_password(&format!("http://{user}:{secret}@{host}:3128"));
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}
