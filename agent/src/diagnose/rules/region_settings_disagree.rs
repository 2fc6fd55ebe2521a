//! The SDKs' settings on this host name another Region than the one it is in.

use probes::environment::{RegionHint, RegionSource};

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "region-settings-disagree",
    title: "programs on this host are set to another Region than its own",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let hints = &case.recording.environment.host.region_hints;
    let own =
        hints.iter().find(|hint| matches!(hint.source, RegionSource::Imds | RegionSource::SearchDomain));
    let Some(own) = own else {
        return Check::CannotTell("nothing but settings names this instance's Region".to_owned());
    };
    let set: Vec<&RegionHint> = hints
        .iter()
        .filter(|hint| {
            matches!(
                hint.source,
                RegionSource::AwsRegion | RegionSource::AwsDefaultRegion | RegionSource::ConfigFile
            )
        })
        .collect();
    let wrong: Vec<&&RegionHint> = set.iter().filter(|hint| hint.region != own.region).collect();
    let Some(first) = wrong.first() else {
        return Check::Clear(format!("{} settings name {}", set.len(), own.region));
    };
    let listed: Vec<String> =
        set.iter().map(|hint| format!("{} {}", name(hint.source), hint.region)).collect();
    let differ = set.iter().any(|hint| hint.region != first.region);
    let region = &own.region;
    let mut commands: Vec<String> = Vec::new();
    let variables: Vec<&str> = wrong
        .iter()
        .filter(|hint| hint.source != RegionSource::ConfigFile)
        .map(|hint| name(hint.source))
        .collect();
    if !variables.is_empty() {
        let exports: Vec<String> = variables.iter().map(|name| format!("{name}={region}")).collect();
        commands.push(format!("export {}", exports.join(" ")));
    }
    if wrong.iter().any(|hint| hint.source == RegionSource::ConfigFile) {
        commands.push("grep -n '^\\[\\|^region' \"${AWS_CONFIG_FILE:-$HOME/.aws/config}\"".to_owned());
    }
    let mut causes = vec![format!(
        "a setting was copied from another Region ({}): programs then sign for it, and their requests pass every gateway endpoint by",
        first.region
    )];
    if differ {
        causes.push(
            "the settings differ from each other: the SDKs take AWS_REGION first, boto3 and version 1 of the CLI know \
             AWS_DEFAULT_REGION only, so programs here do not even agree"
                .to_owned(),
        );
    }
    causes.push(format!("it is meant so, because the data is in {}", first.region));
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.instance(),
        summary: format!("this instance is in {region}, and programs here are told {}", listed.join(", ")),
        facts: set.iter().map(|hint| fact(name(hint.source), &hint.region)).collect(),
        evidence: vec!["environment/region_hints".to_owned()],
        causes,
        explains: Vec::new(),
        remedy: Remedy {
            text: format!(
                "Set the Region to {region} where the setting comes from (profile, systemd unit, image), or take it out: SDKs then \
                 ask the instance metadata."
            ),
            commands,
        },
    }])
}

fn name(source: RegionSource) -> &'static str {
    match source {
        RegionSource::AwsRegion => "AWS_REGION",
        RegionSource::AwsDefaultRegion => "AWS_DEFAULT_REGION",
        RegionSource::ConfigFile => "config file",
        RegionSource::Option => "--region",
        RegionSource::Imds => "instance metadata",
        RegionSource::SsmRegionName => "AWS_SSM_REGION_NAME",
        RegionSource::SearchDomain => "search domain",
    }
}
