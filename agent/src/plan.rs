//! From what the host says and what was asked for to what will be asked of the network.
//!
//! The plan is a value: it can be printed and tested without any network. It knows names and budgets and nothing of
//! what an answer would mean.

mod controls;
mod names;
mod proofs;
mod variants;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use probes::Environment;
use probes::environment::Interface;
use probes::observations::{ResolverKind, TargetObservation};
use probes::plan::{
    AwsBucketPlan, Budgets, CallPlan, Families, HopPlan, InspectPlan, ProbePlan, ResolverPlan, TargetPlan,
};

use crate::catalogue::{self, EndpointKind, Variant};
use crate::prefix_lists::PrefixList;
use crate::profiles::AwsBuckets;
use crate::proxies::{self, Way};
use crate::settings::{Settings, WantedService};

/// The VPC resolver's address in every VPC (Amazon VPC user guide, `AmazonDNS` concepts).
const VPC_RESOLVER_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253));
const VPC_RESOLVER_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253));

/// What evidence may add to a run beyond the chains: six round trips, but no less and no more than this, winding up included.
const EVIDENCE_FLOOR: Duration = Duration::from_millis(300);
const EVIDENCE_CEILING: Duration = Duration::from_secs(1);

/// What EC2 may take for its answers once it is connected; a call usually takes it 0.1 to 0.5 seconds.
const CONTROL_PLANE_ONCE_CONNECTED: Duration = Duration::from_secs(2);

/// Destinations behind gateway endpoints were seen to answer at TTL 1 to 7.
const MAX_TTL: u8 = 8;
/// Linux routers give six such answers at once to one client and then one a second; one is left as a reserve.
const ANSWERS_PER_REFILL: usize = 5;
const REFILL: Duration = Duration::from_secs(1);

/// Puts together what will be asked. Without a Region there are no host names, and so no targets.
#[must_use]
pub fn plan(environment: &Environment, settings: &Settings, prefix_lists: &[PrefixList]) -> ProbePlan {
    let targets = match &environment.region {
        Some(region) => targets(environment, settings, prefix_lists, region),
        None => Vec::new(),
    };
    let proofs = proofs::proofs(environment, settings, &targets);
    let controls = if settings.judge.controls {
        controls::controls(environment, settings, &targets)
    } else {
        Vec::new()
    };
    ProbePlan {
        budgets: Budgets {
            chain: settings.timeout,
            deadline: settings.deadline,
            evidence_floor: EVIDENCE_FLOOR,
            evidence_ceiling: EVIDENCE_CEILING,
        },
        families: Families { ipv4: settings.ipv4, ipv6: settings.ipv6 },
        resolvers: resolvers(environment),
        name_checks: names::checks(environment, &resolvers(environment), &targets),
        targets,
        controls,
        hops: settings.judge.hops.then(|| HopPlan {
            max_ttl: MAX_TTL,
            in_flight: 4,
            answers_per_refill: ANSWERS_PER_REFILL,
            refill: REFILL,
            inside: inside(environment),
        }),
        inspect: settings.inspect.then(|| inspect(environment, settings)),
        proofs,
        ca_bundle: settings.ca_bundle.clone(),
    }
}

/// The targets that could not be planned because they have no host name (no Region is known, the account is not, or the
/// service has none of its own), so that they do not vanish from the report.
#[must_use]
pub fn targets_without_host(settings: &Settings, planned: &[TargetPlan]) -> Vec<TargetObservation> {
    let target = |service: &WantedService| TargetObservation {
        target: service.id.clone(),
        service: service.id.clone(),
        host: String::new(),
        required: service.required,
        lookups: Vec::new(),
        attempts: Vec::new(),
        proxied: None,
    };
    let missing = |service: &&WantedService| planned.iter().all(|target| target.service != service.id);
    settings.services.iter().filter(missing).map(target).collect()
}

