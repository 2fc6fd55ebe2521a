//! The services, partitions and regions that vpcprobe knows, and the names that belong to them: host names, signing
//! names, names of VPC endpoint services.
//!
//! Everything here is looked up in data compiled into the binary; `scripts/refresh-data` makes it from published
//! sources and writes the sources' versions and dates into it ([`sources`]):
//!
//! * host names are what botocore's endpoint rule sets compute, kept as templates with exceptions; the few services that
//!   botocore has no model for are documented in `agent/data/services.toml`, each with its source;
//! * names of endpoint services are what aws-cdk-lib gives in each region.
//!
//! It does not know whether a service is offered in a region (the rule sets do not say; only
//! `ec2:DescribeVpcEndpointServices` does), whether a name resolves, nor any address (those are in
//! [`prefix_lists`](crate::prefix_lists)). Regions grow faster than releases: a region that is not listed but fits a
//! partition's pattern gets the names the rule sets give for it, which is what an SDK would use. The names go into the
//! probe plan, and into the remedies of findings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod data;
mod region;
mod spelling;
#[cfg(test)]
mod tests;

use data::HostTemplates;

/// A partition: a group of regions with their own DNS suffixes and, mostly, their own internet.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct Partition {
    /// Its name in ARNs: `aws`, `aws-cn`, `aws-us-gov`, …
    pub name: String,
    /// The domain of its hosts, `amazonaws.com`. IMDS gives the instance's own as `services/domain`; prefer that.
    pub dns_suffix: String,
    /// The domain of most of its dual-stack hosts, `api.aws`.
    pub dual_stack_suffix: String,
    /// The regions known when the data was made, sorted.
    pub regions: Vec<String>,
    /// The regular expression that botocore recognises its regions by, listed or not.
    pub region_pattern: String,
    control_host: String,
    control_host_source: String,
    control_regions: Vec<String>,
}

/// A service as users name it in `--service`.
#[derive(Debug, Deserialize)]
pub struct Service {
    id: String,
    title: String,
    #[serde(default)]
    aliases: Vec<String>,
    endpoint: Option<String>,
    #[serde(default = "data::yes")]
    private_dns: bool,
    #[serde(default)]
    wildcard_dns: bool,
    #[serde(default = "data::https")]
    port: u16,
    source: String,
    signing_name: Option<String>,
    #[serde(flatten)]
    templates: HostTemplates,
}

/// Which of a service's host names is meant; SDKs choose by `use_dualstack_endpoint` and `use_fips_endpoint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The name used unless something else is asked for.
    Plain,
    /// A name with IPv4 and IPv6 addresses.
    DualStack,
    /// A name that accepts FIPS 140 validated cryptography only.
    Fips,
    /// Both.
    FipsDualStack,
}

/// The two kinds of VPC endpoint that carry AWS services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// A route to a prefix list; the service keeps its public addresses.
    Gateway,
    /// Network interfaces in the subnets, usually with private DNS.
    Interface,
}

/// Where one part of the embedded data comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// What it is: `host names`, `endpoint service names`.
    pub what: &'static str,
    /// Name and version of the source.
    pub source: &'static str,
    /// The day the source was published, `YYYY-MM-DD`.
    pub as_of: &'static str,
}

/// All partitions, sorted by name.
#[must_use]
pub fn partitions() -> &'static [Partition] {
    &data::HOSTS.partitions
}

/// The partition of a region: the one that lists it, else the one whose pattern it fits; `None` for text that cannot be
/// a region of any known partition.
#[must_use]
pub fn partition_of_region(region: &str) -> Option<&'static Partition> {
    let lists = |p: &&Partition| p.regions.iter().any(|known| known == region);
    let fits = |p: &&Partition| region::fits(&p.region_pattern, region);
    partitions().iter().find(lists).or_else(|| partitions().iter().find(fits))
}

/// Whether the region was listed when the data was made. A new region is not, and still works: see
/// [`partition_of_region`].
#[must_use]
pub fn is_known_region(region: &str) -> bool {
    partitions().iter().any(|p| p.regions.iter().any(|known| known == region))
}

/// The listed region whose spelling is nearest to a text that is none, for "did you mean".
#[must_use]
pub fn nearest_region(text: &str) -> Option<&'static str> {
    let regions = partitions().iter().flat_map(|p| p.regions.iter());
    spelling::nearest(text, regions.map(|region| (region.as_str(), region.as_str())))
}

/// All services, sorted by id.
#[must_use]
pub fn services() -> &'static [Service] {
    &data::HOSTS.services
}

/// The service with this id or alias; `ecr.api`, `cloudwatch` and the like are aliases. Upper and lower case are the same.
#[must_use]
pub fn service(id_or_alias: &str) -> Option<&'static Service> {
    let wanted = id_or_alias.to_ascii_lowercase();
    let by_id = services().iter().find(|s| s.id == wanted);
    by_id.or_else(|| services().iter().find(|s| s.aliases.contains(&wanted)))
}

