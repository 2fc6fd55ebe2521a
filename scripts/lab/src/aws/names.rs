//! Host names of AWS services: what a name asks for, and which names a service's certificate carries.
//!
//! Pure text work. It does not know which addresses the names have; the resolver of the lab does. Its result chooses the
//! service in `front` and the subject names in `authority`.

/// A group of Regions with its own domain names and its own ARNs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The name in ARNs: `aws`, `aws-cn`, ….
    pub(crate) id: &'static str,
    /// The domain of ordinary names.
    pub(crate) suffix: &'static str,
    /// The domain of names that have both address families (S3 keeps the ordinary domain for these).
    pub(crate) dual_stack_suffix: &'static str,
    /// What stands before the `-WORD-DIGITS` of its Regions.
    region_prefixes: &'static [&'static str],
}

/// Every partition, after botocore's `partitions.json`.
pub(crate) const PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        region_prefixes: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
    },
    Partition {
        id: "aws-cn",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
        region_prefixes: &["cn"],
    },
    Partition {
        id: "aws-us-gov",
        suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        region_prefixes: &["us-gov"],
    },
    Partition {
        id: "aws-eusc",
        suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
        region_prefixes: &["eusc-de"],
    },
    Partition {
        id: "aws-iso",
        suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
        region_prefixes: &["us-iso"],
    },
    Partition {
        id: "aws-iso-b",
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
        region_prefixes: &["us-isob"],
    },
    Partition {
        id: "aws-iso-e",
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
        region_prefixes: &["eu-isoe"],
    },
    Partition {
        id: "aws-iso-f",
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
        region_prefixes: &["us-isof"],
    },
];

/// What a host name asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The service by its endpoint name without variants: `s3`, `dynamodb`, `ecr`, `streams.dynamodb`, ….
    pub(crate) service: String,
    /// The Region in the name; `None` for global names such as `s3.amazonaws.com` and `sts.amazonaws.com`.
    pub(crate) region: Option<String>,
    /// The domain of the name, ordinary or dual-stack.
    pub(crate) suffix: &'static str,
    /// The bucket of a virtual-host S3 name.
    pub(crate) bucket: Option<String>,
    /// The endpoint label (`vpce-…`) of an endpoint-specific name.
    pub(crate) vpc_endpoint: Option<String>,
    /// The name of the certificate's first wildcard-free subject: the part of the name that belongs to the service.
    pub(crate) base: String,
}

/// The partition a Region belongs to, by the shape of its name; unknown shapes count as `aws`.
pub(crate) fn partition_of(region: &str) -> &'static Partition {
    PARTITIONS.iter().find(|partition| partition.has(region)).unwrap_or(&PARTITIONS[0])
}

/// Reads a host name (without port). `None` means that it is no name of an AWS API, so a web site at best.
pub(crate) fn parse(host: &str) -> Option<Host> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let (rest, suffix) = split_suffix(&host)?;
    let mut labels: Vec<&str> = rest.split('.').filter(|label| !label.is_empty()).collect();
    if labels.is_empty() || WEB_SITES.contains(&host.as_str()) {
        return None;
    }
    let private = labels.last() == Some(&"vpce");
    if private {
        labels.pop();
    }
    if let Some(s3) = parse_s3(&labels, suffix, private) {
        return Some(s3);
    }
    let region = labels.last().filter(|label| is_region(label)).map(|label| (*label).to_owned());
    if region.is_some() {
        labels.pop();
    }
    let endpoint = labels.iter().position(|label| label.starts_with("vpce-"));
    let vpc_endpoint = endpoint.map(|at| labels[at].to_owned());
    let own = &labels[endpoint.map_or(0, |at| at + 1)..];
    let (service, kept) = service_of(own)?;
    let mut base = own[own.len() - kept..].to_vec();
    base.extend(region.as_deref());
    if private {
        base.push("vpce");
    }
    base.push(suffix);
    let base = base.join(".");
    Some(Host { service, region, suffix, bucket: None, vpc_endpoint, base })
}

