//! The choice among the sources of credentials, in the order in which the SDKs ask them.
//!
//! The keys stay in [`Secrets`], which has no text form; what may be told goes into [`CredentialsSeen`].

use std::fmt;

use aws_credential_types::Credentials;

use super::aws_files::{Keys, Profile};
use super::files::Variables;
use super::metadata::RoleDocument;
use super::{CredentialSource, CredentialsSeen};

/// The credentials that calls are signed with.
///
/// They are not written anywhere: this type cannot be serialised and its debug text is empty of them.
#[derive(Clone)]
pub struct Secrets {
    keys: Keys,
}

impl Secrets {
    /// The credentials for a signer.
    ///
    /// Their time of expiry is left out, so that a service says itself that they have expired instead of the SDK
    /// refusing to send them.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let Keys { access_key_id, secret_access_key, session_token } = self.keys.clone();
        Credentials::new(access_key_id, secret_access_key, session_token, None, "vpcprobe")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(..)")
    }
}

/// What each source gave.
pub(super) struct Sources {
    /// Whether `--aws-profile` names a profile: then the SDKs pass over the environment variables.
    pub(super) profile_named: bool,
    pub(super) profile: Profile,
    pub(super) container: Result<Option<RoleDocument>, String>,
    pub(super) role: Option<RoleDocument>,
}

/// Takes the first source that has some, and notes all that do.
pub(super) fn choose(variables: &Variables, sources: Sources) -> (CredentialsSeen, Option<Secrets>) {
    let mut problems = sources.profile.problems;
    let mut found: Vec<(CredentialSource, Keys, Option<String>)> = Vec::new();
    if !sources.profile_named {
        match from_variables(variables) {
            Ok(keys) => found.extend(keys.map(|keys| (CredentialSource::EnvironmentVariables, keys, None))),
            Err(problem) => problems.push(problem),
        }
    }
    if variables.value("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
        problems.push("AWS_WEB_IDENTITY_TOKEN_FILE is set; a web identity is not resolved here".to_owned());
    }
    found.extend(sources.profile.keys.map(|keys| (CredentialSource::SharedFile, keys, None)));
    match sources.container {
        Ok(document) => {
            found.extend(
                document.map(|document| (CredentialSource::Container, document.keys, document.expiration)),
            );
        }
        Err(problem) => problems.push(problem),
    }
    let disabled =
        variables.value("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if variables.value("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_some() {
        problems
            .push("AWS_EC2_METADATA_SERVICE_ENDPOINT is set; only the usual address was asked".to_owned());
    }
    if let Some(document) = sources.role {
        if disabled {
            problems.push(
                "AWS_EC2_METADATA_DISABLED is true, so that SDKs do not use the instance's role".to_owned(),
            );
        } else {
            found.push((CredentialSource::InstanceMetadata, document.keys, document.expiration));
        }
    }
    let available = found.iter().map(|(source, _, _)| *source).collect();
    let Some((source, keys, expires_at)) = found.into_iter().next() else {
        return (CredentialsSeen { available, problems, ..CredentialsSeen::default() }, None);
    };
    let seen = CredentialsSeen {
        source: Some(source),
        available,
        temporary: Some(keys.session_token.is_some()),
        expires_at,
        problems,
    };
    (seen, Some(Secrets { keys }))
}

fn from_variables(variables: &Variables) -> Result<Option<Keys>, String> {
    let value = |name| variables.value(name).map(ToOwned::to_owned);
    match (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(_), None) => Err("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY".to_owned()),
        (None, Some(_)) => Err("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID".to_owned()),
        (Some(access_key_id), Some(secret_access_key)) => {
            // The second name is the one that the old boto knew; the SDKs still read it.
            let session_token = value("AWS_SESSION_TOKEN").or_else(|| value("AWS_SECURITY_TOKEN"));
            Ok(Some(Keys { access_key_id, secret_access_key, session_token }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str) -> Keys {
        Keys { access_key_id: name.to_owned(), secret_access_key: "hush".to_owned(), session_token: None }
    }

    fn document(name: &str) -> RoleDocument {
        let keys = Keys { session_token: Some("tok".to_owned()), ..keys(name) };
        RoleDocument { keys, expiration: Some("2026-01-01T00:00:00Z".to_owned()) }
    }

    fn all() -> Sources {
        Sources {
            profile_named: false,
            profile: Profile { keys: Some(keys("file")), ..Profile::default() },
            container: Ok(Some(document("container"))),
            role: Some(document("role")),
        }
    }

    const VARIABLES: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "variable"), ("AWS_SECRET_ACCESS_KEY", "hush")];

    #[test]
    fn sources_are_taken_in_the_order_of_the_sdks() {
        let (seen, secrets) = choose(&Variables::from(VARIABLES), all());
        let order = [
            CredentialSource::EnvironmentVariables,
            CredentialSource::SharedFile,
            CredentialSource::Container,
            CredentialSource::InstanceMetadata,
        ];
        assert_eq!(seen.available, order);
        assert_eq!((seen.source, seen.temporary), (Some(order[0]), Some(false)));
        assert_eq!(secrets.unwrap().credentials().access_key_id(), "variable");

        let (seen, secrets) = choose(&Variables::default(), Sources { profile: Profile::default(), ..all() });
        assert_eq!((seen.source, seen.temporary), (Some(CredentialSource::Container), Some(true)));
        assert_eq!(seen.expires_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(secrets.unwrap().credentials().session_token(), Some("tok"));
    }

    #[test]
    fn a_named_profile_passes_over_the_variables() {
        let (seen, _) = choose(&Variables::from(VARIABLES), Sources { profile_named: true, ..all() });
        assert_eq!(seen.source, Some(CredentialSource::SharedFile));
    }

    #[test]
    fn what_is_set_and_not_used_is_a_problem() {
        let variables = Variables::from([
            ("AWS_ACCESS_KEY_ID", "alone"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/x"),
            ("AWS_EC2_METADATA_DISABLED", "TRUE"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://10.0.0.1/"),
        ]);
        let sources = Sources { profile: Profile::default(), container: Err("broken".to_owned()), ..all() };
        let (seen, secrets) = choose(&variables, sources);
        assert_eq!(seen.problems.len(), 5, "{:?}", seen.problems);
        assert!(
            seen.source.is_none()
                && seen.available.is_empty()
                && seen.temporary.is_none()
                && secrets.is_none()
        );
    }

    #[test]
    fn no_text_form_shows_a_key() {
        let (seen, secrets) = choose(&Variables::from(VARIABLES), all());
        let text = format!("{seen:?} {secrets:?} {}", serde_json::to_string(&seen).unwrap());
        for secret in ["hush", "tok", "variable"] {
            assert!(!text.replace("environment_variables", "").contains(secret), "{text}");
        }
    }
}