fn targets(
    environment: &Environment,
    settings: &Settings,
    prefix_lists: &[PrefixList],
    region: &str,
) -> Vec<TargetPlan> {
    let mut planned: Vec<TargetPlan> = Vec::new();
    for wanted in &settings.services {
        let prefixes = prefixes_of(&wanted.id, prefix_lists);
        let mut add = |target: String, host: Option<String>, required: bool, call: CallPlan| {
            if let Some(host) = host {
                let service = wanted.id.clone();
                let (region, prefixes) = (region.to_owned(), prefixes.clone());
                // What clients would do is measured; where they disagree, both ways are.
                let proxy = match proxies::way(&environment.proxies, &host) {
                    Way::Direct => None,
                    Way::Proxied(proxy) | Way::Unclear(proxy) => Some(proxy),
                };
                planned.push(TargetPlan {
                    target,
                    service,
                    host,
                    required,
                    region,
                    call,
                    prefixes,
                    proxy,
                    elsewhere: false,
                });
            }
        };
        let service = catalogue::service(&wanted.id);
        let variant = variants::variant(environment, settings, &wanted.id);
        let custom = settings.endpoints.iter().find(|(service, _)| *service == wanted.id);
        let custom = custom.map(|(_, host)| host);
        let usual = || {
            service.and_then(|service| match &environment.account_id {
                Some(account) if service.needs_account_id() => {
                    service.host_for_account(account, region, variant)
                }
                _ => service.host(region, variant),
            })
        };
        let host = custom.cloned().or_else(usual);
        match wanted.id.as_str() {
            "s3" => {
                add("s3".to_owned(), host, wanted.required, CallPlan::S3ListBuckets);
                for bucket in &settings.buckets {
                    // A name with dots matches no certificate of S3's, so clients put it in the path instead.
                    let path_style = catalogue::bucket_in_path(bucket);
                    let host = match custom {
                        Some(custom) if path_style => Some(custom.clone()),
                        Some(custom) => Some(format!("{bucket}.{custom}")),
                        None => catalogue::bucket_host(bucket, region, variant),
                    };
                    let call = CallPlan::S3HeadBucket { bucket: bucket.clone(), path_style };
                    add(format!("s3:{bucket}"), host, true, call);
                }
                for object in settings.published.iter().filter(|_| custom.is_none()) {
                    let variant = if object.dual_stack { Variant::DualStack } else { Variant::Plain };
                    if let Some(bucket) = object.bucket_in(region) {
                        let host = catalogue::bucket_host(&bucket, region, variant);
                        let call = CallPlan::S3PublicObject { key: object.key.to_owned() };
                        add(format!("s3:{bucket}"), host, false, call);
                    }
                }
            }
            "dynamodb" => {
                let call = |settings: &Settings| match settings.tables.first() {
                    Some(table) => CallPlan::DynamoDbDescribeTable { table: table.clone() },
                    None => CallPlan::DynamoDbListTables,
                };
                add("dynamodb".to_owned(), host.clone(), wanted.required, call(settings));
                // SDKs prefer the account's own name in the partitions that have it, never with FIPS or a URL of one's own.
                let account_host =
                    environment.account_id.as_ref().filter(|_| custom.is_none()).and_then(|account| {
                        catalogue::dynamodb_account_host_variant(account, region, variant)
                    });
                add("dynamodb:account".to_owned(), account_host, false, call(settings));
                for table in settings.tables.iter().skip(1) {
                    let call = CallPlan::DynamoDbDescribeTable { table: table.clone() };
                    add(format!("dynamodb:table/{table}"), host.clone(), true, call);
                }
            }
            "ssm" => add("ssm".to_owned(), host, wanted.required, CallPlan::SsmListAssociations),
            "sts" => add("sts".to_owned(), host, wanted.required, CallPlan::StsGetCallerIdentity),
            other => add(other.to_owned(), host, wanted.required, CallPlan::UnsignedGet),
        }
    }
    planned
}

/// What EC2 is asked about: the subnet and security groups of the interfaces in the instance's VPC, and the prefix lists of
/// the services that have gateway endpoints, which are named as their endpoint services are.
fn inspect(environment: &Environment, settings: &Settings) -> InspectPlan {
    let region = environment.region.as_deref();
    let lists = |region: &str| {
        let services = catalogue::services().iter().filter(|service| service.gateway_capable());
        services.map(|service| service.endpoint_service_name(region, EndpointKind::Gateway)).collect()
    };
    let here = |interface: &&Interface| {
        interface.vpc_id.is_none() || environment.vpc_id.is_none() || interface.vpc_id == environment.vpc_id
    };
    let groups: BTreeSet<&String> = environment
        .interfaces
        .iter()
        .filter(here)
        .flat_map(|interface| &interface.security_group_ids)
        .collect();
    let subnets: BTreeSet<&String> = environment
        .interfaces
        .iter()
        .filter(here)
        .filter_map(|interface| interface.subnet_id.as_ref())
        .filter(|subnet| Some(*subnet) != environment.subnet_id.as_ref())
        .collect();
    InspectPlan {
        region: region.map(ToOwned::to_owned),
        host: region.and_then(|region| {
            catalogue::service("ec2")?.host(region, variants::variant(environment, settings, "ec2"))
        }),
        vpc_id: environment.vpc_id.clone(),
        subnet_id: environment.subnet_id.clone(),
        further_subnet_ids: subnets.into_iter().cloned().collect(),
        inside: inside(environment),
        security_group_ids: groups.into_iter().cloned().collect(),
        prefix_list_names: region.map(lists).unwrap_or_default(),
        aws_buckets: region.map(|region| aws_buckets(environment, settings, region)).unwrap_or_default(),
        account_id: environment.account_id.clone(),
        once_connected: CONTROL_PLANE_ONCE_CONNECTED,
    }
}

