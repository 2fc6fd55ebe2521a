//! The request for a tunnel: one HTTP/1.1 `CONNECT` on a connection to a proxy (RFC 9110 §9.3.6).
//!
//! It knows no target but the text of its host and port. Whatever the proxy sends, it costs at most a bounded buffer and
//! this step; the stream behind a tunnel goes on to the TLS step.

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use crate::call::{collapse, field};
use crate::connection::{self, LARGEST_HEAD};
use crate::observations::{CallFailure, ProxyAnswer, ProxyFailure};
use crate::step::Unclassified;
use crate::stream::Stream;

/// The longest reason and name of a scheme that are kept.
const LONGEST_TEXT: usize = 300;
/// The most schemes that are kept.
const MOST_SCHEMES: usize = 8;

/// Asks for a tunnel to `destination` (host and port) and gives it with what the proxy said.
///
/// # Errors
///
/// How the proxy did not open it; any HTTP answer but 2xx is one.
pub(super) async fn open(
    stream: Stream,
    destination: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(ProxyAnswer, Stream), ProxyFailure> {
    let request = request(destination, authorization)?;
    let (mut sender, connection) = Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure(&error))?;
    // The set ends the driver when this function ends; a tunnel has left it by then.
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // Its errors reach the request that they end.
        let _ = connection.with_upgrades().await;
    });
    let response = sender.send_request(request).await.map_err(|error| failure(&error))?;
    if !response.status().is_success() {
        return Err(refusal(&response, authorization.is_some()));
    }
    let answer = ProxyAnswer {
        status: response.status().as_u16(),
        via: field(response.headers(), "via"),
        server: field(response.headers(), "server"),
    };
    let tunnel = hyper::upgrade::on(response).await.map_err(|error| failure(&error))?;
    Ok((answer, Box::new(TokioIo::new(tunnel))))
}

fn request(
    destination: &str,
    authorization: Option<&HeaderValue>,
) -> Result<Request<Full<Bytes>>, ProxyFailure> {
    let mut request = Request::connect(destination)
        .header(HOST, destination)
        .header(USER_AGENT, concat!("vpcprobe/", env!("CARGO_PKG_VERSION")));
    if let Some(value) = authorization {
        request = request.header(PROXY_AUTHORIZATION, value);
    }
    request.body(Full::default()).map_err(|error| {
        ProxyFailure::Unclassified(Unclassified::from_text(format!(
            "{destination:?} is no destination: {error}"
        )))
    })
}

fn refusal(response: &Response<Incoming>, sent: bool) -> ProxyFailure {
    let headers = response.headers();
    if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let values = headers.get_all(PROXY_AUTHENTICATE).iter();
        let schemes = values
            .filter_map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                text.split_ascii_whitespace().next().map(|scheme| scheme.chars().take(32).collect())
            })
            .take(MOST_SCHEMES)
            .collect();
        return ProxyFailure::AuthenticationRequired { sent, schemes };
    }
    let phrase = || match response.extensions().get::<ReasonPhrase>() {
        Some(phrase) => Some(collapse(&String::from_utf8_lossy(phrase.as_bytes()))),
        None => response.status().canonical_reason().map(ToOwned::to_owned),
    };
    // `ERR_DNS_FAIL`, `ERR_CONNECT_FAIL`, `ERR_ACCESS_DENIED`: Squid's own names tell more than the status does.
    let reason = field(headers, "x-squid-error")
        .or_else(phrase)
        .map(|text| text.chars().take(LONGEST_TEXT).collect::<String>())
        .filter(|text| !text.is_empty());
    ProxyFailure::Refused { status: response.status().as_u16(), reason }
}

/// Names an error of the HTTP library as every exchange does, in a proxy's terms.
fn failure(error: &hyper::Error) -> ProxyFailure {
    match connection::classify(error) {
        CallFailure::TimedOut => ProxyFailure::TimedOut,
        CallFailure::Closed { .. } => ProxyFailure::Closed,
        CallFailure::NotHttp { text } => ProxyFailure::NotAProxy { text },
        CallFailure::NotSent { text } => ProxyFailure::Unclassified(Unclassified::from_text(text)),
        CallFailure::Unclassified(other) => ProxyFailure::Unclassified(other),
    }
}
