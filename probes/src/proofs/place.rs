//! One signed request on a connection to one address, and the addresses that a proof can be made at.

use std::net::IpAddr;

use aws_credential_types::Credentials;

use crate::call::{self, Signer, assume_role, get_object};
use crate::control_plane::{Pool, ReadFailure};
use crate::observations::{CallFailure, Reply, TargetObservation};
use crate::plan::TargetPlan;
use crate::run::Until;
use crate::step::Unclassified;

/// What is asked.
pub(super) enum Request<'a> {
    /// STS for a session of a role under a session policy.
    AssumeRole {
        /// The role's ARN.
        role: &'a str,
        /// The session's name.
        session: &'a str,
        /// The session policy.
        policy: String,
    },
    /// A service for the harmless answer that a target is asked for anyway.
    Call(&'a TargetPlan),
    /// S3 for an object of a probe bucket.
    Object {
        /// The bucket.
        bucket: &'a str,
        /// The object's key.
        key: &'a str,
    },
}

/// What requests are signed with, for which Region, and when they have to be over.
pub(super) struct Signing<'a> {
    /// The Region.
    pub(super) region: &'a str,
    /// The credentials.
    pub(super) credentials: &'a Credentials,
    /// The end of the budget.
    pub(super) until: &'a Until,
}

/// Makes a request once, on a connection of the pool; the credentials of a session that was assumed stand beside the reply.
///
/// # Errors
///
/// How it failed; every HTTP answer is a reply.
pub(super) async fn ask(
    pool: &Pool,
    signing: &Signing<'_>,
    request: Request<'_>,
) -> Result<(Reply, Option<Credentials>), CallFailure> {
    let Signing { region, credentials, until } = *signing;
    let line = pool.take(until).await.map_err(not_connected)?;
    let signer = Signer { connection: &line.connection, region, credentials };
    let answered = match request {
        Request::AssumeRole { role, session, policy } => {
            let asking = Box::pin(assume_role(&signer, role, session, policy));
            until.bound(asking).await.unwrap_or(Err(CallFailure::TimedOut))
        }
        Request::Call(target) => {
            call::call(&line.connection, target, Some(credentials), until).await.map(|reply| (reply, None))
        }
        Request::Object { bucket, key } => {
            let asking = Box::pin(get_object(&signer, bucket, key));
            let reply = until.bound(asking).await.unwrap_or(Err(CallFailure::TimedOut));
            reply.map(|reply| (reply, None))
        }
    };
    pool.give_back(Some(line));
    answered
}

/// The addresses of a target where the service answered the handshake with a certificate that is accepted.
pub(super) fn trusted(target: &TargetObservation) -> impl Iterator<Item = IpAddr> + '_ {
    let accepted = target
        .attempts
        .iter()
        .filter(|attempt| attempt.tls.done().is_some_and(|session| session.trust.accepted()));
    accepted.map(|attempt| attempt.address)
}

fn not_connected(failure: ReadFailure) -> CallFailure {
    match failure {
        ReadFailure::TimedOut => CallFailure::TimedOut,
        ReadFailure::Unclassified(unclassified) => CallFailure::Unclassified(unclassified),
        other => CallFailure::Unclassified(Unclassified::from_text(format!("{other:?}"))),
    }
}
