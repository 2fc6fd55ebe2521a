//! Credentials: what AWS issued, what the instance was handed, and who stands behind an access key.
//!
//! The two sides differ when a scenario says so (a wrong secret, an unknown key). Nothing here checks signatures; `sigv4`
//! asks for the secret of a key and judges.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::config::{Config, CredentialFault, Role};
use super::context::Caller;
use super::names::partition_of;
use super::policy::Policy;
use super::request::random_text;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The answer of the instance metadata to `iam/security-credentials/ROLE`, field for field.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InstanceCredentials {
    /// Always `Success`: other outcomes are the metadata service's to tell.
    pub(crate) code: String,
    /// When they were renewed last, RFC 3339.
    pub(crate) last_updated: String,
    /// `AWS-HMAC`.
    #[serde(rename = "Type")]
    pub(crate) kind: String,
    /// `ASIA…`.
    pub(crate) access_key_id: String,
    /// The secret, wrong if the scenario wants it.
    pub(crate) secret_access_key: String,
    /// The session token.
    pub(crate) token: String,
    /// When they expire, RFC 3339.
    pub(crate) expiration: String,
}

/// A session as AWS knows it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The secret that signatures must be made with.
    pub(crate) secret: String,
    /// The token that must accompany them; long-term keys have none.
    pub(crate) token: Option<String>,
    /// When the session ends, by the clock of AWS.
    pub(crate) expires: Timestamp,
    /// When it began, which is `aws:TokenIssueTime`.
    pub(crate) issued: Timestamp,
    /// Who it is.
    pub(crate) caller: Caller,
    /// What it was narrowed to when it was issued.
    pub(crate) policies: Vec<Policy>,
    /// Whether EC2 delivered it to the instance, which adds the keys about the instance.
    pub(crate) delivered_by_ec2: bool,
    /// The policies of a user or of another role, which has none of the instance's; `None` for sessions of the instance's role.
    pub(crate) user: Option<Policy>,
    /// Whether it is an account's administrator, who may do everything there and has none of the role's policies.
    pub(crate) administrator: bool,
}

/// A long-term access key.
#[derive(Clone, Debug)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// Every session that was issued, by access key.
pub(crate) struct Keys {
    sessions: RwLock<BTreeMap<String, Session>>,
}

impl Keys {
    /// Issues the instance's session and says what the instance is handed.
    pub(crate) fn start(config: &Config, now: Timestamp) -> (Self, InstanceCredentials) {
        let keys = Self { sessions: RwLock::new(BTreeMap::new()) };
        let fault = config.credentials.fault;
        let hour = SignedDuration::from_hours(1);
        let lifetime = SignedDuration::from_secs(config.credentials.lifetime_seconds);
        let promised = if fault == CredentialFault::Expired { now - hour } else { now + lifetime };
        let caller = role_session(config, &config.role_name, &config.instance.id);
        let (access_key_id, mut session) = new_session(caller, now - hour, promised);
        session.policies.extend(config.session_policy.clone());
        session.delivered_by_ec2 = true;
        let handed_out = InstanceCredentials {
            code: "Success".to_owned(),
            last_updated: rfc3339(session.issued),
            kind: "AWS-HMAC".to_owned(),
            access_key_id: access_key_id.clone(),
            secret_access_key: match fault {
                CredentialFault::WrongSecret => random_text(BASE64, 40),
                _ => session.secret.clone(),
            },
            token: match fault {
                CredentialFault::WrongToken => new_token(),
                _ => session.token.clone().unwrap_or_default(),
            },
            expiration: rfc3339(promised),
        };
        if fault == CredentialFault::ExpiredAtAws {
            session.expires = now - hour;
        }
        // The instance's promise is by its own clock; what counts is the clock of AWS.
        if fault != CredentialFault::UnknownKey {
            keys.add(access_key_id, session);
        }
        (keys, handed_out)
    }

    /// Knows the long-term keys of the account's users.
    pub(crate) fn add_users(&self, config: &Config, now: Timestamp) {
        let (partition, account) = (partition_of(&config.region).id, &config.account_id);
        for user in &config.users {
            let arn = format!("arn:{partition}:iam::{account}:user/{}", user.name);
            let caller = Caller {
                arn: arn.clone(),
                principal_arn: arn,
                account: account.clone(),
                user_id: "AIDAEXAMPLEUSER123456".to_owned(),
            };
            let (_, mut session) = new_session(caller, now, Timestamp::MAX);
            session.token.clone_from(&user.session_token);
            session.secret.clone_from(&user.secret_access_key);
            session.user = Some(user.policy.clone().unwrap_or_else(Policy::empty));
            if user.expired {
                session.expires = now - SignedDuration::from_hours(1);
            }
            self.add(user.access_key_id.clone(), session);
        }
    }

    /// Issues the key of an administrator of an account.
    pub(crate) fn administrator(&self, config: &Config, account: &str, now: Timestamp) -> AccessKey {
        let partition = partition_of(&config.region).id;
        let arn = format!("arn:{partition}:iam::{account}:user/administrator");
        let caller = Caller {
            arn: arn.clone(),
            principal_arn: arn,
            account: account.to_owned(),
            user_id: "AIDAEXAMPLEADMINISTRATOR".to_owned(),
        };
        let (_, mut session) = new_session(caller, now, Timestamp::MAX);
        session.token = None;
        session.administrator = true;
        let key = AccessKey { id: format!("AKIA{}", random_text(UPPER, 16)), secret: session.secret.clone() };
        self.add(key.id.clone(), session);
        key
    }

    /// Issues a session of a role, the instance's own where none is given, narrowed by policies; gives its key and the session.
    pub(crate) fn assume_role(
        &self,
        config: &Config,
        (role, name): (Option<&Role>, &str),
        policies: Vec<Policy>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> (String, Session) {
        let role_name = role.map_or(config.role_name.as_str(), |role| &role.name);
        let (key, mut session) = new_session(role_session(config, role_name, name), now, now + lifetime);
        session.user = role.map(|role| role.policy.clone());
        session.policies = policies;
        self.add(key.clone(), session.clone());
        (key, session)
    }

    /// The session behind an access key.
    pub(crate) fn session(&self, access_key_id: &str) -> Option<Session> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(access_key_id).cloned()
    }

    /// Adds a session, or replaces the one with this key.
    pub(crate) fn add(&self, access_key_id: String, session: Session) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(access_key_id, session);
    }
}

/// A moment as AWS writes it in its answers.
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn role_session(config: &Config, role: &str, name: &str) -> Caller {
    let (partition, account) = (partition_of(&config.region).id, &config.account_id);
    Caller {
        arn: format!("arn:{partition}:sts::{account}:assumed-role/{role}/{name}"),
        principal_arn: format!("arn:{partition}:iam::{account}:role/{role}"),
        account: account.clone(),
        user_id: format!("AROAEXAMPLEROLEID1234:{name}"),
    }
}

fn new_session(caller: Caller, issued: Timestamp, expires: Timestamp) -> (String, Session) {
    let session = Session {
        secret: random_text(BASE64, 40),
        token: Some(new_token()),
        expires,
        issued,
        caller,
        policies: Vec::new(),
        delivered_by_ec2: false,
        user: None,
        administrator: false,
    };
    (format!("ASIA{}", random_text(UPPER, 16)), session)
}

/// A token as opaque and about as long as the real ones, which matters to header limits.
fn new_token() -> String {
    format!("IQoJb3JpZ2luX2VjE{}==", random_text(BASE64, 900))
}
