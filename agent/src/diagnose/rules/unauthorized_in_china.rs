//! China: the account may not serve public access for want of a licence.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::in_words;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "unauthorized-in-china",
    title: "China: public access is closed for want of an ICP licence",
    check,
};

fn check(case: &Case<'_>) -> Check {
    if case.recording.environment.host.partition.as_deref() != Some("aws-cn") {
        return Check::NotApplicable("this is not China".to_owned());
    }
    refused::check(case, &RULE, Kind::NoIcpLicence, Together::OfOneService, tell)
}

fn tell(group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let signed = first.reply.signed;
    Told {
        severity: first.severity(),
        subject: None,
        what: format!(
            "the account that owns the bucket has no ICP licence, so {} requests to it are refused",
            if signed { "these" } else { "unsigned" }
        ),
        facts: Vec::new(),
        causes: Vec::new(),
        explains: Vec::new(),
        remedy: in_words(
            "Sign the request (this instance needs credentials), or have the owner of the bucket file for an ICP recordal or \
             licence and have AWS open public access for the account.",
        ),
    }
}
