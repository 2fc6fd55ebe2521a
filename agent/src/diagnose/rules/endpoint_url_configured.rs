//! A setting of the SDKs sends a service's requests to another host than the one that was probed.

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-url-configured",
    title: "a setting sends programs to another host than the service's own",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let settings = &case.recording.environment.host.client_settings;
    let ignored = settings.iter().any(|setting| {
        setting.name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" && setting.value.eq_ignore_ascii_case("true")
    });
    if ignored {
        return Check::Clear(
            "such settings are ignored here (AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)".to_owned(),
        );
    }
    let urls: Vec<_> =
        settings.iter().filter(|setting| setting.name.starts_with("AWS_ENDPOINT_URL")).collect();
    let findings: Vec<Finding> = urls
        .iter()
        .filter(|setting| !probed(case, &setting.value))
        .map(|setting| {
            let trouble = trouble(case, &setting.name, &setting.value);
            let severity = if trouble.is_empty() { Severity::Notice } else { Severity::Warning };
            Finding {
                rule: RULE.id.to_owned(),
                severity,
                subject: match setting.name.strip_prefix("AWS_ENDPOINT_URL_") {
                    Some(service) => target_subject(&service.to_ascii_lowercase()),
                    None => case.instance(),
                },
                summary: format!(
                    "{} sends {} to {}{}",
                    setting.name,
                    of(&setting.name),
                    setting.value,
                    trouble.first().map(|why| format!(": {why}")).unwrap_or_default()
                ),
                facts: vec![fact("setting", &setting.name), fact("url", &setting.value)],
                evidence: vec!["environment/client_settings".to_owned()],
                causes: trouble,
                explains: Vec::new(),
                remedy: Remedy {
                    text: "What was probed is the service's own host: name this one with --endpoint to probe it as programs use \
                           it. Where private DNS of the endpoint is on, the setting is not needed."
                        .to_owned(),
                    commands: vec![format!("unset {}", setting.name)],
                },
            }
        })
        .collect();
    Check::found_or(findings, Check::Clear(format!("{} such settings", urls.len())))
}

/// Whether a target was asked under this URL's host.
fn probed(case: &Case<'_>, url: &str) -> bool {
    host_of(url).is_some_and(|host| case.recording.targets.iter().any(|target| target.host == host))
}

/// What is wrong with a URL, the worst first.
fn trouble(case: &Case<'_>, name: &str, url: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(host) = host_of(url) else {
        return vec!["it is no URL: it wants https:// and a host".to_owned()];
    };
    if name == "AWS_ENDPOINT_URL" && host.contains("amazonaws") {
        found.push(format!(
            "it holds for every service, and {host} is one service's: the others are sent there as well (AWS_ENDPOINT_URL_SERVICE \
             sets one alone)"
        ));
    }
    if let Some(region) = case.region() {
        let other =
            host.split('.').find(|label| crate::catalogue::is_known_region(label) && *label != region);
        if let Some(other) = other {
            found.push(format!("the host is in {other}, this instance in {region}"));
        }
    }
    let named = case.recording.environment.host.region_hints.iter().any(|hint| {
        use probes::environment::RegionSource as Source;
        matches!(hint.source, Source::AwsRegion | Source::AwsDefaultRegion | Source::ConfigFile)
    });
    if host.contains(".vpce.") && !named {
        found.push(
            "no setting names a Region, and programs that read it off the host take `vpce` for one (the region 'vpce' is wrong): set \
             AWS_REGION as well"
                .to_owned(),
        );
    }
    if url.starts_with("http://") {
        found.push("it is not encrypted (http://)".to_owned());
    }
    found
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = authority.split(':').next().unwrap_or(authority);
    (!host.is_empty()).then_some(host)
}

fn of(name: &str) -> String {
    match name.strip_prefix("AWS_ENDPOINT_URL_") {
        Some(service) => format!("requests to {}", service.to_ascii_lowercase()),
        None => "all requests".to_owned(),
    }
}
