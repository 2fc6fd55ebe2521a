//! The services refuse the credentials themselves, whatever is asked: one finding, however many services say so.

use probes::environment::CredentialSource;

use crate::diagnose::case::Case;
use crate::diagnose::credentials::{self, UNKNOWN_KEY, Why};
use crate::diagnose::phrases::in_words;
use crate::diagnose::{Check, Rule};
use crate::refusal::last_word;
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "credentials-rejected", title: "the services refuse this host's credentials", check };

fn check(case: &Case<'_>) -> Check {
    let (signed, rejections) = credentials::rejections(case);
    if signed == 0 {
        return Check::NotApplicable("no signed call was answered".to_owned());
    }
    if credentials::why(case) != Some(Why::Rejected) {
        return Check::Clear(format!("{signed} signed calls, none refused so"));
    }
    let code =
        rejections.first().and_then(|first| last_word(first.reply).code.as_deref()).unwrap_or_default();
    let (what, causes) = read(code);
    Check::Found(vec![credentials::finding(case, RULE.id, what, causes, remedy(case))])
}

fn read(code: &str) -> (&'static str, Vec<String>) {
    let (what, causes): (_, &[&str]) = match code {
        "InvalidToken" => (
            "the session token is not valid here",
            &[
                "the session token does not belong to the key",
                "it comes from the global STS endpoint and is not valid in a Region that had to be enabled",
            ],
        ),
        code if UNKNOWN_KEY.contains(&code) => (
            "the access key is not known here",
            &[
                "the key was deleted or deactivated",
                "it belongs to another partition (aws, aws-cn, aws-us-gov do not know each other's keys)",
            ],
        ),
        _ => (
            "the signature does not match",
            &[
                "the secret key does not belong to the access key: half of a pair was replaced, or a character was lost",
                "something on the way alters requests (a proxy that adds or rewrites headers)",
            ],
        ),
    };
    (what, causes.iter().map(|cause| (*cause).to_owned()).collect())
}

fn remedy(case: &Case<'_>) -> Remedy {
    credentials::without_static_keys(case).unwrap_or_else(|| match case.recording.environment.host.credentials.source {
        Some(CredentialSource::Container) => in_words(
            "The container's credentials endpoint gives credentials that the services refuse: look at the task role or Pod \
             Identity association, and restart the task.",
        ),
        _ => in_words(
            "The instance metadata service gives credentials that the services refuse: look at whether something stands in for \
             it at 169.254.169.254 (a proxy such as kiam or aws-vault), and whether the role was deleted and made anew.",
        ),
    })
}
