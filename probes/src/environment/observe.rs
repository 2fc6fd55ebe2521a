//! One look at the host: every source at once, within one limit of time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::aws_files::{self, Profile};
use super::credentials::{self, Secrets, Sources};
use super::files::{self, Variables};
use super::metadata::Metadata;
use super::{
    CaBundle, Ec2Sign, Environment, ProxyAuthorizations, allowances, client_settings, confinement, container,
    firmware, hosts_file, imds, interfaces, proxies, proxy_files, region, resolv_conf, ssm_agent,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::routes;
use crate::step::Clock;

/// The metadata service's addresses; the second exists on Nitro where it was switched on (EC2 user guide).
const METADATA_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
const METADATA_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254));

/// What a caller may say about the look.
#[derive(Debug, Clone)]
pub struct ObserveSettings {
    /// The Region that `--region` or its like names; it goes before every other source.
    pub region: Option<String>,
    /// How long instance metadata, with the container's credentials beside it, may take as a whole.
    pub imds_timeout: Duration,
    /// The profile in the SDKs' files that `--aws-profile` names.
    pub aws_profile: Option<String>,
    /// The file of roots that was named.
    pub ca_bundle: Option<PathBuf>,
}

/// What a look at the host gave; nothing, by default.
#[derive(Debug, Default)]
pub struct Host {
    /// What may be told.
    pub environment: Environment,
    /// What may not; `None` where no source has credentials.
    pub secrets: Option<Secrets>,
    /// The users and passwords in the proxy variables, which may not be told either.
    pub proxy_authorizations: ProxyAuthorizations,
}

/// Looks at the host.
///
/// It takes little more than `imds_timeout` even when nothing answers, and never fails: what could not be seen is
/// missing in the result, with its reason where there is one.
pub async fn observe(settings: &ObserveSettings, clock: &Clock) -> Host {
    let variables = Variables::of_process();
    let until = Instant::now() + settings.imds_timeout;
    let address = SocketAddr::new(metadata_address(&variables), 80);
    let (asked, container, profile) = tokio::join!(
        imds::ask(clock, address, until),
        container::ask(&variables, until),
        profile(settings, &variables, until),
    );
    let imds::Asked { imds, metadata, role } = asked;
    let config_region = profile.region.clone();
    let client_settings = client_settings::all(&variables, &profile.client_settings);
    let sources = Sources { profile_named: settings.aws_profile.is_some(), profile, container, role };
    let (credentials, secrets) = credentials::choose(&variables, sources);

    let ca_bundle = settings.ca_bundle.as_deref().map(ca_bundle);
    let mut environment = Environment { ca_bundle, imds, credentials, client_settings, ..local(&variables) };
    let signs = confinement::signs(&variables, Path::new("/"));
    environment.container = confinement::container(signs, &environment.interfaces, &metadata.interfaces);
    fill_from_metadata(&mut environment, metadata, |metadata, search| {
        region::hints(settings.region.as_deref(), metadata, config_region.as_deref(), search, &variables)
    });
    Host { environment, secrets, proxy_authorizations: proxies::authorizations(&variables) }
}

/// IPv4 unless the SDKs' setting says otherwise or there is no way to it.
fn metadata_address(variables: &Variables) -> IpAddr {
    let mode = variables.value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let wants_ipv6 = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
    let has_route = |address| routes::chosen_route(address).is_some();
    if (wants_ipv6 || !has_route(METADATA_IPV4)) && has_route(METADATA_IPV6) {
        METADATA_IPV6
    } else {
        METADATA_IPV4
    }
}

/// Reads the SDKs' files on a thread of its own: a home folder may lie on a network file system that is down.
async fn profile(settings: &ObserveSettings, variables: &Variables, until: Instant) -> Profile {
    let option = settings.aws_profile.clone();
    let variables = variables.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let home = variables.value("HOME").map(std::path::PathBuf::from).or_else(std::env::home_dir);
        aws_files::observe(
            option.as_deref(),
            &variables,
            home.as_deref().filter(|home| *home != Path::new("")),
        )
    });
    let problem = |text: &str| Profile { problems: vec![text.to_owned()], ..Profile::default() };
    match tokio::time::timeout_at(until.into(), reading).await {
        Ok(Ok(profile)) => profile,
        Ok(Err(_)) => problem("the AWS configuration files could not be read: internal error"),
        Err(_) => problem("the AWS configuration files could not be read in time"),
    }
}

