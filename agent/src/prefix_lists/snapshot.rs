//! The embedded snapshot of AWS's published address ranges (`agent/data/prefixes.json`, made by `scripts/refresh-data`).
//! It knows S3 and DynamoDB only, and no partition without public ranges (the isolated ones).

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use serde::Deserialize;

use super::{PrefixList, Source};
use crate::catalogue::Provenance;
use crate::packed::text;

#[derive(Debug, Deserialize)]
struct Snapshot {
    source: String,
    as_of: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    service: String,
    region: String,
    cidrs: Vec<IpNet>,
}

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| parse(&text!("prefixes.json")));

/// The published ranges of a service in a region. `None` when there are none: nothing is known then, which is never the
/// same as "outside".
#[must_use]
pub fn snapshot(service: &str, region: &str) -> Option<PrefixList> {
    let entry = SNAPSHOT.entries.iter().find(|entry| entry.service == service && entry.region == region)?;
    Some(PrefixList {
        service: service.to_owned(),
        region: region.to_owned(),
        source: Source::Snapshot,
        id: None,
        as_of: Some(SNAPSHOT.as_of.clone()),
        cidrs: entry.cidrs.clone(),
        left_out: 0,
    })
}

/// The Region whose published ranges of a service hold an address, whichever Region that is. `None` says nothing: the ranges
/// grow.
#[must_use]
pub fn region_of(service: &str, address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    let of_service = SNAPSHOT.entries.iter().filter(|entry| entry.service == service);
    let mut holding = of_service.filter(|entry| entry.cidrs.iter().any(|cidr| cidr.contains(&address)));
    holding.next().map(|entry| entry.region.as_str())
}

/// All published ranges, of every service and Region.
pub fn all_published() -> impl Iterator<Item = &'static IpNet> {
    SNAPSHOT.entries.iter().flat_map(|entry| &entry.cidrs)
}

/// Source and date of the snapshot.
#[must_use]
pub fn snapshot_provenance() -> Provenance {
    Provenance { what: "published address ranges", source: &SNAPSHOT.source, as_of: &SNAPSHOT.as_of }
}

#[expect(clippy::expect_used, reason = "the text is part of the binary, and the tests parse it")]
fn parse(text: &str) -> Snapshot {
    serde_json::from_str(text).expect("the embedded prefixes parse")
}
