//! The instance has no instance profile, so no role and no credentials.

use probes::environment::ImdsFailure;

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "no-instance-profile", title: "no instance profile is attached to this instance", check };

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    match host.imds.credentials.as_ref().map(probes::Step::failed) {
        Some(Some(ImdsFailure::NotFound)) => {}
        Some(_) => return Check::Clear("instance metadata knows a role".to_owned()),
        None => return Check::CannotTell("instance metadata was not asked for a role".to_owned()),
    }
    let used = host.credentials.source;
    if !case.recording.run.settings.sign {
        return Check::NotApplicable("signing is switched off (--no-sign)".to_owned());
    }
    let mut commands =
        vec!["aws iam list-instance-profiles --query 'InstanceProfiles[].InstanceProfileName'".to_owned()];
    let attach = match (&host.region, &host.instance_id) {
        (Some(region), Some(instance)) => {
            commands.insert(
                0,
                format!(
                    "aws ec2 describe-iam-instance-profile-associations --region {region} --filters \
                 Name=instance-id,Values={instance}"
                ),
            );
            format!(
                "`aws ec2 associate-iam-instance-profile --region {region} --instance-id {instance} --iam-instance-profile \
                 Name=PROFILE`, with the profile's name in place of PROFILE"
            )
        }
        _ => "`aws ec2 associate-iam-instance-profile`".to_owned(),
    };
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: if used.is_some() { Severity::Notice } else { Severity::Warning },
        subject: case.instance(),
        summary: match used {
            Some(_) => format!("no instance profile is attached; calls are signed by {}", case.credentials().id),
            None => "no instance profile is attached: programs here have no credentials, and the SSM agent cannot register"
                .to_owned(),
        },
        facts: Vec::new(),
        evidence: vec!["environment/imds/credentials".to_owned()],
        causes: if used.is_some() {
            Vec::new()
        } else {
            vec![
                "none was attached, or it was taken off".to_owned(),
                "one was attached seconds ago, and metadata does not know it yet: run again with --wait".to_owned(),
            ]
        },
        explains: vec![Explained { rule: "credentials-missing".to_owned(), subject: case.credentials() }],
        remedy: Remedy { text: format!("Attach an instance profile with a role: {attach}. It works at once, without a restart."), commands },
    }])
}
