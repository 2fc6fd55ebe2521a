//! The file of `AWS_CA_BUNDLE` cannot be read, or refuses what the other roots accept.

use probes::observations::Verification;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::wire::{Seen, finding, sessions, targets_of, words};
use crate::diagnose::{Check, Rule};
use crate::report::{Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "ca-bundle-wrong", title: "AWS_CA_BUNDLE names roots that refuse AWS", check };

fn check(case: &Case<'_>) -> Check {
    let Some(bundle) = &case.recording.environment.host.ca_bundle else {
        return Check::NotApplicable("neither --ca-bundle nor AWS_CA_BUNDLE is set".to_owned());
    };
    let all = sessions(case);
    let refused: Vec<&Seen<'_>> = all
        .iter()
        .filter(|seen| {
            let trust = &seen.session.trust;
            let refuses =
                matches!(trust.ca_bundle, Some(Verification::UnknownIssuer | Verification::NoRoots));
            refuses && (trust.bundled == Verification::Trusted || trust.machine == Verification::Trusted)
        })
        .collect();
    if refused.is_empty() && bundle.problem.is_none() {
        return Check::Clear("its roots accept what the others accept".to_owned());
    }
    let what = match &bundle.problem {
        Some(problem) => problem.clone(),
        None => format!(
            "its roots do not vouch for {}, which the machine's own store or the public roots do",
            targets_of(&refused).join(", ")
        ),
    };
    let summary = format!(
        "AWS_CA_BUNDLE names {}, but {what}: the AWS CLI and boto3 go by this file alone and fail",
        bundle.path
    );
    let causes = words(&[
        "the file holds a company's own root alone: it has to hold the public roots besides",
        "the path is misspelt, or the file is missing or not readable for this user",
    ]);
    let remedy = Remedy {
        text: "Take the variable away, unless TLS is inspected here; if it is, name a file that holds the public roots and the \
               company's."
            .to_owned(),
        commands: vec!["unset AWS_CA_BUNDLE".to_owned()],
    };
    let mut found =
        finding(case, RULE.id, case.instance(), &refused, Severity::Warning, summary, (causes, remedy));
    found.facts.push(fact("ca_bundle", &bundle.path));
    if found.evidence.is_empty() {
        found.evidence.push("environment/ca_bundle".to_owned());
    }
    Check::Found(vec![found])
}
