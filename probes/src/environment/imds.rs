//! The conversation with the instance metadata service: a token, then questions, each with its own way to fail.
//!
//! It never goes through a proxy, follows no redirect, and is over when its time is. What the answers mean for the host
//! is for [`super::metadata`]; how the service answered goes into the report as it is.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use reqwest::{Client, Method, Response, StatusCode};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep_until, timeout_at};

use super::metadata::{self, Metadata, RoleDocument};
use super::{Imds, ImdsFailure, files};
use crate::step::{Clock, Outcome, Step, millis};

/// How long the session token is good for, in seconds; the run is shorter, and 21600 is the most that is allowed.
const TOKEN_LIFETIME_S: &str = "300";

/// Requests at once: enough to hide the round trips, few enough to reuse connections. The service shares 1,024 packets
/// a second with DNS and time (EC2 user guide, "query throttling").
const LANES: usize = 6;

/// No answer that is read here is near this size; the identity document has half a kilobyte.
const BODY_LIMIT: usize = 64 * 1024;

/// What the service said, and how.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) imds: Imds,
    pub(super) metadata: Metadata,
    pub(super) role: Option<RoleDocument>,
}

/// Has the whole conversation with the service at this address, at most until the given time.
pub(super) async fn ask(clock: &Clock, address: SocketAddr, until: Instant) -> Asked {
    let mut asked =
        Asked { imds: Imds { address: Some(address.ip()), ..Imds::default() }, ..Asked::default() };
    let mut service = match Service::new(address, until) {
        Ok(service) => service,
        Err(failure) => {
            asked.imds.token = Some(clock.measure(async { Err(failure) }).await);
            return asked;
        }
    };
    match open(clock, &service, &mut asked.imds).await {
        Access::Token(token) => service.token = Some(token),
        Access::WithoutToken => {}
        Access::None => return asked,
    }
    read_everything(clock, &service, &mut asked).await;
    asked
}

/// How questions can be put.
enum Access {
    Token(HeaderValue),
    WithoutToken,
    None,
}

/// Gets the token, and where it does not come asks one question without it.
///
/// A token that does not come while questions without one are answered is the mark of a hop limit, so the second question
/// goes out when half of the time is over, beside the first, and the two together still keep to the time.
async fn open(clock: &Clock, service: &Service, imds: &mut Imds) -> Access {
    let asked_token = Since::now(clock);
    let half = asked_token.instant + service.until.saturating_duration_since(asked_token.instant) / 2;
    let token_failed = Notify::new();
    let token = service.token();
    let beside = async {
        tokio::select! {
            () = sleep_until(half.into()) => {}
            () = token_failed.notified() => {}
        }
        let since = Since::now(clock);
        since.step(service.status_without_token().await)
    };
    tokio::pin!(token, beside);
    let result = tokio::select! {
        biased;
        result = &mut token => result,
        step = &mut beside => {
            let answers = step.done() == Some(&200);
            imds.without_token = Some(step);
            if answers {
                // Nothing is left to wait for: the service works without a token, and the rest of the time is for it.
                imds.token = Some(asked_token.step(Err(ImdsFailure::TimedOut)));
                return Access::WithoutToken;
            }
            token.await
        }
    };
    let failure = match result {
        Ok(value) => {
            imds.token = Some(asked_token.step(Ok(())));
            return Access::Token(value);
        }
        Err(failure) => failure,
    };
    let dead = matches!(failure, ImdsFailure::Refused | ImdsFailure::Unreachable { .. });
    imds.token = Some(asked_token.step(Err(failure)));
    if dead || imds.without_token.is_some() {
        return Access::None;
    }
    token_failed.notify_one();
    let step = beside.await;
    let answers = step.done() == Some(&200);
    imds.without_token = Some(step);
    if answers { Access::WithoutToken } else { Access::None }
}

/// The start of a step whose end is decided elsewhere.
struct Since {
    start_ms: f64,
    instant: Instant,
}

impl Since {
    fn now(clock: &Clock) -> Self {
        Self { start_ms: clock.elapsed_ms(), instant: Instant::now() }
    }

    fn step<T>(&self, result: Result<T, ImdsFailure>) -> Step<T, ImdsFailure> {
        let outcome = match result {
            Ok(value) => Outcome::Done(value),
            Err(failure) => Outcome::Failed(failure),
        };
        Step::placed(self.start_ms, millis(self.instant.elapsed()), outcome)
    }

    /// The step for the report, and apart from it what came, which may be a secret.
    fn split<T>(&self, result: Result<T, ImdsFailure>) -> (Step<(), ImdsFailure>, Option<T>) {
        match result {
            Ok(value) => (self.step(Ok(())), Some(value)),
            Err(failure) => (self.step(Err(failure)), None),
        }
    }
}

