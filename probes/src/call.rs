//! The call step: the one harmless request that shows the service itself to be there.
//!
//! Signed where there are credentials and the peer is trusted, unsigned otherwise: an unsigned request proves the same of
//! the network, and even an interceptor's answer tells who it is. The AWS SDKs make the signed requests, but for those
//! to EC2 and SSM and for an object, which only their signer signs. Each is made exactly once, on the connection that was
//! measured. Whether an answer is good news is not known here.

mod connector;
mod dynamodb;
mod ec2;
mod object;
mod reply;
mod s3;
mod signing;
mod ssm;
mod sts;
mod unsigned;

use std::sync::Arc;

use aws_credential_types::Credentials;

use crate::connection::Connection;
use crate::observations::{CallFailure, Reply};
use crate::plan::{CallPlan, TargetPlan};
use crate::run::Until;

use connector::Recorder;
pub(crate) use ec2::ec2;
pub(crate) use object::get_object;
pub(crate) use reply::{collapse, field};
pub(crate) use sts::assume_role;

/// What requests that no SDK makes say of who makes them.
const AGENT: &str = concat!("vpcprobe/", env!("CARGO_PKG_VERSION"));

/// Makes the request that the plan wants for this target.
///
/// `credentials` must only be given for a peer that a set of roots vouches for, and without a time of expiry: whether
/// they are still good is the service's to say.
///
/// # Errors
///
/// How the request failed; every HTTP answer is a reply.
pub(crate) async fn call(
    connection: &Arc<Connection>,
    target: &TargetPlan,
    credentials: Option<&Credentials>,
    until: &Until,
) -> Result<Reply, CallFailure> {
    let Some(credentials) = credentials else {
        let asking = unsigned::call(connection, &target.call);
        let mut reply = until.bound(asking).await.unwrap_or(Err(CallFailure::TimedOut))?;
        if let (CallPlan::S3HeadBucket { bucket, path_style }, 400 | 403) = (&target.call, reply.status) {
            let asking = unsigned::list_nothing(connection, bucket, *path_style);
            reply.follow_up = until.bound(asking).await.and_then(Result::ok).map(Box::new);
        }
        return Ok(reply);
    };
    let signer = Signer { connection, region: &target.region, credentials };
    let asking = Box::pin(signed(&signer, &target.call));
    let mut reply = until.bound(asking).await.unwrap_or(Err(CallFailure::TimedOut))?;
    if let (CallPlan::S3HeadBucket { bucket, path_style }, 400 | 403) = (&target.call, reply.status) {
        // If the second request fails or finds no time, the first answer stands without it.
        let asking = Box::pin(s3::list_nothing(&signer, bucket, *path_style));
        reply.follow_up = until.bound(asking).await.and_then(Result::ok).map(Box::new);
    }
    Ok(reply)
}

async fn signed(signer: &Signer<'_>, call: &CallPlan) -> Result<Reply, CallFailure> {
    match call {
        CallPlan::S3ListBuckets => s3::list_buckets(signer).await,
        CallPlan::S3HeadBucket { bucket, path_style } => s3::head_bucket(signer, bucket, *path_style).await,
        CallPlan::DynamoDbListTables => dynamodb::list_tables(signer).await,
        CallPlan::DynamoDbDescribeTable { table } => dynamodb::describe_table(signer, table).await,
        CallPlan::SsmListAssociations => ssm::list_associations(signer).await,
        CallPlan::StsGetCallerIdentity => sts::get_caller_identity(signer).await,
        CallPlan::UnsignedGet | CallPlan::S3PublicObject { .. } => {
            unsigned::call(signer.connection, call).await
        }
    }
}

/// What a signed request needs beside itself.
pub(crate) struct Signer<'a> {
    /// The connection that the request rides on.
    pub(crate) connection: &'a Arc<Connection>,
    /// The Region that the signature is made for.
    pub(crate) region: &'a str,
    /// What it is signed with.
    pub(crate) credentials: &'a Credentials,
}

impl Signer<'_> {
    /// An HTTP client for one request.
    fn recorder(&self) -> Recorder {
        Recorder::new(Arc::clone(self.connection), self.credentials.clone())
    }

    /// The address that the SDK is told.
    fn url(&self) -> String {
        format!("https://{}", self.connection.host())
    }
}

/// The settings of one SDK's client under which a request is made once, on our connection, and nothing else happens:
/// no retry, no time-out of its own, no cache. Each SDK has its own types of the same shape, hence a macro.
macro_rules! sdk_config {
    ($sdk:ident, $signer:expr, $recorder:expr, $url:expr) => {{
        use $sdk::config as sdk;
        let mut config = sdk::Builder::new();
        // Names this program in the service's own logs.
        config.set_app_name(sdk::AppName::new("vpcprobe").ok());
        config
            .behavior_version(sdk::BehaviorVersion::v2026_01_12())
            .region(sdk::Region::new($signer.region.to_owned()))
            .endpoint_url($url)
            .credentials_provider($signer.credentials.clone())
            .http_client($recorder.clone())
            .retry_config(sdk::retry::RetryConfig::disabled())
            .timeout_config(sdk::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection(sdk::StalledStreamProtectionConfig::disabled())
            .identity_cache(sdk::IdentityCache::no_cache())
    }};
}
use sdk_config;

#[cfg(test)]
mod tests;
