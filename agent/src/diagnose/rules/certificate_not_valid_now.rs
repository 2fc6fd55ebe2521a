//! A certificate that is good but for its time: it has expired, or this host does not know what time it is.

use probes::observations::Verification;

use crate::diagnose::case::Case;
use crate::diagnose::wire::{Seen, any_says, finding, sessions, show_peer, targets_of, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "certificate-not-valid-now",
    title: "a certificate has expired or is not valid yet, or the clock is wrong",
    check,
};

/// What a clock may be off before it is the first suspect: signatures are refused from here on.
const CLOCK_LIMIT_MS: u64 = 300_000;

fn check(case: &Case<'_>) -> Check {
    let all = sessions(case);
    if all.is_empty() {
        return Check::NotApplicable("no TLS handshake ran to its end".to_owned());
    }
    let says = |seen: &&Seen<'_>, word: &Verification| {
        !seen.session.trust.accepted() && any_says(seen.session, word)
    };
    let late: Vec<&Seen<'_>> = all.iter().filter(|seen| says(seen, &Verification::Expired)).collect();
    let early: Vec<&Seen<'_>> = all.iter().filter(|seen| says(seen, &Verification::NotYetValid)).collect();
    let (seen, what) = if late.is_empty() { (early, "is not valid yet") } else { (late, "has expired") };
    if seen.is_empty() {
        return Check::Clear("every certificate is valid at this time".to_owned());
    }
    let offset = case.recording.environment.host.clock_offset_ms;
    let wrong = offset.is_some_and(|offset| offset.unsigned_abs() > CLOCK_LIMIT_MS);
    let by_clock = match offset {
        Some(offset) if wrong => format!(
            "; this host's clock is {} s {}",
            offset.unsigned_abs() / 1000,
            if offset > 0 { "slow" } else { "fast" }
        ),
        _ => String::new(),
    };
    let summary = format!("the certificate of {} {what}{by_clock}", targets_of(&seen).join(", "));
    let mut causes = words(&[
        "what presents it is none of AWS, which renews in time: an inspecting device or a server of one's own",
        "this host's clock is wrong",
    ]);
    if wrong {
        causes.reverse();
    }
    let mut commands = vec!["chronyc tracking".to_owned(), "date -u".to_owned()];
    commands.extend(seen.first().map(|seen| show_peer(seen, "")).unwrap_or_default());
    let remedy = Remedy {
        text: "Compare this host's time with Amazon Time Sync (169.254.169.123) first. If the clock is right, look at who issued the \
               certificate."
            .to_owned(),
        commands,
    };
    Check::Found(vec![finding(
        case,
        RULE.id,
        case.instance(),
        &seen,
        Severity::Warning,
        summary,
        (causes, remedy),
    )])
}
