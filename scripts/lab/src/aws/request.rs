//! One request as it arrived, whole and unchanged, and one reply before it becomes HTTP.
//!
//! Signatures are computed over the raw path, query and headers, so nothing here decodes anything in place.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::ingress::Ingress;
use super::names::Host;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// The path, still encoded.
    pub(crate) path: String,
    /// The query without its question mark, still encoded.
    pub(crate) query: String,
    /// The headers in the order of arrival.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    /// The host the client named, without port.
    pub(crate) host: String,
    /// What that host asks for; `None` for web sites.
    pub(crate) target: Option<Host>,
    /// How the connection came in.
    pub(crate) ingress: Ingress,
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
    /// When it arrived, by the clock of AWS.
    pub(crate) at: Timestamp,
    /// The id that the reply carries.
    pub(crate) id: String,
}

/// A reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// Headers besides `Date`, `Content-Length` and `Connection`.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body, dropped for HEAD.
    pub(crate) body: Bytes,
}

impl Call {
    /// A header as text; `None` when it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The query parameters, decoded, in order.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        decode_form(&self.query)
    }

    /// A query parameter's value; present without a value counts as empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The parameters of a query-protocol request, which stand in the body of a POST and in the query of a GET.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let mut form = self.parameters();
        if let Ok(body) = std::str::from_utf8(&self.body) {
            form.extend(decode_form(body));
        }
        form
    }
}

impl Reply {
    /// A reply with a body of some type.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers =
            if content_type.is_empty() { vec![] } else { vec![("content-type", content_type.to_owned())] };
        Self { status, headers, body: body.into() }
    }

    /// The same reply with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An id in the form of a UUID, as most services give their requests.
pub(crate) fn uuid() -> String {
    let hex = hex::encode(&noise()[..16]);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Text of `length` characters from an alphabet, different at each call.
pub(crate) fn random_text(alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        text.extend(noise().iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])));
    }
    text.truncate(length);
    text
}

/// Text with XML's own characters escaped.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn decode_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode =
                |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
            (decode(name), decode(value))
        })
        .collect()
}

/// Bytes that differ at each call. Ids need no more than that; nothing secret hangs on them.
fn noise() -> [u8; 32] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut hash = Sha256::new();
    hash.update(COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hash.update(Timestamp::now().as_nanosecond().to_le_bytes());
    hash.finalize().into()
}
