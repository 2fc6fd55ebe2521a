//! Why a signature was refused, in the codes and texts of S3, of JSON services, of query services and of EC2.

use jiff::{SignedDuration, Timestamp};

use super::super::errors::{Fault, Protocol};
use super::super::keys::rfc3339;

/// A reason for which AWS does not accept a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The authorization has another algorithm, or none.
    Unsupported {
        /// The header as it came.
        header: String,
    },
    /// Parts of the authorization are missing.
    Incomplete {
        /// What is missing, in full sentences.
        text: String,
    },
    /// The request has no readable date.
    NoDate,
    /// The scope names another Region than the endpoint's.
    WrongRegion {
        /// The Region in the scope.
        given: String,
        /// The Region of the endpoint.
        expected: String,
    },
    /// The scope names another service than the endpoint's.
    WrongService {
        /// The service in the scope.
        given: String,
        /// The signing name of the endpoint's service.
        expected: String,
    },
    /// The scope does not end in `aws4_request`.
    WrongTerminator {
        /// How it ends.
        given: String,
    },
    /// The scope's day is not the day of the request's time.
    WrongDate {
        /// The day in the scope.
        given: String,
        /// The day of the time.
        day: String,
        /// The time.
        stamp: String,
    },
    /// AWS issued no such key, or the key came without its token.
    UnknownKey {
        /// The access key id.
        id: String,
    },
    /// The request is older than the service tolerates: the client's clock is slow, or the request was under way too long.
    TooOld {
        /// When it was signed, by the client's clock.
        sent: Timestamp,
        /// When it arrived, by the server's.
        now: Timestamp,
        /// What the service tolerates.
        tolerance: SignedDuration,
    },
    /// The request comes from the future: the client's clock is fast.
    TooNew {
        /// When it was signed, by the client's clock.
        sent: Timestamp,
        /// When it arrived, by the server's.
        now: Timestamp,
        /// What the service tolerates.
        tolerance: SignedDuration,
    },
    /// A presigned request came after its end.
    PresignedExpired {
        /// Its end.
        expires: Timestamp,
        /// When it arrived.
        now: Timestamp,
    },
    /// The session is over.
    ExpiredToken {
        /// The token.
        token: String,
    },
    /// The token does not belong to the key.
    BadToken {
        /// The token.
        token: String,
    },
    /// Headers that must be signed are not.
    HeadersNotSigned {
        /// Their names.
        names: String,
    },
    /// S3 wants the hash of the body in a header.
    NoBodyHash,
    /// The body is not the one that was signed.
    BodyChanged {
        /// The hash in the header.
        given: String,
        /// The hash of the body.
        computed: String,
    },
    /// The signature is not the one that the secret gives: a wrong secret, or somebody changed the request.
    Mismatch {
        /// The access key id.
        id: String,
        /// The signature that came.
        provided: String,
        /// The text that AWS signed.
        string_to_sign: String,
        /// The canonical request behind it.
        canonical_request: String,
    },
}

const MISMATCH: &str =
    "The request signature we calculated does not match the signature you provided. Check your";
const INVALID_TOKEN: &str = "The security token included in the request is invalid.";
const EXPIRED_TOKEN: &str = "The security token included in the request is expired";

impl Failure {
    /// The error that a service with this protocol answers.
    pub(crate) fn fault(&self, protocol: Protocol) -> Fault {
        match protocol {
            Protocol::S3 => self.s3(),
            Protocol::Ec2 => self.ec2(),
            Protocol::Query => self.common(403, ""),
            Protocol::Json10 | Protocol::Json11 => self.common(400, "Exception"),
            Protocol::RestJson | Protocol::MessageGateway => self.common(403, "Exception"),
            Protocol::Registry => Fault::new(401, "UNAUTHORIZED", "Not Authorized"),
        }
    }

