//! Which names exist and what they lead to: the VPC's private names, endpoints' names, AWS and a few web sites.
//!
//! Nothing here speaks the DNS protocol. What the public DNS says is in [`public`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Answer, Code, Rule, RuleTarget, internal_domain, public};
use crate::aws::names::partition_of;
use crate::live::Live;
use crate::topology::{InterfaceEndpoint, NetworkInterface, Topology};

pub(super) const TTL: u32 = 60;

/// All names of one topology.
#[derive(Debug, Clone)]
pub(crate) struct Zones {
    live: Arc<Live>,
    answers: Vec<Answer>,
    rules: Vec<Rule>,
}

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: String,
    pub(crate) ttl: u32,
    pub(crate) data: Data,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    Address(IpAddr),
    Alias(String),
}

/// What there is to say about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The name exists; the records may be none of the type asked for.
    Records(Vec<Record>),
    Code(Code),
}

impl Zones {
    /// The names of a topology as its VPC resolver gives them, with a scenario's overrides on top.
    pub(crate) fn new(live: Arc<Live>, answers: Vec<Answer>, rules: Vec<Rule>) -> Self {
        Self { live, answers, rules }
    }

    /// Looks a name up as the VPC resolver does: Resolver rules and private names, the more specific first, then public ones.
    pub(crate) fn private(&self, name: &str) -> Found {
        if let Some(rule) = self.rule_for(name) {
            return match rule.forward {
                RuleTarget::PublicDns => self.public(name),
                RuleTarget::Dead => Found::Code(Code::Silent),
                RuleTarget::Unaware => Found::Code(Code::Nxdomain),
            };
        }
        Self::follow(name, &|name| {
            overridden(&self.answers, name)
                .or_else(|| self.within_vpc(name, false))
                .or_else(|| self.public_step(name))
        })
    }

    /// The Resolver rule that takes a name: the most specific one, unless a private hosted zone is more specific. For the same
    /// name the rule comes first (Route 53 developer guide, private hosted zones and Resolver rules).
    fn rule_for(&self, name: &str) -> Option<&Rule> {
        let rules = self.rules.iter().filter(|rule| rule.domain.is_empty() || within(name, &rule.domain));
        let rule = rules.max_by_key(|rule| rule.domain.len())?;
        let topology = self.live.topology();
        let mut zones = vec![internal_domain(&topology.region)];
        for endpoint in topology.interface_endpoints.iter().filter(|endpoint| endpoint.private_dns) {
            let names = taken_over(&topology, endpoint);
            zones.extend(names.into_iter().filter(|name| !name.starts_with('*')));
        }
        let more_specific = |zone: &String| within(name, zone) && zone.len() > rule.domain.len();
        (!zones.iter().any(more_specific)).then_some(rule)
    }

    /// Looks a name up as an inbound resolver endpoint does, for clients outside the VPC: as inside, with the private names
    /// that are kept for it.
    pub(crate) fn inbound(&self, name: &str) -> Found {
        Self::follow(name, &|name| {
            overridden(&self.answers, name)
                .or_else(|| self.within_vpc(name, true))
                .or_else(|| self.public_step(name))
        })
    }

    /// Looks a name up in the public DNS, which knows nothing of the VPC but its endpoints' own names.
    pub(crate) fn public(&self, name: &str) -> Found {
        Self::follow(name, &|name| self.public_step(name))
    }

    /// Looks a name up with another resolver's own overrides first.
    pub(crate) fn with(answers: &[Answer], name: &str, otherwise: impl Fn(&str) -> Found) -> Found {
        let Some(found) = overridden(answers, name) else { return otherwise(name) };
        let Found::Records(mut records) = found else { return found };
        if let Some(Record { data: Data::Alias(next), .. }) = records.last()
            && let Found::Records(more) = otherwise(next)
        {
            records.extend(more);
        }
        Found::Records(records)
    }

    /// The zone that a negative answer about this name comes from.
    pub(crate) fn zone_of(&self, name: &str) -> Option<String> {
        if let Some(answer) = answer_for(&self.answers, name)
            && let Some(zone) = &answer.zone
        {
            return (!zone.is_empty()).then(|| zone.clone());
        }
        let topology = self.live.topology();
        let region = &topology.region;
        let partition = partition_of(region);
        let zone = [
            &internal_domain(region),
            partition.suffix,
            partition.dual_stack_suffix,
            "amazonaws.com",
            "in-addr.arpa",
        ]
        .into_iter()
        .find(|zone| within(name, zone))
        .map_or_else(|| name.rsplit('.').next().unwrap_or_default().to_owned(), str::to_owned);
        Some(zone)
    }

