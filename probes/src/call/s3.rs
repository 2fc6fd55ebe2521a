//! Signed S3 requests: `ListBuckets` and `HeadBucket`, each with no more than one page and no side effect.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

use super::connector::Recorder;
use super::{Signer, sdk_config};
use crate::observations::{CallFailure, Reply};
use crate::run::Until;

/// `ListBuckets`, one bucket at most.
pub(super) async fn list_buckets(signer: &Signer<'_>) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let result = client(signer, &recorder, signer.url(), true).list_buckets().max_buckets(1).send().await;
    recorder.reply("s3:ListAllMyBuckets", &result)
}

/// `HeadBucket`; after a 400 or 403, which have no body, one empty `ListObjectsV2` on the same connection for the reason.
///
/// If that second request fails or finds no time, the first answer stands without it.
pub(super) async fn head_bucket(
    signer: &Signer<'_>,
    bucket: &str,
    path_style: bool,
    until: &Until,
) -> Result<Reply, CallFailure> {
    let url = endpoint_for(signer.connection.host(), bucket, path_style);
    let recorder = signer.recorder();
    let client = client(signer, &recorder, url.clone(), path_style);
    let result = client.head_bucket().bucket(bucket).send().await;
    let mut reply = recorder.reply("s3:ListBucket", &result)?;
    if matches!(reply.status, 400 | 403) {
        reply.follow_up =
            until.bound(list_nothing(signer, bucket, url, path_style)).await.and_then(Result::ok);
    }
    Ok(reply)
}

async fn list_nothing(
    signer: &Signer<'_>,
    bucket: &str,
    url: String,
    path_style: bool,
) -> Result<Box<Reply>, CallFailure> {
    let recorder = signer.recorder();
    let client = client(signer, &recorder, url, path_style);
    let result = client.list_objects_v2().bucket(bucket).max_keys(0).send().await;
    recorder.reply("s3:ListBucket", &result).map(Box::new)
}

/// The address that the SDK is told, to which it adds the bucket again: in front of the host, or as the path.
fn endpoint_for(host: &str, bucket: &str, path_style: bool) -> String {
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
        let virtual_host = endpoint_for("data.s3.eu-west-1.amazonaws.com", "data", false);
        assert_eq!(virtual_host, "https://s3.eu-west-1.amazonaws.com");
        let path = endpoint_for("s3.eu-west-1.amazonaws.com", "my.data", true);
        assert_eq!(path, "https://s3.eu-west-1.amazonaws.com");
        let bucket_named_s3 = endpoint_for("s3.eu-west-1.amazonaws.com", "s3", true);
        assert_eq!(bucket_named_s3, "https://s3.eu-west-1.amazonaws.com");
    }
}