async fn read_everything(clock: &Clock, service: &Service, asked: &mut Asked) {
    let region = async {
        let since = Since::now(clock);
        since.split(metadata::region(service).await)
    };
    let role = async {
        let since = Since::now(clock);
        let name = match metadata::role_name(service).await {
            Ok(name) => name,
            Err(failure) => return (since.step(Err(failure)), None, None),
        };
        let (step, document) = since.split(metadata::role_document(service, &name).await);
        (step, document, Some(name))
    };
    let ((metadata_step, region), mut metadata, interfaces, (credentials_step, document, role)) =
        tokio::join!(region, metadata::host(service), metadata::interfaces(service), role);
    metadata.region = region.or(metadata.region);
    metadata.interfaces = interfaces;
    metadata.role = role;
    asked.metadata = metadata;
    asked.role = document;
    asked.imds.metadata = Some(metadata_step);
    asked.imds.credentials = Some(credentials_step);
}

/// One metadata service, and the token that it gave.
pub(super) struct Service {
    http: Client,
    base: String,
    token: Option<HeaderValue>,
    until: Instant,
    lanes: Semaphore,
}

impl Service {
    fn new(address: SocketAddr, until: Instant) -> Result<Self, ImdsFailure> {
        let http = client().map_err(|error| failure_of(&error))?;
        Ok(Self {
            http,
            base: format!("http://{address}/latest/"),
            token: None,
            until,
            lanes: Semaphore::new(LANES),
        })
    }

    /// The text at a path below `latest/`.
    ///
    /// # Errors
    ///
    /// How the service refused or failed.
    pub(super) async fn text(&self, path: &str) -> Result<String, ImdsFailure> {
        let work = async {
            // The semaphore is never closed, so a refused permit cannot happen; without one the request goes out anyway.
            let _permit = self.lanes.acquire().await.ok();
            let mut request = self.http.get(format!("{}{path}", self.base));
            if let Some(token) = &self.token {
                request = request.header("X-aws-ec2-metadata-token", token.clone());
            }
            let response = request.send().await.map_err(|error| failure_of(&error))?;
            check_status(response.status())?;
            let body = body(response).await?;
            String::from_utf8(body).map_err(|_| malformed("the answer is not text"))
        };
        timeout_at(self.until.into(), work).await.unwrap_or(Err(ImdsFailure::TimedOut))
    }

    async fn token(&self) -> Result<HeaderValue, ImdsFailure> {
        let work = async {
            let request = self
                .http
                .request(Method::PUT, format!("{}api/token", self.base))
                .header("X-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFETIME_S);
            let response = request.send().await.map_err(|error| failure_of(&error))?;
            check_status(response.status())?;
            let body = body(response).await?;
            let mut token = HeaderValue::from_bytes(body.trim_ascii())
                .map_err(|_| malformed("the token is not a token"))?;
            if token.is_empty() || token.len() > 1024 {
                return Err(malformed("the token is empty or too long"));
            }
            token.set_sensitive(true);
            Ok(token)
        };
        timeout_at(self.until.into(), work).await.unwrap_or(Err(ImdsFailure::TimedOut))
    }

    async fn status_without_token(&self) -> Result<u16, ImdsFailure> {
        let request = self.http.get(format!("{}meta-data/placement/region", self.base)).send();
        match timeout_at(self.until.into(), request).await {
            Ok(Ok(response)) => Ok(response.status().as_u16()),
            Ok(Err(error)) => Err(failure_of(&error)),
            Err(_) => Err(ImdsFailure::TimedOut),
        }
    }
}

/// A client that talks to the address that it is given and to nothing else.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(LANES)
        .pool_idle_timeout(Duration::from_secs(5))
        .build()
}

/// The body, up to the limit.
///
/// # Errors
///
/// `Malformed` for a longer one, or how the connection failed.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, ImdsFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure_of(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(malformed("the answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// # Errors
///
/// What a status other than 200 means at this service.
pub(super) fn check_status(status: StatusCode) -> Result<(), ImdsFailure> {
    Err(match status.as_u16() {
        200 => return Ok(()),
        400 => ImdsFailure::BadRequest,
        401 => ImdsFailure::Unauthorized,
        403 => ImdsFailure::Forbidden,
        404 => ImdsFailure::NotFound,
        503 => ImdsFailure::Unavailable,
        status => ImdsFailure::Status { status },
    })
}

/// Reads the cause of a failed request from the system's error, not from a text.
pub(super) fn failure_of(error: &reqwest::Error) -> ImdsFailure {
    if error.is_timeout() {
        return ImdsFailure::TimedOut;
    }
    let mut cause = error.source();
    let mut last = None;
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return ImdsFailure::Refused,
                io::ErrorKind::TimedOut => return ImdsFailure::TimedOut,
                io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::AddrNotAvailable => {
                    return ImdsFailure::Unreachable { text: io.to_string() };
                }
                _ => {}
            }
        }
        last = Some(inner);
        cause = inner.source();
    }
    let text = last.map_or_else(|| error.to_string(), ToString::to_string);
    ImdsFailure::Other { text: files::clipped(&text, 256) }
}

pub(super) fn malformed(text: &str) -> ImdsFailure {
    ImdsFailure::Malformed { text: text.to_owned() }
}

#[cfg(test)]
mod tests;
