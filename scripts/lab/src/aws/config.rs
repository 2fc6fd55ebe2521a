//! The `[aws]` table of a scenario: who the instance is, what exists in the account, and what is broken.
//!
//! Everything has a default, so an empty table is a healthy account with a bucket, a table and a parameter. The table says what AWS knows; what the network looks
//! like stands elsewhere in the scenario, and the identity of the instance is filled in from there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use super::interference::Interference;
use super::policy::Policy;

/// What AWS knows about the account, and how it is told to misbehave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The Region of the instance and of everything that names no other.
    pub(crate) region: String,
    /// The instance's account.
    pub(crate) account_id: String,
    /// The organization of the account and of [`Config::organization_accounts`]; `None` for a stand-alone account.
    pub(crate) organization_id: Option<String>,
    /// Further accounts of the organization.
    pub(crate) organization_accounts: BTreeSet<String>,
    /// The role of the instance profile.
    pub(crate) role_name: String,
    /// The instance, whose id is the role session's name.
    pub(crate) instance: Instance,
    /// The credentials that the instance metadata hands out.
    pub(crate) credentials: Credentials,
    /// The role's identity policy; `None` is what an ordinary managed instance may do: the actions of
    /// `AmazonSSMManagedInstanceCore`, and reading the account's own buckets and tables.
    pub(crate) identity_policy: Option<Policy>,
    /// The role's permissions boundary.
    pub(crate) permissions_boundary: Option<Policy>,
    /// A service control policy beside the usual one that allows everything. It must allow what shall work.
    pub(crate) service_control_policy: Option<Policy>,
    /// A resource control policy beside the usual one that allows everything; only its denials count.
    pub(crate) resource_control_policy: Option<Policy>,
    /// The session policy of the instance's own credentials.
    pub(crate) session_policy: Option<Policy>,
    /// Who may assume the role; `None` is the EC2 service alone, so that the role cannot assume itself.
    pub(crate) role_trust_policy: Option<Policy>,
    /// Further roles of the account.
    pub(crate) roles: Vec<Role>,
    /// The policies of endpoints by their id; an endpoint that is not listed allows everything.
    pub(crate) endpoint_policies: BTreeMap<String, Policy>,
    /// Buckets of this and other accounts; by default the account has one, `app-data`, with the object `hello.txt`. The
    /// buckets that AWS itself owns exist without being listed.
    pub(crate) buckets: Vec<Bucket>,
    /// DynamoDB tables of the account in its Region; by default one, `orders`.
    pub(crate) tables: Vec<String>,
    /// Systems Manager parameters by name; by default one, `/app/mode`.
    pub(crate) parameters: BTreeMap<String, String>,
    /// How far the clocks of AWS are ahead of the clock of this machine, in seconds: a slow instance clock is a positive number.
    pub(crate) clock_offset_seconds: i64,
    /// Services (`s3`, `dynamodb`, …) that answer every request with their throttling error.
    pub(crate) throttled: BTreeSet<String>,
    /// Services that answer every request with their internal error.
    pub(crate) faulty: BTreeSet<String>,
    /// Users of the account with long-term keys, as they stand in environment variables and files.
    pub(crate) users: Vec<User>,
    /// Services that take requests and never answer.
    pub(crate) silent: BTreeSet<String>,
    /// Boxes on the way that look into TLS or take its place.
    pub(crate) interference: Vec<Interference>,
}

/// The instance behind the role session.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Instance {
    /// The instance id.
    pub(crate) id: String,
    /// The VPC it was launched in, which is `aws:Ec2InstanceSourceVpc`.
    pub(crate) vpc_id: Option<String>,
    /// Its primary private address, which is `aws:Ec2InstanceSourcePrivateIPv4`.
    pub(crate) private_ip: Option<IpAddr>,
}

/// The credentials of the instance profile, and what is wrong with them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Credentials {
    /// What is wrong with them.
    pub(crate) fault: CredentialFault,
    /// How long they are valid from the start of the lab, in seconds.
    pub(crate) lifetime_seconds: i64,
}

