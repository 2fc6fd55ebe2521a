//! What a run observed, as it stands in a report: a tree per target, with every step and its reason.
//!
//! These types only hold facts. They do not know what a fact means; the judging crate reads them, either fresh from a
//! run or back from a saved report.

mod names;
mod proxied;
mod retries;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::control_plane::ControlPlane;
use crate::proofs::Proofs;
use crate::step::{Step, Unclassified};

pub use names::NameCheck;
pub use proxied::{Proxied, ProxyAnswer, ProxyFailure};
pub use retries::{OtherName, Retries, Retry};

/// Everything one run saw of its targets and controls, and what EC2 told it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Observations {
    /// One tree per target, in the order of the plan.
    pub targets: Vec<TargetObservation>,
    /// The same for hosts that no VPC endpoint here serves, which tell an observed silence from a general one: public hosts, and
    /// services that gateway endpoints carry at their addresses of another Region.
    pub controls: Vec<TargetObservation>,
    /// Names of no target that tell how the VPC's DNS is set.
    pub name_checks: Vec<NameCheck>,
    /// What EC2 said about this instance's subnet, or why it was not asked.
    pub control_plane: ControlPlane,
    /// What path proofs said, or why none was made.
    pub proofs: Proofs,
}

/// What was seen of one target: a service under one host name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetObservation {
    /// The target's name: `s3`, `s3:BUCKET`, `dynamodb`, `dynamodb:account`, `ssm`, …
    pub target: String,
    /// The service it belongs to, as `--service` names it; for a control the service that answers there in another Region, or
    /// `control` for a public host that is none of AWS's services.
    pub service: String,
    /// The host name that clients use.
    pub host: String,
    /// Whether the instance cannot do its work without it.
    pub required: bool,
    /// What each resolver said about the host name.
    pub lookups: Vec<Lookup>,
    /// What happened at every address that any resolver gave, ordered by address.
    pub attempts: Vec<Attempt>,
    /// What happened on the way through the proxy that the environment names for it; `None` where it names none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proxied: Option<Proxied>,
}

/// What one resolver said about one host name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lookup {
    /// `system` for what applications get, else the resolver's address.
    pub resolver: String,
    /// What kind of resolver it is.
    pub kind: ResolverKind,
    /// The question for IPv4 addresses; for the system resolver, the one question for both families.
    pub a: Step<Answer, LookupFailure>,
    /// The question for IPv6 addresses; `None` for the system resolver.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aaaa: Option<Step<Answer, LookupFailure>>,
    /// In reports of brief detail, of the system resolver: further resolvers that gave the same addresses.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alike: Vec<String>,
}

/// What kind of resolver was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolverKind {
    /// The host's own name service (nsswitch, hosts file, cache, search list), through `getent ahosts`.
    System,
    /// A server from resolv.conf that is not known to be the VPC resolver.
    Configured,
    /// The VPC resolver itself: 169.254.169.253, `fd00:ec2::253`, or the VPC's base address plus two.
    Vpc,
}

/// An answer that a resolver gave, empty or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The addresses, in the order given; not there where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub addresses: Vec<IpAddr>,
    /// In reports of brief detail: the addresses are those of this family that the system resolver gave, and stand there.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub as_system: bool,
    /// The names that the question was led through by CNAME records; empty where there was none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub chain: Vec<String>,
    /// The smallest time to live of the records, in seconds; `None` where the resolver does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ttl_s: Option<u32>,
    /// The zone of the SOA record in the authority section: it names the zone that said there is no such record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub soa: Option<String>,
    /// The transport that carried the answer; `None` for the system resolver.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transport: Option<Transport>,
}

/// What carried a DNS message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// TCP, after the datagram came back truncated or not at all.
    Tcp,
}

/// How a lookup failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LookupFailure {
    /// No answer in time: the server is dead, unreachable, filtered, or DNS support is off in the VPC.
    TimedOut,
    /// The name does not exist (NXDOMAIN): a private zone without the name, a DNS firewall, or a misspelling.
    NoSuchName {
        /// The zone that said so, from the SOA record.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        soa: Option<String>,
    },
    /// The server could not do it (SERVFAIL): its own forwarder is usually the cause.
    ServerFailure,
    /// The server will not answer us (REFUSED).
    Refused,
    /// Another response code.
    ResponseCode {
        /// The code's name or number.
        code: String,
    },
    /// Nothing listens on the server's port 53, or the way to it is closed with an error.
    Unreachable {
        /// The system's error text.
        text: String,
    },
    /// The host's own name service found nothing (`getent` exit code 2).
    NotFound,
    /// The reply was not a DNS message we understand.
    Malformed {
        /// What was wrong with it.
        text: String,
    },
    /// Anything else.
    Unclassified(Unclassified),
}

