//! The embedded data against the check file that `scripts/refresh-data` writes from the computed names themselves, and
//! the facts that remedies rely on.

use super::*;

const CHECK: &str = include_str!("../../data/endpoints.check.tsv");

/// The rows of the check file, one per name, region: the four hosts as botocore computed them.
fn computed() -> Vec<(&'static str, String, [Option<String>; 4])> {
    let mut rows = Vec::new();
    for line in CHECK.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, regions, hosts @ ..] = fields.as_slice() else { panic!("{line}") };
        for word in regions.split(',') {
            let regions = match word.strip_prefix('@') {
                Some(name) => partitions().iter().find(|p| p.name == name).unwrap().regions.clone(),
                None => vec![word.to_owned()],
            };
            for region in regions {
                let partition = partition_of_region(&region).unwrap();
                let long = |host: &str| {
                    let host = host.replace('~', &region).replace('$', &partition.dns_suffix);
                    (host != "-").then(|| host.replace('%', &partition.dual_stack_suffix))
                };
                rows.push((*name, region.clone(), std::array::from_fn(|i| long(hosts[i]))));
            }
        }
    }
    rows
}

fn host_of(name: &str, region: &str, variant: Variant) -> Option<String> {
    match name.split_once(':') {
        Some(("bucket", bucket)) => bucket_host(bucket, region, variant),
        Some(("dynamodb-account", account)) => dynamodb_account_host_variant(account, region, variant),
        _ => service(name).unwrap().host_for_account("111122223333", region, variant),
    }
}

#[test]
fn templates_give_every_host_that_botocore_computed() {
    let rows = computed();
    for (name, region, hosts) in &rows {
        for (variant, host) in Variant::ALL.into_iter().zip(hosts) {
            assert_eq!(&host_of(name, region, variant), host, "{name} {region} {variant:?}");
        }
    }
    // Every service in every listed region and in one made-up region per partition; and the account host, three buckets.
    let regions: usize = partitions().iter().map(|p| p.regions.len() + 1).sum();
    assert_eq!(rows.len(), (services().len() + 1 + 3) * regions);
}

#[test]
fn every_listed_region_fits_its_own_partition_and_no_other() {
    for partition in partitions() {
        for region in &partition.regions {
            let fitting: Vec<_> =
                partitions().iter().filter(|p| region::fits(&p.region_pattern, region)).collect();
            assert!(matches!(fitting.as_slice(), [only] if only.name == partition.name), "{region}");
            assert!(is_known_region(region));
        }
    }
}

#[test]
fn a_region_too_new_to_be_listed_gets_the_names_of_its_partition() {
    let s3 = service("s3").unwrap();
    assert!(!is_known_region("cn-central-3"));
    assert_eq!(partition_of_region("cn-central-3").unwrap().name, "aws-cn");
    assert_eq!(s3.host("cn-central-3", Variant::Plain).unwrap(), "s3.cn-central-3.amazonaws.com.cn");
    assert_eq!(s3.host("moon-east-1", Variant::Plain), None);
    assert!(partition_of_region("us-east-1a").is_none());
}

#[test]
fn names_and_aliases_are_unambiguous() {
    let ids = services().iter().map(|s| s.id.as_str());
    let mut names: Vec<_> =
        ids.chain(services().iter().flat_map(|s| s.aliases.iter().map(String::as_str))).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(services().is_sorted_by_key(|s| &s.id));
}

#[test]
fn services_are_found_by_the_names_people_write() {
    for (written, id) in
        [("ecr.api", "ecr-api"), ("CloudWatch", "monitoring"), ("sagemaker.runtime", "sagemaker-runtime")]
    {
        assert_eq!(service(written).unwrap().id(), id);
    }
    assert!(service("s4").is_none());
    assert_eq!(nearest_service("dynamo-db"), Some("dynamodb"));
    assert_eq!(nearest_service("secretmanager"), Some("secretsmanager"));
    assert_eq!(nearest_region("eu-cental-1"), Some("eu-central-1"));
}

#[test]
fn every_service_has_a_title_a_source_and_an_endpoint() {
    for s in services() {
        assert!(!s.title().is_empty() && !s.source().is_empty(), "{}", s.id());
        assert!(s.gateway_capable() || s.interface_capable(), "{}", s.id());
    }
}

