//! Signed DynamoDB requests: `ListTables` and `DescribeTable`, neither of which consumes capacity.

use aws_sdk_dynamodb::Client;

use super::connector::Recorder;
use super::{Signer, sdk_config};
use crate::observations::{CallFailure, Reply};

/// `ListTables`, one table at most.
pub(super) async fn list_tables(signer: &Signer<'_>) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let result = client(signer, &recorder).list_tables().limit(1).send().await;
    recorder.reply("dynamodb:ListTables", &result)
}

/// `DescribeTable`.
pub(super) async fn describe_table(signer: &Signer<'_>, table: &str) -> Result<Reply, CallFailure> {
    let recorder = signer.recorder();
    let result = client(signer, &recorder).describe_table().table_name(table).send().await;
    recorder.reply("dynamodb:DescribeTable", &result)
}

fn client(signer: &Signer<'_>, recorder: &Recorder) -> Client {
    Client::from_conf(sdk_config!(aws_sdk_dynamodb, signer, recorder, signer.url()).build())
}
