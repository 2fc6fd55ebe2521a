//! The instance metadata service does not answer as it should, told by the way in which it fails.

use probes::environment::{Ec2Sign, Imds, ImdsFailure};

use crate::diagnose::case::Case;
use crate::diagnose::metadata;
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "metadata-unavailable", title: "the instance metadata service does not answer", check };

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    let imds = &host.imds;
    let token = imds.token.as_ref();
    let whole = host.vpc_id.is_some() || host.instance_id.is_some();
    if token.is_some_and(|step| step.done().is_some())
        && imds.metadata.as_ref().is_none_or(|step| step.failed().is_none())
        && whole
    {
        return Check::Clear("instance metadata answers".to_owned());
    }
    if host.ec2_signs.iter().all(|sign| *sign == Ec2Sign::Imds) {
        return Check::NotApplicable("nothing shows that this host is an EC2 instance".to_owned());
    }
    // Rules of their own know these two.
    let switched_off = token.and_then(|step| step.failed()) == Some(&ImdsFailure::Forbidden);
    if switched_off || metadata::token_is_lost(imds) {
        return Check::Clear("it fails in a way that has a rule of its own".to_owned());
    }
    let Some((what, causes)) = read(imds) else {
        return Check::CannotTell("instance metadata was not asked".to_owned());
    };
    Check::Found(vec![metadata::finding(case, RULE.id, &what, causes, remedy())])
}

/// What happened in words, and its causes, most likely first.
fn read(imds: &Imds) -> Option<(String, Vec<String>)> {
    let token = imds.token.as_ref()?;
    let failure = token.failed().or_else(|| imds.metadata.as_ref().and_then(|step| step.failed()));
    Some(match failure {
        Some(ImdsFailure::TimedOut) => (
            "does not answer".to_owned(),
            vec![
                "a firewall on this host drops traffic to 169.254.169.254".to_owned(),
                "this program runs in a container and the hop limit (HttpPutResponseHopLimit) is too small".to_owned(),
                "the limit of 1,024 packets a second to link-local addresses is exceeded".to_owned(),
            ],
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

fn remedy() -> Remedy {
    Remedy {
        text: "Look for firewall rules and routes about 169.254.169.254 on this host. From outside, \
               `aws ec2 describe-instances` shows the instance's metadata options."
            .to_owned(),
        commands: vec![
            "curl -sS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' -o /dev/null -w '%{http_code}\\n' \
             http://169.254.169.254/latest/api/token"
                .to_owned(),
            "ip route get 169.254.169.254".to_owned(),
        ],
    }
}
