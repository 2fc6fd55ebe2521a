//! Amazon's own certificates, which other roots vouch for and the machine's store does not.

use probes::observations::Verification;

use crate::classify::evidence::issued_by_amazon;
use crate::diagnose::case::Case;
use crate::diagnose::wire::{Seen, finding, sessions, show_peer, targets_of, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "trust-store-outdated", title: "this machine's store lacks the roots of AWS", check };

fn check(case: &Case<'_>) -> Check {
    let all = sessions(case);
    if all.is_empty() {
        return Check::NotApplicable("no TLS handshake ran to its end".to_owned());
    }
    let lacking: Vec<&Seen<'_>> = all
        .iter()
        .filter(|seen| {
            let trust = &seen.session.trust;
            let vouched =
                trust.bundled == Verification::Trusted || trust.ca_bundle == Some(Verification::Trusted);
            trust.machine == Verification::UnknownIssuer && vouched && issued_by_amazon(seen.session)
        })
        .collect();
    if lacking.is_empty() {
        return Check::Clear("the machine's store knows the authorities of AWS".to_owned());
    }
    let summary = format!(
        "this machine's own store does not know Amazon's authority, although other roots vouch for {}: programs that use the store \
         refuse AWS",
        targets_of(&lacking).join(", ")
    );
    let causes = words(&[
        "the image is old: Amazon Root CA 1 to 4 or the Starfield root are missing in its ca-certificates package",
        "somebody took them out, or SSL_CERT_FILE names another file",
    ]);
    let mut commands = vec!["update-ca-trust".to_owned()];
    commands.extend(lacking.first().map(|seen| show_peer(seen, "")).unwrap_or_default());
    let remedy = Remedy {
        text: "As root, bring the store up to date: `dnf install ca-certificates && update-ca-trust` (Amazon Linux), `apt-get install \
               --reinstall ca-certificates && update-ca-certificates` (Debian, Ubuntu), or build a new image."
            .to_owned(),
        commands,
    };
    Check::Found(vec![finding(
        case,
        RULE.id,
        case.instance(),
        &lacking,
        Severity::Warning,
        summary,
        (causes, remedy),
    )])
}