/// What happened at one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The address that was tried.
    pub address: IpAddr,
    /// The resolvers that gave this address: `system`, or a resolver's address. Not there in reports of brief detail where all
    /// that were asked gave it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub origin: Vec<String>,
    /// The route that the kernel chose for it, `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub route: Option<ChosenRoute>,
    /// The TCP connection to port 443.
    pub tcp: Step<TcpConnection, TcpFailure>,
    /// The TLS handshake on that connection.
    pub tls: Step<TlsSession, TlsFailure>,
    /// The request on that connection.
    pub call: Step<Reply, CallFailure>,
    /// The routers that made themselves visible on the way.
    pub hops: Step<HopWalk, HopFailure>,
    /// The address whose walk stands for this one, where it has none of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub walked_as: Option<IpAddr>,
    /// What came of trying in other ways, where TCP stood and then TLS or the call failed; at one address of a target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retries: Option<Retries>,
    /// In reports of brief detail: further addresses where everything but the walk came out the same.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alike: Vec<Alike>,
}

/// Addresses where everything but the walk came out as at the address they stand with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alike {
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// The routers that made themselves visible on the way.
    pub hops: Step<HopWalk, HopFailure>,
    /// The address whose walk stands for this one, where it has none of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub walked_as: Option<IpAddr>,
}

/// The kernel's choice for one destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ChosenRoute {
    /// The source address that packets will carry.
    pub source: Option<IpAddr>,
    /// The next hop, `None` for an on-link destination.
    pub next_hop: Option<IpAddr>,
    /// The name of the outgoing interface.
    pub interface: Option<String>,
}

/// A TCP connection that was established.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TcpConnection {
    /// The round-trip time that the kernel measured on the handshake, in milliseconds.
    pub rtt_ms: f64,
    /// The largest segment we may send, in bytes, without TCP's options.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub send_mss: Option<u32>,
    /// The segment size that the peer announced, in bytes, as far as this host's own MTU lets it show: it announced this or more.
    /// In reports of brief detail only where it is more than a VPC endpoint lets through.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peer_mss: Option<u32>,
    /// The path MTU as the kernel knows it, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_mtu: Option<u32>,
    /// Segments that had to be sent again until the step ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retransmits: Option<u32>,
}

/// How a TCP connection failed. What usually causes each is measured in the field: see the manual pages of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TcpFailure {
    /// Silence: a security group, a network ACL, a missing or blackhole route, a dead peer. The VPC drops silently.
    TimedOut,
    /// A reset in answer to the SYN (ECONNREFUSED): the port is closed, or a firewall rejects.
    Refused,
    /// The connection was reset after it stood (ECONNRESET).
    Reset,
    /// No route in the guest, or a router said so (ENETUNREACH).
    NetworkUnreachable,
    /// A router or the link said so (EHOSTUNREACH): administratively prohibited, or no neighbour.
    HostUnreachable,
    /// The guest's own firewall refused to send (EPERM, EACCES).
    NotPermitted,
    /// The wanted source address is not on this host (EADDRNOTAVAIL).
    NoSourceAddress,
    /// Anything else.
    Unclassified(Unclassified),
}

/// A TLS handshake that ran to its end, whether or not anyone vouches for the peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsSession {
    /// The negotiated version: `1.2` or `1.3`; only in reports of full detail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// The distinguished name of whoever issued the leaf; empty where the peer presented none.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub issuer: String,
    /// The presented chain, leaf first; only in reports of full detail.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub chain: Vec<Certificate>,
    /// What each set of roots says of that chain for the wanted name.
    #[serde(skip_serializing_if = "Trust::says_nothing", default)]
    pub trust: Trust,
    /// Issuer and trust are those of the first session in the report, and left out here; only in reports of brief detail.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub as_first: bool,
}

/// A presented certificate, as far as a reader or a rule needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The first DNS names it is for, at most eight; empty for an authority.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub names: Vec<String>,
    /// Not valid before this time, RFC 3339.
    pub not_before: String,
    /// Not valid after this time, RFC 3339.
    pub not_after: String,
}

/// What each set of roots says of one chain, each judged by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trust {
    /// The roots compiled into this program (Mozilla's list).
    pub bundled: Verification,
    /// The machine's own store.
    pub machine: Verification,
    /// The file of `--ca-bundle` or `AWS_CA_BUNDLE`; `None` where there is none.
    pub ca_bundle: Option<Verification>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { bundled: Verification::NoRoots, machine: Verification::NoRoots, ca_bundle: None }
    }
}

impl Trust {
    /// Whether no set of roots said anything.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a client on this host would accept the peer: by the named bundle where there is one, else by either store.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.bundled == Verification::Trusted
            || self.machine == Verification::Trusted
            || self.ca_bundle == Some(Verification::Trusted)
    }
}

/// The verdict of one set of roots; a word in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", from = "String")]
#[schemars(with = "String")]
pub enum Verification {
    /// `trusted`: the chain leads to one of these roots and is for this name.
    Trusted,
    /// `unknown_issuer`: no root of this set issued it: an interceptor, or a root that is missing here.
    UnknownIssuer,
    /// `expired`: it has expired, or this host's clock runs ahead.
    Expired,
    /// `not_yet_valid`: it is not valid yet, or this host's clock runs behind.
    NotYetValid,
    /// `wrong_name`: it is for other names.
    WrongName,
    /// `no_roots`: the set of roots is empty or could not be read.
    NoRoots,
    /// `not_read`: the set of roots could not be read in time, so it says nothing.
    NotRead,
    /// Anything else, in the verifier's own words.
    Other(String),
}

