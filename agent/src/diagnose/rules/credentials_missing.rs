//! No source has credentials, so nothing can be signed: services were only shown to be there.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "credentials-missing", title: "no source on this host has AWS credentials", check };

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if !case.recording.run.settings.sign {
        return Check::NotApplicable("signing is switched off (--no-sign)".to_owned());
    }
    if host.credentials.source.is_some() {
        return Check::Clear(format!("credentials from {}", case.credentials().id));
    }
    if case.was_cut_short_at_once() {
        return Check::CannotTell("the run was ended before the host was looked at".to_owned());
    }
    let causes = vec![
        "an instance profile was attached seconds ago, and its credentials are not there yet: run again with --wait".to_owned(),
        "instance metadata did not answer in time, or SDKs are told not to ask it".to_owned(),
    ];
    let mut facts = vec![fact("role", host.role.as_deref().unwrap_or("none"))];
    facts.extend(host.credentials.problems.iter().map(|problem| fact("problem", problem)));
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.credentials(),
        summary:
            "no AWS credentials on this host: services were asked unsigned, and programs here cannot sign"
                .to_owned(),
        facts,
        evidence: vec!["environment/credentials".to_owned(), "environment/imds/credentials".to_owned()],
        causes,
        explains: Vec::new(),
        remedy: remedy(case),
    }])
}

fn remedy(case: &Case<'_>) -> Remedy {
    let host = &case.recording.environment.host;
    let commands = match (&host.region, &host.instance_id) {
        (Some(region), Some(instance)) => vec![format!(
            "aws ec2 describe-iam-instance-profile-associations --region {region} --filters Name=instance-id,Values={instance}"
        )],
        _ => Vec::new(),
    };
    let text = "Look at the instance profile's association first; then at what keeps this host from instance metadata.";
    Remedy { text: text.to_owned(), commands }
}
