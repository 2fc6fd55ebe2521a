//! Names of the public DNS: AWS services and a few web sites.
//!
//! Addresses of S3 and DynamoDB lie inside their published ranges, those of every other service outside all of them; the
//! choice is made by hashing names, so it is the same in every run.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

use sha2::{Digest as _, Sha256};

use super::zones::{Data, Found, Record, TTL, addresses};
use crate::aws::names;
use crate::prefixes;

/// Addresses S3 gives at once.
const S3_ADDRESSES: usize = 8;
/// S3 changes its answers every few seconds.
const S3_TTL: u32 = 5;
const DYNAMODB_ADDRESSES: usize = 3;

/// Web sites that are no AWS API, with the aliases they really have.
pub(super) fn web_site(name: &str) -> Option<Found> {
    let alias = |target: &str, ttl| {
        Some(Found::Records(vec![Record {
            owner: name.to_owned(),
            ttl,
            data: Data::Alias(target.to_owned()),
        }]))
    };
    let at = |list: &[[u8; 4]]| Some(addresses(name, TTL, list.iter().map(|octets| Ipv4Addr::from(*octets))));
    match name {
        "checkip.amazonaws.com" => alias("checkip.us-east-1.prod.check-ip.aws.a2z.com", 60),
        "checkip.global.api.aws" => {
            let ipv6 = Ipv6Addr::new(0x2600, 0x9000, 0xa602, 0x99e2, 0xb16, 0x6042, 0x14e8, 0x45fa);
            at(&[[3, 33, 139, 122]]).map(|found| dual_stack(name, "api.aws", found, ipv6))
        }
        "checkip.us-east-1.prod.check-ip.aws.a2z.com" => at(&[[3, 220, 57, 224], [18, 204, 189, 35]]),
        "aws.amazon.com" => alias("tp.8e49140c2-frontier.amazon.com", 300),
        "tp.8e49140c2-frontier.amazon.com" => alias("dr49lng3n1n2s.cloudfront.net", 60),
        "dr49lng3n1n2s.cloudfront.net" => at(&[[18, 155, 68, 33], [18, 155, 68, 69]]),
        "www.amazon.com" => alias("tp.47cf2c8c9-frontier.amazon.com", 300),
        "tp.47cf2c8c9-frontier.amazon.com" => alias("d3ag4hukkh62yn.cloudfront.net", 60),
        "d3ag4hukkh62yn.cloudfront.net" => at(&[[18, 239, 85, 148]]),
        "www.amazonaws.com" => at(&[[72, 21, 206, 80]]),
        "www.amazonaws.cn" => at(&[[54, 223, 120, 151]]),
        "example.com" | "www.example.com" => at(&[[23, 215, 0, 136], [23, 192, 228, 80]]),
        _ => None,
    }
}

/// The public names of AWS services.
pub(super) fn service_name(name: &str) -> Option<Found> {
    let host = names::parse(name)?;
    if host.vpc_endpoint.is_some() {
        return None;
    }
    let region = host.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    match host.service.as_str() {
        "s3" => {
            let mut records = addresses(name, S3_TTL, spread("s3", &region, S3_ADDRESSES));
            if let Found::Records(list) = &mut records
                && name.contains("dualstack")
            {
                list.extend(spread_ipv6("s3", &region).map(|address| Record {
                    owner: name.to_owned(),
                    ttl: S3_TTL,
                    data: Data::Address(address.into()),
                }));
            }
            if host.bucket.is_none() || name.contains("dualstack") {
                return Some(records);
            }
            // Buckets are aliases of a common name.
            let common = format!("s3-r-w.{region}.{}", host.suffix);
            Some(Found::Records(vec![Record { owner: name.to_owned(), ttl: TTL, data: Data::Alias(common) }]))
        }
        "s3-r-w" => Some(addresses(name, S3_TTL, spread("s3", &region, S3_ADDRESSES))),
        "dynamodb" => {
            let found = addresses(name, S3_TTL, spread("dynamodb", &region, DYNAMODB_ADDRESSES));
            Some(dual_stack(name, host.suffix, found, unlisted_ipv6("dynamodb", &region)))
        }
        service if SERVICES.contains(&service) => {
            let found = addresses(name, TTL, [elsewhere(service, &region)]);
            Some(dual_stack(name, host.suffix, found, unlisted_ipv6(service, &region)))
        }
        _ => None,
    }
}

