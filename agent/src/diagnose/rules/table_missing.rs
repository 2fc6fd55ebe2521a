//! There is no table of that name in this account and Region.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule, policies};
use crate::report::Remedy;

pub(super) const RULE: Rule =
    Rule { id: "table-missing", title: "there is no such table in this account and Region", check };

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::TableMissing, Together::OfOneResource, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let host = &case.recording.environment.host;
    let table = policies::table(case, first);
    let region = host.region.as_deref().unwrap_or("this Region");
    let account = host.account_id.as_deref().map(|id| format!(" of account {id}")).unwrap_or_default();
    let hints = &host.region_hints;
    let mut others: Vec<&str> =
        hints.iter().map(|hint| hint.region.as_str()).filter(|name| *name != region).collect();
    others.dedup();
    let mut causes = vec![
        "the table is in another Region, or in another account".to_owned(),
        "the name is misspelt, or the table was deleted".to_owned(),
    ];
    if let Some(other) = others.first() {
        causes.insert(0, format!("the settings of this host name {other} as well: the table may be there"));
    }
    let commands = [region].into_iter().chain(others).filter(|name| host.region.is_some() || *name != region);
    Told {
        severity: first.severity(),
        subject: None,
        what: format!(
            "there is no table{} in {region}{account}",
            table.map(|table| format!(" {table}")).unwrap_or_default()
        ),
        facts: table.map(|table| fact("table", table)).into_iter().collect(),
        causes,
        explains: Vec::new(),
        remedy: Remedy {
            text: "Look for the table where it should be, and mind the exact spelling.".to_owned(),
            commands: commands.map(|name| format!("aws dynamodb list-tables --region {name}")).collect(),
        },
    }
}
