//! The signed STS requests: `GetCallerIdentity`, which needs no permission and says whose credentials these are, and `AssumeRole`
//! for a path proof.

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;

use super::{Signer, reply, sdk_config};
use crate::observations::{CallFailure, Reply};

/// `GetCallerIdentity`.
pub(super) async fn get_caller_identity(signer: &Signer<'_>) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let client = Client::from_conf(sdk_config!(aws_sdk_sts, signer, recorder, signer.url()).build());
    let result = client.get_caller_identity().send().await;
    let mut reply = recorder.reply("sts:GetCallerIdentity", &result)?;
    reply.identity = result.ok().and_then(|output| output.arn().map(reply::collapse));
    Ok(reply)
}

/// The shortest life that STS gives a session, in seconds (STS API reference, `AssumeRole`).
const SHORTEST_SESSION: i32 = 900;

/// `AssumeRole` under a session policy. The credentials of the session stand beside the reply and are for signing only.
pub(crate) async fn assume_role(
    signer: &Signer<'_>,
    role: &str,
    session: &str,
    policy: String,
) -> Result<(Reply, Option<Credentials>), CallFailure> {
    let recorder = signer.recorder();
    let client = Client::from_conf(sdk_config!(aws_sdk_sts, signer, recorder, signer.url()).build());
    let request = client.assume_role().role_arn(role).role_session_name(session).policy(policy);
    let result = request.duration_seconds(SHORTEST_SESSION).send().await;
    let reply = recorder.reply("sts:AssumeRole", &result)?;
    let given = result.ok().and_then(|output| output.credentials);
    // Without a time of expiry: whether they are still good is the service's to say.
    let credentials = given.map(|given| {
        Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            None,
            "AssumeRole",
        )
    });
    Ok((reply, credentials))
}
