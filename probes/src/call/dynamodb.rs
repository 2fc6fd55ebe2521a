//! Signed DynamoDB requests: `ListTables` and `DescribeTable`, neither of which consumes capacity.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};

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
    let measured = Measured { url: signer.url() };
    let config = sdk_config!(aws_sdk_dynamodb, signer, recorder, signer.url()).endpoint_resolver(measured);
    Client::from_conf(config.build())
}

/// The host that was measured. The SDK's own rules refuse a dual-stack name that they did not make themselves.
#[derive(Debug)]
struct Measured {
    url: String,
}

impl ResolveEndpoint for Measured {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.url.clone()).build()))
    }
}
