//! AWS itself, at the far end of the simulated VPC: services behind TLS that verify signatures, evaluate policies and answer
//! with the shapes and texts of the real ones.
//!
//! It knows nothing of namespaces or of how packets travel. The network hands it listeners and says for each connection how it
//! came in ([`Ingress`]); what EC2 describes is the topology the network was built from, and everything else comes from the
//! `[aws]` table of the scenario ([`Config`]).

mod access;
mod authority;
mod config;
mod context;
mod dynamodb;
mod ec2;
mod errors;
mod front;
mod generic;
mod iam;
mod ingress;
mod interference;
mod keys;
pub(crate) mod names;
mod policy;
mod request;
mod s3;
mod service_call;
mod sigv4;
mod sites;
mod ssm;
mod sts;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

pub(crate) use authority::Authority;
pub(crate) use config::Config;
pub(crate) use ingress::{Ingress, IngressKind};
pub(crate) use keys::AccessKey;
pub(crate) use keys::InstanceCredentials;
use keys::Keys;
use policy::Policy;
use request::{Call, Reply};
use s3::store::Store;

use crate::imds::Imds;
use crate::live::Live;

/// All services of one partition, as seen by one instance.
pub(crate) struct Aws {
    config: Config,
    live: Arc<Live>,
    /// The policies of endpoints, which EC2's calls may change.
    endpoint_policies: RwLock<BTreeMap<String, Policy>>,
    authority: Arc<Authority>,
    /// The authority of boxes on the way that open TLS.
    interceptor: Arc<Authority>,
    keys: Keys,
    handed_out: InstanceCredentials,
    role: RwLock<iam::Role>,
    metadata: Arc<RwLock<Imds>>,
    s3: Store,
}

impl Aws {
    /// Starts AWS as a scenario describes it, with the VPC that was built.
    pub(crate) fn new(
        config: Config,
        live: Arc<Live>,
        authority: Arc<Authority>,
        interceptor: Arc<Authority>,
    ) -> Arc<Self> {
        let now = Timestamp::now();
        let (keys, handed_out) = Keys::start(&config, now);
        keys.add_users(&config, now);
        let role = RwLock::new(iam::Role::of(&config));
        let s3 = Store::new(&config, now);
        let endpoint_policies = RwLock::new(config.endpoint_policies.clone());
        Arc::new(Self {
            config,
            live,
            endpoint_policies,
            authority,
            interceptor,
            keys,
            handed_out,
            role,
            metadata: Arc::default(),
            s3,
        })
    }

    /// What the instance metadata must hand out for the role, faults included.
    pub(crate) fn instance_credentials(&self) -> &InstanceCredentials {
        &self.handed_out
    }

    /// A key of somebody who may do everything in an account; in the instance's where none is named.
    pub(crate) fn administrator(&self, account: Option<&str>) -> AccessKey {
        let account = account.unwrap_or(&self.config.account_id);
        self.keys.administrator(&self.config, account, Timestamp::now())
    }

    /// Serves HTTPS on a listener until the returned future is dropped. `resolve` gets the address the client dialled and
    /// the client's own, and says how the connection came in.
    ///
    /// # Errors
    ///
    /// When the runtime cannot take over the listener.
    pub(crate) async fn serve(
        self: Arc<Self>,
        listener: std::net::TcpListener,
        resolve: impl Fn(SocketAddr, SocketAddr) -> Ingress + Send + Sync + 'static,
    ) -> std::io::Result<()> {
        front::serve(self, listener, resolve, true).await
    }

    /// Serves plain HTTP, as S3, DynamoDB and the web sites do on port 80; as [`Aws::serve`] otherwise.
    ///
    /// # Errors
    ///
    /// As [`Aws::serve`].
    pub(crate) async fn serve_plain(
        self: Arc<Self>,
        listener: std::net::TcpListener,
        resolve: impl Fn(SocketAddr, SocketAddr) -> Ingress + Send + Sync + 'static,
    ) -> std::io::Result<()> {
        front::serve(self, listener, resolve, false).await
    }

    /// The time by the clocks of AWS.
    pub(crate) fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.config.clock_offset_seconds);
        Timestamp::now().checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// The service that a request reaches: the door's, whatever the client named, or else the named one.
    fn service(call: &Call) -> Option<String> {
        let door = call.ingress.service.as_deref().map(names::service_of_endpoint);
        door.or_else(|| call.target.as_ref().map(|target| target.service.clone()))
    }

    /// The policy of an endpoint, if it has one of its own.
    fn endpoint_policy(&self, endpoint: &str) -> Option<Policy> {
        self.endpoint_policies.read().unwrap_or_else(PoisonError::into_inner).get(endpoint).cloned()
    }

    /// Gives an endpoint a policy of its own, or takes it away.
    fn set_endpoint_policy(&self, endpoint: &str, policy: Option<Policy>) {
        let mut policies = self.endpoint_policies.write().unwrap_or_else(PoisonError::into_inner);
        match policy {
            Some(policy) => policies.insert(endpoint.to_owned(), policy),
            None => policies.remove(endpoint),
        };
    }

    /// The role with its policies, which IAM's calls may change.
    fn role(&self) -> iam::Role {
        self.role.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the role.
    fn change_role<T>(&self, change: impl FnOnce(&mut iam::Role) -> T) -> T {
        change(&mut self.role.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The instance's metadata options, which EC2's and IAM's calls may change, shared with the metadata service.
    pub(crate) fn metadata(&self) -> Arc<RwLock<Imds>> {
        Arc::clone(&self.metadata)
    }

    fn answer(&self, call: &Call) -> Reply {
        match Self::service(call).as_deref() {
            None => sites::answer(call),
            Some("s3") => s3::answer(self, call),
            Some("dynamodb") => dynamodb::answer(self, call),
            Some("ssm") => ssm::answer(self, call),
            Some("ec2") => ec2::answer(self, call),
            Some("sts") => sts::answer(self, call),
            Some("iam") => iam::answer(self, call),
            Some(other) => generic::answer(self, other, call),
        }
    }
}
