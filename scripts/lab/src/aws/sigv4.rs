//! Signature Version 4, the verifying side: who signed a request, or why AWS does not believe it.
//!
//! The canonical request is rebuilt from the request as it arrived, by code that shares nothing with any signer. It knows no
//! policies; its result goes to `access`. Chunk signatures of streamed uploads are not checked, only the seed signature is.

mod canonical;
mod faults;

use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::keys::{Keys, Session};
use super::request::Call;

pub(crate) use faults::Failure;

/// For whom a request must be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The signing name of the service.
    pub(crate) service: &'a str,
    /// The Region of the endpoint.
    pub(crate) region: &'a str,
}

impl Scope<'_> {
    fn is_s3(self) -> bool {
        self.service == "s3"
    }

    /// How far a request's time may be from the server's: a quarter of an hour for the old services, five minutes elsewhere.
    fn tolerance(self) -> SignedDuration {
        let minutes = if ["s3", "dynamodb", "sqs"].contains(&self.service) { 15 } else { 5 };
        SignedDuration::from_mins(minutes)
    }
}

/// Verifies a request; `None` is a request that does not claim to be signed.
///
/// # Errors
///
/// The first reason for which AWS refuses the signature, in the order in which AWS looks.
pub(crate) fn verify(call: &Call, keys: &Keys, scope: Scope<'_>) -> Result<Option<Session>, Failure> {
    let Some(claim) = Claim::read(call, scope)? else {
        return Ok(None);
    };
    claim.check_scope(scope)?;
    let unknown = || Failure::UnknownKey { id: claim.key_id.clone() };
    let session = keys.session(&claim.key_id).ok_or_else(unknown)?;
    claim.check_time(call.at, scope)?;
    match (&claim.token, &session.token) {
        (None, None) => {}
        // A temporary key without its token is to AWS a key it has never seen.
        (None, Some(_)) => return Err(unknown()),
        (Some(given), Some(known)) if given == known => {
            if session.expires <= call.at {
                return Err(Failure::ExpiredToken { token: given.clone() });
            }
        }
        (Some(given), _) => return Err(Failure::BadToken { token: given.clone() }),
    }
    let payload = claim.payload_hash(call, scope)?;
    let canonical = canonical::request(call, &claim.signed_headers, claim.presigned, scope.is_s3(), &payload);
    let text = string_to_sign(&claim, &canonical);
    let signature = hex::encode(mac(&signing_key(&session.secret, &claim), text.as_bytes()));
    if signature == claim.signature {
        return Ok(Some(session));
    }
    Err(Failure::Mismatch {
        id: claim.key_id,
        provided: claim.signature,
        string_to_sign: text,
        canonical_request: canonical,
    })
}

/// What a request says about its own signature.
#[derive(Clone, Debug)]
struct Claim {
    key_id: String,
    date: String,
    region: String,
    service: String,
    terminator: String,
    signed_headers: Vec<String>,
    signature: String,
    token: Option<String>,
    /// The time as it was sent, and as a moment.
    stamp: String,
    moment: Timestamp,
    /// How long a presigned request is valid.
    expires: Option<i64>,
    presigned: bool,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl Claim {
    fn read(call: &Call, scope: Scope<'_>) -> Result<Option<Self>, Failure> {
        if let Some(header) = call.header("authorization") {
            return Self::from_header(call, header, scope).map(Some);
        }
        if call.parameter("X-Amz-Algorithm").is_some() || call.parameter("X-Amz-Signature").is_some() {
            return Self::from_query(call).map(Some);
        }
        // The presigned form of version 2, which no bucket of today takes any more.
        if call.parameter("AWSAccessKeyId").is_some() && call.parameter("Signature").is_some() {
            return Err(Failure::Unsupported { header: "AWS ".to_owned() });
        }
        Ok(None)
    }

    fn from_header(call: &Call, header: &str, scope: Scope<'_>) -> Result<Self, Failure> {
        let Some(rest) = header.strip_prefix(ALGORITHM) else {
            return Err(Failure::Unsupported { header: header.to_owned() });
        };
        let part = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let stamp = call.header("x-amz-date").or_else(|| call.header("date"));
        let (credential, signed, signature) = (part("Credential"), part("SignedHeaders"), part("Signature"));
        let mut missing = Vec::new();
        for (name, value) in
            [("Credential", &credential), ("Signature", &signature), ("SignedHeaders", &signed)]
        {
            if value.is_none() {
                missing.push(format!("Authorization header requires '{name}' parameter."));
            }
        }
        if stamp.is_none() {
            if scope.is_s3() && missing.is_empty() {
                return Err(Failure::NoDate);
            }
            missing.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                    .to_owned(),
            );
        }
        let (Some(credential), Some(signed), Some(signature), Some(stamp)) =
            (credential, signed, signature, stamp)
        else {
            return Err(Failure::Incomplete {
                text: format!("{} Authorization={header}", missing.join(" ")),
            });
        };
        let token = call.header("x-amz-security-token").map(str::to_owned);
        Self::assemble(&credential, &signed, signature, stamp, token)
    }

