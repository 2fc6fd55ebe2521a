//! Requests that no SDK makes, signed as the SDKs sign theirs.

use std::error::Error;
use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use http::header::USER_AGENT;

use super::{AGENT, Signer};
use crate::connection::describe;
use crate::observations::CallFailure;

/// Which service a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// S3 wants the path as it is sent, and the hash of the body in a field (S3 API reference, "Authenticating requests").
    S3,
    /// Neither is wanted.
    Ec2,
    /// Nor here.
    Ssm,
}

/// The request with the name of this program and a signature.
///
/// # Errors
///
/// What of it cannot be signed; it is not sent then.
pub(super) fn signed(
    signer: &Signer<'_>,
    service: Service,
    request: http::request::Builder,
    body: String,
) -> Result<Request<Bytes>, CallFailure> {
    let request = request.header(USER_AGENT, AGENT).body(Bytes::from(body));
    let whole = request.map_err(Into::into).and_then(|request| sign_whole(signer, service, request));
    whole.map_err(|error: Box<dyn Error>| CallFailure::NotSent { text: describe(&*error) })
}

fn sign_whole(
    signer: &Signer<'_>,
    service: Service,
    mut request: Request<Bytes>,
) -> Result<Request<Bytes>, Box<dyn Error>> {
    let mut settings = SigningSettings::default();
    if service == Service::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = signer.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(signer.region)
        .name(match service {
            Service::S3 => "s3",
            Service::Ec2 => "ec2",
            Service::Ssm => "ssm",
        })
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let url = request.uri().to_string();
    let fields =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), url, fields, body)?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