/// The buckets of AWS that the profile's workload needs, by their names in this Region.
fn aws_buckets(environment: &Environment, settings: &Settings, region: &str) -> Vec<AwsBucketPlan> {
    let of_region = || catalogue::partition_of_region(region).map(|found| found.name.as_str());
    let Some(partition) = environment.partition.as_deref().or_else(of_region) else { return Vec::new() };
    let plan = |buckets: &AwsBuckets, name: String| AwsBucketPlan {
        name,
        partition: partition.to_owned(),
        actions: buckets.actions.iter().map(|action| (*action).to_owned()).collect(),
        signed_by_aws: buckets.signed_by_aws,
    };
    let of = |buckets: &'static AwsBuckets| {
        buckets.names_in(region).into_iter().map(move |name| plan(buckets, name))
    };
    settings.aws_buckets.iter().flat_map(of).collect()
}

/// Every server of resolv.conf, and the VPC resolver. A server at the VPC's base address plus two is the VPC resolver;
/// where none is, it is asked at its link-local address, which is open in every VPC.
fn resolvers(environment: &Environment) -> Vec<ResolverPlan> {
    let mut wanted: BTreeMap<IpAddr, ResolverKind> = BTreeMap::new();
    for address in &environment.resolvers {
        // A loopback address is a stub on this host: it is part of what the host's own name service does.
        if !address.is_loopback() {
            let kind = if is_vpc_resolver(*address, &environment.vpc_cidrs) {
                ResolverKind::Vpc
            } else {
                ResolverKind::Configured
            };
            wanted.insert(*address, kind);
        }
    }
    if !wanted.values().any(|kind| *kind == ResolverKind::Vpc) {
        let link_local = if environment.ipv4_route { VPC_RESOLVER_IPV4 } else { VPC_RESOLVER_IPV6 };
        wanted.insert(link_local, ResolverKind::Vpc);
    }
    wanted.into_iter().map(|(address, kind)| ResolverPlan { address, kind }).collect()
}

/// Whether an address is that of the VPC resolver.
pub(crate) fn is_vpc_resolver(address: IpAddr, vpc_cidrs: &[IpNet]) -> bool {
    if address == VPC_RESOLVER_IPV4 || address == VPC_RESOLVER_IPV6 {
        return true;
    }
    let IpAddr::V4(address) = address else { return false };
    vpc_cidrs.iter().any(|cidr| match cidr {
        IpNet::V4(cidr) => u32::from(cidr.network()).checked_add(2) == Some(u32::from(address)),
        IpNet::V6(_) => false,
    })
}

/// The blocks in which a walk tells nothing: the VPC's own, or the host's own subnets where metadata is silent.
fn inside(environment: &Environment) -> Vec<IpNet> {
    if environment.vpc_cidrs.is_empty() {
        environment
            .interfaces
            .iter()
            .flat_map(|interface| interface.addresses.iter().map(IpNet::trunc))
            .collect()
    } else {
        environment.vpc_cidrs.clone()
    }
}

