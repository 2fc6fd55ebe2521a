//! What follows from a cause: how bad it is, and which other findings it takes up.
//!
//! A service that cannot be reached is a symptom, and several rules report symptoms. A rule that names the component to blame
//! takes them up, so that one cause is one finding; its severity is that of the worst that follows from it.

use super::case::{Case, target_subject};
use crate::report::{Explained, Severity, Verdict};

/// The rules whose findings are about a target that does not work as it should, for whatever cause.
const SYMPTOMS: &[&str] = &[
    "required-service-unreachable",
    "optional-service-unreachable",
    "some-addresses-unreachable",
    "path-undetermined",
];

/// What follows from a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// Error where a required service cannot be used, warning where a required service works but not at every address, else
    /// notice.
    pub severity: Severity,
    /// The symptoms at these targets. Claims that meet no finding are dropped later, so none has to be checked here.
    pub explains: Vec<Explained>,
}

/// What follows from a cause that keeps these targets from working, or from working everywhere.
#[must_use]
pub fn consequence(case: &Case<'_>, targets: &[&str]) -> Consequence {
    let concerned = || case.verdicts.iter().filter(|verdict| targets.contains(&verdict.target.as_str()));
    let severity = concerned().map(severity).max().unwrap_or(Severity::Notice);
    let symptoms = SYMPTOMS.iter().flat_map(|rule| {
        targets.iter().map(|target| Explained { rule: (*rule).to_owned(), subject: target_subject(target) })
    });
    let mut explains: Vec<Explained> = symptoms.collect();
    // That nothing at all leaves the instance follows from what keeps every silent target silent.
    let mut silent = case.verdicts.iter().filter(|verdict| verdict.reachable == Some(false)).peekable();
    if silent.peek().is_some() && silent.all(|verdict| targets.contains(&verdict.target.as_str())) {
        explains.push(Explained { rule: "no-egress".to_owned(), subject: case.instance() });
    }
    Consequence { severity, explains }
}

fn severity(verdict: &Verdict) -> Severity {
    match (verdict.required, verdict.reachable) {
        (true, Some(false)) => Severity::Error,
        (true, _) if verdict.addresses.iter().any(|address| address.reachable == Some(false)) => {
            Severity::Warning
        }
        _ => Severity::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify;
    use crate::testing::{self, recording, silent, target};

    #[test]
    fn a_cause_is_as_bad_as_the_worst_that_follows_and_takes_up_the_symptoms() {
        let mut recording = recording();
        recording.targets = vec![
            target("s3", true, vec![silent(testing::S3)]),
            target("dynamodb", false, vec![silent(testing::DYNAMODB)]),
        ];
        let verdicts = classify::verdicts(&recording);
        let case = Case { recording: &recording, verdicts: &verdicts };
        let only_dynamodb = consequence(&case, &["dynamodb"]);
        assert_eq!(only_dynamodb.severity, Severity::Notice);
        assert!(only_dynamodb.explains.iter().all(|claim| claim.rule != "no-egress"));
        let both = consequence(&case, &["s3", "dynamodb"]);
        assert_eq!(both.severity, Severity::Error);
        assert!(both.explains.iter().any(|claim| claim.rule == "no-egress"));
        assert!(both.explains.contains(&Explained {
            rule: "required-service-unreachable".into(),
            subject: target_subject("s3")
        }));
    }
}
