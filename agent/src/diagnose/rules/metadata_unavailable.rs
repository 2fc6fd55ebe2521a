//! The instance metadata service does not answer as it should, told by the way in which it fails.

use probes::environment::{Ec2Sign, Imds, ImdsFailure};

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Remedy, Severity, Subject, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "metadata-unavailable",
    title: "the instance metadata service does not answer",
    page: include_str!("../../../pages/metadata-unavailable.md"),
    check,
};

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if host.instance_id.is_some() {
        return Check::Clear("instance metadata answers".to_owned());
    }
    if host.ec2_signs.iter().all(|sign| *sign == Ec2Sign::Imds) {
        return Check::NotApplicable("nothing shows that this host is an EC2 instance".to_owned());
    }
    let Some((what, causes)) = read(&host.imds) else {
        return Check::CannotTell("instance metadata was not asked".to_owned());
    };
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.instance(),
        summary: format!(
            "instance metadata ({}) {what}; role credentials cannot be had, and VPC, subnet and account are not known",
            host.imds.address.map_or_else(|| "169.254.169.254".to_owned(), |address| address.to_string())
        ),
        facts: vec![fact("address", host.imds.address.map_or_else(|| "none".to_owned(), |a| a.to_string()))],
        evidence: vec!["environment/imds/token".to_owned()],
        causes,
        explains: vec![Explained {
            rule: "credentials-missing".to_owned(),
            subject: Subject { kind: SubjectKind::Credentials, id: "none".to_owned() },
        }],
        remedy: remedy(case),
    }])
}

/// What happened in words, and its causes, most likely first.
fn read(imds: &Imds) -> Option<(String, Vec<String>)> {
    let token = imds.token.as_ref()?;
    let without = imds.without_token.as_ref();
    let answered = without.is_some_and(|step| step.done().is_some());
    let failure = token.failed().or_else(|| imds.metadata.as_ref().and_then(|step| step.failed()));
    Some(match failure {
        Some(ImdsFailure::TimedOut) if answered => (
            "answers without a token but gives none".to_owned(),
            vec![
                "this program runs in a container and the instance's hop limit (HttpPutResponseHopLimit) is too small for \
                 the token to get there"
                    .to_owned(),
                "a local firewall or proxy lets GET through and PUT not".to_owned(),
            ],
        ),
        Some(ImdsFailure::TimedOut) => (
            "does not answer".to_owned(),
            vec![
                "a firewall on this host drops traffic to 169.254.169.254".to_owned(),
                "this program runs in a container and the hop limit (HttpPutResponseHopLimit) is too small".to_owned(),
                "the limit of 1,024 packets a second to link-local addresses is exceeded".to_owned(),
            ],
        ),
        Some(ImdsFailure::Forbidden) => (
            "answers HTTP 403".to_owned(),
            vec!["the metadata endpoint is switched off for this instance (HttpEndpoint=disabled)".to_owned()],
        ),
        Some(ImdsFailure::Refused) => (
            "refuses the connection".to_owned(),
            vec!["a firewall on this host rejects traffic to 169.254.169.254, or a local proxy for it is not running".to_owned()],
        ),
        Some(ImdsFailure::Unreachable { text }) => (
            format!("cannot be reached ({text})"),
            vec!["the host has no route to 169.254.169.254".to_owned()],
        ),
        Some(ImdsFailure::BadRequest) => (
            "refuses the token request as malformed (HTTP 400)".to_owned(),
            vec!["a proxy stands in between; it must be bypassed (no_proxy=169.254.169.254)".to_owned()],
        ),
        Some(ImdsFailure::Unavailable) => {
            ("answers HTTP 503".to_owned(), vec!["it is asked too often".to_owned()])
        }
        Some(other) => (format!("fails ({other:?})"), vec!["something else answers at its address".to_owned()]),
        None => ("answers in part only".to_owned(), vec!["it is asked too often, or time ran out".to_owned()]),
    })
}

fn remedy(case: &Case<'_>) -> Remedy {
    let region = case.region().unwrap_or("REGION");
    Remedy {
        text: format!(
            "From outside, with the id of this instance in place of INSTANCE: `aws ec2 modify-instance-metadata-options \
             --region {region} --instance-id INSTANCE --http-endpoint enabled --http-put-response-hop-limit 2`. On this \
             host, look for firewall rules about 169.254.169.254."
        ),
        commands: vec![
            "curl -sS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' -o /dev/null -w '%{http_code}\\n' \
             http://169.254.169.254/latest/api/token"
                .to_owned(),
            "ip route get 169.254.169.254".to_owned(),
        ],
    }
}
