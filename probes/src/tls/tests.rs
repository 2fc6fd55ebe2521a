//! Handshakes with loopback peers: good ones, untrusted ones, and peers that do not speak TLS.

use std::path::Path;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::loopback::{Authority, Service, http, peer, silent_peer, soon};
use crate::observations::{Trust, Verification};
use crate::roots::Roots;
use crate::tcp;

const HOST: &str = "s3.eu-west-1.amazonaws.com";

async fn handshake(address: std::net::SocketAddr, until: &Until) -> Result<Presented, TlsFailure> {
    let (_, stream) = tcp::connect(address, until).await.unwrap();
    let client = TlsClient::new(&Arc::new(ring::default_provider())).unwrap();
    client.handshake(Box::new(stream), HOST, until).await.map(|(presented, _)| presented)
}

/// What the three sets of roots say of a server whose authority stands in the bundle file, or does not.
async fn trust(
    name: &str,
    last_year: i32,
    bundle: impl FnOnce(&Authority) -> tempfile::NamedTempFile,
) -> Trust {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(name, last_year), |_| http("200 OK", "", "")).await;
    let presented = handshake(service.address, &soon()).await.unwrap();
    let bundle = bundle(&authority);
    judge(&presented, bundle.path()).await
}

async fn judge(presented: &Presented, bundle: &Path) -> Trust {
    let roots = Roots::new(Arc::new(ring::default_provider()), Some(bundle.to_owned()));
    roots.judge(&presented.chain, HOST, &soon()).await
}

#[tokio::test]
async fn each_set_of_roots_judges_a_good_chain_by_itself() {
    let trust = trust(HOST, 2100, Authority::bundle).await;
    assert_eq!(trust.bundled, Verification::UnknownIssuer);
    assert!(matches!(trust.machine, Verification::UnknownIssuer | Verification::NoRoots), "{trust:?}");
    assert_eq!(trust.ca_bundle, Some(Verification::Trusted));
    assert!(trust.accepted());
}

#[tokio::test]
async fn a_chain_of_an_authority_that_is_not_in_the_bundle_has_an_unknown_issuer() {
    let trust = trust(HOST, 2100, |_| Authority::new("Another Authority").bundle()).await;
    assert_eq!(trust.ca_bundle, Some(Verification::UnknownIssuer));
    assert!(!trust.accepted());
}

#[tokio::test]
async fn an_expired_certificate_is_expired_and_its_chain_is_kept() {
    assert_eq!(trust(HOST, 2021, Authority::bundle).await.ca_bundle, Some(Verification::Expired));
}

#[tokio::test]
async fn a_certificate_for_another_host_has_the_wrong_name() {
    assert_eq!(trust("example.org", 2100, Authority::bundle).await.ca_bundle, Some(Verification::WrongName));
}

#[tokio::test]
async fn an_empty_or_missing_bundle_is_a_set_without_roots() {
    let empty = trust(HOST, 2100, |_| tempfile::NamedTempFile::new().unwrap()).await;
    assert_eq!(empty.ca_bundle, Some(Verification::NoRoots));
    let presented = Presented { version: "1.3".to_owned(), chain: Vec::new() };
    let missing = judge(&presented, Path::new("/nonexistent/bundle.pem")).await;
    assert_eq!(missing.ca_bundle, Some(Verification::NoRoots));
}

#[tokio::test]
async fn the_presented_chain_is_summarized() {
    let authority = Authority::new("Test Authority");
    let service = Service::start(authority.server(HOST, 2100), |_| http("200 OK", "", "")).await;
    let presented = handshake(service.address, &soon()).await.unwrap();
    assert_eq!(presented.version, "1.3");
    let chain = summarize(&presented.chain);
    assert_eq!(chain.len(), 1);
    assert!(chain[0].subject.contains(HOST), "{chain:?}");
    assert!(chain[0].issuer.contains("Test Authority"), "{chain:?}");
    assert_eq!(chain[0].names, [HOST]);
    assert_eq!(chain[0].not_before, "2020-01-01T00:00:00Z");
    assert_eq!(chain[0].not_after, "2100-01-01T00:00:00Z");
}

#[test]
fn bytes_that_are_no_certificate_are_told_as_unreadable() {
    let chain = summarize(&[CertificateDer::from(vec![0x30, 0x82, 0xff])]);
    assert_eq!(chain[0].subject, "(unreadable)");
}

#[tokio::test]
async fn a_plain_http_answer_is_not_tls() {
    let address = peer(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    assert!(matches!(handshake(address, &soon()).await, Err(TlsFailure::NotTls { .. })));
}

#[tokio::test]
async fn a_reset_after_our_first_message_is_a_reset() {
    let address = peer(|stream| async move {
        let stream = socket2::Socket::from(stream.into_std().unwrap());
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert_eq!(handshake(address, &soon()).await.unwrap_err(), TlsFailure::Reset);
}

#[tokio::test]
async fn a_closed_connection_is_closed() {
    let address = peer(|mut stream| async move { stream.shutdown().await.unwrap() }).await;
    assert_eq!(handshake(address, &soon()).await.unwrap_err(), TlsFailure::Closed);
}

#[tokio::test]
async fn silence_is_a_time_out_at_the_end_of_the_budget() {
    let address = silent_peer().await;
    let until = Until::at(Instant::now() + Duration::from_millis(100));
    assert_eq!(handshake(address, &until).await.unwrap_err(), TlsFailure::TimedOut);
}

#[tokio::test]
async fn an_alert_is_told_by_its_name() {
    let address = peer(|mut stream| async move {
        // A TLS 1.2 record of type alert: fatal, unrecognized_name.
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 112]).await;
        std::future::pending::<()>().await;
    })
    .await;
    let description = "unrecognized_name".to_owned();
    assert_eq!(handshake(address, &soon()).await.unwrap_err(), TlsFailure::Alert { description });
}