    fn follow(name: &str, step: &dyn Fn(&str) -> Option<Found>) -> Found {
        let mut records: Vec<Record> = Vec::new();
        let mut next = name.to_owned();
        // No chain of ours is longer, and overrides may lead in circles.
        for _ in 0..8 {
            let found = match step(&next) {
                Some(Found::Records(found)) => found,
                Some(code) if records.is_empty() => return code,
                None if records.is_empty() => return Found::Code(Code::Nxdomain),
                _ => break,
            };
            let alias = found.iter().find_map(|record| match &record.data {
                Data::Alias(alias) => Some(alias.clone()),
                Data::Address(_) => None,
            });
            records.extend(found);
            match alias {
                Some(alias) => next = alias,
                None => break,
            }
        }
        Found::Records(records)
    }

    /// Host names of the VPC, and the private DNS of its interface endpoints.
    fn within_vpc(&self, name: &str, inbound: bool) -> Option<Found> {
        let topology = self.live.topology();
        let domain = internal_domain(&topology.region);
        let vpc = &topology.vpc;
        if !vpc.enable_dns_hostnames || !vpc.enable_dns_support {
            return None;
        }
        if within(name, &domain) {
            let host = name.strip_suffix(&domain)?.strip_suffix('.')?;
            let address: Ipv4Addr = host.strip_prefix("ip-")?.replace('-', ".").parse().ok()?;
            let known = topology.vpc.cidrs.iter().any(|cidr| cidr.contains(&address));
            return known.then(|| addresses(name, TTL, [address]));
        }
        let open = |endpoint: &&InterfaceEndpoint| {
            endpoint.private_dns
                && endpoint.state == "available"
                && (inbound || !endpoint.private_dns_only_for_inbound_resolver)
        };
        let mut open = topology.interface_endpoints.iter().filter(open);
        let endpoint =
            open.find(|each| taken_over(&topology, each).iter().any(|pattern| covers(pattern, name)))?;
        let mut found =
            addresses(name, TTL, endpoint.network_interfaces.iter().map(|interface| interface.address));
        if let Found::Records(records) = &mut found {
            records.extend(topology.ipv6_addresses(&endpoint.id).iter().map(|address| Record {
                owner: name.to_owned(),
                ttl: TTL,
                data: Data::Address((*address).into()),
            }));
        }
        Some(found)
    }

    fn public_step(&self, name: &str) -> Option<Found> {
        public::web_site(name).or_else(|| self.endpoint_name(name)).or_else(|| public::service_name(name))
    }

    /// `vpce-ID-HASH[-ZONE].SERVICE.REGION.vpce.SUFFIX`: public names that lead to private addresses.
    fn endpoint_name(&self, name: &str) -> Option<Found> {
        let topology = self.live.topology();
        let region = &topology.region;
        let end = format!(".{region}.vpce.{}", partition_of(region).suffix);
        let start = name.strip_suffix(&end)?;
        let endpoint = topology.interface_endpoints.iter().find(|endpoint| {
            let own = endpoint_label(endpoint);
            let labels: Vec<&str> = start.split('.').collect();
            labels.iter().any(|label| label.starts_with(&own)) && within(start, &endpoint.service)
        })?;
        let own = endpoint_label(endpoint);
        let label = start.split('.').find(|label| label.starts_with(&own))?;
        let zone = label.strip_prefix(&own).and_then(|rest| rest.strip_prefix('-'));
        let chosen = endpoint.network_interfaces.iter().filter(|interface| {
            zone.is_none_or(|zone| zone_name(&topology, interface).is_some_and(|name| name == zone))
        });
        Some(addresses(name, TTL, chosen.map(|interface| interface.address)))
    }
}

/// The names that an interface endpoint of this service takes over inside the VPC.
pub(crate) fn private_names(region: &str, service: &str) -> Vec<String> {
    let suffix = partition_of(region).suffix;
    let hosts: &[&str] = match service {
        "s3" => &["s3", "*.s3", "s3-control", "*.s3-control", "s3-accesspoint", "*.s3-accesspoint"],
        "ecr.api" => &["api.ecr"],
        "ecr.dkr" => &["dkr.ecr", "*.dkr.ecr"],
        "execute-api" => &["*.execute-api"],
        "ecs-agent" => &["ecs-a"],
        "ecs-telemetry" => &["ecs-t"],
        // Its interface endpoint is reached by its own names only.
        "dynamodb" => &[],
        other => return vec![format!("{other}.{region}.{suffix}")],
    };
    hosts.iter().map(|host| format!("{host}.{region}.{suffix}")).collect()
}

