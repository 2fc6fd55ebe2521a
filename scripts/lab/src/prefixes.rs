//! The published address ranges of S3 and DynamoDB, from which prefix lists and service addresses are taken.
//!
//! The data is the project's own generated copy of the published ranges; the lab reads the same file as the agent
//! embeds, because both stand for what AWS publishes.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;

use crate::aws::names::partition_of;

#[derive(Deserialize)]
struct Published {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    service: String,
    region: String,
    cidrs: Vec<IpNet>,
}

static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in and a test reads it")]
    serde_json::from_str(include_str!("../../../agent/data/prefixes.json"))
        .expect("the published ranges parse")
});

/// The IPv4 ranges of a gateway service in a region; empty where nothing is published.
///
/// Nothing is for isolated partitions, and still they have gateway endpoints: the lab's ranges for these are made up, in a part
/// of the address space that the internet does not route.
pub(crate) fn of(service: &str, region: &str) -> Vec<Ipv4Net> {
    // Each Region has its own.
    let place = region.bytes().fold(0, u8::wrapping_add) % 16;
    let made_up = match service {
        "s3" => Some(Ipv4Addr::new(21, 16 + place, 0, 0)),
        "dynamodb" => Some(Ipv4Addr::new(21, 32 + place, 0, 0)),
        _ => None,
    };
    if let Some(base) = made_up.filter(|_| partition_of(region).is_isolated()) {
        return vec![Ipv4Net::new_assert(base, 20)];
    }
    ipv4(PUBLISHED.entries.iter().filter(|entry| entry.service == service && entry.region == region))
}

/// The IPv6 ranges of a gateway service in a region.
pub(crate) fn of_ipv6(service: &str, region: &str) -> Vec<Ipv6Net> {
    let matching =
        PUBLISHED.entries.iter().filter(|entry| entry.service == service && entry.region == region);
    let cidr = |cidr: &IpNet| match cidr {
        IpNet::V6(cidr) => Some(*cidr),
        IpNet::V4(_) => None,
    };
    matching.flat_map(|entry| entry.cidrs.iter().filter_map(cidr)).collect()
}

/// The IPv4 ranges of all gateway services in all regions, which no other service may have an address in.
pub(crate) fn all() -> Vec<Ipv4Net> {
    ipv4(PUBLISHED.entries.iter())
}

fn ipv4<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Ipv4Net> {
    entries
        .flat_map(|entry| &entry.cidrs)
        .filter_map(|cidr| match cidr {
            IpNet::V4(cidr) => Some(*cidr),
            IpNet::V6(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_gateway_services_have_ranges_in_the_oldest_region_and_in_china() {
        for region in ["us-east-1", "cn-north-1"] {
            assert!(!of("s3", region).is_empty());
            assert!(!of("dynamodb", region).is_empty());
        }
        assert!(of("s3", "xx-nowhere-1").is_empty());
    }

    #[test]
    fn isolated_regions_have_ranges_of_their_own() {
        for (one, other) in [("us-iso-east-1", "us-iso-west-1"), ("us-isof-east-1", "us-isof-south-1")] {
            assert_ne!(of("s3", one), of("s3", other));
            assert_ne!(of("s3", one), of("dynamodb", one));
        }
    }
}
