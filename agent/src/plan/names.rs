//! Names of no target whose answers say how the VPC's DNS is set.
//!
//! It chooses names and servers; what an answer means, the rules about names know.

use std::net::{IpAddr, Ipv4Addr};

use probes::Environment;
use probes::observations::ResolverKind;
use probes::plan::{NameCheckPlan, NamePurpose, ResolverPlan, TargetPlan};

/// Search lists have at most six domains in older C libraries (resolv.conf(5)), and more are rare.
const MOST_SEARCH_DOMAINS: usize = 6;

/// The names to ask.
pub(super) fn checks(
    environment: &Environment,
    resolvers: &[ResolverPlan],
    targets: &[TargetPlan],
) -> Vec<NameCheckPlan> {
    own_name(environment, resolvers).into_iter().chain(searched(environment, resolvers, targets)).collect()
}

/// The instance's own name, asked of the VPC resolver.
///
/// The VPC resolver knows it by itself where both DNS attributes of the VPC are on, also where a Resolver rule forwards
/// everything else (Amazon VPC user guide, DNS attributes for your VPC; Route 53 developer guide, autodefined rules).
fn own_name(environment: &Environment, resolvers: &[ResolverPlan]) -> Option<NameCheckPlan> {
    let region = environment.region.as_deref().filter(|_| !environment.ec2_signs.is_empty())?;
    let address = environment.private_ips.iter().find_map(|address| match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    })?;
    let resolver = resolvers.iter().find(|resolver| resolver.kind == ResolverKind::Vpc)?.address;
    Some(NameCheckPlan { purpose: NamePurpose::OwnName, name: internal_name(address, region), resolver })
}

/// The name that EC2 gives an address in the VPC's own domain.
fn internal_name(address: Ipv4Addr, region: &str) -> String {
    let host = format!("ip-{}", address.to_string().replace('.', "-"));
    // The first Region's domain is older than Regions in domains.
    match region {
        "us-east-1" => format!("{host}.ec2.internal"),
        region => format!("{host}.{region}.compute.internal"),
    }
}

/// The first target's name behind every domain of the search list, where the host's name service asks these names first. A
/// domain that answers for one name that cannot exist in it answers for all: one target stands for the others.
fn searched(
    environment: &Environment,
    resolvers: &[ResolverPlan],
    targets: &[TargetPlan],
) -> Vec<NameCheckPlan> {
    let settings = &environment.resolv_conf;
    let Some(target) = targets.first() else { return Vec::new() };
    let dots = target.host.matches('.').count();
    // The server that the host asks first; behind a stub, the VPC resolver.
    let first = environment.resolvers.iter().find(|address| !address.is_loopback()).copied();
    let vpc =
        || resolvers.iter().find(|resolver| resolver.kind == ResolverKind::Vpc).map(|found| found.address);
    let Some(resolver) = first.or_else(vpc).filter(|_| usize::from(settings.ndots) > dots) else {
        return Vec::new();
    };
    let check = |domain: &String| NameCheckPlan {
        purpose: NamePurpose::SearchDomain,
        name: format!("{}.{}", target.host, domain.trim_matches('.')),
        resolver,
    };
    settings.search.iter().take(MOST_SEARCH_DOMAINS).map(check).collect()
}

#[cfg(test)]
mod tests {
    use probes::environment::Ec2Sign;
    use probes::plan::CallPlan;

    use super::*;

    fn instance() -> Environment {
        Environment {
            region: Some("us-east-1".into()),
            private_ips: vec!["10.0.1.10".parse().unwrap()],
            ec2_signs: vec![Ec2Sign::Imds],
            resolvers: vec!["10.9.9.9".parse().unwrap()],
            ..Environment::default()
        }
    }

    fn vpc_resolver() -> Vec<ResolverPlan> {
        vec![ResolverPlan { address: "169.254.169.253".parse().unwrap(), kind: ResolverKind::Vpc }]
    }

    fn target() -> TargetPlan {
        TargetPlan {
            target: "s3".into(),
            service: "s3".into(),
            host: "s3.us-east-1.amazonaws.com".into(),
            required: true,
            region: "us-east-1".into(),
            call: CallPlan::UnsignedGet,
            prefixes: Vec::new(),
            proxy: None,
            elsewhere: false,
        }
    }

    fn names(environment: &Environment) -> Vec<String> {
        checks(environment, &vpc_resolver(), &[target()]).into_iter().map(|check| check.name).collect()
    }

    #[test]
    fn the_vpc_resolver_is_asked_for_the_instances_own_name_in_the_domain_of_its_region() {
        let found = checks(&instance(), &vpc_resolver(), &[]);
        assert_eq!(found[0].name, "ip-10-0-1-10.ec2.internal");
        assert_eq!(found[0].resolver, vpc_resolver()[0].address);
        let china = Environment { region: Some("cn-north-1".into()), ..instance() };
        assert_eq!(names(&china), ["ip-10-0-1-10.cn-north-1.compute.internal"]);
    }

    #[test]
    fn a_host_that_is_no_instance_has_no_such_name() {
        let elsewhere = Environment { ec2_signs: Vec::new(), ..instance() };
        assert!(names(&elsewhere).is_empty());
    }

    #[test]
    fn search_domains_are_asked_only_where_they_come_first() {
        let mut environment = Environment { ec2_signs: Vec::new(), ..instance() };
        environment.resolv_conf.search = vec!["corp.example".into()];
        environment.resolv_conf.ndots = 3;
        assert!(names(&environment).is_empty());
        environment.resolv_conf.ndots = 5;
        let found = checks(&environment, &vpc_resolver(), &[target()]);
        assert_eq!(found[0].name, "s3.us-east-1.amazonaws.com.corp.example");
        assert_eq!(found[0].resolver, "10.9.9.9".parse::<IpAddr>().unwrap());
    }
}