impl Host {
    /// The Region that answers: the one in the name, or for names without one the first Region of the domain's partition.
    pub(crate) fn answering_region(&self) -> &str {
        let first = match self.suffix {
            "amazonaws.com.cn" => "cn-north-1",
            "amazonaws.eu" => "eusc-de-east-1",
            "c2s.ic.gov" => "us-iso-east-1",
            "sc2s.sgov.gov" => "us-isob-east-1",
            _ => "us-east-1",
        };
        self.region.as_deref().unwrap_or(first)
    }
}

/// The ordinary name of a service, whose certificate an endpoint presents to clients that ask for another service.
pub(crate) fn ordinary(service: &str, region: &str) -> Host {
    let suffix = partition_of(region).suffix;
    let label = match service {
        "ecr" => "api.ecr",
        "ecr-registry" => "dkr.ecr",
        other => other,
    };
    Host {
        service: service.to_owned(),
        region: Some(region.to_owned()),
        suffix,
        bucket: None,
        vpc_endpoint: None,
        base: format!("{label}.{region}.{suffix}"),
    }
}

/// The service behind an endpoint service name's last part, in the words of [`Host::service`].
pub(crate) fn service_of_endpoint(name: &str) -> String {
    match name.strip_suffix("-fips").unwrap_or(name) {
        "ecr.api" => "ecr".to_owned(),
        "ecr.dkr" => "ecr-registry".to_owned(),
        "dynamodb-streams" => "streams.dynamodb".to_owned(),
        "ecs-agent" => "ecs-a".to_owned(),
        "ecs-telemetry" => "ecs-t".to_owned(),
        other => other.replace("-fips.", "."),
    }
}

/// The subject alternative names of the certificate that answers for a host.
///
/// A family of names shares one certificate, as at AWS: a client that meets the S3 certificate may ask for any bucket.
pub(crate) fn certificate_names(host: &Host) -> Vec<String> {
    let mut names = vec![host.base.clone(), format!("*.{}", host.base)];
    let Some(region) = &host.region else {
        return names;
    };
    let partition = partition_of(region);
    if host.base.contains(".vpce.") {
        if let Some(endpoint) = &host.vpc_endpoint {
            names.push(format!("*.{endpoint}.{}", host.base));
            names.push(format!("*.bucket.{endpoint}.{}", host.base));
        }
        return names;
    }
    if host.service == "s3" {
        let suffix = partition.suffix;
        for family in ["s3", "s3-fips", "s3-accesspoint", "s3-control"] {
            for infix in ["", "dualstack."] {
                names.push(format!("{family}.{infix}{region}.{suffix}"));
                names.push(format!("*.{family}.{infix}{region}.{suffix}"));
            }
        }
        names.push(format!("s3-{region}.{suffix}"));
        names.push(format!("*.s3-{region}.{suffix}"));
        // The certificate of the Region where S3 began also carries the names without a Region.
        if region == "us-east-1" {
            names.push(format!("s3.{suffix}"));
            names.push(format!("*.s3.{suffix}"));
        }
    } else if host.service == "dynamodb" {
        for suffix in [partition.suffix, partition.dual_stack_suffix] {
            names.push(format!("dynamodb.{region}.{suffix}"));
            names.push(format!("*.ddb.{region}.{suffix}"));
        }
    } else {
        names.push(format!("{}.{region}.{}", host.service, partition.dual_stack_suffix));
    }
    // The ordinary name comes first, since the first becomes the subject's common name.
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Whether a label has the shape of a Region name.
pub(crate) fn is_region(label: &str) -> bool {
    PARTITIONS.iter().any(|partition| partition.has(label))
}

/// Names under the AWS domains that are web sites rather than APIs.
const WEB_SITES: [&str; 5] = [
    "checkip.amazonaws.com",
    "checkip.global.api.aws",
    "www.amazonaws.com",
    "www.amazonaws.cn",
    "checkip.amazonaws.com.cn",
];

impl Partition {
    /// Whether it has an internet and roots of its own, and publishes nothing.
    pub(crate) fn is_isolated(&self) -> bool {
        self.id.starts_with("aws-iso")
    }

    fn has(&self, region: &str) -> bool {
        self.region_prefixes.iter().any(|prefix| {
            region.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| {
                rest.split_once('-').is_some_and(|(word, number)| {
                    !word.is_empty()
                        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                        && !number.is_empty()
                        && number.bytes().all(|byte| byte.is_ascii_digit())
                })
            })
        })
    }
}

