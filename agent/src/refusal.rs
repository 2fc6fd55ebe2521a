//! Reading a service's refusal: which policy type it names, and whether it is about the credentials themselves.
//!
//! The texts are those that AWS documents (IAM user guide, "Troubleshoot access denied error messages"; Amazon S3 user
//! guide, "Troubleshoot access denied (403 Forbidden) errors"). A refusal that names no policy type names none: it is
//! never blamed on one.

use probes::observations::Reply;

/// The policy type that a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyType {
    /// Of the user or role.
    Identity,
    /// Of the bucket, key, queue, …
    Resource,
    /// Of the VPC endpoint.
    VpcEndpoint,
    /// A permissions boundary.
    Boundary,
    /// Of the session.
    Session,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
    /// The trust policy of a role.
    RoleTrust,
}

/// What a refusal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The policy type, where it names one.
    pub policy: Option<PolicyType>,
    /// Whether a statement denies, as against no statement allowing.
    pub explicit: bool,
}

const TYPES: &[(&str, PolicyType)] = &[
    ("identity-based policy", PolicyType::Identity),
    ("resource-based policy", PolicyType::Resource),
    ("vpc endpoint policy", PolicyType::VpcEndpoint),
    ("permissions boundary", PolicyType::Boundary),
    ("session policy", PolicyType::Session),
    ("sessions policy", PolicyType::Session),
    ("service control policy", PolicyType::ServiceControl),
    ("resource control policy", PolicyType::ResourceControl),
    ("role trust policy", PolicyType::RoleTrust),
];

/// Codes with which services refuse the credentials themselves, whatever was asked.
const CREDENTIAL_CODES: &[&str] = &[
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "RequestTimeTooSkewed",
    "TokenRefreshRequired",
];

/// Codes with which services refuse the action.
const DENIAL_CODES: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AllAccessDisabled",
    "AuthorizationError",
];

/// What a refusal says beyond who asked for what: from "because no …", "explicit deny in …" or the words about the signature's
/// time on, and in any case at most 160 characters. All that is read of a message is read of this, so that a brief report,
/// which keeps no more, means the same.
#[must_use]
pub fn essence(message: &str) -> String {
    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // Only ASCII letters change, so places in the one are places in the other.
    let lower = text.to_ascii_lowercase();
    let marks = ["because no ", "explicit deny in ", "signature expired", "signature not yet current"];
    let from = marks.iter().filter_map(|mark| lower.find(mark)).min().unwrap_or_default();
    text[from..].chars().take(160).collect()
}

/// What the last word of a call was: the follow-up's, where the call itself had no body.
#[must_use]
pub fn last_word(reply: &Reply) -> &Reply {
    reply.follow_up.as_deref().unwrap_or(reply)
}

/// The refusal in a reply, if it is one.
#[must_use]
pub fn refusal(reply: &Reply) -> Option<Refusal> {
    let last = last_word(reply);
    let denied = match last.code.as_deref() {
        Some(code) => DENIAL_CODES.contains(&code),
        None => last.status == 403,
    };
    denied.then(|| read(last.message.as_deref().unwrap_or_default()))
}

/// Whether the service refuses the credentials themselves.
#[must_use]
pub fn refuses_credentials(reply: &Reply) -> bool {
    last_word(reply).code.as_deref().is_some_and(|code| CREDENTIAL_CODES.contains(&code))
}

/// Whether the service says that the signature's time is wrong.
#[must_use]
pub fn refuses_time(reply: &Reply) -> bool {
    let last = last_word(reply);
    let message = essence(last.message.as_deref().unwrap_or_default()).to_ascii_lowercase();
    last.code.as_deref() == Some("RequestTimeTooSkewed")
        || message.contains("signature expired")
        || message.contains("signature not yet current")
}

impl PolicyType {
    /// The type in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Identity => "an identity-based policy",
            Self::Resource => "a resource-based policy (such as the bucket policy)",
            Self::VpcEndpoint => "the VPC endpoint's policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::ServiceControl => "a service control policy",
            Self::ResourceControl => "a resource control policy",
            Self::RoleTrust => "a role's trust policy",
        }
    }
}

fn read(message: &str) -> Refusal {
    let text = essence(message).to_ascii_lowercase();
    let after = |mark: &str| text.find(mark).map(|at| &text[at + mark.len()..]);
    let named = |rest: &str| {
        let rest = rest.trim_start_matches("a ").trim_start_matches("an ").trim_start_matches("the ");
        TYPES.iter().find(|(words, _)| rest.starts_with(words)).map(|(_, policy)| *policy)
    };
    if let Some(policy) = after("explicit deny in ").and_then(named) {
        return Refusal { policy: Some(policy), explicit: true };
    }
    let policy = after("because no ").and_then(named);
    Refusal { policy, explicit: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(message: &str) -> Refusal {
        let reply = Reply {
            status: 403,
            code: Some("AccessDenied".into()),
            message: Some(message.into()),
            ..Reply::default()
        };
        refusal(&reply).unwrap()
    }

    #[test]
    fn the_documented_texts_name_their_policy_type() {
        let user = "User: arn:aws:sts::111122223333:assumed-role/app/i-1 is not authorized to perform: s3:ListBucket on \
                    resource: \"arn:aws:s3:::b\" ";
        let table = [
            ("because no identity-based policy allows the s3:ListBucket action", PolicyType::Identity, false),
            (
                "because no VPC endpoint policy allows the s3:ListBucket action",
                PolicyType::VpcEndpoint,
                false,
            ),
            ("because no resource-based policy allows the s3:ListBucket action", PolicyType::Resource, false),
            ("with an explicit deny in a VPC endpoint policy", PolicyType::VpcEndpoint, true),
            ("with an explicit deny in a resource-based policy", PolicyType::Resource, true),
            (
                "with an explicit deny in a service control policy: arn:aws:x",
                PolicyType::ServiceControl,
                true,
            ),
            ("with an explicit deny in an identity-based policy", PolicyType::Identity, true),
            ("with an explicit deny in a sessions policy", PolicyType::Session, true),
            ("with an explicit deny in the role trust policy", PolicyType::RoleTrust, true),
            (
                "because no\n   VPC  endpoint policy allows the s3:ListBucket action",
                PolicyType::VpcEndpoint,
                false,
            ),
        ];
        for (text, policy, explicit) in table {
            assert_eq!(
                denied(&format!("{user}{text}")),
                Refusal { policy: Some(policy), explicit },
                "{text}"
            );
        }
    }

    #[test]
    fn a_plain_refusal_names_no_policy() {
        assert_eq!(denied("Access Denied"), Refusal { policy: None, explicit: false });
        assert_eq!(denied("").policy, None);
    }

    #[test]
    fn a_refused_signature_is_about_the_credentials_and_no_refusal_of_the_action() {
        let reply = Reply { status: 403, code: Some("SignatureDoesNotMatch".into()), ..Reply::default() };
        assert!(refuses_credentials(&reply));
        assert_eq!(refusal(&reply), None);
    }
}
