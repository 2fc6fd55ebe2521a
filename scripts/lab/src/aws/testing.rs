//! What the tests of these modules share: requests made by hand, AWS without a network, and a client that is none of ours.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;

use super::config::Config;
use super::ingress::{Ingress, IngressKind};
use super::keys::InstanceCredentials;
use super::names;
use super::request::{Call, Reply, uuid};
use super::{Authority, Aws};
use crate::live::Live;
use crate::scenario;
use crate::topology::Topology;

/// The authority that all tests share, since making keys takes a while.
pub(crate) fn authority() -> Arc<Authority> {
    static AUTHORITY: OnceLock<Arc<Authority>> = OnceLock::new();
    Arc::clone(AUTHORITY.get_or_init(|| Arc::new(Authority::amazon().unwrap())))
}

/// The authority of boxes on the way, shared as well.
pub(crate) fn interceptor() -> Arc<Authority> {
    static INTERCEPTOR: OnceLock<Arc<Authority>> = OnceLock::new();
    Arc::clone(INTERCEPTOR.get_or_init(|| Arc::new(Authority::interceptor().unwrap())))
}

/// AWS as a scenario's table describes it, with the VPC of a healthy scenario.
pub(crate) fn aws(table: &str) -> Arc<Aws> {
    aws_with(table, scenario::load("healthy-private").unwrap().topology)
}

/// AWS as a scenario's table describes it, with a VPC.
pub(crate) fn aws_with(table: &str, topology: Topology) -> Arc<Aws> {
    Aws::new(toml::from_str::<Config>(table).unwrap(), Live::imagined(topology), authority(), interceptor())
}

/// A request that came from the internet over TLS and is not signed.
pub(crate) fn call(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Call {
    let uri: http::Uri = url.parse().unwrap();
    let host = uri.host().unwrap().to_owned();
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_str(&host).unwrap());
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Call {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers: map,
        body: Bytes::from(body.to_owned()),
        target: names::parse(&host),
        host,
        ingress: Ingress::internet(),
        peer: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
        secure: true,
        at: Timestamp::now(),
        id: uuid(),
    }
}

/// The door of a gateway endpoint.
pub(crate) fn gateway(endpoint: &str) -> Ingress {
    Ingress {
        kind: IngressKind::Gateway,
        vpc_endpoint_id: Some(endpoint.to_owned()),
        vpc_id: Some("vpc-1".to_owned()),
        service: None,
    }
}

/// The headers that the signer of the Rust SDK adds to a request.
pub(crate) fn signature(
    keys: &InstanceCredentials,
    (service, region): (&str, &str),
    (method, url): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
    at: SystemTime,
) -> Vec<(String, String)> {
    let identity = Credentials::new(
        &keys.access_key_id,
        &keys.secret_access_key,
        Some(keys.token.clone()),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let request =
        SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A signed request with the instance's credentials, as AWS receives it now.
pub(crate) fn signed(
    aws: &Aws,
    scope: (&str, &str),
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Call {
    let keys = aws.instance_credentials();
    let now = SystemTime::now();
    let added = signature(keys, scope, (method, url), headers, body.as_bytes(), now);
    let mut all = headers.to_vec();
    all.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut call = call(method, url, &all, body);
    call.at = aws.now();
    call
}

/// A reply's body as text.
pub(crate) fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// A reply's header.
pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// A moment some seconds away from now.
pub(crate) fn moment(seconds: i64) -> SystemTime {
    let now = SystemTime::now();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { now - distance } else { now + distance }
}
