//! The settings of the SDKs and the CLI that send requests to other hosts than the usual ones: endpoint URLs, and the switches
//! back to the hosts without a Region, or over to those for both address families or FIPS.
//!
//! The names are those of the AWS SDKs and Tools reference guide ("Service-specific endpoints", "AWS STS Regional endpoints",
//! "Amazon S3 us-east-1 Regional endpoint" settings, "Dual-stack and FIPS endpoints"). Only what is set is told; a variable goes
//! before the file.

use super::aws_files::Sections;
use super::files::{self, Variables};
use super::{ClientSetting, ClientSettingSource};

/// More settings than this on one host are noise.
const LIMIT: usize = 16;

const EXACT: &[&str] = &[
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
];
const FOR_ONE_SERVICE: &str = "AWS_ENDPOINT_URL_";

/// Every such setting, those of the environment first; of one name the one that the SDKs take.
pub(super) fn all(variables: &Variables, of_profile: &[(String, String)]) -> Vec<ClientSetting> {
    let wanted = |name: &str| EXACT.contains(&name) || name.starts_with(FOR_ONE_SERVICE);
    let setting = |name: &str, value: &str, source| ClientSetting {
        name: files::clipped(name, 64),
        value: without_user(&files::clipped(value.trim(), 256)),
        source,
    };
    let mut found: Vec<ClientSetting> = variables
        .iter()
        .filter(|(name, value)| wanted(name) && !value.trim().is_empty())
        .map(|(name, value)| setting(name, value, ClientSettingSource::Environment))
        .collect();
    for (name, value) in of_profile {
        if !found.iter().any(|known| known.name == *name) {
            found.push(setting(name, value, ClientSettingSource::ConfigFile));
        }
    }
    found.truncate(LIMIT);
    found
}

/// A profile's settings under the names of their variables; `named` is the profile, `default` where none is.
pub(super) fn of_profile(config: &Sections, named: Option<&str>) -> Vec<(String, String)> {
    let name = named.unwrap_or("default");
    let titles = [name.to_owned(), format!("profile {name}")];
    let own = config.iter().filter(|(title, _)| {
        titles.contains(&title.split_whitespace().collect::<Vec<_>>().join(" "))
            && (*title != name || name == "default")
    });
    let own: Vec<_> = own.flat_map(|(_, section)| section).collect();
    let value = |key: &str| {
        let found = own.iter().find(|(name, value)| *name == key && !value.is_empty());
        found.map(|(_, value)| (*value).clone())
    };
    let mut found = Vec::new();
    for (key, name) in [
        ("endpoint_url", "AWS_ENDPOINT_URL"),
        ("ignore_configured_endpoint_urls", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
        ("sts_regional_endpoints", "AWS_STS_REGIONAL_ENDPOINTS"),
        ("s3_us_east_1_regional_endpoint", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"),
        // The CLI's and boto's own spelling, below `s3 =`.
        ("s3.us_east_1_regional_endpoint", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"),
        ("use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT"),
        ("use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT"),
        // For S3 alone, in the file alone.
        ("s3.use_dualstack_endpoint", "s3.use_dualstack_endpoint"),
    ] {
        found.extend(value(key).map(|value| (name.to_owned(), value)));
    }
    let services = value("services").and_then(|services| config.get(&format!("services {services}")));
    for (key, url) in services.into_iter().flatten() {
        if let Some(service) = key.strip_suffix(".endpoint_url") {
            let service = service.to_ascii_uppercase().replace([' ', '-'], "_");
            found.push((format!("{FOR_ONE_SERVICE}{service}"), url.clone()));
        }
    }
    found
}

/// A URL without user and password.
fn without_user(value: &str) -> String {
    match value.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}{path}")
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::aws_files::parse;
    use super::*;

    fn settings(variables: &Variables, config: &str, named: Option<&str>) -> Vec<(String, String)> {
        let found = all(variables, &of_profile(&parse(config), named));
        found.into_iter().map(|setting| (setting.name, setting.value)).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_variable_goes_before_the_file_and_no_password_is_told() {
        let variables = Variables::from([
            ("AWS_ENDPOINT_URL_S3", "https://me:secret@bucket.example/x"),
            ("AWS_ENDPOINT_URL", ""),
            ("AWS_REGION", "eu-west-1"),
        ]);
        let config = "[default]\nservices = lab\nsts_regional_endpoints = legacy\n[services lab]\ns3 =\n  endpoint_url = \
                      https://other.example\ndynamodb =\n  endpoint_url = https://d.example\n";
        assert_eq!(
            settings(&variables, config, None),
            [
                pair("AWS_ENDPOINT_URL_S3", "https://bucket.example/x"),
                pair("AWS_STS_REGIONAL_ENDPOINTS", "legacy"),
                pair("AWS_ENDPOINT_URL_DYNAMODB", "https://d.example"),
            ]
        );
    }

    #[test]
    fn the_switches_to_other_names_are_told_of_a_variable_or_the_file() {
        let variables = Variables::from([("AWS_USE_DUALSTACK_ENDPOINT", "true")]);
        let config = "[default]\nuse_dualstack_endpoint = false\nuse_fips_endpoint = true\ns3 =\n  use_dualstack_endpoint = true\n";
        assert_eq!(
            settings(&variables, config, None),
            [
                pair("AWS_USE_DUALSTACK_ENDPOINT", "true"),
                pair("AWS_USE_FIPS_ENDPOINT", "true"),
                pair("s3.use_dualstack_endpoint", "true"),
            ]
        );
    }

    #[test]
    fn only_the_chosen_profile_counts() {
        let config = "[default]\nendpoint_url = https://a.example\n[profile work]\ns3 =\n    us_east_1_regional_endpoint = \
                      legacy\n";
        let none = Variables::default();
        assert_eq!(
            settings(&none, config, Some("work")),
            [pair("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "legacy")]
        );
        assert_eq!(settings(&none, config, None), [pair("AWS_ENDPOINT_URL", "https://a.example")]);
    }
}
