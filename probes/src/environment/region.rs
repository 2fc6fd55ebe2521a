//! Every Region that a source names, in order of authority, and the VPC's default search domain as one of them.

use super::files::Variables;
use super::{RegionHint, RegionSource};

/// What every source says, most authoritative first; a text that cannot be a Region's name is no hint.
pub(super) fn hints(
    option: Option<&str>,
    metadata: Option<&str>,
    config_file: Option<&str>,
    search: &[String],
    variables: &Variables,
) -> Vec<RegionHint> {
    let from_search = search.iter().find_map(|domain| of_search_domain(domain));
    [
        (RegionSource::Option, option),
        (RegionSource::Imds, metadata),
        (RegionSource::AwsRegion, variables.value("AWS_REGION")),
        (RegionSource::AwsDefaultRegion, variables.value("AWS_DEFAULT_REGION")),
        (RegionSource::ConfigFile, config_file),
        (RegionSource::SsmRegionName, variables.value("AWS_SSM_REGION_NAME")),
        (RegionSource::SearchDomain, from_search.as_deref()),
    ]
    .into_iter()
    .filter_map(|(source, region)| {
        let region = region?.trim();
        is_region_name(region).then(|| RegionHint { source, region: region.to_owned() })
    })
    .collect()
}

/// The Region whose VPCs get this domain by default: `ec2.internal` is us-east-1's, `REGION.compute.internal` all
/// others' (Amazon VPC user guide, DHCP option sets).
pub(super) fn of_search_domain(domain: &str) -> Option<String> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    if domain == "ec2.internal" {
        return Some("us-east-1".to_owned());
    }
    let region = domain.strip_suffix(".compute.internal")?;
    is_region_name(region).then(|| region.to_owned())
}

/// Whether a text has the shape of a Region's name in any partition: lower case words joined by hyphens, a number last.
/// It goes into host names, so nothing else may pass.
pub(super) fn is_region_name(text: &str) -> bool {
    let mut words: Vec<&str> = text.split('-').collect();
    let number = words.pop().unwrap_or_default();
    text.len() <= 32
        && words.len() >= 2
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_partition_pass_and_nothing_else() {
        for name in [
            "us-east-1",
            "ap-southeast-7",
            "us-gov-west-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "us-isob-east-1",
        ] {
            assert!(is_region_name(name), "{name}");
        }
        for text in [
            "",
            "us-east-1a",
            "useast1",
            "us-east-",
            "US-EAST-1",
            "us-east-1/x",
            "us.east-1",
            "-1",
            "a--1",
            "us-1",
        ] {
            assert!(!is_region_name(text), "{text}");
        }
    }

    #[test]
    fn search_domains_of_a_vpc_name_its_region() {
        assert_eq!(of_search_domain("ec2.internal").as_deref(), Some("us-east-1"));
        assert_eq!(of_search_domain("EU-West-3.compute.internal.").as_deref(), Some("eu-west-3"));
        for other in [
            "corp.internal",
            "compute.internal",
            "x.compute.internal",
            "ec2.internal.example",
            ".compute.internal",
        ] {
            assert_eq!(of_search_domain(other), None, "{other}");
        }
    }

    #[test]
    fn hints_come_in_order_of_authority() {
        let variables = Variables::from([
            ("AWS_SSM_REGION_NAME", "eu-west-3"),
            ("AWS_REGION", " eu-west-1 "),
            ("AWS_DEFAULT_REGION", "not a region"),
        ]);
        let search = ["corp.example".to_owned(), "eu-west-4.compute.internal".to_owned()];
        let seen: Vec<(RegionSource, String)> =
            hints(Some("us-east-1"), Some("us-west-2"), Some("eu-west-2"), &search, &variables)
                .into_iter()
                .map(|hint| (hint.source, hint.region))
                .collect();
        let expected = [
            (RegionSource::Option, "us-east-1"),
            (RegionSource::Imds, "us-west-2"),
            (RegionSource::AwsRegion, "eu-west-1"),
            (RegionSource::ConfigFile, "eu-west-2"),
            (RegionSource::SsmRegionName, "eu-west-3"),
            (RegionSource::SearchDomain, "eu-west-4"),
        ];
        assert_eq!(seen, expected.map(|(source, region)| (source, region.to_owned())));
    }
}
