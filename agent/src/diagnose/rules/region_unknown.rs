//! On an EC2 instance whose Region nothing tells, no host name is known, so no service can be probed.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::in_words;
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Severity};

pub(super) const RULE: Rule =
    Rule { id: "region-unknown", title: "nothing tells which Region this is", check };

fn check(case: &Case<'_>) -> Check {
    if let Some(region) = case.region() {
        return Check::Clear(format!("this is {region}"));
    }
    if case.was_cut_short_at_once() {
        return Check::CannotTell("the run was ended before the host was looked at".to_owned());
    }
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Error,
        subject: case.instance(),
        summary: "nothing tells which Region this instance is in, so no service was probed".to_owned(),
        facts: Vec::new(),
        evidence: vec!["environment/region_hints".to_owned(), "environment/imds".to_owned()],
        causes: vec![
            "instance metadata does not answer, and neither the environment, the AWS configuration file nor the search \
             domain of resolv.conf names a Region"
                .to_owned(),
        ],
        explains: vec![
            Explained { rule: "imds-disabled".to_owned(), subject: case.instance() },
            Explained { rule: "metadata-hop-limit".to_owned(), subject: case.instance() },
            Explained { rule: "metadata-unavailable".to_owned(), subject: case.instance() },
            Explained { rule: "credentials-missing".to_owned(), subject: case.credentials() },
        ],
        remedy: in_words(
            "Run again with --region, such as `vpcprobe --region eu-central-1`, and see to instance metadata: \
             `vpcprobe explain metadata-unavailable`.",
        ),
    }])
}