/// Whether a file of roots can be read and holds any.
fn ca_bundle(path: &Path) -> CaBundle {
    let read = CertificateDer::pem_file_iter(path).map(|found| found.flatten().count());
    let problem = match read {
        Ok(0) => Some("there is no certificate in it".to_owned()),
        Ok(_) => None,
        Err(error) => Some(format!("it cannot be read ({})", files::clipped(&error.to_string(), 100))),
    };
    CaBundle { path: files::clipped(&path.to_string_lossy(), 256), problem }
}

/// What this host's own files and kernel say.
fn local(variables: &Variables) -> Environment {
    let (resolvers, resolv_conf) = resolv_conf::observe();
    let in_files = proxy_files::observe(Path::new("/"));
    let interfaces = interfaces::observe();
    Environment {
        command_id: variables.value("SSM_COMMAND_ID").map(|id| files::clipped(id, 64)),
        resolvers,
        resolv_conf,
        nsswitch_hosts: hosts_file::observe_nsswitch(),
        hosts_entries: hosts_file::observe_entries(),
        proxies: proxies::observe(variables),
        proxy_settings: in_files.settings,
        services: in_files.services,
        allowances: allowances::observe(&interfaces),
        interfaces,
        ipv4_route: routes::has_ipv4_route(),
        ipv6_route: routes::has_ipv6_route(),
        ssm_agent: ssm_agent::observe(),
        ssm_agent_active: ssm_agent::is_active(Path::new("/")),
        kernel: files::first_line("/proc/sys/kernel/osrelease"),
        ..Environment::default()
    }
}

fn fill_from_metadata(
    environment: &mut Environment,
    metadata: Metadata,
    hints: impl FnOnce(Option<&str>, &[String]) -> Vec<super::RegionHint>,
) {
    environment.region_hints = hints(metadata.region.as_deref(), &environment.resolv_conf.search);
    if let Some(first) = environment.region_hints.first() {
        environment.region = Some(first.region.clone());
        environment.region_source = Some(first.source);
    }
    environment.ec2_signs = signs(environment);
    interfaces::join(&mut environment.interfaces, &metadata.interfaces);
    if is_ipv6_only(&metadata) && routes::ipv4_from_link_local() {
        environment.ipv4_route = false;
    }
    environment.private_ips = private_ips(environment, &metadata);
    if let Some(primary) = metadata.interfaces.into_iter().next() {
        environment.account_id = primary.owner_id;
        environment.vpc_id = primary.vpc_id;
        environment.subnet_id = primary.subnet_id;
        environment.vpc_cidrs = primary.vpc_cidrs;
        environment.public_ipv4 = primary.public_ipv4s.first().copied();
    }
    // The identity document's account is the instance's; an interface may be shared by another account.
    environment.account_id = metadata.account_id.or(environment.account_id.take());
    environment.instance_id = metadata.instance_id.or_else(firmware::instance_id);
    environment.partition = metadata.partition;
    environment.availability_zone = metadata.availability_zone;
    environment.availability_zone_id = metadata.availability_zone_id;
    environment.domain = metadata.domain;
    environment.image_id = metadata.image_id;
    environment.instance_type = metadata.instance_type;
    environment.role = metadata.role;
}

/// Whether metadata knows addresses of the instance, and none of them is IPv4.
fn is_ipv6_only(metadata: &Metadata) -> bool {
    let mut addresses = metadata.interfaces.iter().flat_map(|interface| &interface.private_ips).peekable();
    addresses.peek().is_some() && addresses.all(IpAddr::is_ipv6)
}

/// Only an answer that the metadata service alone gives counts as its sign: a token, or a Region.
fn signs(environment: &Environment) -> Vec<Ec2Sign> {
    let imds = &environment.imds;
    let answered = imds.token.as_ref().is_some_and(|step| step.done().is_some())
        || imds.metadata.as_ref().is_some_and(|step| step.done().is_some());
    let search =
        environment.resolv_conf.search.iter().any(|domain| region::of_search_domain(domain).is_some());
    [(Ec2Sign::Imds, answered), (Ec2Sign::Dmi, firmware::is_ec2()), (Ec2Sign::SearchDomain, search)]
        .into_iter()
        .filter_map(|(sign, seen)| seen.then_some(sign))
        .collect()
}

