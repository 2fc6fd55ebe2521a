//! The embedded files as they are parsed, once, and the two look-ups in them: a host from templates with exceptions, an
//! endpoint service name from a default with exceptions. It does not know the public types' meaning, only the files'.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Differences, EndpointKind, Partition, Service, Variant, partition_of_region};
use crate::packed::text;

/// `agent/data/endpoints.json`.
pub(super) static HOSTS: LazyLock<Hosts> = LazyLock::new(|| parse(&text!("endpoints.json")));

/// `agent/data/endpoint_services.json`.
pub(super) static ENDPOINTS: LazyLock<EndpointServices> =
    LazyLock::new(|| parse(&text!("endpoint_services.json")));

#[derive(Debug, Deserialize)]
pub(super) struct Hosts {
    pub(super) source: String,
    pub(super) as_of: String,
    pub(super) partitions: Vec<Partition>,
    pub(super) dynamodb_account: HostTemplates,
    pub(super) services: Vec<Service>,
}

/// Host names as templates: those of the aws partition, then what differs per partition, then per region.
#[derive(Debug, Deserialize)]
pub(super) struct HostTemplates {
    hosts: Differences,
    partitions: Vec<InPartition>,
    regions: Vec<InRegion>,
}

#[derive(Debug, Deserialize)]
struct InPartition {
    partition: String,
    hosts: Differences,
}

#[derive(Debug, Deserialize)]
struct InRegion {
    region: String,
    hosts: Differences,
}

#[derive(Debug, Deserialize)]
pub(super) struct EndpointServices {
    pub(super) source: String,
    pub(super) as_of: String,
    default: String,
    gateway: BTreeSet<String>,
    interface: BTreeSet<String>,
    everywhere: Vec<Everywhere>,
    exceptions: Vec<Exception>,
}

/// A name that is not the default in any region.
#[derive(Debug, Deserialize)]
struct Everywhere {
    kind: EndpointKind,
    suffix: String,
    name: String,
}

/// A name that is not the default in one region, for some suffixes.
#[derive(Debug, Deserialize)]
struct Exception {
    kind: EndpointKind,
    region: String,
    name: String,
    suffixes: BTreeSet<String>,
}

impl HostTemplates {
    /// The host of a variant in a region. `None`: no such variant, no such partition, or a name that needs an account
    /// id while none (or something that is none) was given; `*` stands for every account.
    pub(super) fn host(&self, region: &str, variant: Variant, account_id: Option<&str>) -> Option<String> {
        let partition = partition_of_region(region)?;
        let template = self.template(partition, region, variant)?;
        let mut host = template
            .replace("{region}", region)
            .replace("{dns_suffix}", &partition.dns_suffix)
            .replace("{dual_stack_suffix}", &partition.dual_stack_suffix);
        if host.contains(ACCOUNT) {
            let is_account =
                |id: &&str| *id == "*" || (id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()));
            host = host.replace(ACCOUNT, account_id.filter(is_account)?);
        }
        Some(host)
    }

    pub(super) fn needs_account_id(&self) -> bool {
        self.hosts.values().flatten().any(|template| template.contains(ACCOUNT))
    }

    fn template(&self, partition: &Partition, region: &str, variant: Variant) -> Option<&str> {
        let in_region = self.regions.iter().filter(|r| r.region == region).map(|r| &r.hosts);
        let in_partition = self.partitions.iter().filter(|p| p.partition == partition.name).map(|p| &p.hosts);
        // The first level that mentions the variant decides, also when it says that there is none.
        let mut levels = in_region.chain(in_partition).chain(std::iter::once(&self.hosts));
        levels.find_map(|hosts| hosts.get(&variant))?.as_deref()
    }
}

const ACCOUNT: &str = "{account_id}";

impl EndpointServices {
    pub(super) fn offers(&self, kind: EndpointKind, suffix: &str) -> bool {
        match kind {
            EndpointKind::Gateway => self.gateway.contains(suffix),
            EndpointKind::Interface => self.interface.contains(suffix),
        }
    }

    pub(super) fn name(&self, kind: EndpointKind, region: &str, suffix: &str) -> String {
        let everywhere =
            self.everywhere.iter().find(|e| e.kind == kind && e.suffix == suffix).map(|e| &e.name);
        let here = |e: &&Exception| e.kind == kind && e.region == region && e.suffixes.contains(suffix);
        let exception = self.exceptions.iter().find(here).map(|e| &e.name);
        let template = exception.or(everywhere).unwrap_or(&self.default);
        template.replace("{region}", region).replace("{suffix}", suffix)
    }
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn https() -> u16 {
    443
}

#[expect(clippy::expect_used, reason = "the text is part of the binary, and the tests parse it")]
fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("the embedded data parses")
}
