//! No source has credentials, so nothing can be signed: services were only shown to be there.

use probes::environment::ImdsFailure;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "credentials-missing",
    title: "no source on this host has AWS credentials",
    page: include_str!("../../../pages/credentials-missing.md"),
    check,
};

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
    let (role, causes) = from_metadata(host.imds.credentials.as_ref().and_then(|step| step.failed()));
    let mut facts = vec![fact("role", host.role.as_deref().unwrap_or("none"))];
    facts.extend(host.credentials.problems.iter().map(|problem| fact("problem", problem)));
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.credentials(),
        summary: format!(
            "no AWS credentials on this host{role}: services were asked unsigned, and programs here cannot sign"
        ),
        facts,
        evidence: vec!["environment/credentials".to_owned(), "environment/imds/credentials".to_owned()],
        causes,
        explains: Vec::new(),
        remedy: remedy(case),
    }])
}

fn from_metadata(failure: Option<&ImdsFailure>) -> (String, Vec<String>) {
    match failure {
        Some(ImdsFailure::NotFound) => (
            " (the instance has no instance profile)".to_owned(),
            vec!["no instance profile is attached to this instance".to_owned()],
        ),
        Some(ImdsFailure::RoleUnusable { code, message }) => (
            format!(" (the role cannot be used: {code})"),
            vec![format!(
                "the role's trust policy does not let ec2.amazonaws.com assume it, or the role is gone{}",
                message.as_deref().map(|message| format!(": {message}")).unwrap_or_default()
            )],
        ),
        _ => (
            String::new(),
            vec![
                "no instance profile is attached to this instance".to_owned(),
                "one was attached seconds ago, and its credentials are not there yet".to_owned(),
            ],
        ),
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let host = &case.recording.environment.host;
    let commands = match (&host.region, &host.instance_id) {
        (Some(region), Some(instance)) => vec![format!(
            "aws ec2 describe-iam-instance-profile-associations --region {region} --filters Name=instance-id,Values={instance}"
        )],
        _ => Vec::new(),
    };
    let attach = match (&host.region, &host.instance_id) {
        (Some(region), Some(instance)) => format!(
            "`aws ec2 associate-iam-instance-profile --region {region} --instance-id {instance} --iam-instance-profile \
             Name=PROFILE`, with the profile's name in place of PROFILE"
        ),
        _ => "`aws ec2 associate-iam-instance-profile`".to_owned(),
    };
    Remedy { text: format!("Attach an instance profile with a role: {attach}."), commands }
}
