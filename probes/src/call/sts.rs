//! The signed STS request: `GetCallerIdentity`, which needs no permission and says whose credentials these are.

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
