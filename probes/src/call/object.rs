//! The signed request for an object of S3, by hand: the SDK's own knows every algorithm of a checksum that an object may have, which
//! would be a twentieth of this program, and what is in the object does not matter here.

use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use http::header::USER_AGENT;

use super::{AGENT, Signer, reply};
use crate::connection::describe;
use crate::observations::{CallFailure, Reply};

/// `GetObject` with the bucket in the path, so that any address of S3 can be asked under the service's own name.
///
/// Bucket and key must be of characters that stand for themselves in a path.
pub(crate) async fn get_object(signer: &Signer<'_>, bucket: &str, key: &str) -> Result<Reply, CallFailure> {
    let url = format!("{}/{bucket}/{key}", signer.url());
    let request = signed(signer, &url).map_err(|error| CallFailure::NotSent { text: describe(&*error) })?;
    let received = signer.connection.exchange(request).await?;
    Ok(reply::of_signed("s3:GetObject", signer.credentials, &received, reply::reason(&received)))
}

fn signed(signer: &Signer<'_>, url: &str) -> Result<Request<Bytes>, Box<dyn std::error::Error>> {
    let mut request = Request::get(url).header(USER_AGENT, AGENT).body(Bytes::new())?;
    // S3 wants the path as it is sent, and the hash of the body in a field (S3 API reference, "Authenticating requests").
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = signer.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(signer.region)
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let signable = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
