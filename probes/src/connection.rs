//! HTTP/1.1 on a measured TLS connection, one exchange at a time.
//!
//! It owns the one connection it was given and cannot open another, so every exchange is with the peer whose address
//! and certificates were observed. It knows neither services nor signatures; [`crate::call`] gives it whole requests.

use std::error::Error;
use std::io;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::observations::CallFailure;
use crate::step::Unclassified;
use crate::stream::Stream;

/// What the fields of a request come to that is to fill a packet.
const FULL_HEAD: usize = 1_800;
/// The most that is read of an answer's body; errors and the first page of a list are far smaller.
const LARGEST_BODY: usize = 64 * 1024;
/// The most that is buffered of an answer's head.
pub(crate) const LARGEST_HEAD: usize = 64 * 1024;

/// HTTP on the connection that was measured.
#[derive(Debug)]
pub(crate) struct Connection {
    host: String,
    sender: Mutex<SendRequest<Full<Bytes>>>,
    driver: JoinHandle<()>,
    longest: Longest,
    /// Whether requests are made long enough to fill a packet.
    filling: bool,
}

/// The longest body that is read of an answer, and what becomes of a longer one.
#[derive(Debug, Clone, Copy)]
enum Longest {
    /// Its start is kept: it says what a refusal says.
    Cut(usize),
    /// It fails the exchange: a list that ends in the middle would be read as a shorter one.
    Refused(usize),
}

/// An answer as it came, before anyone reads a meaning into it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The status code.
    pub(crate) status: u16,
    /// The header fields.
    pub(crate) headers: HeaderMap,
    /// The body, cut at 64 KiB unless the connection refuses what is longer.
    pub(crate) body: Bytes,
    /// This host's clock when the head of the answer was there, in milliseconds since 1970.
    pub(crate) at_ms: i64,
}

impl Connection {
    /// Prepares HTTP on a stream that was opened for a host name.
    ///
    /// # Errors
    ///
    /// If the connection is closed already.
    pub(crate) async fn open<S>(stream: S, host: &str) -> Result<Self, CallFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream: Stream = Box::new(stream);
        let (sender, connection) = Builder::new()
            .max_buf_size(LARGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| classify(&error))?;
        let driver = tokio::spawn(async move {
            // Its errors reach the exchange that they end; after the last exchange they concern nobody.
            let _ = connection.await;
        });
        let longest = Longest::Cut(LARGEST_BODY);
        Ok(Self { host: host.to_owned(), sender: Mutex::new(sender), driver, longest, filling: false })
    }

    /// The same connection for requests that are to fill a packet of the internet's size: where full packets get lost on the
    /// way out, a small request would not notice. Real requests with a session token are as long.
    pub(crate) fn filling_packets(mut self) -> Self {
        self.filling = true;
        self
    }

    /// The same connection for answers that are worth nothing unless whole: a longer one fails its exchange.
    pub(crate) fn refusing_beyond(mut self, longest: usize) -> Self {
        self.longest = Longest::Refused(longest);
        self
    }

    /// Whether the peer has not closed it yet.
    pub(crate) fn is_open(&self) -> bool {
        self.sender.try_lock().is_ok_and(|sender| !sender.is_closed())
    }

    /// The host name that this connection was opened for.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Sends one request and reads its answer; the request must be for this connection's own host.
    ///
    /// # Errors
    ///
    /// How the exchange failed. A request for another host is not sent: it would be measured as this one's.
    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Result<Received, CallFailure> {
        let request = self.origin_form(request)?;
        let mut sender = self.sender.lock().await;
        sender.ready().await.map_err(|error| classify(&error))?;
        let response = sender.send_request(request).await.map_err(|error| classify(&error))?;
        let at_ms = jiff::Timestamp::now().as_millisecond();
        let (head, body) = response.into_parts();
        let body = read(body, self.longest).await?;
        Ok(Received { status: head.status.as_u16(), headers: head.headers, body, at_ms })
    }

    /// Turns a request for an absolute address into what goes over a connection: a path, and the `Host` field.
    fn origin_form(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, CallFailure> {
        let (mut head, body) = request.into_parts();
        let wanted = head.uri.host().unwrap_or_default();
        let standard_port = head.uri.port_u16().is_none_or(|port| port == 443);
        if !wanted.eq_ignore_ascii_case(&self.host) || !standard_port {
            let text = format!("the request is for {wanted}, the connection for {}", self.host);
            return Err(CallFailure::NotSent { text });
        }
        let path = head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        head.uri = Uri::from(path);
        if !head.headers.contains_key(HOST) {
            let value = HeaderValue::from_str(&self.host)
                .map_err(|error| CallFailure::NotSent { text: error.to_string() })?;
            head.headers.insert(HOST, value);
        }
        if self.filling {
            fill(&mut head.headers);
        }
        Ok(Request::from_parts(head, Full::new(body)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The driver owns the socket; without this it would live on as long as the peer keeps it open.
        self.driver.abort();
    }
}

/// Adds a field that no service reads, so that the head alone is longer than a packet of 1,500 bytes and shorter than what any
/// service takes (S3: 8 KiB of fields). It is not among those that were signed, which only `x-amz-` fields must be.
fn fill(headers: &mut HeaderMap) {
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let missing = FULL_HEAD.saturating_sub(length);
    if missing > 0
        && let Ok(value) = HeaderValue::from_str(&"0".repeat(missing))
    {
        headers.insert(HeaderName::from_static("x-vpcprobe-padding"), value);
    }
}

async fn read(mut body: Incoming, longest: Longest) -> Result<Bytes, CallFailure> {
    let (Longest::Cut(limit) | Longest::Refused(limit)) = longest;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| classify(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = limit - whole.len();
        if data.len() > room && matches!(longest, Longest::Refused(_)) {
            let text = format!("the answer is longer than {limit} bytes");
            return Err(CallFailure::Unclassified(Unclassified::from_text(text)));
        }
        whole.extend_from_slice(&data[..data.len().min(room)]);
        if whole.len() == limit && matches!(longest, Longest::Cut(_)) {
            break;
        }
    }
    Ok(whole.freeze())
}

/// Names an error of the HTTP library by its kind; the text is only kept.
pub(crate) fn classify(error: &hyper::Error) -> CallFailure {
    if error.is_parse() {
        return CallFailure::NotHttp { text: describe(error) };
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return CallFailure::Closed { text: describe(error) };
    }
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => CallFailure::Closed { text: describe(error) },
        Some(io::ErrorKind::TimedOut) => CallFailure::TimedOut,
        _ => CallFailure::Unclassified(Unclassified {
            text: describe(error),
            os_error: io.and_then(io::Error::raw_os_error),
        }),
    }
}

/// An error with its sources, in one line.
pub(crate) fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their source in their own text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.chars().take(300).collect()
}