fn split_suffix(host: &str) -> Option<(&str, &'static str)> {
    PARTITIONS
        .iter()
        .flat_map(|partition| [partition.suffix, partition.dual_stack_suffix])
        .filter_map(|suffix| host.strip_suffix(suffix)?.strip_suffix('.').map(|rest| (rest, suffix)))
        // `amazonaws.com.cn` never ends in `amazonaws.com`, but `api.aws.ic.gov` must win over any shorter domain.
        .max_by_key(|(_, suffix)| suffix.len())
}

/// S3 has names of its own kind: buckets before the service, `dualstack` after it, Regions glued on with a dash.
fn parse_s3(labels: &[&str], suffix: &'static str, private: bool) -> Option<Host> {
    for (at, label) in labels.iter().enumerate().rev() {
        let after: Vec<&str> =
            labels[at + 1..].iter().copied().filter(|label| *label != "dualstack").collect();
        let glued = label.strip_prefix("s3-").filter(|region| is_region(region));
        let plain = ["s3", "s3-fips", "s3-accesspoint", "s3-control", "s3-external-1"].contains(label);
        let region = match (after.as_slice(), glued) {
            ([], Some(region)) => Some(region.to_owned()),
            ([region], None) if plain && is_region(region) => Some((*region).to_owned()),
            ([], None) if plain => None,
            _ => continue,
        };
        let mut before = labels[..at].to_vec();
        let vpc_endpoint =
            before.iter().position(|label| label.starts_with("vpce-") && private).map(|position| {
                let name = before[position].to_owned();
                before.truncate(position);
                // `bucket.vpce-….s3` addresses the endpoint itself; a bucket's own name stands before that.
                before.pop();
                name
            });
        let bucket = (!before.is_empty() && *label != "s3-control").then(|| before.join("."));
        let mut base = labels[at..].to_vec();
        if private {
            base.push("vpce");
        }
        base.push(suffix);
        return Some(Host {
            service: "s3".to_owned(),
            region,
            suffix,
            bucket,
            vpc_endpoint,
            base: base.join("."),
        });
    }
    None
}