#[test]
fn gateway_endpoints_exist_for_s3_dynamodb_and_s3_express_only() {
    let gateway: Vec<_> = services().iter().filter(|s| s.gateway_capable()).map(Service::id).collect();
    assert_eq!(gateway, ["dynamodb", "s3", "s3express"]);
}

#[test]
fn the_two_kinds_of_s3_endpoint_differ_by_name_in_china_only() {
    let s3 = service("s3").unwrap();
    let names = |region| {
        [EndpointKind::Gateway, EndpointKind::Interface].map(|kind| s3.endpoint_service_name(region, kind))
    };
    assert_eq!(names("eu-west-1"), ["com.amazonaws.eu-west-1.s3", "com.amazonaws.eu-west-1.s3"]);
    assert_eq!(names("cn-north-1"), ["com.amazonaws.cn-north-1.s3", "cn.com.amazonaws.cn-north-1.s3"]);
}

#[test]
fn endpoint_service_names_have_their_forms_in_china_and_elsewhere() {
    for (id, region, name) in [
        ("ssm", "cn-north-1", "com.amazonaws.cn-north-1.ssm"),
        ("sts", "cn-northwest-1", "cn.com.amazonaws.cn-northwest-1.sts"),
        ("account", "cn-northwest-1", "cn.com.amazonaws.cn-northwest-1.account"),
        ("transcribe", "cn-north-1", "cn.com.amazonaws.cn-north-1.transcribe.cn"),
        ("sagemaker-notebook", "cn-north-1", "aws.sagemaker.cn-north-1.notebook"),
        ("ecr-dkr", "us-isof-east-1", "gov.ic.hci.csp.us-isof-east-1.ecr.dkr"),
        ("ecr-api", "eusc-de-east-1", "eu.amazonaws.eusc-de-east-1.ecr.api"),
        ("ecr-api", "us-gov-west-1", "com.amazonaws.us-gov-west-1.ecr.api"),
        ("iam", "us-east-1", "com.amazonaws.iam"),
    ] {
        assert_eq!(service(id).unwrap().endpoint_service_name(region, EndpointKind::Interface), name);
    }
    let fips = |id| service(id).unwrap().fips_endpoint_service_name("us-west-2");
    assert_eq!(fips("kms").as_deref(), Some("com.amazonaws.us-west-2.kms-fips"));
    assert_eq!(fips("ec2messages"), None);
}

/// The endpoint services of the two Regions of China as AWS's own list for them has them: the beginning of their names, the
/// Regions (both where none is named), and the ends.
const OF_CHINA: [(&str, &str, &str); 5] = [
    ("aws.sagemaker", "", "notebook studio"),
    (
        "com.amazonaws",
        "",
        "codebuild codecommit dynamodb ec2messages ecs ecs-agent ecs-telemetry \
     elasticbeanstalk-health elasticloadbalancing elasticmapreduce git-codecommit glue \
     kinesis-firehose kms logs s3 secretsmanager sns ssm ssmmessages storagegateway",
    ),
    (
        "cn.com.amazonaws",
        "",
        "application-autoscaling appmesh-envoy-management athena autoscaling awsconnector backup \
     batch cassandra cloudcontrolapi cloudformation codedeploy-commands-secure databrew dms ebs \
     ec2 ecr.api ecr.dkr elasticache elasticbeanstalk elasticfilesystem elasticfilesystem-fips \
     emr-containers execute-api fsx imagebuilder iot.data kinesis-streams lambda license-manager \
     monitoring rds redshift redshift-data s3 sagemaker.api sagemaker.featurestore-runtime \
     sagemaker.runtime securityhub servicecatalog sms sqs states sts sync-states synthetics \
     transcribe.cn transcribestreaming transfer xray",
    ),
    ("cn.com.amazonaws", "cn-north-1", "iotsitewise.api iotsitewise.data"),
    ("cn.com.amazonaws", "cn-northwest-1", "account polly workspaces"),
];

