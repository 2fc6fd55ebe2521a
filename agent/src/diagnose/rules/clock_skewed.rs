//! This host's clock is off against the services': signatures carry the time, and services refuse what is too far off.

use crate::diagnose::case::Case;
use crate::diagnose::credentials::{self, TOLERATED_OFFSET_MS, Why};
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule { id: "clock-skewed", title: "this host's clock is off", check };

/// A clock that somebody keeps is off by milliseconds; the measure itself is good to a second.
const NOTICEABLE_MS: i64 = 30_000;

fn check(case: &Case<'_>) -> Check {
    let refused = credentials::why(case) == Some(Why::Clock);
    let offset = case.recording.environment.host.clock_offset_ms;
    if !refused && offset.is_none_or(|offset| offset.abs() < NOTICEABLE_MS) {
        return match offset {
            Some(offset) => Check::Clear(format!("{offset} ms off")),
            None => Check::CannotTell("no service told the time".to_owned()),
        };
    }
    let causes = vec![
        "nothing keeps the clock: chronyd is not running, or cannot reach 169.254.169.123 or its servers"
            .to_owned(),
        "the instance was suspended or restored, and the clock was not stepped".to_owned(),
    ];
    let remedy = Remedy {
        text: "Set the clock by Amazon Time Sync, which every VPC has at 169.254.169.123 (IPv6: fd00:ec2::123) without any route, \
               and keep chronyd running."
            .to_owned(),
        commands: ["chronyc -n tracking", "sudo systemctl restart chronyd", "sudo chronyc -a makestep"]
            .map(str::to_owned)
            .to_vec(),
    };
    let how = match offset {
        Some(offset) if offset >= 0 => format!("{} behind", in_words(offset)),
        Some(offset) => format!("{} ahead", in_words(offset)),
        None => "off".to_owned(),
    };
    if refused {
        let what = format!("this host's clock is {how}, so its signatures are out of date");
        return Check::Found(vec![credentials::finding(case, RULE.id, &what, causes, remedy)]);
    }
    let far = offset.is_some_and(|offset| offset.abs() > TOLERATED_OFFSET_MS);
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.credentials(),
        summary: format!(
            "this host's clock is {how} against the services': {}",
            if far {
                "most services refuse signatures from 5 minutes on, S3 from 15"
            } else {
                "from 5 minutes on services refuse its signatures"
            }
        ),
        facts: credentials::clock(case).into_iter().collect(),
        evidence: vec!["environment/clock_offset_ms".to_owned()],
        causes,
        explains: Vec::new(),
        remedy,
    }])
}

/// A length of time for a person.
fn in_words(milliseconds: i64) -> String {
    let seconds = milliseconds.unsigned_abs() / 1000;
    if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", (seconds + 30) / 60) }
}
