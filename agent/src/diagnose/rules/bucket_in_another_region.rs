//! A bucket that is in another Region than this instance: no gateway endpoint here leads to it.

use probes::environment::RegionSource;

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told, bucket_region};
use crate::diagnose::{Check, Rule};
use crate::refusal::last_word;
use crate::report::{Path, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "bucket-in-another-region", title: "a bucket is in another Region than this instance", check };

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::AnotherRegion, Together::OfOneResource, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    // The kind is given only where both Regions are known.
    let there = bucket_region(first.reply).unwrap_or_default();
    let here = case.region().unwrap_or_default();
    let last = last_word(first.reply);
    let answer = match (last.status, last.code.as_deref()) {
        (301, _) => "S3 answered 301 PermanentRedirect, which clients may follow".to_owned(),
        (400, code) => format!(
            "S3 answered 400{}, which clients do not follow",
            code.map(|code| format!(" {code}")).unwrap_or_default()
        ),
        (status, _) => format!("S3 answered {status}"),
    };
    let way_out = way_out(case);
    let consequence = match way_out {
        Some(true) => format!("requests to {there} leave over the internet, past every gateway endpoint"),
        Some(false) => format!("requests to {there} time out, for nothing leads out of this subnet"),
        None => format!("requests to {there} take the default route, if there is one"),
    };
    let hints = &case.recording.environment.host.region_hints;
    let settings: Vec<&str> = hints
        .iter()
        .filter(|hint| !matches!(hint.source, RegionSource::Imds | RegionSource::SearchDomain))
        .map(|hint| hint.region.as_str())
        .collect();
    let mut causes = vec![format!(
        "a gateway endpoint serves its own Region only: the prefix list of {here} does not hold the addresses of {there}"
    )];
    if !settings.is_empty() && !settings.contains(&there) {
        causes.push(format!("clients here are set to {}, so they sign for the wrong Region", settings[0]));
    }
    let bucket = first.bucket().unwrap_or_default();
    Told {
        severity: if way_out == Some(true) && last.status == 301 {
            Severity::Warning
        } else {
            Severity::Error
        },
        subject: None,
        what: format!("the bucket is in {there}, this instance in {here}: {answer}; {consequence}"),
        facts: vec![fact("bucket_region", there), fact("region", here)],
        causes,
        explains: Vec::new(),
        remedy: Remedy {
            text: format!(
                "Use a bucket in {here} (or replicate this one there). To keep it where it is, set the client's Region for it \
                 to {there} and give the subnet a way there: NAT, or an S3 interface endpoint in a VPC of {there} that this \
                 one reaches."
            ),
            commands: vec![format!("aws s3api head-bucket --bucket {bucket} --region {there}")],
        },
    }
}

/// Whether anything leads from here to public addresses outside this Region's lists: a control or a target that did.
fn way_out(case: &Case<'_>) -> Option<bool> {
    let by_internet = |path| matches!(path, Path::Internet | Path::Proxy);
    if case.verdicts.iter().any(|verdict| by_internet(verdict.path) && verdict.reachable == Some(true)) {
        return Some(true);
    }
    let mut tried = case
        .recording
        .controls
        .iter()
        .flat_map(Case::counted)
        .filter(|attempt| attempt.tcp.skip_reason().is_none())
        .peekable();
    tried.peek()?;
    Some(tried.any(|attempt| attempt.tcp.done().is_some()))
}
