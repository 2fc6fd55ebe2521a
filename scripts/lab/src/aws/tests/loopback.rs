//! Over TLS on the loopback interface: certificates, versions, kept connections, clocks.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::testing::{authority, aws};
use super::super::*;
use super::ACCOUNT;

/// A client that trusts the lab's root, on one connection.
struct Client {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    version: rustls::ProtocolVersion,
    chain: Vec<CertificateDer<'static>>,
}

impl Client {
    async fn connect(address: SocketAddr, name: &str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority().root_pem().as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let server = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(server, stream).await?;
        let (_, session) = stream.get_ref();
        let version = session.protocol_version().unwrap();
        let chain = session.peer_certificates().unwrap_or_default().to_vec();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Ok(Self { sender, version, chain })
    }

    async fn send(&mut self, method: Method, host: &str, path: &str) -> (Response<()>, Bytes) {
        let request =
            Request::builder().method(method).uri(path).header("host", host).body(Full::default()).unwrap();
        let (parts, body) = self.sender.send_request(request).await.unwrap().into_parts();
        (Response::from_parts(parts, ()), body.collect().await.unwrap().to_bytes())
    }
}

/// Serves on the loopback interface through a door of this kind.
fn start(aws: &Arc<Aws>, ingress: Ingress) -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Arc::clone(aws).serve(listener, move |_, _| ingress.clone()));
    address
}

#[tokio::test]
async fn one_connection_serves_many_requests_over_verified_tls() {
    let aws = aws(&format!("clock_offset_seconds = 3600\n{ACCOUNT}"));
    let address = start(&aws, Ingress::internet());
    let host = "data.s3.us-east-1.amazonaws.com";
    let mut client = Client::connect(address, host).await.unwrap();
    assert_eq!(client.version, rustls::ProtocolVersion::TLSv1_3);
    assert_eq!(client.chain.len(), 4, "leaf, intermediate, and two for clients that know older roots only");
    let (head, body) = client.send(Method::HEAD, host, "/").await;
    assert_eq!((head.status().as_u16(), body.len()), (403, 0));
    assert_eq!(head.headers()["x-amz-bucket-region"], "us-east-1");
    let (reply, body) = client.send(Method::GET, host, "/?list-type=2&max-keys=0").await;
    assert_eq!(reply.status(), 403);
    assert!(body.starts_with(b"<?xml"));
    // The clock of AWS is an hour ahead, and the answer's date is the clock's.
    let date = reply.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
    let ahead = date.duration_since(Timestamp::now()).as_secs();
    assert!((3590..=3600).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn an_interface_of_s3_speaks_no_tls_1_3_and_others_do() {
    let aws = aws(ACCOUNT);
    for (service, name, version) in [
        ("s3", "s3.us-east-1.amazonaws.com", rustls::ProtocolVersion::TLSv1_2),
        ("ssm", "ssm.us-east-1.amazonaws.com", rustls::ProtocolVersion::TLSv1_3),
    ] {
        let door = Ingress {
            kind: IngressKind::Interface,
            vpc_endpoint_id: Some("vpce-1".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            service: Some(service.to_owned()),
        };
        let client = Client::connect(start(&aws, door.clone()), name).await.unwrap();
        assert_eq!(client.version, version, "{service}");
        // Asked for another service, the interface still shows its own certificate, which the client refuses.
        let wrong = Client::connect(start(&aws, door), "dynamodb.us-east-1.amazonaws.com").await;
        assert!(wrong.is_err(), "{service}");
    }
}

#[tokio::test]
async fn web_sites_are_there_for_controls() {
    let aws = aws("");
    let address = start(&aws, Ingress::internet());
    let mut client = Client::connect(address, "checkip.amazonaws.com").await.unwrap();
    let (reply, body) = client.send(Method::GET, "checkip.amazonaws.com", "/").await;
    assert_eq!((reply.status().as_u16(), body.as_ref()), (200, b"127.0.0.1\n".as_slice()));
    let mut client = Client::connect(address, "example.com").await.unwrap();
    assert_eq!(client.send(Method::GET, "example.com", "/").await.0.status(), 200);
}

#[test]
fn the_interceptor_carries_names_of_its_own() {
    let own = Authority::interceptor().unwrap();
    let chain = own
        .certificate(&["s3.us-east-1.amazonaws.com".to_owned()], crate::aws::authority::Validity::Now)
        .unwrap();
    let text = |certificate: &CertificateDer<'_>| String::from_utf8_lossy(certificate).into_owned();
    assert!(text(&chain.cert[0]).contains("Example Corp TLS Inspection"));
    let amazon = authority()
        .certificate(&["s3.us-east-1.amazonaws.com".to_owned()], crate::aws::authority::Validity::Now)
        .unwrap();
    assert!(text(&amazon.cert[0]).contains("Amazon RSA 2048 M01"));
    assert!(text(&amazon.cert[1]).contains("Amazon Root CA 1"));
}
