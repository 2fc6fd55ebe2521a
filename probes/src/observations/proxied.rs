//! What was seen of the way through a proxy, beside the direct one.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CallFailure, LookupFailure, Reply, TcpConnection, TcpFailure, TlsFailure, TlsSession, Trust};
use crate::step::{Step, Unclassified};

/// What a client meets that takes the proxy: one chain of steps, on one connection.
///
/// The target's name is not looked up here: a client leaves that to its proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proxied {
    /// The proxy as host and port, never with user or password.
    pub proxy: String,
    /// The proxy's address: where the connection stands, else the first that was tried; `None` where none was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<IpAddr>,
    /// The TCP connection to the proxy; its addresses are tried at once and the first that stands is taken.
    pub tcp: Step<TcpConnection, TcpFailure>,
    /// The request for a tunnel to the target's port 443 (HTTP `CONNECT`), with a handshake of the proxy's own before it
    /// where the proxy is spoken to over TLS. Failed as well where the proxy's name was not found.
    pub connect: Step<ProxyAnswer, ProxyFailure>,
    /// The TLS handshake with the target, through the tunnel.
    pub tls: Step<TlsSession, TlsFailure>,
    /// The target's request, through the tunnel.
    pub call: Step<Reply, CallFailure>,
}

/// A proxy that opened the tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyAnswer {
    /// The HTTP status, 2xx.
    pub status: u16,
    /// The `Via` header: the proxies that the request went through, by their own account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub via: Option<String>,
    /// The `Server` header; few proxies send one with a tunnel.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<String>,
}

/// How a proxy did not open the tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ProxyFailure {
    /// The host's own name service gives no address for the proxy: a misspelt variable, or a name of another network.
    NotResolved {
        /// How the lookup failed.
        lookup: LookupFailure,
    },
    /// The proxy said no: 403 for a host that its rules do not allow, 502, 503 or 504 where it cannot reach or look up
    /// the host itself; 400 or 405 usually comes from a web server that is no proxy.
    Refused {
        /// The HTTP status; neither 2xx nor 407.
        status: u16,
        /// Why, in the proxy's words: Squid's `X-Squid-Error` header, else the status line's text.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
    /// The proxy wants a user and a password (407): the variable has none, they are wrong, or the proxy takes only
    /// schemes that no AWS SDK speaks.
    AuthenticationRequired {
        /// Whether the variable's user and password were sent.
        sent: bool,
        /// The schemes that the proxy takes, at most eight: `Basic`, `NTLM`, `Negotiate`, …
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        schemes: Vec<String>,
    },
    /// No answer in time: the proxy itself cannot reach the host and waits, or something else listens there.
    TimedOut,
    /// The proxy closed or reset the connection without a whole answer: this client or host is not welcome to it, or
    /// it wants to be spoken to over TLS.
    Closed,
    /// What came back is not HTTP, or its head has no end: something else listens there.
    NotAProxy {
        /// What the HTTP library said.
        text: String,
    },
    /// The variable says that the proxy is spoken to over TLS, and its handshake failed: most often the proxy speaks
    /// plain HTTP and the variable should say `http://`.
    Tls {
        /// How the handshake failed.
        failure: TlsFailure,
    },
    /// The handshake with the proxy ran to its end, but nobody vouches for it. Clients refuse it, and no password was
    /// sent: the proxy's authority is missing on this host.
    Untrusted {
        /// What each set of roots says of the proxy's chain.
        trust: Trust,
    },
    /// Anything else.
    Unclassified(Unclassified),
}
