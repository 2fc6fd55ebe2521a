//! The signed SSM request: `ListAssociations`, which the managed policy of every managed node allows.

use aws_sdk_ssm::Client;

use super::{Signer, sdk_config};
use crate::observations::{CallFailure, Reply};

/// `ListAssociations`, one association at most.
pub(super) async fn list_associations(signer: &Signer<'_>) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let client = Client::from_conf(sdk_config!(aws_sdk_ssm, signer, recorder, signer.url()).build());
    let result = client.list_associations().max_results(1).send().await;
    recorder.reply("ssm:ListAssociations", &result)
}
