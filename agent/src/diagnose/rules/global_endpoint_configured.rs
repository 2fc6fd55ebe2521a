//! A setting of the SDKs sends requests to a host without a Region, which no endpoint of this VPC serves.

use probes::environment::ClientSettingSource;

use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Path, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "global-endpoint-configured",
    title: "a setting sends programs to a host without a Region",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    let Some(region) = case.region() else {
        return Check::CannotTell("the Region is not known".to_owned());
    };
    let legacy = host.client_settings.iter().filter(|setting| setting.value.eq_ignore_ascii_case("legacy"));
    let findings: Vec<Finding> = legacy
        .filter_map(|setting| {
            let (service, global, value) = match setting.name.as_str() {
                "AWS_STS_REGIONAL_ENDPOINTS" => ("sts", "sts.amazonaws.com", "regional"),
                // Elsewhere this setting changes nothing.
                "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT" if region == "us-east-1" => {
                    ("s3", "s3.amazonaws.com", "regional")
                }
                _ => return None,
            };
            let path = case.verdicts.iter().find(|verdict| verdict.target == service).map(|verdict| verdict.path);
            // The gateway endpoint's prefix list holds the addresses behind both of S3's names.
            let harmless = service == "s3" && path == Some(Path::GatewayEndpoint);
            let in_file = setting.source == ClientSettingSource::ConfigFile;
            let command = if in_file {
                "grep -n 'regional_endpoint' \"${AWS_CONFIG_FILE:-$HOME/.aws/config}\"".to_owned()
            } else {
                format!("export {}={value}", setting.name)
            };
            Some(Finding {
                rule: RULE.id.to_owned(),
                severity: if harmless { Severity::Notice } else { Severity::Warning },
                subject: target_subject(service),
                summary: format!(
                    "{}=legacy sends programs to {global} and not to {service}.{region}: {}",
                    setting.name,
                    if harmless {
                        "the gateway endpoint carries that, an interface endpoint would not"
                    } else {
                        "no interface endpoint answers for that name, so requests time out or leave over the internet"
                    }
                ),
                facts: vec![fact("setting", &setting.name), fact("host", global)],
                evidence: vec!["environment/client_settings".to_owned()],
                causes: Vec::new(),
                explains: Vec::new(),
                remedy: Remedy {
                    text: format!(
                        "Set it to `{value}`, or take it out where the SDK is recent. Tokens of the global STS are not valid in \
                         Regions that had to be enabled."
                    ),
                    commands: vec![command],
                },
            })
        })
        .collect();
    Check::found_or(findings, Check::Clear("no such setting".to_owned()))
}