    fn from_query(call: &Call) -> Result<Self, Failure> {
        let names =
            ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
        let missing: Vec<String> = names
            .iter()
            .filter(|name| call.parameter(name).is_none())
            .map(|name| format!("AWS query-string parameters must include '{name}'."))
            .collect();
        let [Some(algorithm), Some(credential), Some(signature), Some(signed), Some(stamp)] =
            names.map(|name| call.parameter(name))
        else {
            let text = format!("{} Re-examine the query-string parameters.", missing.join(" "));
            return Err(Failure::Incomplete { text });
        };
        if algorithm != ALGORITHM {
            return Err(Failure::Unsupported { header: algorithm });
        }
        let token = call.parameter("X-Amz-Security-Token");
        let mut claim = Self::assemble(&credential, &signed, signature, &stamp, token)?;
        claim.presigned = true;
        claim.expires = call.parameter("X-Amz-Expires").and_then(|seconds| seconds.parse().ok());
        Ok(claim)
    }

    fn assemble(
        credential: &str,
        signed: &str,
        signature: String,
        stamp: &str,
        token: Option<String>,
    ) -> Result<Self, Failure> {
        let mut parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        parts.reverse();
        let [key_id, date, region, service, terminator] = parts[..] else {
            let text = format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            );
            return Err(Failure::Incomplete { text });
        };
        let moment = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp)
            .and_then(|civil| civil.to_zoned(TimeZone::UTC))
            .map(|zoned| zoned.timestamp())
            .or_else(|_| jiff::fmt::rfc2822::parse(stamp).map(|zoned| zoned.timestamp()))
            .map_err(|_| Failure::NoDate)?;
        Ok(Self {
            key_id: key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            terminator: terminator.to_owned(),
            signed_headers: signed.split(';').map(str::to_owned).collect(),
            signature,
            token,
            stamp: moment.strftime("%Y%m%dT%H%M%SZ").to_string(),
            moment,
            expires: None,
            presigned: false,
        })
    }

    fn check_scope(&self, scope: Scope<'_>) -> Result<(), Failure> {
        if self.region != scope.region {
            return Err(Failure::WrongRegion {
                given: self.region.clone(),
                expected: scope.region.to_owned(),
            });
        }
        if self.service != scope.service {
            return Err(Failure::WrongService {
                given: self.service.clone(),
                expected: scope.service.to_owned(),
            });
        }
        if self.terminator != "aws4_request" {
            return Err(Failure::WrongTerminator { given: self.terminator.clone() });
        }
        let day = self.stamp.get(..8).unwrap_or_default();
        if self.date != day {
            return Err(Failure::WrongDate {
                given: self.date.clone(),
                day: day.to_owned(),
                stamp: self.stamp.clone(),
            });
        }
        Ok(())
    }

    fn check_time(&self, now: Timestamp, scope: Scope<'_>) -> Result<(), Failure> {
        let age = now.duration_since(self.moment);
        if let Some(expires) = self.expires {
            // A presigned request has a life of its own, but its date must not lie in the future.
            if age > SignedDuration::from_secs(expires) {
                return Err(Failure::PresignedExpired {
                    expires: self.moment + SignedDuration::from_secs(expires),
                    now,
                });
            }
        } else if age > scope.tolerance() {
            return Err(Failure::TooOld { sent: self.moment, now, tolerance: scope.tolerance() });
        }
        if -age > scope.tolerance() {
            return Err(Failure::TooNew { sent: self.moment, now, tolerance: scope.tolerance() });
        }
        Ok(())
    }

    /// The hash that stands in the canonical request, once the body agrees with it.
    fn payload_hash(&self, call: &Call, scope: Scope<'_>) -> Result<String, Failure> {
        let computed = hex::encode(Sha256::digest(&call.body));
        if !scope.is_s3() {
            return Ok(computed);
        }
        if !self.signed_headers.iter().any(|name| name == "host") {
            return Err(Failure::HeadersNotSigned { names: "host".to_owned() });
        }
        if self.presigned {
            return Ok("UNSIGNED-PAYLOAD".to_owned());
        }
        let unsigned: Vec<&str> = call
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(|name| {
                name.starts_with("x-amz-") && !self.signed_headers.iter().any(|signed| signed == name)
            })
            .collect();
        if !unsigned.is_empty() {
            return Err(Failure::HeadersNotSigned { names: unsigned.join(", ") });
        }
        match call.header("x-amz-content-sha256") {
            None => Err(Failure::NoBodyHash),
            Some(given) if given == "UNSIGNED-PAYLOAD" || given.starts_with("STREAMING-") => {
                Ok(given.to_owned())
            }
            Some(given) if given == computed => Ok(computed),
            Some(given) => Err(Failure::BodyChanged { given: given.to_owned(), computed }),
        }
    }
}

fn string_to_sign(claim: &Claim, canonical: &str) -> String {
    format!(
        "{ALGORITHM}\n{}\n{}/{}/{}/{}\n{}",
        claim.stamp,
        claim.date,
        claim.region,
        claim.service,
        claim.terminator,
        hex::encode(Sha256::digest(canonical.as_bytes()))
    )
}

fn signing_key(secret: &str, claim: &Claim) -> Vec<u8> {
    let start = format!("AWS4{secret}").into_bytes();
    [&claim.date, &claim.region, &claim.service, &claim.terminator]
        .iter()
        .fold(start, |key, part| mac(&key, part.as_bytes()))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length, so the constructor cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests;
