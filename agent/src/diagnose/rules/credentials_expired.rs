//! The credentials have expired.

use probes::environment::CredentialSource;

use crate::diagnose::case::Case;
use crate::diagnose::credentials::{self, Why};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "credentials-expired", title: "the credentials of this host have expired", check };

fn check(case: &Case<'_>) -> Check {
    match credentials::why(case) {
        Some(Why::Expired) => {}
        Some(_) => return Check::Clear("refused for another reason".to_owned()),
        None => return Check::Clear("no service calls them expired".to_owned()),
    }
    let host = &case.recording.environment.host;
    let when = host.credentials.expires_at.as_deref();
    let own = host.credentials.source == Some(CredentialSource::InstanceMetadata);
    let started = case.recording.run.started_at.as_str();
    // Both are RFC 3339 in UTC, and compare as text as far as the second.
    let what = match when {
        Some(when) if when.get(..19) > started.get(..19) => {
            format!("they have expired, though by their own word they are good until {when}")
        }
        Some(when) => format!("they expired at {when}"),
        None => "they have expired".to_owned(),
    };
    let causes: Vec<String> = if own {
        vec![
            "the metadata service did not renew them: the role or the instance profile was changed or deleted".to_owned(),
            "all sessions of the role were revoked (AWSRevokeOlderSessions): new ones come at the next renewal".to_owned(),
            "something stands in for the metadata service and keeps old answers".to_owned(),
        ]
    } else {
        vec![
            "temporary keys were copied into the environment or a file, and nothing renews them there"
                .to_owned(),
        ]
    };
    let remedy = credentials::without_static_keys(case).unwrap_or_else(|| renew(case));
    Check::Found(vec![credentials::finding(case, RULE.id, &what, causes, remedy)])
}

fn renew(case: &Case<'_>) -> Remedy {
    let host = &case.recording.environment.host;
    let commands = match (&host.region, &host.instance_id) {
        (Some(region), Some(instance)) => vec![format!(
            "aws ec2 describe-iam-instance-profile-associations --region {region} --filters Name=instance-id,Values={instance}"
        )],
        _ => Vec::new(),
    };
    Remedy {
        text: "Look at the profile's association (state `associated`) and at the role. Replacing the association with the same \
               profile (`aws ec2 replace-iam-instance-profile-association`) makes EC2 deliver new credentials."
            .to_owned(),
        commands,
    }
}
