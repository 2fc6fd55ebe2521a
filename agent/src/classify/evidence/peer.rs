//! What a peer at a private address does that no VPC endpoint does: it is something else, whatever its certificate says, for a host
//! that passes TLS on shows the service's own.

use std::net::IpAddr;

use probes::observations::{Attempt, TargetObservation};

use crate::classify::signal::Address;

/// The largest packet that a VPC endpoint lets through, in bytes (AWS `PrivateLink` guide, quotas).
const ENDPOINT_MTU: u32 = 8500;
/// The headers of IP and TCP without options, which an announced segment size leaves out (RFC 9293, section 3.7.1; RFC 8200,
/// section 8.3).
const IPV4_HEADERS: u32 = 40;
const IPV6_HEADERS: u32 = 60;

/// Why the peer cannot be an interface endpoint by all that is documented: the step that shows it, and the end of a sentence.
pub(super) fn no_endpoint(
    address: Address,
    target: &TargetObservation,
    attempt: &Attempt,
) -> Option<(&'static str, String)> {
    if matches!(address, Address::AddressPublic | Address::AddressNotRoutable) {
        return None;
    }
    // Outside the VPC the path may lead through what takes larger packets than the endpoint does.
    let in_vpc = matches!(address, Address::AddressInVpc | Address::AddressInVpcByOverride);
    if let Some(announced) = larger_than_endpoints_announce(attempt).filter(|_| in_vpc) {
        let text =
            format!("takes segments of {announced} bytes, more than VPC endpoints do (MTU {ENDPOINT_MTU})");
        return Some(("tcp", text));
    }
    let version = attempt.tls.done().and_then(|session| session.version.as_deref());
    let too_new = target.service == "s3" && version == Some("1.3");
    too_new.then(|| ("tls", "speaks TLS 1.3, which S3's interface endpoints do not".to_owned()))
}

/// The segment size that the peer announced, where that is more than a VPC endpoint lets through.
pub(crate) fn larger_than_endpoints_announce(attempt: &Attempt) -> Option<u32> {
    let headers = match attempt.address {
        IpAddr::V4(_) => IPV4_HEADERS,
        IpAddr::V6(_) => IPV6_HEADERS,
    };
    let announced = attempt.tcp.done().and_then(|connection| connection.peer_mss);
    announced.filter(|announced| *announced > ENDPOINT_MTU - headers)
}