/// Metadata's list, which is complete even inside a container; else the kernel's, without link-local addresses.
fn private_ips(environment: &Environment, metadata: &Metadata) -> Vec<IpAddr> {
    let from_metadata: Vec<IpAddr> =
        metadata.interfaces.iter().flat_map(|interface| interface.private_ips.iter().copied()).collect();
    if !from_metadata.is_empty() {
        return from_metadata;
    }
    let is_link_local = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let addresses = environment
        .interfaces
        .iter()
        .flat_map(|interface| interface.addresses.iter().map(ipnet::IpNet::addr));
    addresses.filter(|address| !is_link_local(address)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::metadata::InterfaceFacts;
    use super::*;

    #[test]
    fn metadata_fills_the_environment_from_the_primary_interface() {
        let mut environment = Environment::default();
        let facts = |number, subnet: &str| InterfaceFacts {
            mac: format!("0a:00:00:00:00:0{number}"),
            device_number: Some(number),
            owner_id: Some("999999999999".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            subnet_id: Some(subnet.to_owned()),
            private_ips: vec![format!("10.0.{number}.5").parse().unwrap()],
            vpc_cidrs: vec!["10.0.0.0/16".parse().unwrap()],
            public_ipv4s: vec![Ipv4Addr::new(3, 3, 3, 3)],
            ..InterfaceFacts::default()
        };
        let metadata = Metadata {
            region: Some("us-east-1".to_owned()),
            account_id: Some("111111111111".to_owned()),
            interfaces: vec![facts(0, "subnet-a"), facts(1, "subnet-b")],
            ..Metadata::default()
        };
        fill_from_metadata(&mut environment, metadata, |region, search| {
            region::hints(None, region, None, search, &Variables::default())
        });
        assert_eq!(environment.region.as_deref(), Some("us-east-1"));
        assert_eq!(environment.region_source, Some(super::super::RegionSource::Imds));
        assert_eq!(environment.subnet_id.as_deref(), Some("subnet-a"));
        assert_eq!(environment.account_id.as_deref(), Some("111111111111"));
        assert_eq!(environment.private_ips.len(), 2);
        assert_eq!(environment.interfaces.len(), 2);
        assert_eq!(environment.public_ipv4, Some(Ipv4Addr::new(3, 3, 3, 3)));
    }

    #[test]
    fn only_metadata_that_lists_ipv6_and_no_ipv4_makes_an_instance_ipv6_only() {
        let with = |lists: &[&[&str]]| {
            let interfaces = lists.iter().map(|list| InterfaceFacts {
                private_ips: list.iter().map(|address| address.parse().unwrap()).collect(),
                ..InterfaceFacts::default()
            });
            is_ipv6_only(&Metadata { interfaces: interfaces.collect(), ..Metadata::default() })
        };
        assert!(with(&[&["2600:1f18::5"]]));
        assert!(!with(&[&["10.0.1.5", "2600:1f18::5"]]));
        assert!(!with(&[&["2600:1f18::5"], &["10.0.1.5"]]));
        assert!(!with(&[]) && !with(&[&[]]));
    }

    #[test]
    fn a_look_can_run_on_any_thread() {
        fn is_send<T: Send>(_: &T) {}
        let settings = ObserveSettings {
            region: None,
            imds_timeout: Duration::ZERO,
            aws_profile: None,
            ca_bundle: None,
        };
        is_send(&observe(&settings, &Clock::start()));
    }

    #[tokio::test]
    async fn a_look_is_over_in_time_whatever_the_host() {
        let settings = ObserveSettings {
            region: Some("eu-west-1".to_owned()),
            imds_timeout: Duration::from_millis(300),
            aws_profile: None,
            ca_bundle: None,
        };
        let began = Instant::now();
        let host = observe(&settings, &Clock::start()).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(host.environment.region.as_deref(), Some("eu-west-1"));
        assert!(host.environment.imds.token.is_some());
        let text = serde_json::to_string(&host.environment).unwrap();
        let back: Environment = serde_json::from_str(&text).unwrap();
        assert_eq!(back, host.environment);
    }
}
