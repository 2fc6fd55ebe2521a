//! Loopback peers for the tests of this crate: a certificate authority, TLS servers with an HTTP fake behind them, and
//! peers that misbehave.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::plan::{Budgets, Families, ProbePlan};
use crate::run::Until;

/// A budget that no passing test uses up.
pub(crate) fn soon() -> Until {
    Until::at(Instant::now() + Duration::from_secs(10))
}

/// A plan that asks nothing, with the usual budgets.
pub(crate) fn empty_plan() -> ProbePlan {
    ProbePlan {
        budgets: Budgets {
            chain: Duration::from_secs(5),
            deadline: Duration::from_secs(8),
            evidence_floor: Duration::from_millis(300),
            evidence_ceiling: Duration::from_secs(1),
        },
        families: Families { ipv4: true, ipv6: false },
        resolvers: Vec::new(),
        name_checks: Vec::new(),
        targets: Vec::new(),
        controls: Vec::new(),
        hops: None,
        inspect: None,
        proofs: None,
        ca_bundle: None,
    }
}

/// A certificate authority of the tests.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The authority's certificate in a file, as `--ca-bundle` wants it.
    pub(crate) fn bundle(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &self.pem).unwrap();
        file
    }

    /// A server's settings with a certificate for `name` that ends in the given year.
    pub(crate) fn server(&self, name: &str, last_year: i32) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// An HTTP server behind TLS, which remembers what it was asked.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Answers every request with what `answer` makes of its head.
    pub(crate) async fn start(config: Arc<ServerConfig>, answer: fn(&str) -> String) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config, answer).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        config: Arc<ServerConfig>,
        answer: fn(&str) -> String,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (acceptor, log) = (TlsAcceptor::from(Arc::clone(&config)), Arc::clone(&log));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &log, answer).await;
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// The requests so far, head and body, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    log: &Mutex<Vec<String>>,
    answer: fn(&str) -> String,
) {
    let mut buffer = Vec::new();
    loop {
        let head_end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0usize);
        while buffer.len() < head_end + length {
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let request = String::from_utf8(buffer.drain(..head_end + length).collect()).unwrap();
        let response = answer(&request);
        log.lock().unwrap().push(request);
        if stream.write_all(response.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if response.contains("Connection: close") {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// A peer that reads our first message and then does `then` with the connection.
pub(crate) async fn peer<F>(then: fn(TcpStream) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 4096];
        let _ = stream.read(&mut first).await;
        then(stream).await;
    });
    address
}

/// A peer that takes connections and never says anything.
pub(crate) async fn silent_peer() -> SocketAddr {
    peer(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

/// An HTTP answer with a length.
pub(crate) fn http(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n{body}", body.len())
}
