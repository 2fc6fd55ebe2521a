//! The instance metadata service at 169.254.169.254: version 2 with its tokens, version 1 where a scenario allows it, and
//! every way it fails.
//!
//! [`tree`] holds what there is to say; this module says how it is asked for. Faults that are silence are not here but
//! in the router, because a silent service never sees the packet.

pub(crate) mod tree;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4Ttl, Ipv6Ttl};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};

use tree::Tree;

/// The `[imds]` table of a scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Imds {
    pub(crate) fault: Fault,
    /// Whether requests without a token are refused.
    pub(crate) http_tokens: HttpTokens,
    /// The IP TTL of the answer that carries a token.
    pub(crate) hop_limit: u8,
    /// How many bridges the answer must pass on the instance itself, as on its way into a container: each takes one off the TTL.
    pub(crate) bridges: u8,
    /// How long every answer takes.
    pub(crate) delay_ms: u64,
    /// What is wrong with the instance's role.
    pub(crate) role: Role,
    /// Whether it listens at its IPv6 address, too (EC2's `HttpProtocolIpv6`).
    pub(crate) ipv6: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    #[default]
    None,
    /// Packets vanish, as behind a firewall rule on the instance.
    Off,
    /// Nothing listens.
    Refused,
    /// `HttpEndpoint=disabled`: everything is answered by 403.
    Disabled,
    /// The service answers 503 and asks to come back.
    Unavailable,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HttpTokens {
    #[default]
    Required,
    Optional,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    #[default]
    Present,
    /// No instance profile: there is no `iam/` at all.
    None,
    /// The role's trust policy does not name EC2.
    Unauthorized,
}

impl Default for Imds {
    fn default() -> Self {
        Self {
            fault: Fault::None,
            http_tokens: HttpTokens::Required,
            hop_limit: 1,
            bridges: 0,
            delay_ms: 0,
            role: Role::Present,
            ipv6: false,
        }
    }
}

/// Binds the service's port in the network namespace of the calling thread.
pub(crate) fn bind(address: IpAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind((address, 80))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the task is dropped.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    settings: Arc<RwLock<Imds>>,
    tree: impl Fn(Role) -> Tree + Send + Sync + 'static,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let service = Arc::new(Service { settings, tree: Box::new(tree), tokens: Mutex::new(Tokens::default()) });
    loop {
        let (stream, _) = listener.accept().await?;
        let service = Arc::clone(&service);
        // A broken connection is the client's business.
        tokio::spawn(async move { converse(stream, service).await.ok() });
    }
}

/// The longest a token may live, in seconds.
const LONGEST: u64 = 21_600;
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

struct Service {
    /// Calls to EC2 and IAM may change them.
    settings: Arc<RwLock<Imds>>,
    /// What there is to say, by the state of the role.
    tree: Box<dyn Fn(Role) -> Tree + Send + Sync>,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    issued: u64,
    valid_until: BTreeMap<String, Instant>,
}

struct Answer {
    status: StatusCode,
    body: String,
    token_ttl: Option<u64>,
}