/// What can be wrong with credentials that were handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CredentialFault {
    /// Nothing.
    #[default]
    None,
    /// The secret key is not the one that belongs to the access key.
    WrongSecret,
    /// AWS does not know the access key.
    UnknownKey,
    /// The session token is garbled.
    WrongToken,
    /// They expired an hour ago, and say so.
    Expired,
    /// They look valid, but AWS counts them as expired, as after a role's sessions were revoked by a wrong clock.
    ExpiredAtAws,
}

/// A user of the account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// The user name.
    pub(crate) name: String,
    /// The id of the access key.
    pub(crate) access_key_id: String,
    /// The secret of the access key.
    pub(crate) secret_access_key: String,
    /// The session token that belongs to the key, where it is a copied temporary one.
    pub(crate) session_token: Option<String>,
    /// Whether the key has expired.
    #[serde(default)]
    pub(crate) expired: bool,
    /// What the user may do; nothing if absent.
    pub(crate) policy: Option<Policy>,
}

/// A role beside the instance's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    /// Its name.
    pub(crate) name: String,
    /// Who may assume it.
    pub(crate) trust_policy: Policy,
    /// What it may do.
    pub(crate) policy: Policy,
}

/// A bucket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bucket {
    /// The bucket name, unique in the partition.
    pub(crate) name: String,
    /// Its Region; the account's Region if absent.
    pub(crate) region: Option<String>,
    /// The owning account; the instance's account if absent.
    pub(crate) owner: Option<String>,
    /// The bucket policy.
    pub(crate) policy: Option<Policy>,
    /// The objects, by key.
    #[serde(default)]
    pub(crate) objects: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_id: "123456789012".to_owned(),
            organization_id: None,
            organization_accounts: BTreeSet::new(),
            role_name: "app-instance-role".to_owned(),
            instance: Instance::default(),
            credentials: Credentials::default(),
            identity_policy: None,
            permissions_boundary: None,
            service_control_policy: None,
            resource_control_policy: None,
            session_policy: None,
            role_trust_policy: None,
            roles: Vec::new(),
            endpoint_policies: BTreeMap::new(),
            buckets: vec![Bucket {
                name: "app-data".to_owned(),
                region: None,
                owner: None,
                policy: None,
                objects: BTreeMap::from([("hello.txt".to_owned(), "hello\n".to_owned())]),
            }],
            tables: vec!["orders".to_owned()],
            parameters: BTreeMap::from([("/app/mode".to_owned(), "blue".to_owned())]),
            clock_offset_seconds: 0,
            throttled: BTreeSet::new(),
            faulty: BTreeSet::new(),
            users: Vec::new(),
            silent: BTreeSet::new(),
            interference: Vec::new(),
        }
    }
}

impl Default for Instance {
    fn default() -> Self {
        Self { id: "i-0a1b2c3d4e5f60718".to_owned(), vpc_id: None, private_ip: None }
    }
}

impl Default for Credentials {
    fn default() -> Self {
        Self { fault: CredentialFault::None, lifetime_seconds: 6 * 3600 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_a_healthy_account() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config.region, "us-east-1");
        assert_eq!(config.credentials.fault, CredentialFault::None);
    }

    #[test]
    fn a_full_table_is_read() {
        let config: Config = toml::from_str(
            r#"
            region = "eu-west-1"
            identity_policy = "read-only"
            credentials = { fault = "wrong-secret" }
            throttled = ["s3"]
            [[buckets]]
            name = "data"
            policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}'
            [endpoint_policies]
            vpce-1 = "deny-all"
            "#,
        )
        .unwrap();
        assert_eq!(config.credentials.fault, CredentialFault::WrongSecret);
        assert!(config.buckets[0].policy.is_some());
        assert!(config.endpoint_policies.contains_key("vpce-1"));
    }

    #[test]
    fn mistakes_in_the_table_are_refused() {
        for text in ["regoin = 'x'", "identity_policy = 'everything'", "credentials = { fault = 'odd' }"] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}