/// Adds an IPv6 address to what a dual-stack name has of IPv4.
fn dual_stack(name: &str, suffix: &str, mut found: Found, address: Ipv6Addr) -> Found {
    let dual = names::PARTITIONS.iter().any(|partition| partition.dual_stack_suffix == suffix);
    if let Found::Records(records) = &mut found
        && dual
    {
        let data = Data::Address(address.into());
        records.push(Record { owner: name.to_owned(), ttl: TTL, data });
    }
    found
}

/// Services with ordinary names `SERVICE.REGION.SUFFIX`, in the words of [`names::Host::service`].
const SERVICES: [&str; 39] = [
    "acm",
    "application-autoscaling",
    "athena",
    "autoscaling",
    "cloudformation",
    "cloudtrail",
    "codebuild",
    "codecommit",
    "codedeploy",
    "ec2",
    "ec2messages",
    "ecr",
    "ecr-registry",
    "ecs",
    "ecs-a",
    "ecs-t",
    "eks",
    "elasticbeanstalk",
    "elasticbeanstalk-health",
    "elasticfilesystem",
    "elasticloadbalancing",
    "events",
    "firehose",
    "glue",
    "iam",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "rds",
    "sagemaker",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "streams.dynamodb",
    "sts",
];

/// Addresses inside a gateway service's published ranges, as far apart as there are ranges.
fn spread(service: &str, region: &str, count: usize) -> Vec<Ipv4Addr> {
    let mut ranges = prefixes::of(service, region);
    // The largest first: small blocks are those that managed prefix lists sometimes lack.
    ranges.sort_by_key(|range| (range.prefix_len(), range.network()));
    if ranges.is_empty() {
        return vec![elsewhere(service, region)];
    }
    let mut chosen: Vec<Ipv4Addr> = (0..count)
        .map(|index| {
            let range = ranges[index % ranges.len()];
            let size = 1_u32 << (32 - u32::from(range.prefix_len()));
            let offset = number(&format!("{service}/{region}/{index}")) % size.saturating_sub(2).max(1) + 1;
            Ipv4Addr::from(u32::from(range.network()) + offset.min(size - 1))
        })
        .collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// An address of a service whose IPv6 ranges are not published. That its dual-stack name has IPv6 addresses is documented (Amazon
/// `DynamoDB` developer guide, IPv6); which, has not been verified.
fn unlisted_ipv6(service: &str, region: &str) -> Ipv6Addr {
    let base = u128::from(Ipv6Addr::new(0x2600, 0x1f1c, 0, 0, 0, 0, 0, 0));
    Ipv6Addr::from(base + u128::from(number(&format!("{service}/{region}/ipv6"))))
}

/// Two addresses inside the largest of a service's published IPv6 ranges.
fn spread_ipv6(service: &str, region: &str) -> impl Iterator<Item = Ipv6Addr> {
    let largest = prefixes::of_ipv6(service, region).into_iter().min_by_key(Ipv6Net::prefix_len);
    let base = largest.map(|range| u128::from(range.network()));
    let host = u128::from(number(&format!("{service}/{region}/ipv6")));
    (0..2).filter_map(move |index| Some(Ipv6Addr::from(base? + (host << 16) + index + 1)))
}

/// An address of another service: AWS's own ranges, outside those of every gateway service.
fn elsewhere(service: &str, region: &str) -> Ipv4Addr {
    let base = if region.starts_with("cn-") { [54, 222, 0, 0] } else { [52, 46, 0, 0] };
    let taken = prefixes::all();
    let candidate = |attempt: u32| {
        let offset = number(&format!("{service}/{region}/elsewhere/{attempt}")) % 0xfffe + 1;
        Ipv4Addr::from(u32::from(Ipv4Addr::from(base)) + offset)
    };
    (0..64)
        .map(candidate)
        .find(|address| !taken.iter().any(|range| range.contains(address)))
        .unwrap_or_else(|| candidate(64))
}

fn number(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}