impl From<Verification> for String {
    fn from(verification: Verification) -> Self {
        let word = match verification {
            Verification::Trusted => "trusted",
            Verification::UnknownIssuer => "unknown_issuer",
            Verification::Expired => "expired",
            Verification::NotYetValid => "not_yet_valid",
            Verification::WrongName => "wrong_name",
            Verification::NoRoots => "no_roots",
            Verification::NotRead => "not_read",
            Verification::Other(text) => return text,
        };
        word.to_owned()
    }
}

impl From<String> for Verification {
    fn from(word: String) -> Self {
        match word.as_str() {
            "trusted" => Self::Trusted,
            "unknown_issuer" => Self::UnknownIssuer,
            "expired" => Self::Expired,
            "not_yet_valid" => Self::NotYetValid,
            "wrong_name" => Self::WrongName,
            "no_roots" => Self::NoRoots,
            "not_read" => Self::NotRead,
            _ => Self::Other(word),
        }
    }
}

/// How a TLS handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TlsFailure {
    /// Silence after our first message: a filter on the server name that drops, or an MTU black hole.
    TimedOut,
    /// A reset after our first message: a filter on the server name that rejects.
    Reset,
    /// The peer closed the connection in the handshake.
    Closed,
    /// The peer sent an alert.
    Alert {
        /// The alert's name, as RFC 8446 spells it.
        description: String,
    },
    /// What came back is not TLS: a proxy's or captive page's plain answer.
    NotTls {
        /// What the TLS library said.
        text: String,
    },
    /// Anything else.
    Unclassified(Unclassified),
}

/// An HTTP answer to the one request that was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The operation, as IAM names it (`s3:ListBucket` is asked by `HeadBucket`); `GET /` for a bare probe.
    pub operation: String,
    /// Whether the request was signed.
    pub signed: bool,
    /// The HTTP status.
    pub status: u16,
    /// The service's error code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The service's error message, at most 600 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// The request id that the service gave: it is the service that answered, not a box on the way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// Whether it lacks the request id that AWS's services give with every answer.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub without_request_id: bool,
    /// The `Server` header.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<String>,
    /// The `Via` header, which proxies add.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub via: Option<String>,
    /// The peer's clock minus ours by its `Date` header, in milliseconds; good to one second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock_offset_ms: Option<i64>,
    /// The Region that S3 gives for the bucket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bucket_region: Option<String>,
    /// The address that the answer consists of and nothing else: a host that tells its clients theirs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub told_address: Option<IpAddr>,
    /// The identity that STS gave for our credentials.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<String>,
    /// The one request more that reads the reason of a refusal without a body, on the same connection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub follow_up: Option<Box<Reply>>,
}

/// How a request failed on a connection that stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CallFailure {
    /// No answer in time.
    TimedOut,
    /// The connection was closed or reset before the answer was whole.
    Closed {
        /// What the HTTP library said.
        text: String,
    },
    /// What came back is not HTTP.
    NotHttp {
        /// What the HTTP library said.
        text: String,
    },
    /// The request could not be built or signed.
    NotSent {
        /// What the SDK said.
        text: String,
    },
    /// Anything else.
    Unclassified(Unclassified),
}

/// The routers that answered on the way to one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HopWalk {
    /// Who said "time exceeded", by rising TTL; not there where nobody did.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub responders: Vec<Responder>,
    /// The smallest TTL at which the destination itself answered; `None` where it did not.
    pub reached_at_ttl: Option<u8>,
    /// The largest TTL that was asked; only in reports of full detail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_ttl: Option<u8>,
    /// The TTLs below the destination, from 1 to 3, that stayed silent when asked again after the routers' own limit on
    /// such answers had refilled. Only this silence says something. Not there where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub silent_after_retry: Vec<u8>,
    /// Only TTL 1 to 3 were asked: an address of the same service had been walked to its end and met no router, and this walk tells
    /// whether a narrower route leads this one elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub near_only: bool,
}

/// One router that answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Responder {
    /// The TTL at which it answered.
    pub ttl: u8,
    /// Its address.
    pub address: IpAddr,
    /// How long the answer took, in milliseconds; only in reports of full detail.
    #[serde(skip_serializing_if = "crate::step::is_zero", default)]
    pub rtt_ms: f64,
    /// The ICMP type and code, where it is not "time exceeded in transit" (IPv4 11/0, IPv6 3/0).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub icmp: Option<String>,
}

/// How a hop walk failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HopFailure {
    /// The kernel does not queue ICMP errors on TCP sockets (before Linux 5.8).
    NotSupported,
    /// Anything else.
    Unclassified(Unclassified),
}