/// The names that this interface endpoint takes over; a dual-stack one takes the dual-stack name as well (Amazon EKS user guide,
/// "Access Amazon EKS using AWS `PrivateLink`", names both for its own).
pub(crate) fn taken_over(topology: &Topology, endpoint: &InterfaceEndpoint) -> Vec<String> {
    let region = &topology.region;
    let mut names = private_names(region, &endpoint.service);
    if !topology.ipv6_addresses(&endpoint.id).is_empty() {
        let (plain, dual) = (partition_of(region).suffix, partition_of(region).dual_stack_suffix);
        let usual = format!("{}.{region}.{plain}", endpoint.service);
        if names.contains(&usual) && endpoint.service != "s3" {
            names.push(format!("{}.{region}.{dual}", endpoint.service));
        }
    }
    names
}

/// An endpoint's own name, for all its zones or for one.
pub(crate) fn endpoint_name(topology: &Topology, endpoint: &InterfaceEndpoint, zone: Option<&str>) -> String {
    let region = &topology.region;
    let zone = zone.map_or_else(String::new, |zone| format!("-{zone}"));
    let (label, suffix) = (endpoint_label(endpoint), partition_of(region).suffix);
    format!("{label}{zone}.{}.{region}.vpce.{suffix}", endpoint.service)
}

fn zone_name(topology: &Topology, interface: &NetworkInterface) -> Option<String> {
    topology.subnet(&interface.subnet).map(|subnet| topology.zone_name(subnet))
}

/// The first label of an endpoint's own names, without a zone.
fn endpoint_label(endpoint: &InterfaceEndpoint) -> String {
    let digest = hex::encode(Sha256::digest(endpoint.id.as_bytes()));
    format!("{}-{}", endpoint.id, &digest[..8])
}

fn answer_for<'a>(answers: &'a [Answer], name: &str) -> Option<&'a Answer> {
    answers.iter().find(|answer| covers(&answer.name.to_ascii_lowercase(), name))
}

fn overridden(answers: &[Answer], name: &str) -> Option<Found> {
    let answer = answer_for(answers, name)?;
    if let Some(code) = answer.code {
        return Some(Found::Code(code));
    }
    let record = |data| Record { owner: name.to_owned(), ttl: answer.ttl, data };
    let alias = answer.cname.iter().map(|alias| record(Data::Alias(alias.clone())));
    Some(Found::Records(
        alias.chain(answer.addresses.iter().map(|address| record(Data::Address(*address)))).collect(),
    ))
}

pub(super) fn addresses(owner: &str, ttl: u32, list: impl IntoIterator<Item = Ipv4Addr>) -> Found {
    let record = |address| Record { owner: owner.to_owned(), ttl, data: Data::Address(IpAddr::V4(address)) };
    Found::Records(list.into_iter().map(record).collect())
}

/// Whether a pattern (`*.` in front covers everything below) covers a name.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name != parent && within(name, parent),
        None => pattern == name,
    }
}