/// The service of the labels before the Region, and how many of them belong to the service's own name.
fn service_of(labels: &[&str]) -> Option<(String, usize)> {
    let last = labels.last()?;
    let second = labels.len().checked_sub(2).map(|at| labels[at]);
    let plain = last.strip_suffix("-fips").unwrap_or(last);
    Some(match (second, plain) {
        (_, "ddb") => ("dynamodb".to_owned(), 1),
        (Some("streams"), "dynamodb") => ("streams.dynamodb".to_owned(), 2),
        (Some("dkr"), "ecr") => ("ecr-registry".to_owned(), 2),
        (Some("api"), "ecr") => ("ecr".to_owned(), 2),
        (_, service) => (service.to_owned(), 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(host: &str) -> (String, Option<String>, Option<String>) {
        let host = parse(host).unwrap();
        (host.service, host.region, host.bucket)
    }

    #[test]
    fn names_of_every_kind_are_read() {
        for (host, service, region, bucket) in [
            ("s3.us-east-1.amazonaws.com", "s3", Some("us-east-1"), None),
            ("my.bucket.s3.us-east-1.amazonaws.com", "s3", Some("us-east-1"), Some("my.bucket")),
            ("b.s3.dualstack.eu-west-1.amazonaws.com", "s3", Some("eu-west-1"), Some("b")),
            ("s3-fips.dualstack.us-gov-west-1.amazonaws.com", "s3", Some("us-gov-west-1"), None),
            ("b.s3-us-west-2.amazonaws.com", "s3", Some("us-west-2"), Some("b")),
            ("s3.amazonaws.com", "s3", None, None),
            ("b.s3.cn-north-1.amazonaws.com.cn", "s3", Some("cn-north-1"), Some("b")),
            ("b.bucket.vpce-0a-1b.s3.us-east-1.vpce.amazonaws.com", "s3", Some("us-east-1"), Some("b")),
            ("bucket.vpce-0a-1b.s3.us-east-1.vpce.amazonaws.com", "s3", Some("us-east-1"), None),
            ("dynamodb.us-east-1.amazonaws.com", "dynamodb", Some("us-east-1"), None),
            ("dynamodb-fips.us-east-1.api.aws", "dynamodb", Some("us-east-1"), None),
            ("123456789012.ddb.us-east-1.amazonaws.com", "dynamodb", Some("us-east-1"), None),
            ("streams.dynamodb.us-east-1.amazonaws.com", "streams.dynamodb", Some("us-east-1"), None),
            ("vpce-0a-1b.ssm.us-east-1.vpce.amazonaws.com", "ssm", Some("us-east-1"), None),
            ("sts.amazonaws.com", "sts", None, None),
            ("api.ecr.us-east-1.amazonaws.com", "ecr", Some("us-east-1"), None),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "ecr-registry", Some("us-east-1"), None),
            ("ssm.us-iso-east-1.c2s.ic.gov", "ssm", Some("us-iso-east-1"), None),
            ("kms.eusc-de-east-1.amazonaws.eu", "kms", Some("eusc-de-east-1"), None),
        ] {
            let expected = (service.to_owned(), region.map(str::to_owned), bucket.map(str::to_owned));
            assert_eq!(read(host), expected, "{host}");
        }
    }

    #[test]
    fn web_sites_are_no_services() {
        for host in
            ["checkip.amazonaws.com", "example.com", "www.amazon.com", "amazonaws.com", "aws.amazon.com"]
        {
            assert_eq!(parse(host), None, "{host}");
        }
    }

    #[test]
    fn a_certificate_covers_the_name_that_was_asked_for() {
        for host in [
            "s3.us-east-1.amazonaws.com",
            "bucket-1.s3.us-east-1.amazonaws.com",
            "bucket-1.s3.dualstack.us-east-1.amazonaws.com",
            "b.s3.amazonaws.com",
            "123456789012.ddb.us-east-1.amazonaws.com",
            "dynamodb.us-east-1.api.aws",
            "bucket.vpce-0a-1b.s3.us-east-1.vpce.amazonaws.com",
            "b.bucket.vpce-0a-1b.s3.us-east-1.vpce.amazonaws.com",
            "vpce-0a-1b.ssm.us-east-1.vpce.amazonaws.com",
            "ssm.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "sts.amazonaws.com",
        ] {
            let names = certificate_names(&parse(host).unwrap());
            let (_, parent) = host.split_once('.').unwrap();
            assert!(
                names.iter().any(|name| name == host || *name == format!("*.{parent}")),
                "{host} is not covered by {names:?}"
            );
        }
    }

    #[test]
    fn names_without_a_region_are_answered_where_the_partition_began() {
        for (host, region) in [
            ("sts.amazonaws.com", "us-east-1"),
            ("sts.amazonaws.com.cn", "cn-north-1"),
            ("s3.amazonaws.com", "us-east-1"),
            ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ] {
            assert_eq!(parse(host).unwrap().answering_region(), region);
        }
    }

    #[test]
    fn the_partition_follows_from_the_region() {
        for (region, id) in [
            ("us-east-1", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-isob-west-1", "aws-iso-b"),
            ("cn-north-1", "aws-cn"),
        ] {
            assert_eq!(partition_of(region).id, id);
        }
    }
}