async fn converse(stream: TcpStream, service: Arc<Service>) -> anyhow::Result<()> {
    // A second handle on the socket: the TTL of what is sent depends on the request.
    let socket = stream.as_fd().try_clone_to_owned()?;
    let respond = service_fn(move |request: Request<Incoming>| {
        let service = Arc::clone(&service);
        let socket = socket.try_clone();
        async move {
            tokio::time::sleep(Duration::from_millis(service.settings().delay_ms)).await;
            let answer = service.answer(request.method(), request.uri().path(), request.headers());
            let settings = service.settings();
            if answer.token_ttl.is_some() && settings.hop_limit <= settings.bridges {
                // The last bridge before the client drops the packets.
                std::future::pending::<()>().await;
            }
            let hops = answer.token_ttl.map_or(64, |_| i32::from(settings.hop_limit));
            if let Ok(socket) = socket {
                // Without it the answer would only travel farther than on EC2.
                let _ = setsockopt(&socket, Ipv4Ttl, &hops).or_else(|_| setsockopt(&socket, Ipv6Ttl, &hops));
            }
            Ok::<_, Infallible>(answer.into_response())
        }
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await?;
    Ok(())
}

impl Service {
    fn settings(&self) -> Imds {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, method: &Method, path: &str, headers: &http::HeaderMap) -> Answer {
        let settings = self.settings();
        match settings.fault {
            Fault::Disabled => return Answer::error(StatusCode::FORBIDDEN),
            Fault::Unavailable => return Answer::error(StatusCode::SERVICE_UNAVAILABLE),
            Fault::None | Fault::Off | Fault::Refused => {}
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match *method {
            Method::PUT if path == "/latest/api/token" => {
                if headers.contains_key("x-forwarded-for") {
                    return Answer::error(StatusCode::FORBIDDEN);
                }
                match header(TOKEN_TTL).and_then(|ttl| ttl.parse().ok()) {
                    Some(ttl) if (1..=LONGEST).contains(&ttl) => self.issue(ttl),
                    _ => Answer::error(StatusCode::BAD_REQUEST),
                }
            }
            Method::PUT => Answer::error(StatusCode::FORBIDDEN),
            Method::GET | Method::HEAD => {
                let allowed = match header(TOKEN) {
                    Some(token) => self.valid(token),
                    None => settings.http_tokens == HttpTokens::Optional,
                };
                if !allowed {
                    return Answer::error(StatusCode::UNAUTHORIZED);
                }
                match (self.tree)(settings.role).read(path) {
                    Some(body) => Answer { status: StatusCode::OK, body, token_ttl: None },
                    None => Answer::error(StatusCode::NOT_FOUND),
                }
            }
            _ => Answer::error(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn issue(&self, ttl: u64) -> Answer {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.issued += 1;
        // Tokens protect nothing here; they only have to look like tokens and differ from each other.
        let digest = hex::encode(Sha256::digest(format!("{}/{}", std::process::id(), tokens.issued)));
        let token = format!("AQAEA{}==", &digest[..49]);
        tokens.valid_until.insert(token.clone(), Instant::now() + Duration::from_secs(ttl));
        Answer { status: StatusCode::OK, body: token, token_ttl: Some(ttl) }
    }

    fn valid(&self, token: &str) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.valid_until.get(token).is_some_and(|end| *end > Instant::now())
    }
}

impl Answer {
    fn error(status: StatusCode) -> Self {
        let title = format!("{} - {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html>\n <head>\n  <title>{title}</title>\n </head>\n \
             <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
        );
        Self { status, body, token_ttl: None }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let kind = if self.status.is_success() { "text/plain" } else { "text/html" };
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        headers.insert(http::header::SERVER, http::HeaderValue::from_static("EC2ws"));
        if let Some(ttl) = self.token_ttl {
            headers.insert(TOKEN_TTL, http::HeaderValue::from(ttl));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn service(settings: Imds) -> Service {
        let tree = |_| Tree::from_leaves([("latest/meta-data/instance-id".to_owned(), "i-1".to_owned())]);
        let settings = Arc::new(RwLock::new(settings));
        Service { settings, tree: Box::new(tree), tokens: Mutex::new(Tokens::default()) }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn status(service: &Service, method: &Method, path: &str, pairs: &[(&'static str, &str)]) -> u16 {
        service.answer(method, path, &headers(pairs)).status.as_u16()
    }

    const ID: &str = "/latest/meta-data/instance-id";

    #[test]
    fn a_token_opens_the_tree() {
        let service = service(Imds::default());
        let token = service.answer(&Method::PUT, "/latest/api/token", &headers(&[(TOKEN_TTL, "60")])).body;
        assert_eq!(status(&service, &Method::GET, ID, &[(TOKEN, &token)]), 200);
        assert_eq!(status(&service, &Method::GET, "/latest/meta-data/iam/", &[(TOKEN, &token)]), 404);
    }

    #[test]
    fn wrong_requests_get_the_documented_codes() {
        let service = service(Imds::default());
        assert_eq!(status(&service, &Method::GET, ID, &[]), 401);
        assert_eq!(status(&service, &Method::GET, ID, &[(TOKEN, "made up")]), 401);
        assert_eq!(status(&service, &Method::PUT, "/latest/api/token", &[]), 400);
        assert_eq!(status(&service, &Method::PUT, "/latest/api/token", &[(TOKEN_TTL, "0")]), 400);
        assert_eq!(status(&service, &Method::PUT, "/latest/api/token", &[(TOKEN_TTL, "21601")]), 400);
        let forwarded = [(TOKEN_TTL, "60"), ("x-forwarded-for", "10.0.0.1")];
        assert_eq!(status(&service, &Method::PUT, "/latest/api/token", &forwarded), 403);
        assert_eq!(status(&service, &Method::PUT, "/2021-07-15/api/token", &[(TOKEN_TTL, "60")]), 403);
    }

    #[test]
    fn version_one_works_only_where_tokens_are_optional() {
        let optional = service(Imds { http_tokens: HttpTokens::Optional, ..Imds::default() });
        assert_eq!(status(&optional, &Method::GET, ID, &[]), 200);
        assert_eq!(status(&optional, &Method::GET, ID, &[(TOKEN, "made up")]), 401);
    }

    #[test]
    fn a_disabled_endpoint_forbids_everything() {
        let disabled = service(Imds { fault: Fault::Disabled, ..Imds::default() });
        assert_eq!(status(&disabled, &Method::GET, ID, &[]), 403);
        assert_eq!(status(&disabled, &Method::PUT, "/latest/api/token", &[(TOKEN_TTL, "60")]), 403);
    }
}