fn prefixes_of(service: &str, prefix_lists: &[PrefixList]) -> Vec<IpNet> {
    prefix_lists
        .iter()
        .filter(|list| list.service == service)
        .flat_map(|list| list.cidrs.iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use probes::environment::{ClientSetting, ClientSettingSource};

    use super::*;
    use crate::cli::RunArguments;
    use crate::settings::Surroundings;

    fn instance() -> Environment {
        Environment {
            region: Some("us-east-1".into()),
            partition: Some("aws".into()),
            account_id: Some("111122223333".into()),
            vpc_cidrs: vec!["10.0.0.0/16".parse().unwrap()],
            resolvers: vec!["10.0.0.2".parse().unwrap()],
            ipv4_route: true,
            ..Environment::default()
        }
    }

    fn settings(arguments: &RunArguments) -> Settings {
        let quiet = Surroundings { stdout_is_terminal: false, aws_ca_bundle: None };
        Settings::resolve(arguments, quiet).unwrap()
    }

    fn hosts(plan: &ProbePlan) -> Vec<(&str, &str)> {
        plan.targets.iter().map(|target| (target.target.as_str(), target.host.as_str())).collect()
    }

    #[test]
    fn the_core_profile_asks_for_both_names_of_dynamodb() {
        let plan = plan(&instance(), &settings(&RunArguments::default()), &[]);
        let hosts = hosts(&plan);
        assert!(hosts.contains(&("s3", "s3.us-east-1.amazonaws.com")), "{hosts:?}");
        assert!(hosts.contains(&("dynamodb", "dynamodb.us-east-1.amazonaws.com")), "{hosts:?}");
        assert!(
            hosts.contains(&("dynamodb:account", "111122223333.ddb.us-east-1.amazonaws.com")),
            "{hosts:?}"
        );
    }

    #[test]
    fn a_bucket_is_asked_under_its_own_host_name_unless_it_has_dots() {
        let arguments = RunArguments {
            bucket: Some(vec!["plain".into(), "with.dots".into()]),
            ..RunArguments::default()
        };
        let plan = plan(&instance(), &settings(&arguments), &[]);
        let hosts = hosts(&plan);
        assert!(hosts.contains(&("s3:plain", "plain.s3.us-east-1.amazonaws.com")), "{hosts:?}");
        assert!(hosts.contains(&("s3:with.dots", "s3.us-east-1.amazonaws.com")), "{hosts:?}");
    }

    #[test]
    fn a_service_with_an_endpoint_of_its_own_is_asked_under_that_name_alone() {
        let arguments = RunArguments {
            service: Some(vec!["s3".into(), "dynamodb".into()]),
            bucket: Some(vec!["plain".into(), "with.dots".into()]),
            endpoint: Some(vec![
                "s3=https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com".into(),
                "dynamodb=https://vpce-2.dynamodb.us-east-1.vpce.amazonaws.com".into(),
            ]),
            ..RunArguments::default()
        };
        let plan = plan(&instance(), &settings(&arguments), &[]);
        let s3 = "bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com";
        let expected = [
            ("dynamodb", "vpce-2.dynamodb.us-east-1.vpce.amazonaws.com"),
            ("s3", s3),
            ("s3:plain", "plain.bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"),
            ("s3:with.dots", s3),
        ];
        assert_eq!(hosts(&plan), expected);
    }

    fn with_setting(name: &str, value: &str) -> Environment {
        let setting = ClientSetting {
            name: name.to_owned(),
            value: value.to_owned(),
            source: ClientSettingSource::Environment,
        };
        Environment { client_settings: vec![setting], ..instance() }
    }

    fn core_with_a_bucket() -> RunArguments {
        RunArguments { bucket: Some(vec!["plain".into()]), ..RunArguments::default() }
    }

    #[test]
    fn dual_stack_names_are_asked_for_services_buckets_and_accounts_where_the_sdks_are_told_so() {
        let environment = with_setting("AWS_USE_DUALSTACK_ENDPOINT", "true");
        let by_setting = plan(&environment, &settings(&core_with_a_bucket()), &[]);
        let hosts = hosts(&by_setting);
        for expected in [
            ("s3", "s3.dualstack.us-east-1.amazonaws.com"),
            ("s3:plain", "plain.s3.dualstack.us-east-1.amazonaws.com"),
            ("dynamodb", "dynamodb.us-east-1.api.aws"),
            ("dynamodb:account", "111122223333.ddb.us-east-1.api.aws"),
            ("ssm", "ssm.us-east-1.api.aws"),
            // The SSM agent alone uses it, and does not read the SDKs' settings.
            ("ssmmessages", "ssmmessages.us-east-1.amazonaws.com"),
        ] {
            assert!(hosts.contains(&expected), "{expected:?} in {hosts:?}");
        }
        let by_option = RunArguments { dual_stack: Some(true), ..core_with_a_bucket() };
        let by_option = plan(&instance(), &settings(&by_option), &[]);
        let ssmmessages = by_option.targets.iter().find(|target| target.target == "ssmmessages").unwrap();
        assert_eq!(ssmmessages.host, "ssmmessages.us-east-1.api.aws");
    }

    #[test]
    fn what_is_asked_for_goes_before_the_settings_of_the_sdks() {
        let environment = with_setting("AWS_USE_DUALSTACK_ENDPOINT", "TRUE");
        let off = RunArguments { dual_stack: Some(false), ..core_with_a_bucket() };
        let plan = plan(&environment, &settings(&off), &[]);
        assert!(hosts(&plan).contains(&("s3", "s3.us-east-1.amazonaws.com")));
    }

    #[test]
    fn the_setting_for_s3_alone_changes_no_other_service() {
        let environment = with_setting("s3.use_dualstack_endpoint", "true");
        let plan = plan(&environment, &settings(&core_with_a_bucket()), &[]);
        let hosts = hosts(&plan);
        assert!(hosts.contains(&("s3", "s3.dualstack.us-east-1.amazonaws.com")), "{hosts:?}");
        assert!(hosts.contains(&("dynamodb", "dynamodb.us-east-1.amazonaws.com")), "{hosts:?}");
    }

    #[test]
    fn fips_by_setting_leaves_the_account_name_of_dynamodb_out() {
        let environment = with_setting("AWS_USE_FIPS_ENDPOINT", "true");
        let plan = plan(&environment, &settings(&core_with_a_bucket()), &[]);
        let hosts = hosts(&plan);
        assert!(hosts.contains(&("s3", "s3-fips.us-east-1.amazonaws.com")), "{hosts:?}");
        assert!(hosts.iter().all(|(target, _)| *target != "dynamodb:account"), "{hosts:?}");
    }

    #[test]
    fn the_base_address_plus_two_is_the_vpc_resolver() {
        let plan = plan(&instance(), &settings(&RunArguments::default()), &[]);
        let expected = ResolverPlan { address: "10.0.0.2".parse().unwrap(), kind: ResolverKind::Vpc };
        assert_eq!(plan.resolvers, [expected]);
    }

    #[test]
    fn beside_a_server_of_ones_own_the_vpc_resolver_is_asked_too() {
        let environment = Environment { resolvers: vec!["10.9.9.9".parse().unwrap()], ..instance() };
        let plan = plan(&environment, &settings(&RunArguments::default()), &[]);
        let kinds: Vec<_> = plan.resolvers.iter().map(|resolver| resolver.kind).collect();
        assert_eq!(kinds, [ResolverKind::Configured, ResolverKind::Vpc]);
    }

    #[test]
    fn ec2_is_asked_about_the_subnet_the_groups_in_its_vpc_and_the_lists_of_gateway_services() {
        let interface = |vpc: &str, group: &str| Interface {
            vpc_id: Some(vpc.into()),
            subnet_id: Some(format!("subnet-{group}")),
            security_group_ids: vec![group.into()],
            ..Interface::default()
        };
        let environment = Environment {
            vpc_id: Some("vpc-1".into()),
            subnet_id: Some("subnet-1".into()),
            interfaces: vec![
                interface("vpc-1", "sg-2"),
                interface("vpc-1", "sg-1"),
                interface("vpc-2", "sg-3"),
            ],
            ..instance()
        };
        let inspect = plan(&environment, &settings(&RunArguments::default()), &[]).inspect.unwrap();
        assert_eq!(inspect.host.as_deref(), Some("ec2.us-east-1.amazonaws.com"));
        assert_eq!(inspect.subnet_id.as_deref(), Some("subnet-1"));
        assert_eq!(inspect.further_subnet_ids, ["subnet-sg-1", "subnet-sg-2"]);
        assert_eq!(inspect.security_group_ids, ["sg-1", "sg-2"]);
        let mut lists = inspect.prefix_list_names;
        lists.sort();
        let of = |service: &str| format!("com.amazonaws.us-east-1.{service}");
        assert_eq!(lists, [of("dynamodb"), of("s3"), of("s3express")]);
    }

    #[test]
    fn the_policies_of_endpoints_are_asked_about_the_buckets_of_aws_that_the_profile_needs() {
        let names = |profile: &str| {
            let arguments = RunArguments { profile: Some(profile.into()), ..RunArguments::default() };
            let inspect = plan(&instance(), &settings(&arguments), &[]).inspect.unwrap();
            inspect.aws_buckets.into_iter().map(|bucket| bucket.name).collect::<Vec<_>>()
        };
        assert_eq!(names("ecr"), ["prod-us-east-1-starport-layer-bucket"]);
        assert!(names("beanstalk").contains(&"elasticbeanstalk-platform-assets-us-east-1".to_owned()));
        assert!(names("core").is_empty());
    }

    #[test]
    fn ec2_is_not_asked_when_that_is_switched_off_and_has_nothing_to_tell_without_a_region() {
        let off = RunArguments { no_inspect: Some(true), ..RunArguments::default() };
        assert_eq!(plan(&instance(), &settings(&off), &[]).inspect, None);
        let environment = Environment { region: None, ..instance() };
        let inspect = plan(&environment, &settings(&RunArguments::default()), &[]).inspect.unwrap();
        assert_eq!((inspect.host, inspect.region), (None, None));
    }

    #[test]
    fn without_a_region_nothing_is_asked_of_any_service() {
        let environment = Environment { region: None, ..instance() };
        assert!(plan(&environment, &settings(&RunArguments::default()), &[]).targets.is_empty());
    }
}