fn within(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefixes;
    use crate::scenario;

    fn zones(name: &str) -> Zones {
        let definition = scenario::load(name).unwrap();
        Zones::new(Live::imagined(definition.topology), definition.dns.answers, definition.dns.rules)
    }

    fn addresses_of(found: Found) -> Vec<IpAddr> {
        let Found::Records(records) = found else { return Vec::new() };
        let address = |record: Record| match record.data {
            Data::Address(address) => Some(address),
            Data::Alias(_) => None,
        };
        records.into_iter().filter_map(address).collect()
    }

    #[test]
    fn gateway_services_have_addresses_inside_their_ranges_and_others_outside_all() {
        let zones = zones("healthy-private");
        for (host, service) in
            [("s3.us-east-1.amazonaws.com", "s3"), ("dynamodb.us-east-1.amazonaws.com", "dynamodb")]
        {
            let ranges = prefixes::of(service, "us-east-1");
            let found = addresses_of(zones.private(host));
            assert!(found.len() > 1, "{host}");
            assert!(
                found
                    .iter()
                    .all(|address| ranges.iter().any(|range| IpAddr::V4(range.network()) <= *address))
            );
            for address in found {
                let IpAddr::V4(address) = address else { panic!("{address}") };
                assert!(ranges.iter().any(|range| range.contains(&address)), "{address}");
            }
        }
        let IpAddr::V4(other) = addresses_of(zones.private("kms.us-east-1.amazonaws.com"))[0] else {
            panic!()
        };
        assert!(!prefixes::all().iter().any(|range| range.contains(&other)));
    }

    #[test]
    fn private_dns_is_known_inside_the_vpc_only() {
        let zones = zones("healthy-private");
        let name = "ssm.us-east-1.amazonaws.com";
        let inside = addresses_of(zones.private(name));
        assert_eq!(inside, ["10.0.1.101".parse::<IpAddr>().unwrap(), "10.0.2.101".parse().unwrap()]);
        assert!(!addresses_of(zones.public(name)).contains(&inside[0]));
    }

    #[test]
    fn private_dns_needs_both_attributes_of_the_vpc() {
        let zones = zones("healthy-private");
        let off = |topology: &mut Topology| {
            topology.vpc.enable_dns_hostnames = false;
            Ok::<_, std::convert::Infallible>(())
        };
        zones.live.change(off).unwrap();
        let found = addresses_of(zones.private("ssm.us-east-1.amazonaws.com"));
        assert!(!found.contains(&"10.0.1.101".parse().unwrap()));
    }

    #[test]
    fn hosts_of_the_vpc_have_names_with_both_attributes_only() {
        let zones = zones("healthy-private");
        let name = "ip-10-0-1-10.ec2.internal";
        assert_eq!(addresses_of(zones.private(name)), ["10.0.1.10".parse::<IpAddr>().unwrap()]);
        let off = |topology: &mut Topology| {
            topology.vpc.enable_dns_hostnames = false;
            Ok::<_, std::convert::Infallible>(())
        };
        zones.live.change(off).unwrap();
        assert_eq!(zones.private(name), Found::Code(Code::Nxdomain));
    }

    #[test]
    fn a_resolver_rule_leaves_more_specific_private_zones_alone_and_takes_the_rest() {
        let rule = |domain: &str| Rule { domain: domain.to_owned(), forward: RuleTarget::Dead };
        let mut zones = zones("healthy-private");
        let ssm = "ssm.us-east-1.amazonaws.com";
        zones.rules = vec![rule("")];
        assert_eq!(zones.private("s3.us-east-1.amazonaws.com"), Found::Code(Code::Silent));
        assert_eq!(addresses_of(zones.private(ssm)).len(), 2);
        assert_eq!(addresses_of(zones.private("ip-10-0-1-10.ec2.internal")).len(), 1);
        zones.rules = vec![rule(ssm)];
        assert_eq!(zones.private(ssm), Found::Code(Code::Silent));
    }

    #[test]
    fn an_endpoints_own_name_leads_to_its_interfaces_even_in_the_public_dns() {
        let zones = zones("healthy-private");
        let label = endpoint_label(&zones.live.topology().interface_endpoints[0]);
        let all = addresses_of(zones.public(&format!("{label}.ssm.us-east-1.vpce.amazonaws.com")));
        let one = addresses_of(zones.public(&format!("{label}-us-east-1b.ssm.us-east-1.vpce.amazonaws.com")));
        assert_eq!((all.len(), one), (2, vec!["10.0.2.101".parse().unwrap()]));
    }

    #[test]
    fn unknown_names_do_not_exist() {
        let zones = zones("healthy-private");
        for name in ["nonsense.us-east-1.amazonaws.com", "example.invalid", "no-host.ec2.internal"] {
            assert_eq!(zones.private(name), Found::Code(Code::Nxdomain), "{name}");
        }
        let zone = zones.zone_of("nonsense.us-east-1.amazonaws.com");
        assert_eq!(zone.as_deref(), Some("amazonaws.com"));
    }

    #[test]
    fn a_bucket_is_an_alias_of_a_common_name() {
        let Found::Records(records) = zones("healthy-private").private("data.s3.us-east-1.amazonaws.com")
        else {
            panic!()
        };
        assert!(matches!(&records[0].data, Data::Alias(name) if name == "s3-r-w.us-east-1.amazonaws.com"));
        assert_eq!(records.len(), 9);
    }
}
