//! The hosts to compare with: public ones that no VPC endpoint serves, and the same services in another Region.
//!
//! A managed prefix list holds the addresses of one Region, so what S3 or `DynamoDB` answers at in another Region is carried by no
//! gateway endpoint of this one (Amazon VPC guide, "Gateway endpoints"), while everything else about it is alike: the name but for
//! the Region, the port, what firewalls let pass. That makes it the best host there is to compare with.

use probes::Environment;
use probes::plan::{CallPlan, TargetPlan};

use super::variants;
use crate::catalogue::{self, Service, Variant};
use crate::settings::Settings;

/// The controls: those of the settings where there are any, else the partition's own host and, for every service among the targets
/// that gateway endpoints serve, that service in another Region.
pub(super) fn controls(
    environment: &Environment,
    settings: &Settings,
    targets: &[TargetPlan],
) -> Vec<TargetPlan> {
    let region = environment.region.as_deref().unwrap_or_default();
    if !settings.control_hosts.is_empty() {
        let hosts = settings.control_hosts.iter();
        return hosts
            .map(|host| control(host.clone(), service_elsewhere(environment, host), region))
            .collect();
    }
    let of_region = || catalogue::partition_of_region(region).map(|found| found.name.as_str());
    let partition = environment.partition.as_deref().or_else(of_region);
    let ipv6_only = environment.ipv6_route && !environment.ipv4_route;
    let public = partition.map(|name| {
        let dual_stack = catalogue::dual_stack_control_host(name).filter(|_| ipv6_only);
        control(dual_stack.unwrap_or_else(|| catalogue::control_host(name)).to_owned(), None, region)
    });
    let elsewhere = region_elsewhere(environment).into_iter().flat_map(|other| {
        let targeted = |service: &&Service| {
            let custom = settings.endpoints.iter().any(|(id, _)| id == service.id());
            !custom && targets.iter().any(|target| target.service == service.id())
        };
        let services =
            catalogue::services().iter().filter(|service| service.gateway_capable()).filter(targeted);
        services.filter_map(move |service| {
            let variant = variants::variant(environment, settings, service.id());
            Some(control(service.host(other, variant)?, Some(service), region))
        })
    });
    public.into_iter().chain(elsewhere).collect()
}

/// The Region to compare with: neither the one that is used nor one that the instance may really be in, whose gateway endpoint
/// would carry it.
fn region_elsewhere(environment: &Environment) -> Option<&'static str> {
    catalogue::control_region(environment.region.as_deref()?, &hinted(environment))
}

fn hinted(environment: &Environment) -> Vec<&str> {
    environment.region_hints.iter().map(|hint| hint.region.as_str()).collect()
}

/// The service that gateway endpoints serve whose host in another Region this is.
fn service_elsewhere(environment: &Environment, host: &str) -> Option<&'static Service> {
    let (used, here) = (environment.region.as_deref(), hinted(environment));
    let listed = || catalogue::partitions().iter().flat_map(|partition| &partition.regions);
    let is_elsewhere = |region: &str| Some(region) != used && !here.contains(&region);
    catalogue::services().iter().filter(|service| service.gateway_capable()).find(|service| {
        let called_so = |region: &str| {
            Variant::ALL.iter().any(|variant| service.host(region, *variant).as_deref() == Some(host))
        };
        listed().any(|region| is_elsewhere(region) && called_so(region))
    })
}

fn control(host: String, elsewhere: Option<&Service>, region: &str) -> TargetPlan {
    TargetPlan {
        target: format!("control:{host}"),
        service: elsewhere.map_or("control", Service::id).to_owned(),
        host,
        required: false,
        region: region.to_owned(),
        call: CallPlan::UnsignedGet,
        prefixes: Vec::new(),
        proxy: None,
        elsewhere: elsewhere.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use probes::environment::{RegionHint, RegionSource};

    use super::*;
    use crate::cli::RunArguments;
    use crate::plan::plan;
    use crate::settings::Surroundings;

    fn planned(environment: &Environment, arguments: &RunArguments) -> Vec<(String, String)> {
        let quiet = Surroundings { stdout_is_terminal: false, aws_ca_bundle: None };
        let settings = Settings::resolve(arguments, quiet).unwrap();
        let controls = plan(environment, &settings, &[]).controls;
        controls.into_iter().map(|control| (control.service, control.host)).collect()
    }

    fn in_region(region: &str) -> Environment {
        let partition = catalogue::partition_of_region(region).unwrap().name.clone();
        Environment { region: Some(region.into()), partition: Some(partition), ..Environment::default() }
    }

    fn services(names: &[&str]) -> RunArguments {
        let service = Some(names.iter().map(|name| (*name).to_owned()).collect());
        RunArguments { service, ..RunArguments::default() }
    }

    fn pair(service: &str, host: &str) -> (String, String) {
        (service.to_owned(), host.to_owned())
    }

    #[test]
    fn gateway_services_among_the_targets_are_compared_with_themselves_in_another_region() {
        let public = pair("control", "checkip.amazonaws.com");
        let (s3, dynamodb) =
            (pair("s3", "s3.us-east-2.amazonaws.com"), pair("dynamodb", "dynamodb.us-east-2.amazonaws.com"));
        let here = in_region("us-east-1");
        assert_eq!(planned(&here, &RunArguments::default()), [public.clone(), dynamodb, s3.clone()]);
        assert_eq!(planned(&here, &services(&["s3", "ssm"])), [public.clone(), s3]);
        assert_eq!(planned(&here, &services(&["ssm"])), [public]);
        let alone = in_region("eusc-de-east-1");
        assert_eq!(planned(&alone, &services(&["s3"])).len(), 1);
    }

    #[test]
    fn the_other_region_is_none_that_the_instance_may_be_in() {
        let mut elsewhere = in_region("us-east-1");
        let hint = |region: &str, source| RegionHint { region: region.into(), source };
        elsewhere.region_hints = vec![hint("us-east-2", RegionSource::Imds)];
        assert!(planned(&elsewhere, &services(&["s3"])).contains(&pair("s3", "s3.us-west-2.amazonaws.com")));
    }

    #[test]
    fn a_service_under_a_name_of_its_own_is_compared_with_nothing_elsewhere() {
        let endpoint = Some(vec!["s3=https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com".to_owned()]);
        let arguments = RunArguments { endpoint, ..services(&["s3"]) };
        assert_eq!(planned(&in_region("us-east-1"), &arguments), [pair("control", "checkip.amazonaws.com")]);
    }

    #[test]
    fn hosts_of_the_settings_take_the_place_of_all_and_are_known_for_what_they_are() {
        let hosts = ["example.com", "s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com"];
        let control_host = Some(hosts.map(str::to_owned).to_vec());
        let arguments = RunArguments { control_host, ..services(&["s3"]) };
        let expected = [
            pair("control", "example.com"),
            pair("s3", "s3.eu-west-1.amazonaws.com"),
            pair("control", "s3.us-east-1.amazonaws.com"),
        ];
        assert_eq!(planned(&in_region("us-east-1"), &arguments), expected);
    }
}
