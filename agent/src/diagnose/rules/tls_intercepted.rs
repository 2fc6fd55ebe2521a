//! A certificate that no public root vouches for and no authority of AWS issued: somebody opens TLS on the way.

use std::collections::BTreeMap;

use crate::classify::evidence::{common_name, intercepts};
use crate::diagnose::case::Case;
use crate::diagnose::wire::{Seen, finding, sessions, show_peer, targets_of, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity, Subject, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "tls-intercepted",
    title: "TLS is opened on the way by an authority that is none of AWS",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let all = sessions(case);
    if all.is_empty() {
        return Check::NotApplicable("no TLS handshake ran to its end".to_owned());
    }
    if !matches!(case.recording.environment.host.partition.as_deref(), Some("aws" | "aws-us-gov")) {
        return Check::CannotTell("which authorities sign for this partition is not known".to_owned());
    }
    let mut by_issuer: BTreeMap<&str, Vec<&Seen<'_>>> = BTreeMap::new();
    for seen in all.iter().filter(|seen| intercepts(&case.recording.environment, seen.session)) {
        by_issuer.entry(common_name(&seen.session.issuer)).or_default().push(seen);
    }
    let findings = by_issuer.into_iter().map(|(issuer, seen)| {
        let trusted = seen.iter().all(|seen| seen.session.trust.accepted());
        let way =
            if seen.iter().all(|seen| seen.address.is_none()) { "the proxy" } else { "a device on the way" };
        let after = if trusted {
            "this host trusts it, so it reads and signs off everything that is sent"
        } else {
            "no set of roots on this host vouches for it, so clients refuse it"
        };
        let summary = format!(
            "{way} opens TLS to {} with certificates of {issuer}: {after}",
            targets_of(&seen).join(", ")
        );
        let subject = Subject { kind: SubjectKind::Issuer, id: issuer.to_owned() };
        finding(
            case,
            RULE.id,
            subject,
            &seen,
            Severity::Warning,
            summary,
            (causes(trusted), remedy(seen.first().copied(), trusted)),
        )
    });
    Check::found_or(findings.collect(), Check::Clear("every certificate is one of AWS's".to_owned()))
}

fn causes(trusted: bool) -> Vec<String> {
    let mut causes = words(&[
        "an inspecting proxy or firewall (TLS inspection of AWS Network Firewall, a company proxy) stands in the path",
    ]);
    if !trusted {
        causes.push("somebody else does: compare the issuer with what your network team names".to_owned());
    }
    causes
}

fn remedy(first: Option<&Seen<'_>>, trusted: bool) -> Remedy {
    let text = if trusted {
        "Exempt AWS's host names from inspection, or reach the services by VPC endpoints that do not pass the device. If it is meant \
         to be: programs with roots of their own (Java, Node, containers) need its authority as well."
    } else {
        "Exempt AWS's host names from inspection. Only if the issuer is your own: add its root to this host's store (Amazon Linux: put \
         it into /etc/pki/ca-trust/source/anchors and run update-ca-trust; Debian and Ubuntu: /usr/local/share/ca-certificates and \
         update-ca-certificates), or name a file that holds it and the public roots with AWS_CA_BUNDLE."
    };
    Remedy {
        text: text.to_owned(),
        commands: first.map(|seen| show_peer(seen, " -showcerts")).unwrap_or_default(),
    }
}
