//! A report without the observations that no rule and no signal reads, so that it fits what Run Command keeps.
//!
//! What is left out can be left out: judging the brief report gives the same as judging the full one (a test and every
//! scenario of the lab hold this).

use probes::observations::{TargetObservation, TlsSession};

use crate::report::Report;

/// The brief report.
#[must_use]
pub fn brief(report: &Report) -> Report {
    let mut report = report.clone();
    let targets = report.recording.targets.iter_mut().chain(&mut report.recording.controls);
    targets.for_each(shorten);
    report
}

fn shorten(target: &mut TargetObservation) {
    for attempt in &mut target.attempts {
        if let probes::Outcome::Done(session) = &mut attempt.tls.outcome {
            leaf_only(session);
        }
        if let probes::Outcome::Done(connection) = &mut attempt.tcp.outcome {
            connection.retransmits = None;
            connection.path_mtu = None;
            connection.send_mss = None;
        }
    }
}

/// Rules read the leaf's issuer; its names and the rest of the chain are for people who look closer.
fn leaf_only(session: &mut TlsSession) {
    session.chain.truncate(1);
    for certificate in &mut session.chain {
        certificate.names.clear();
    }
}
