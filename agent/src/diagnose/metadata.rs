//! What the rules about instance metadata share.

use probes::environment::{Imds, ImdsFailure};

use super::case::Case;
use super::phrases::fact;
use crate::report::{Explained, Finding, Remedy, Severity, Subject, SubjectKind};

/// Whether the service is there and only the answer that carries the token is lost: any answer without a token will do, a
/// refusal as well.
#[must_use]
pub(super) fn token_is_lost(imds: &Imds) -> bool {
    let lost = imds.token.as_ref().and_then(|step| step.failed()) == Some(&ImdsFailure::TimedOut);
    lost && imds
        .without_token
        .as_ref()
        .is_some_and(|step| step.done().is_some() || step.failed() == Some(&ImdsFailure::Unauthorized))
}

/// The finding about a metadata service that does not give what it should.
#[must_use]
pub(super) fn finding(
    case: &Case<'_>,
    rule: &str,
    what: &str,
    causes: Vec<String>,
    remedy: Remedy,
) -> Finding {
    let host = &case.recording.environment.host;
    let address =
        host.imds.address.map_or_else(|| "169.254.169.254".to_owned(), |address| address.to_string());
    Finding {
        rule: rule.to_owned(),
        severity: Severity::Warning,
        subject: case.instance(),
        summary: format!(
            "instance metadata ({address}) {what}; role credentials cannot be had, and VPC, subnet and account are not known"
        ),
        facts: vec![fact("address", address)],
        evidence: vec!["environment/imds/token".to_owned()],
        causes,
        explains: vec![Explained {
            rule: "credentials-missing".to_owned(),
            subject: Subject { kind: SubjectKind::Credentials, id: "none".to_owned() },
        }],
        remedy,
    }
}

/// The command that changes this instance's metadata options, as far as its id and Region are known.
#[must_use]
pub(super) fn remedy(case: &Case<'_>, option: &str) -> Remedy {
    let host = &case.recording.environment.host;
    match (&host.region, &host.instance_id) {
        (Some(region), Some(instance)) => Remedy {
            text: "Change the instance's metadata options from outside; that works at once. Launch templates and the account's \
                   defaults (`aws ec2 modify-instance-metadata-defaults`) decide for new instances."
                .to_owned(),
            commands: vec![format!(
                "aws ec2 modify-instance-metadata-options --region {region} --instance-id {instance} {option}"
            )],
        },
        _ => Remedy {
            text: format!(
                "Change the instance's metadata options from outside: `aws ec2 modify-instance-metadata-options --instance-id \
                 INSTANCE {option}`, with the instance's id in place of INSTANCE."
            ),
            commands: Vec::new(),
        },
    }
}
