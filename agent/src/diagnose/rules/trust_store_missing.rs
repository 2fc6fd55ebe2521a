//! The machine has no roots at all, or none that can be read.

use probes::observations::Verification;

use crate::diagnose::case::Case;
use crate::diagnose::wire::{Seen, finding, sessions, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "trust-store-missing", title: "this machine has no store of roots", check };

fn check(case: &Case<'_>) -> Check {
    let all = sessions(case);
    if all.is_empty() {
        return Check::NotApplicable("no TLS handshake ran to its end".to_owned());
    }
    if all.iter().all(|seen| seen.session.trust.machine == Verification::NotRead) {
        return Check::CannotTell("the machine's store could not be read in time".to_owned());
    }
    let lacking: Vec<&Seen<'_>> =
        all.iter().filter(|seen| seen.session.trust.machine == Verification::NoRoots).collect();
    if lacking.is_empty() {
        return Check::Clear("the machine has a store of roots".to_owned());
    }
    let summary =
        "this machine has no roots in its own store: programs that bring none of their own can verify nobody"
            .to_owned();
    let causes = words(&[
        "the package ca-certificates is not installed, as in a minimal container image",
        "SSL_CERT_FILE or SSL_CERT_DIR names a file or folder that is empty or that this user may not read",
    ]);
    let remedy = Remedy {
        text: "As root, install the package: `dnf install ca-certificates` (Amazon Linux), `apt-get install ca-certificates` (Debian, \
               Ubuntu), `apk add ca-certificates` (Alpine); in an image, copy /etc/ssl/certs from the build stage."
            .to_owned(),
        commands: vec!["ls -l /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt".to_owned()],
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
