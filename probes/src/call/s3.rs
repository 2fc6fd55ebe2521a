//! Signed S3 requests: `ListBuckets` and `HeadBucket`, each with no more than one page and no side effect.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

use super::connector::Recorder;
use super::{Signer, sdk_config};
use crate::observations::{CallFailure, Reply};

/// `ListBuckets`, one bucket at most.
pub(super) async fn list_buckets(signer: &Signer<'_>) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let result = client(signer, &recorder, signer.url(), true).list_buckets().max_buckets(1).send().await;
    recorder.reply("s3:ListAllMyBuckets", &result)
}

/// `HeadBucket`, whose refusals have no body.
pub(super) async fn head_bucket(
    signer: &Signer<'_>,
    bucket: &str,
    path_style: bool,
) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let client = client(signer, &recorder, endpoint_for(signer, bucket, path_style), path_style);
    let result = client.head_bucket().bucket(bucket).send().await;
    recorder.reply("s3:ListBucket", &result)
}

/// `ListObjectsV2` of no object: needs the same permission as `HeadBucket`, and its refusal says why.
pub(super) async fn list_nothing(
    signer: &Signer<'_>,
    bucket: &str,
    path_style: bool,
) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let client = client(signer, &recorder, endpoint_for(signer, bucket, path_style), path_style);
    let result = client.list_objects_v2().bucket(bucket).max_keys(0).send().await;
    recorder.reply("s3:ListBucket", &result)
}

/// The address that the SDK is told, to which it adds the bucket again: in front of the host, or as the path.
fn endpoint_for(signer: &Signer<'_>, bucket: &str, path_style: bool) -> String {
    without_bucket(signer.connection.host(), bucket, path_style)
}

fn without_bucket(host: &str, bucket: &str, path_style: bool) -> String {
    let service = host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.'));
    match service {
        Some(service) if !path_style => format!("https://{service}"),
        _ => format!("https://{host}"),
    }
}

fn client(signer: &Signer<'_>, recorder: &Recorder, url: String, path_style: bool) -> Client {
    let config = sdk_config!(aws_sdk_s3, signer, recorder, url)
        .force_path_style(path_style)
        .disable_s3_express_session_auth(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_taken_off_the_host_that_the_sdk_will_put_it_before() {
        let virtual_host = without_bucket("data.s3.eu-west-1.amazonaws.com", "data", false);
        assert_eq!(virtual_host, "https://s3.eu-west-1.amazonaws.com");
        let path = without_bucket("s3.eu-west-1.amazonaws.com", "my.data", true);
        assert_eq!(path, "https://s3.eu-west-1.amazonaws.com");
        let bucket_named_s3 = without_bucket("s3.eu-west-1.amazonaws.com", "s3", true);
        assert_eq!(bucket_named_s3, "https://s3.eu-west-1.amazonaws.com");
    }
}