/// The id of the service whose id or alias is spelt nearest to a text that is none, for "did you mean".
#[must_use]
pub fn nearest_service(text: &str) -> Option<&'static str> {
    let ids = services().iter().map(|s| (s.id.as_str(), s.id.as_str()));
    let aliases =
        services().iter().flat_map(|s| s.aliases.iter().map(|alias| (alias.as_str(), s.id.as_str())));
    spelling::nearest(text, ids.chain(aliases))
}

/// The host of an account's DynamoDB tables, `ACCOUNTID.ddb.REGION.SUFFIX`, which SDKs prefer when their credentials
/// carry an account id. `None` where the rule sets give none (regions that are not listed, and all partitions but aws,
/// aws-cn and aws-us-gov) and for text that is no account id.
#[must_use]
pub fn dynamodb_account_host(account_id: &str, region: &str) -> Option<String> {
    dynamodb_account_host_variant(account_id, region, Variant::Plain)
}

/// As [`dynamodb_account_host`], for the variants; account hosts and FIPS exclude each other.
#[must_use]
pub fn dynamodb_account_host_variant(account_id: &str, region: &str, variant: Variant) -> Option<String> {
    data::HOSTS.dynamodb_account.host(region, variant, Some(account_id))
}

/// The host that requests for a bucket go to: `BUCKET.s3.REGION.SUFFIX`; for names that cannot be virtual hosts under
/// AWS's certificates (dots, upper case, underscores; then the bucket is in the path) the service's own host; for
/// directory buckets (`NAME--AZID--x-s3`) their zone's host. `None` where S3 has no such variant, for a region of no
/// known partition and for text that is no bucket name.
#[must_use]
pub fn bucket_host(bucket: &str, region: &str, variant: Variant) -> Option<String> {
    if let Some(zone) = directory_bucket_zone(bucket) {
        let control = service("s3express")?.host(region, variant)?;
        let (label, rest) = control.split_once('.')?;
        let zonal = label.replacen("-control", "", 1);
        return Some(format!("{bucket}.{zonal}-{zone}.{rest}"));
    }
    let legacy = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !(3..=255).contains(&bucket.len()) || !bucket.chars().all(legacy) {
        return None;
    }
    let service_host = service("s3")?.host(region, variant)?;
    if bucket_in_path(bucket) { Some(service_host) } else { Some(format!("{bucket}.{service_host}")) }
}

/// Whether requests name the bucket in the path, because it cannot be a virtual host; what [`bucket_host`] goes by.
#[must_use]
pub fn bucket_in_path(bucket: &str) -> bool {
    !virtual_hostable(bucket)
}

/// A public host that no VPC endpoint can serve, so that reaching it shows the way to the internet: in the aws
/// partition `checkip.amazonaws.com`. A partition of an unknown name gets that one too.
/// [`control_host_source`] says why each was chosen and where that has not been verified.
#[must_use]
pub fn control_host(partition: &str) -> &'static str {
    &named_or_aws(partition).control_host
}

/// A public host that stands in for [`control_host`] on hosts without IPv4: `checkip.global.api.aws`, which is that partition's
/// dual-stack host of the same kind. `None` for partitions in which no such host is known.
#[must_use]
pub fn dual_stack_control_host(partition: &str) -> Option<&'static str> {
    (named_or_aws(partition).name == "aws").then_some("checkip.global.api.aws")
}

/// The Region of the same partition to compare a Region with: at its addresses a service answers that no gateway endpoint here can
/// carry, because managed prefix lists are regional. The nearest by name that the partition offers for this and that is none of
/// `but`; `None` where there is none, as in partitions of one Region.
#[must_use]
pub fn control_region(region: &str, but: &[&str]) -> Option<&'static str> {
    let alike =
        |other: &str| region.split('-').zip(other.split('-')).take_while(|(one, other)| one == other).count();
    let offered = partition_of_region(region)?.control_regions.iter().map(String::as_str);
    let others = offered.filter(|other| *other != region && !but.contains(other));
    // Of several that are equally near the first of the list is taken, and `max_by_key` gives the last.
    others.rev().max_by_key(|other| alike(other))
}

/// Why [`control_host`] is believed to be served by no VPC endpoint; begins with `not verified` where nobody has tried.
#[must_use]
pub fn control_host_source(partition: &str) -> &'static str {
    &named_or_aws(partition).control_host_source
}

/// Sources and dates of the embedded names.
#[must_use]
pub fn sources() -> [Provenance; 2] {
    let (hosts, endpoints) = (&*data::HOSTS, &*data::ENDPOINTS);
    [
        Provenance { what: "host names", source: &hosts.source, as_of: &hosts.as_of },
        Provenance { what: "endpoint service names", source: &endpoints.source, as_of: &endpoints.as_of },
    ]
}

impl Variant {
    /// All variants, the plain one first.
    pub const ALL: [Variant; 4] = [Variant::Plain, Variant::DualStack, Variant::Fips, Variant::FipsDualStack];

