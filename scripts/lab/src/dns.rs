//! DNS as an instance meets it: the VPC resolver, other resolvers of the company, and what a scenario breaks in them.
//!
//! [`zones`] and [`public`] know the names, [`server`] speaks the protocol; this module holds the scenario's `[dns]` table and lays
//! its overrides over the names.

mod public;
mod server;
mod zones;

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

pub(crate) use server::{Endpoints, Lookup, serve};
pub(crate) use zones::{Data, Found, Record, Zones, endpoint_name, private_names, taken_over};

use crate::fabric::RESOLVER_IPV6;
use crate::realise::FOLDER;
use crate::topology::Topology;

/// The `[dns]` table of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    /// What is wrong with the VPC resolver.
    pub(crate) fault: Fault,
    /// Names for which the VPC resolver says something else, as a private hosted zone makes it do.
    pub(crate) answers: Vec<Answer>,
    /// The name servers in the instance's `resolv.conf`; the VPC resolver by default.
    pub(crate) nameservers: Option<Vec<Ipv4Addr>>,
    /// The search domains there; the VPC's own by default.
    pub(crate) search: Option<Vec<String>>,
    /// The option line there, without the word.
    pub(crate) options: Option<String>,
    /// Further lines of the instance's `/etc/hosts`.
    pub(crate) hosts: Vec<String>,
    /// The `hosts` line of `nsswitch.conf`, without the word.
    pub(crate) nsswitch: Option<String>,
    /// Resolvers on other hosts of the VPC.
    pub(crate) resolvers: Vec<Resolver>,
    /// Rules of Route 53 Resolver that are associated with the VPC.
    pub(crate) rules: Vec<Rule>,
}

/// A forwarding rule of Route 53 Resolver.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The domain it is for; empty for all (`.`).
    pub(crate) domain: String,
    pub(crate) forward: RuleTarget,
}

/// What the servers are like that a rule forwards to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleTarget {
    /// They ask the public DNS.
    PublicDns,
    /// They do not answer.
    Dead,
    /// They know none of the names.
    Unaware,
}

/// A resolver that is not Amazon's, on a host of the topology.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolver {
    pub(crate) address: Ipv4Addr,
    #[serde(default)]
    pub(crate) fault: Fault,
    #[serde(default)]
    pub(crate) answers: Vec<Answer>,
    /// Whether it asks the public DNS about everything else (which does not know the VPC's private names), the VPC
    /// resolver, or nobody.
    #[serde(default)]
    pub(crate) forward: Forward,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Forward {
    #[default]
    VpcResolver,
    PublicDns,
    /// It is an inbound resolver endpoint of the VPC, which sees private names that the VPC itself may not.
    InboundEndpoint,
    Nobody,
}

/// What a resolver does to every query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    #[default]
    None,
    /// Queries vanish.
    Dead,
    Servfail,
    Refused,
}

/// One overridden name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    /// The name, without the final dot; `*.` in front covers everything below.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) addresses: Vec<IpAddr>,
    /// Another name to go on with.
    pub(crate) cname: Option<String>,
    /// Says that the name does not exist, or fails to say anything.
    pub(crate) code: Option<Code>,
    /// The zone that a denial names as its source; empty for a denial that names none, as a firewall's may.
    pub(crate) zone: Option<String>,
    #[serde(default = "minute")]
    pub(crate) ttl: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Code {
    Nxdomain,
    Servfail,
    Refused,
    /// Says nothing at all.
    Silent,
}

/// The instance's `resolv.conf`, as DHCP has it written.
pub(crate) fn resolv_conf(options: Option<&str>, topology: &Topology) -> String {
    let mut text = String::new();
    let dhcp = topology.dhcp();
    let search = dhcp.domain_names.unwrap_or_else(|| vec![internal_domain(&topology.region)]);
    if !search.is_empty() {
        line(&mut text, &format!("search {}", search.join(" ")));
    }
    if let Some(options) = options {
        line(&mut text, &format!("options {options}"));
    }
    let amazons: IpAddr =
        if topology.ipv6_only() { RESOLVER_IPV6.into() } else { topology.resolver().into() };
    let servers = dhcp.name_servers.map(|servers| servers.into_iter().map(IpAddr::V4).collect());
    for server in servers.unwrap_or_else(|| vec![amazons]) {
        line(&mut text, &format!("nameserver {server}"));
    }
    text
}

/// Writes the running instance's `resolv.conf` anew: it has renewed its lease, at once and not within hours. Where no instance
/// runs there is nothing to write.
pub(crate) fn renew_lease(topology: &Topology) -> std::io::Result<()> {
    let file = std::path::Path::new(FOLDER).join("resolv.conf");
    if file.exists() { std::fs::write(file, resolv_conf(None, topology)) } else { Ok(()) }
}

/// The instance's `/etc/hosts`.
pub(crate) fn hosts(dns: &Dns) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    for entry in &dns.hosts {
        line(&mut text, entry);
    }
    text
}

/// The instance's `nsswitch.conf`.
pub(crate) fn nsswitch(dns: &Dns) -> String {
    let hosts = dns.nsswitch.as_deref().unwrap_or("files dns");
    format!("passwd: files\ngroup: files\nhosts: {hosts}\nservices: files\n")
}

/// The first label of the instance's host name: by its address, or by its id where it has only IPv6 (EC2 user guide, "EC2
/// instance hostnames and domains").
pub(crate) fn host_label(topology: &Topology) -> String {
    let instance = &topology.instance;
    if topology.ipv6_only() {
        return instance.id.clone();
    }
    format!("ip-{}", instance.private_address.to_string().replace('.', "-"))
}

/// The domain of the VPC's own host names, which is older than regions in one place.
pub(crate) fn internal_domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

const fn minute() -> u32 {
    60
}
