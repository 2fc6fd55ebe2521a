//! A partition whose authorities are not known to be public, and no set of roots that vouches for its services.

use probes::observations::Verification;

use crate::diagnose::case::Case;
use crate::diagnose::wire::{Seen, any_says, finding, sessions, show_peer, targets_of, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "partition-roots-missing",
    title: "no roots vouch for this partition, whose authorities are not public",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let partition = case.recording.environment.host.partition.as_deref();
    if matches!(partition, None | Some("aws" | "aws-us-gov")) {
        return Check::NotApplicable("the authorities of this partition are public".to_owned());
    }
    let all = sessions(case);
    let refused: Vec<&Seen<'_>> = all
        .iter()
        .filter(|seen| !seen.session.trust.accepted() && any_says(seen.session, &Verification::UnknownIssuer))
        .collect();
    if refused.is_empty() {
        return Check::Clear("some set of roots vouches for every certificate".to_owned());
    }
    let summary = format!(
        "no set of roots on this host vouches for {} in partition {}, whose authorities are not known to be public",
        targets_of(&refused).join(", "),
        partition.unwrap_or_default()
    );
    let causes = words(&[
        "the partition's own authority is missing on this host (the ISO partitions have private roots; for China and the European \
         Sovereign Cloud which roots sign is not verified)",
        "an inspecting device opens TLS: the issuer in the facts is then your company's",
        "the store of this image is old",
    ]);
    let remedy = Remedy {
        text: "Name the partition's bundle of roots with AWS_CA_BUNDLE (your administrators have it), or put it into the machine's \
               store. The issuer tells whose certificate it is."
            .to_owned(),
        commands: refused.first().map(|seen| show_peer(seen, " -showcerts")).unwrap_or_default(),
    };
    Check::Found(vec![finding(
        case,
        RULE.id,
        case.instance(),
        &refused,
        Severity::Warning,
        summary,
        (causes, remedy),
    )])
}
