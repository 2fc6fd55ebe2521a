//! The front of AWS: TLS with the certificate that fits the door and the name, HTTP/1.1, and one whole [`Call`] per request.
//!
//! It knows nothing of signatures or policies. Requests go to `super::Aws::answer`, which always has a reply unless the
//! service was told to be silent.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use rustls::sign::SingleCertAndKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

use super::Aws;
use super::authority::Validity;
use super::ingress::{Ingress, IngressKind};
use super::interference::{self, Deed};
use super::names::{self, Host};
use super::request::{Call, Reply, random_text, uuid};

/// The longest body that is read; no request of a probe or a command line comes near it.
const LONGEST_BODY: usize = 16 << 20;
/// How long a client may take over its handshake and over each request's headers.
const PATIENCE: Duration = Duration::from_secs(20);

/// One accepted connection.
#[derive(Clone)]
struct Door {
    ingress: Ingress,
    peer: IpAddr,
    secure: bool,
}

/// Accepts connections until the task is dropped, each in a task of its own.
///
/// # Errors
///
/// When the listener cannot be used by the runtime.
pub(crate) async fn serve(
    aws: Arc<Aws>,
    listener: std::net::TcpListener,
    resolve: impl Fn(SocketAddr, SocketAddr) -> Ingress + Send + Sync + 'static,
    secure: bool,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, or a client that left already: neither may end the service.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(local) = stream.local_addr() else {
            continue;
        };
        let door = Door { ingress: resolve(local, peer), peer: peer.ip().to_canonical(), secure };
        let aws = Arc::clone(&aws);
        tokio::spawn(async move {
            // A failed handshake or a broken connection is the client's business; it sees its own error.
            let _ = connection(aws, stream, door).await;
        });
    }
}

async fn connection(aws: Arc<Aws>, stream: TcpStream, door: Door) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    if !door.secure {
        return http(aws, stream, door).await;
    }
    let handshake = async {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let deed = interference::deed(&aws.config.interference, hello.server_name());
        if let Some(deed) = deed.filter(|deed| deed.ends_it(&hello)) {
            deed.end(start.io).await?;
            return Ok(None);
        }
        let config = tls(&aws, &door.ingress, hello.server_name(), deed)?;
        start.into_stream(config).await.map(|stream| Some((stream, deed)))
    };
    let Some((stream, deed)) = tokio::time::timeout(PATIENCE, handshake).await?? else { return Ok(()) };
    if deed == Some(Deed::InterceptWithPage) {
        return portal(stream).await;
    }
    http(aws, stream, door).await
}

/// The TLS settings for one connection: the certificate of the door's service, or of the name where any service may answer.
fn tls(
    aws: &Aws,
    ingress: &Ingress,
    name: Option<&str>,
    deed: Option<Deed>,
) -> std::io::Result<Arc<ServerConfig>> {
    let region = &aws.config.region;
    let asked = name.and_then(names::parse);
    let host = match ingress.service.as_deref().map(names::service_of_endpoint) {
        Some(service) => match asked {
            Some(host) if host.service == service => Some(host),
            _ => Some(names::ordinary(&service, region)),
        },
        None => asked,
    };
    let subjects = match (&host, name) {
        (Some(host), _) => names::certificate_names(host),
        (None, Some(name)) => vec![name.to_owned()],
        (None, None) => vec!["www.amazon.com".to_owned(), "amazon.com".to_owned()],
    };
    let subjects = match deed {
        Some(Deed::OtherName) => vec!["portal.corp.example".to_owned()],
        _ => subjects,
    };
    let authority = if deed.is_some_and(Deed::intercepts) { &aws.interceptor } else { &aws.authority };
    let validity = deed.map_or(Validity::Now, Deed::validity);
    let key = authority.certificate(&subjects, validity).map_err(std::io::Error::other)?;
    // The interface endpoints of S3 alone do not speak TLS 1.3 yet.
    let old = ingress.kind == IngressKind::Interface && host.is_some_and(|host: Host| host.service == "s3");
    let versions: &[_] = if old { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(std::io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    Ok(Arc::new(config))
}

/// A page of the box's own, whatever is asked.
async fn portal(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let service = service_fn(|_| async {
        let page = "<html><body>This site is blocked by your organization.</body></html>";
        let mut response = Response::new(Full::new(Bytes::from_static(page.as_bytes())));
        *response.status_mut() = StatusCode::FORBIDDEN;
        response.headers_mut().insert("server", HeaderValue::from_static("portal"));
        Ok::<_, Infallible>(response)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(std::io::Error::other)
}

async fn http(aws: Arc<Aws>, stream: impl AsyncRead + AsyncWrite + Unpin, door: Door) -> std::io::Result<()> {
    let service = service_fn(move |request| {
        let (aws, door) = (Arc::clone(&aws), door.clone());
        async move { Ok::<_, Infallible>(exchange(&aws, door, request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(std::io::Error::other)
}

async fn exchange(aws: &Aws, door: Door, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let head = request.method() == Method::HEAD;
    let call = match read(aws, door, request).await {
        Ok(call) => call,
        Err(status) => return respond(aws, Reply::new(status, "", ""), head),
    };
    let service = Aws::service(&call);
    if service.as_ref().is_some_and(|service| aws.config.silent.contains(service)) {
        std::future::pending::<()>().await;
    }
    let reply = aws.answer(&call);
    respond(aws, reply, head)
}

async fn read(aws: &Aws, door: Door, request: Request<Incoming>) -> Result<Call, u16> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await.map_err(|_| 400_u16)?.to_bytes();
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).or(parts.uri.host());
    let named = named.ok_or(400_u16)?;
    let host = match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => named,
    };
    let host = host.to_ascii_lowercase();
    let target = names::parse(&host);
    // S3 numbers its requests in a way of its own.
    let s3 = target.as_ref().is_some_and(|target| target.service == "s3");
    let id = if s3 { random_text(b"ABCDEFGHJKMNPQRSTVWXYZ0123456789", 16) } else { uuid() };
    Ok(Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        host,
        target,
        ingress: door.ingress,
        peer: door.peer,
        secure: door.secure,
        at: aws.now(),
        id,
    })
}

fn respond(aws: &Aws, reply: Reply, head: bool) -> Response<Full<Bytes>> {
    let length = reply.body.len();
    let mut response = Response::new(Full::new(if head { Bytes::new() } else { reply.body }));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    // hyper would write this machine's time, but the clock that clients compare theirs with is that of AWS.
    let date = aws.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(DATE, date);
    }
    if head && length > 0 {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}
