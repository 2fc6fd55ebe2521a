//! There is no bucket of that name in this partition.

use crate::diagnose::case::Case;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule, policies};
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "bucket-missing", title: "there is no such bucket in this partition", check };

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::BucketMissing, Together::OfOneResource, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let partition = policies::partition(case);
    let causes = vec![
        "the name is misspelt, or the bucket was deleted: list-buckets in its account shows it".to_owned(),
        format!(
            "it is in another partition than {partition}: buckets of aws, aws-cn and aws-us-gov do not see each other"
        ),
    ];
    Told {
        severity: first.severity(),
        subject: None,
        what: format!(
            "no bucket of this name exists in partition {partition} (a bucket that only refuses answers 403)"
        ),
        facts: Vec::new(),
        causes,
        explains: Vec::new(),
        remedy: Remedy {
            text: "Check the name and the partition.".to_owned(),
            commands: vec!["aws s3api list-buckets --query 'Buckets[].Name'".to_owned()],
        },
    }
}
