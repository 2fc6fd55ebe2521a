//! Requests for a bucket that arrive in the wrong Region.

use super::super::errors::Fault;
use super::super::names::partition_of;
use super::super::request::Call;
use super::store::StoredBucket;

/// Regions that existed before 20 March 2019: only among them does S3 answer with a redirect, and only for them does the
/// DNS of the partition-wide names follow a bucket.
const OLD: [&str; 19] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-south-1",
    "sa-east-1",
    "us-gov-west-1",
    "us-gov-east-1",
];

/// The answer for a bucket that lives in another Region than the endpoint's.
pub(super) fn elsewhere(bucket: &StoredBucket, endpoint_region: &str, in_host: bool, call: &Call) -> Fault {
    let china = bucket.region.starts_with("cn-");
    if china || (OLD.contains(&bucket.region.as_str()) && OLD.contains(&endpoint_region)) {
        let suffix = partition_of(&bucket.region).suffix;
        let service = format!("s3.{}.{suffix}", bucket.region);
        let endpoint = if in_host { format!("{}.{service}", bucket.name) } else { service };
        // Deliberately no Location header: clients must sign anew for the other Region.
        return Fault::new(
            301,
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all \
             future requests to this endpoint.",
        )
        .with("Endpoint", endpoint)
        .with("Bucket", bucket.name.clone());
    }
    let signed_for = call.header("authorization").and_then(|header| header.split('/').nth(2));
    match signed_for {
        Some(region) if endpoint_region == "us-east-1" && region == "us-east-1" => Fault::new(
            400,
            "AuthorizationHeaderMalformed",
            format!(
                "The authorization header is malformed; the region '{region}' is wrong; expecting '{}'",
                bucket.region
            ),
        )
        .with("Region", bucket.region.clone()),
        _ => Fault::new(
            400,
            "IllegalLocationConstraintException",
            format!(
                "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
                bucket.region
            ),
        ),
    }
}
