//! The proxy variables of this process, without the passwords that their values may carry.
//!
//! It does not say which requests a proxy would take; programs read these variables in different ways.

use super::files::{self, Variables};
use super::{Proxy, ProxyAuthorizations};

const NAME_LIMIT: usize = 128;
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
            variable: files::clipped(name, NAME_LIMIT),
            value: files::clipped(&without_password(value), VALUE_LIMIT),
        })
        .collect()
}

/// The users and passwords in the same variables.
pub(super) fn authorizations(variables: &Variables) -> ProxyAuthorizations {
    let mut kept = ProxyAuthorizations::default();
    let names_a_proxy = |name: &str| is_proxy_variable(name) && !name.eq_ignore_ascii_case("no_proxy");
    for (name, value) in variables.iter().filter(|(name, _)| names_a_proxy(name)) {
        if let Some(user_and_password) = parted(value).0 {
            kept.keep(&files::clipped(name, NAME_LIMIT), user_and_password);
        }
    }
    kept
}

pub(super) fn is_proxy_variable(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_proxy")
}

/// The value without what stands between a scheme and an at sign.
pub(super) fn without_password(value: &str) -> String {
    match parted(value) {
        (None, _) => value.to_owned(),
        (Some(_), (Some(scheme), host)) => format!("{scheme}://{host}"),
        (Some(_), (None, host)) => host.to_owned(),
    }
}

/// What stands between a scheme and an at sign, and the scheme and the rest around it.
///
/// Everything up to the *last* at sign goes, because passwords hold at signs, slashes and commas that nobody escaped.
fn parted(value: &str) -> (Option<&str>, (Option<&str>, &str)) {
    let Some((before, host)) = value.rsplit_once('@') else {
        return (None, (None, value));
    };
    match before.split_once("://") {
        Some((scheme, user)) if is_scheme(scheme) => (Some(user), (Some(scheme), host)),
        _ => (Some(before), (None, host)),
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

    #[test]
    fn the_users_and_passwords_are_kept_by_variable_and_shown_to_proxies_alone() {
        let variables = Variables::from([
            ("https_proxy", "http://alice:p%40s@proxy:3128/"),
            ("HTTP_PROXY", "bob:pa:ss@proxy:3128"),
            ("all_proxy", "http://proxy:3128"),
            ("no_proxy", "carol@example.com"),
        ]);
        let kept = authorizations(&variables);
        let shown = |variable| kept.of(variable).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(shown("https_proxy").as_deref(), Some("Basic YWxpY2U6cEBz"));
        assert_eq!(shown("HTTP_PROXY").as_deref(), Some("Basic Ym9iOnBhOnNz"));
        assert_eq!((shown("all_proxy"), shown("no_proxy")), (None, None));
        assert!(kept.of("https_proxy").unwrap().is_sensitive());
        assert_eq!(format!("{kept:?}"), "ProxyAuthorizations(..)");
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
