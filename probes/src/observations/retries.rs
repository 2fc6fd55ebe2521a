//! What was tried again in another way after TCP stood and nothing came of it: each way tells one cause from its look-alikes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TlsFailure;

/// The other ways, all at the same address and at the same time. `None` for a way that was not tried.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Retries {
    /// The same once more, unchanged, where the request had failed: where that works, it was a passing fault.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub again: Option<Retry>,
    /// The same over a connection whose packets are small in both directions (`TCP_MAXSEG` 1200): where that works, packets
    /// of full size get lost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub small_packets: Option<Retry>,
    /// The handshake for other host names: where one comes through, a filter looks at the name.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub other_names: Vec<OtherName>,
    /// The handshake with TLS 1.2 alone: where that works, something on the way does not take TLS 1.3.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls12: Option<Retry>,
}

/// The handshake for another host name at the same address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherName {
    /// The name.
    pub name: String,
    /// What came of it.
    pub outcome: Retry,
}

/// What came of one other way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Retry {
    /// The handshake ran to its end, and, where the call had failed, the request was answered.
    Passed,
    /// The handshake failed.
    Handshake {
        /// How.
        failure: TlsFailure,
    },
    /// The handshake stood, and the request was not answered.
    Unanswered,
    /// TCP did not stand this time.
    NotConnected,
}