#[test]
fn every_endpoint_service_of_china_is_known_under_its_own_name() {
    let mut count = 0;
    for region in ["cn-north-1", "cn-northwest-1"] {
        let known: Vec<String> = services()
            .iter()
            .flat_map(|s| {
                let gateway =
                    s.gateway_capable().then(|| s.endpoint_service_name(region, EndpointKind::Gateway));
                let interface = s.endpoint_service_name(region, EndpointKind::Interface);
                gateway.into_iter().chain([interface]).chain(s.fips_endpoint_service_name(region))
            })
            .collect();
        for (beginning, _, ends) in OF_CHINA.iter().filter(|(_, only, _)| only.is_empty() || *only == region)
        {
            for end in ends.split_whitespace() {
                let name = format!("{beginning}.{region}.{end}");
                assert!(known.contains(&name), "{name}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 149);
}

#[test]
fn private_dns_answers_for_the_plain_host_and_where_documented_all_below_it() {
    let names = |id| service(id).unwrap().private_dns_names("us-west-2");
    assert_eq!(names("s3"), ["s3.us-west-2.amazonaws.com", "*.s3.us-west-2.amazonaws.com"]);
    assert_eq!(names("ecr-dkr"), ["*.dkr.ecr.us-west-2.amazonaws.com"]);
    assert_eq!(names("sts"), ["sts.us-west-2.amazonaws.com"]);
    assert!(names("dynamodb").is_empty());
    assert!(names("s3express").is_empty());
}

#[test]
fn a_registry_has_no_host_without_an_account() {
    let registry = service("ecr-dkr").unwrap();
    assert!(registry.needs_account_id());
    assert_eq!(registry.host("us-east-1", Variant::Plain), None);
    assert_eq!(registry.host_for_account("not-an-account", "us-east-1", Variant::Plain), None);
    assert_eq!(dynamodb_account_host("12345", "us-east-1"), None);
    assert!(!service("ssm").unwrap().needs_account_id());
}

#[test]
fn buckets_that_cannot_be_virtual_hosts_use_the_service_host_and_impossible_names_none() {
    for bucket in ["logs.example.com", "Legacy_Bucket", "-odd-"] {
        assert_eq!(bucket_host(bucket, "us-east-1", Variant::Plain).unwrap(), "s3.us-east-1.amazonaws.com");
    }
    for bucket in ["", "ab", "a/b/c", "ex ample", "bücket"] {
        assert_eq!(bucket_host(bucket, "us-east-1", Variant::Plain), None, "{bucket}");
    }
    assert_eq!(bucket_host("logs", "cn-north-1", Variant::Fips), None);
}

#[test]
fn every_partition_has_a_control_host_and_says_why() {
    for partition in partitions() {
        assert!(control_host(&partition.name).contains('.'));
        assert!(!control_host_source(&partition.name).is_empty());
    }
    assert_eq!(partitions()[0].name, "aws");
    assert_eq!(control_host("aws"), "checkip.amazonaws.com");
    assert_eq!(control_host("aws-cn"), "www.amazonaws.cn");
    assert_eq!(control_host("aws-moon"), control_host("aws"));
}

#[test]
fn the_data_states_its_sources_and_their_dates() {
    for part in sources() {
        let version = part.source.chars().any(|c| c.is_ascii_digit());
        assert!(version && part.as_of.parse::<jiff::civil::Date>().is_ok(), "{part:?}");
    }
}

#[test]
fn a_region_is_compared_with_a_near_one_of_its_partition() {
    for (region, other) in [
        ("us-east-1", Some("us-east-2")),
        ("us-east-2", Some("us-east-1")),
        ("us-west-1", Some("us-west-2")),
        ("eu-central-2", Some("eu-central-1")),
        ("eu-west-1", Some("eu-central-1")),
        ("ap-northeast-3", Some("ap-northeast-1")),
        ("sa-east-1", Some("us-east-1")),
        ("cn-north-1", Some("cn-northwest-1")),
        ("us-gov-west-1", Some("us-gov-east-1")),
        ("us-isof-south-1", Some("us-isof-east-1")),
        ("eusc-de-east-1", None),
        ("eu-isoe-west-1", None),
        ("mars-north-1", None),
    ] {
        assert_eq!(control_region(region, &[]), other, "{region}");
    }
    // A Region that the instance may be in is none to compare with.
    assert_eq!(control_region("us-east-1", &["us-east-2"]), Some("us-west-2"));
    assert_eq!(control_region("cn-north-1", &["cn-northwest-1"]), None);
}

#[test]
fn every_region_to_compare_with_is_a_listed_one_of_its_partition() {
    for partition in partitions() {
        let listed = |region: &String| partition.regions.contains(region);
        assert!(partition.control_regions.iter().all(listed), "{}", partition.name);
    }
}