    /// The variant that the two SDK settings ask for.
    #[must_use]
    pub fn from_settings(dual_stack: bool, fips: bool) -> Variant {
        match (dual_stack, fips) {
            (false, false) => Variant::Plain,
            (true, false) => Variant::DualStack,
            (false, true) => Variant::Fips,
            (true, true) => Variant::FipsDualStack,
        }
    }
}

impl Service {
    /// The id users write in `--service`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name AWS gives it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Other names that mean this service.
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// Where its host names and other facts come from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The TCP port of its hosts; 443 for all but Keyspaces.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The service name in the scope of a SigV4 signature; `None` where requests are not signed that way.
    #[must_use]
    pub fn signing_name(&self) -> Option<&str> {
        self.signing_name.as_deref()
    }

    /// The last part of its endpoint service name, the X of `com.amazonaws.REGION.X`.
    #[must_use]
    pub fn endpoint_suffix(&self) -> &str {
        self.endpoint.as_deref().unwrap_or(&self.id)
    }

    /// Whether gateway endpoints exist for it: S3, DynamoDB, S3 Express.
    #[must_use]
    pub fn gateway_capable(&self) -> bool {
        data::ENDPOINTS.offers(EndpointKind::Gateway, self.endpoint_suffix())
    }

    /// Whether interface endpoints exist for it somewhere; not necessarily in a given region.
    #[must_use]
    pub fn interface_capable(&self) -> bool {
        data::ENDPOINTS.offers(EndpointKind::Interface, self.endpoint_suffix())
    }

    /// Whether its interface endpoint can take over the service's own host name. False for DynamoDB: its clients must
    /// be given the endpoint's URL, so its host name resolving to a private address is somebody's own override.
    #[must_use]
    pub fn private_dns(&self) -> bool {
        self.private_dns && self.interface_capable()
    }

    /// The host names, some with a leading `*.`, that private DNS of its interface endpoint answers for in a region.
    /// Variants other than the plain one need an endpoint that says so (dual-stack, FIPS) and are not listed.
    #[must_use]
    pub fn private_dns_names(&self, region: &str) -> Vec<String> {
        if !self.private_dns() {
            return Vec::new();
        }
        let Some(host) = self.templates.host(region, Variant::Plain, Some("*")) else { return Vec::new() };
        let wildcard = (self.wildcard_dns && !host.starts_with("*.")).then(|| format!("*.{host}"));
        std::iter::once(host).chain(wildcard).collect()
    }

    /// Whether its host name contains the account id, so that [`Service::host`] knows none (the ECR registry).
    #[must_use]
    pub fn needs_account_id(&self) -> bool {
        self.templates.needs_account_id()
    }

    /// The host an SDK connects to; for a region that is not listed, the one the partition's rules give. `None` where
    /// there is no such variant, for a region of no known partition, and where the name needs an account id
    /// ([`Service::host_for_account`]) or belongs to one resource each (notebooks).
    #[must_use]
    pub fn host(&self, region: &str, variant: Variant) -> Option<String> {
        self.templates.host(region, variant, None)
    }

    /// As [`Service::host`], with the account id for names that contain one; other names ignore it.
    #[must_use]
    pub fn host_for_account(&self, account_id: &str, region: &str, variant: Variant) -> Option<String> {
        if self.needs_account_id() {
            self.templates.host(region, variant, Some(account_id))
        } else {
            self.host(region, variant)
        }
    }

    /// The name to create an endpoint with, `com.amazonaws.REGION.X` or the exception of that region. In China
    /// the kinds of S3 differ by name: `com.amazonaws.…s3` is the gateway, `cn.com.amazonaws.…s3` the interface endpoint.
    /// A name does not mean that the region offers it.
    #[must_use]
    pub fn endpoint_service_name(&self, region: &str, kind: EndpointKind) -> String {
        data::ENDPOINTS.name(kind, region, self.endpoint_suffix())
    }

    /// The name of the endpoint service for FIPS connections, where one is known.
    #[must_use]
    pub fn fips_endpoint_service_name(&self, region: &str) -> Option<String> {
        let suffix = format!("{}-fips", self.endpoint_suffix());
        let kind = EndpointKind::Interface;
        data::ENDPOINTS.offers(kind, &suffix).then(|| data::ENDPOINTS.name(kind, region, &suffix))
    }
}

fn named_or_aws(name: &str) -> &'static Partition {
    // The list is sorted and never empty; `aws` sorts before all others.
    partitions().iter().find(|p| p.name == name).unwrap_or(&partitions()[0])
}

/// The zone id of a directory bucket, `use1-az4` in `logs--use1-az4--x-s3`.
fn directory_bucket_zone(bucket: &str) -> Option<&str> {
    let (base, zone) = bucket.strip_suffix("--x-s3")?.rsplit_once("--")?;
    (virtual_hostable(bucket) && !base.is_empty() && !zone.is_empty()).then_some(zone)
}

/// Whether a bucket name can be one DNS label under a wildcard certificate.
fn virtual_hostable(bucket: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=63).contains(&bucket.len())
        && bucket.chars().all(inner)
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

/// Differences from the default per variant; `None` says that the variant does not exist there.
type Differences = BTreeMap<Variant, Option<String>>;
