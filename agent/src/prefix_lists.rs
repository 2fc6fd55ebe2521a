//! Managed prefix lists: the addresses that a gateway endpoint's route takes, per service and region, and how far each
//! source of them can be trusted.
//!
//! A prefix list comes from the EC2 API (as of this minute), from a file with the AWS CLI's output (as of when it was
//! made), or from the embedded snapshot of AWS's published ranges (as of its date, and ageing in the image the binary is
//! baked into). The published ranges of a service and region contain its prefix list but can contain more, and prefix
//! lists grow: "outside" is conclusive against the first two sources only, "inside" never proves that a gateway
//! endpoint exists.
//!
//! This module does not read files and does not ask EC2; it turns their text or answers into one form. Classification
//! compares every resolved address with it.

use std::net::IpAddr;

use ipnet::IpNet;
use probes::control_plane::ManagedPrefixList;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod cli;
mod snapshot;
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;

pub use cli::{ParseError, parse_cli_json};
pub use snapshot::{all_published, region_of, snapshot, snapshot_provenance};

/// Where a prefix list comes from, in order of authority: the smaller, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `DescribePrefixLists` or `GetManagedPrefixListEntries`, asked during the run.
    Ec2Api,
    /// A file given by `--prefix-lists`.
    File,
    /// The published ranges embedded in the binary.
    Snapshot,
}

/// The addresses of one service in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrefixList {
    /// The service's id, `s3`.
    pub service: String,
    /// The region whose addresses these are. Ids of prefix lists repeat between regions, so the id alone says nothing.
    pub region: String,
    /// Where it comes from.
    pub source: Source,
    /// `pl-…`; `None` in the snapshot and where the source does not say it.
    pub id: Option<String>,
    /// The day it was true, `YYYY-MM-DD`; `None` when the source does not say it.
    pub as_of: Option<String>,
    /// Its networks, IPv4 and IPv6.
    #[schemars(with = "Vec<String>")]
    pub cidrs: Vec<IpNet>,
    /// How many of its networks a report of brief detail leaves out, because no address that was seen is in them.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub left_out: usize,
}

/// The lists with those that EC2 itself gave in place of weaker ones: what EC2 says of a service in this Region is
/// authoritative.
#[must_use]
pub fn with_ec2s_own(
    lists: Vec<PrefixList>,
    from_ec2: &[ManagedPrefixList],
    region: &str,
) -> Vec<PrefixList> {
    let mut kept = lists;
    for managed in from_ec2 {
        let Some(service) = managed.name.strip_prefix(&format!("com.amazonaws.{region}.")) else { continue };
        kept.retain(|list| list.service != service);
        kept.push(PrefixList {
            service: service.to_owned(),
            region: region.to_owned(),
            source: Source::Ec2Api,
            id: Some(managed.id.clone()),
            as_of: None,
            cidrs: managed.cidrs.clone(),
            left_out: 0,
        });
    }
    kept
}

impl PrefixList {
    /// The longest of its networks that holds the address. `None` means outside, which for a snapshot may only mean
    /// that it is old. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> Option<IpNet> {
        let address = address.to_canonical();
        let holding = self.cidrs.iter().filter(|network| network.contains(&address));
        holding.max_by_key(|network| network.prefix_len()).copied()
    }

    /// Whether an address outside of it is certainly not taken by a gateway endpoint's route.
    #[must_use]
    pub fn outside_is_conclusive(&self) -> bool {
        self.source < Source::Snapshot
    }
}
