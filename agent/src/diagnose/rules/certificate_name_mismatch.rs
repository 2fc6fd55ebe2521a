//! A certificate that a set of roots vouches for, but for other names: the name leads to the wrong server.

use probes::observations::Verification;

use crate::diagnose::case::Case;
use crate::diagnose::wire::{Seen, any_says, finding, sessions, show_peer, targets_of, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "certificate-name-mismatch", title: "a certificate is for another name", check };

fn check(case: &Case<'_>) -> Check {
    let all = sessions(case);
    if all.is_empty() {
        return Check::NotApplicable("no TLS handshake ran to its end".to_owned());
    }
    let wrong: Vec<&Seen<'_>> = all
        .iter()
        .filter(|seen| !seen.session.trust.accepted() && any_says(seen.session, &Verification::WrongName))
        .collect();
    if wrong.is_empty() {
        return Check::Clear("every certificate is for the name that was asked for".to_owned());
    }
    let at = wrong
        .first()
        .and_then(|seen| seen.address)
        .map(|address| format!(" at {address}"))
        .unwrap_or_default();
    let summary = format!(
        "what answers for {}{at} has a good certificate for another name: the name leads to the wrong server",
        targets_of(&wrong).join(", ")
    );
    let causes = words(&[
        "a record of one's own (private hosted zone, hosts file) leads the name to another service's endpoint or to a server of the \
         company",
        "a proxy or load balancer on the way presents its own certificate",
    ]);
    let host = wrong.first().map(|seen| seen.target.host.as_str()).unwrap_or_default();
    let mut commands = vec![format!("getent ahosts {host}")];
    commands.extend(wrong.first().map(|seen| show_peer(seen, "")).unwrap_or_default());
    let remedy = Remedy {
        text: "Find who gives this address (getent, then the VPC resolver), and correct the record. Never switch verification off \
               (--no-verify-ssl): requests are signed for whoever answers."
            .to_owned(),
        commands,
    };
    Check::Found(vec![finding(
        case,
        RULE.id,
        case.instance(),
        &wrong,
        Severity::Warning,
        summary,
        (causes, remedy),
    )])
}