    fn s3(&self) -> Fault {
        let malformed = |text: String| {
            Fault::new(
                400,
                "AuthorizationHeaderMalformed",
                format!("The authorization header is malformed; {text}"),
            )
        };
        match self {
            Self::Unsupported { header } if header.starts_with("AWS ") || header.starts_with("AWS4-") => {
                Fault::new(
                    400,
                    "InvalidRequest",
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
                )
            }
            Self::Unsupported { header } => {
                Fault::new(400, "InvalidArgument", "Unsupported Authorization Type")
                    .with("ArgumentName", "Authorization")
                    .with("ArgumentValue", header.clone())
            }
            Self::Incomplete { text } => malformed(text.clone()),
            Self::NoDate => Fault::new(
                403,
                "AccessDenied",
                "AWS authentication requires a valid Date or x-amz-date header",
            ),
            Self::WrongRegion { given, expected } => {
                malformed(format!("the region '{given}' is wrong; expecting '{expected}'"))
                    .with("Region", expected.clone())
            }
            Self::WrongService { given, expected } => {
                malformed(format!("incorrect service \"{given}\". This endpoint belongs to \"{expected}\"."))
            }
            Self::WrongTerminator { given } => {
                malformed(format!("incorrect terminal \"{given}\". This endpoint uses \"aws4_request\"."))
            }
            Self::WrongDate { given, day, .. } => malformed(format!(
                "Invalid credential date \"{given}\". This date is not the same as X-Amz-Date: \"{day}\"."
            )),
            Self::UnknownKey { id } => Fault::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            )
            .with("AWSAccessKeyId", id.clone()),
            Self::TooOld { sent, now, .. } | Self::TooNew { sent, now, .. } => Fault::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            )
            .with("RequestTime", stamp(*sent))
            .with("ServerTime", rfc3339(*now))
            .with("MaxAllowedSkewMilliseconds", "900000"),
            Self::PresignedExpired { expires, now } => Fault::new(403, "AccessDenied", "Request has expired")
                .with("Expires", rfc3339(*expires))
                .with("ServerTime", rfc3339(*now)),
            Self::ExpiredToken { token } => {
                Fault::new(400, "ExpiredToken", "The provided token has expired.")
                    .with("Token-0", token.clone())
            }
            Self::BadToken { token } => {
                Fault::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
                    .with("Token-0", token.clone())
            }
            Self::HeadersNotSigned { names } => Fault::new(
                403,
                "AccessDenied",
                "There were headers present in the request which were not signed",
            )
            .with("HeadersNotSigned", names.clone()),
            Self::NoBodyHash => Fault::new(
                400,
                "InvalidRequest",
                "Missing required header for this request: x-amz-content-sha256",
            ),
            Self::BodyChanged { given, computed } => Fault::new(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
            .with("ClientComputedContentSHA256", given.clone())
            .with("S3ComputedContentSHA256", computed.clone()),
            Self::Mismatch { id, provided, string_to_sign, canonical_request } => {
                Fault::new(403, "SignatureDoesNotMatch", format!("{MISMATCH} key and signing method."))
                    .with("AWSAccessKeyId", id.clone())
                    .with("StringToSign", string_to_sign.clone())
                    .with("SignatureProvided", provided.clone())
                    .with("StringToSignBytes", bytes(string_to_sign))
                    .with("CanonicalRequest", canonical_request.clone())
                    .with("CanonicalRequestBytes", bytes(canonical_request))
            }
        }
    }

    /// JSON services put `Exception` behind their codes and query services do not; two codes differ beyond that.
    fn common(&self, status: u16, suffix: &str) -> Fault {
        let query = suffix.is_empty();
        let (unknown, mismatch) = if query {
            ("InvalidClientTokenId", "SignatureDoesNotMatch".to_owned())
        } else {
            ("UnrecognizedClientException", "InvalidSignatureException".to_owned())
        };
        let refused = |text: String| Fault::new(status, &mismatch, text);
        match self {
            Self::Unsupported { .. } | Self::Incomplete { .. } | Self::NoDate => {
                let text = match self {
                    Self::Incomplete { text } => text.clone(),
                    Self::Unsupported { header } => format!(
                        "Unsupported AWS 'algorithm': '{}'.",
                        header.split_whitespace().next().unwrap_or_default()
                    ),
                    _ => "Date must be in ISO-8601 'basic format'.".to_owned(),
                };
                let status = if query { 400 } else { status };
                Fault::new(status, &format!("IncompleteSignature{suffix}"), text)
            }
            Self::WrongRegion { .. } => refused("Credential should be scoped to a valid region. ".to_owned()),
            Self::WrongService { expected, .. } => {
                refused(format!("Credential should be scoped to correct service: '{expected}'. "))
            }
            Self::WrongTerminator { given } => refused(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'. "
            )),
            Self::WrongDate { given, day, stamp } => refused(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{given}' != '{day}', from '{stamp}'."
            )),
            Self::UnknownKey { .. } | Self::BadToken { .. } => Fault::new(status, unknown, INVALID_TOKEN),
            Self::TooOld { sent, now, tolerance } => refused(format!(
                "Signature expired: {} is now earlier than {} ({} - {} min.)",
                stamp(*sent),
                stamp(*now - *tolerance),
                stamp(*now),
                tolerance.as_mins()
            )),
            Self::TooNew { sent, now, tolerance } => refused(format!(
                "Signature not yet current: {} is still later than {} ({} + {} min.)",
                stamp(*sent),
                stamp(*now + *tolerance),
                stamp(*now),
                tolerance.as_mins()
            )),
            Self::PresignedExpired { expires, now } => {
                refused(format!("Signature expired: {} is now earlier than {}", stamp(*expires), stamp(*now)))
            }
            Self::ExpiredToken { .. } => Fault::new(status, &format!("ExpiredToken{suffix}"), EXPIRED_TOKEN),
            Self::HeadersNotSigned { .. } => refused(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            ),
            Self::NoBodyHash | Self::BodyChanged { .. } | Self::Mismatch { .. } => refused(format!(
                "{MISMATCH} AWS Secret Access Key and signing method. Consult the service documentation for details."
            )),
        }
    }

    /// EC2 tells much less: everything that is wrong with a key or a signature is one code.
    fn ec2(&self) -> Fault {
        match self {
            Self::ExpiredToken { .. } | Self::TooOld { .. } | Self::PresignedExpired { .. } => {
                Fault::new(400, "RequestExpired", "Request has expired.")
            }
            _ => {
                Fault::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
            }
        }
    }
}

fn stamp(moment: Timestamp) -> String {
    moment.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A text as S3 spells out its bytes, so that invisible characters show.
fn bytes(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
