//! Static keys of another partition: nobody here knows them.

use crate::catalogue;
use crate::diagnose::case::Case;
use crate::diagnose::credentials::{self, Why, foreign_region};
use crate::diagnose::phrases::in_words;
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "credentials-of-another-partition",
    title: "the keys on this host belong to another partition",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let region = foreign_region(case).filter(|_| credentials::why(case) == Some(Why::OtherPartition));
    let Some(region) = region else {
        return Check::Clear("nothing points to another partition".to_owned());
    };
    let name = |region: &str| catalogue::partition_of_region(region).map_or("another", |found| &found.name);
    let here = case.region().unwrap_or_default();
    let what = format!(
        "nobody in partition {} knows the key, and the settings beside it name {region} (partition {})",
        name(here),
        name(region)
    );
    // That a partition answers so to another's keys is general experience and no documented fact.
    let causes = vec![
        format!("the keys are of an account of partition {}", name(region)),
        "the keys were deleted, and the Region beside them is a mistake of its own".to_owned(),
    ];
    let remedy = credentials::without_static_keys(case)
        .unwrap_or_else(|| in_words("Use credentials of this partition."));
    Check::Found(vec![credentials::finding(case, RULE.id, &what, causes, remedy)])
}
