//! Requests without a signature: for hosts that have no harmless signed one, for a run without credentials, and for a
//! peer that must not see any.
//!
//! A service answers them with a refusal in its own shape and with a request id, which proves the way to it as well as
//! a signed call does. S3 gives a bucket's Region and whether it exists even then.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Method, Request};

use super::{AGENT, reply};
use crate::connection::Connection;
use crate::observations::{CallFailure, Reply};
use crate::plan::CallPlan;

/// A request that is no operation of a service.
const BARE: &str = "GET /";

/// Makes the unsigned counterpart of a planned call.
pub(super) async fn call(connection: &Connection, plan: &CallPlan) -> Result<Reply, CallFailure> {
    send(connection, Unsigned::of(plan)).await
}

/// Asks for no object of a bucket, since the refusal of a `HeadBucket` has no body that says why: in China it is another one
/// than elsewhere.
pub(super) async fn list_nothing(
    connection: &Connection,
    bucket: &str,
    path_style: bool,
) -> Result<Reply, CallFailure> {
    let path = if path_style { format!("/{bucket}") } else { "/".to_owned() };
    let request = Unsigned {
        operation: "s3:ListBucket",
        path: format!("{path}?list-type=2&max-keys=0"),
        ..Unsigned::bare()
    };
    send(connection, request).await
}

async fn send(connection: &Connection, request: Unsigned) -> Result<Reply, CallFailure> {
    let mut builder = Request::builder()
        .method(request.method)
        .uri(format!("https://{}{}", connection.host(), request.path))
        .header(USER_AGENT, AGENT);
    if let Some(content_type) = request.content_type {
        builder = builder.header(CONTENT_TYPE, content_type);
    }
    if let Some(target) = request.target {
        builder = builder.header("x-amz-target", target);
    }
    let whole = builder
        .body(Bytes::from_static(request.body.as_bytes()))
        .map_err(|error| CallFailure::NotSent { text: error.to_string() })?;
    let received = connection.exchange(whole).await?;
    let told_address = (request.operation == BARE).then(|| reply::lone_address(&received)).flatten();
    Ok(Reply { told_address, ..reply::of_unsigned(request.operation, &received) })
}

/// An unsigned request, field by field.
struct Unsigned {
    operation: &'static str,
    method: Method,
    path: String,
    content_type: Option<&'static str>,
    target: Option<&'static str>,
    body: &'static str,
}

impl Unsigned {
    fn of(plan: &CallPlan) -> Self {
        match plan {
            CallPlan::UnsignedGet | CallPlan::S3ListBuckets => Self::bare(),
            CallPlan::S3HeadBucket { bucket, path_style } => Self {
                operation: "s3:ListBucket",
                method: Method::HEAD,
                path: if *path_style { format!("/{bucket}") } else { "/".to_owned() },
                ..Self::bare()
            },
            CallPlan::S3PublicObject { key } => Self {
                operation: "s3:GetObject",
                method: Method::HEAD,
                path: format!("/{key}"),
                ..Self::bare()
            },
            // Which table is meant would be told to a peer that we may not trust, for nothing: the refusal is the same.
            CallPlan::DynamoDbListTables | CallPlan::DynamoDbDescribeTable { .. } => Self {
                operation: "dynamodb:ListTables",
                content_type: Some("application/x-amz-json-1.0"),
                target: Some("DynamoDB_20120810.ListTables"),
                ..Self::post("{}")
            },
            CallPlan::SsmListAssociations => Self {
                operation: "ssm:ListAssociations",
                content_type: Some("application/x-amz-json-1.1"),
                target: Some("AmazonSSM.ListAssociations"),
                ..Self::post("{}")
            },
            CallPlan::StsGetCallerIdentity => Self {
                operation: "sts:GetCallerIdentity",
                content_type: Some("application/x-www-form-urlencoded"),
                ..Self::post("Action=GetCallerIdentity&Version=2011-06-15")
            },
        }
    }

    fn bare() -> Self {
        Self {
            operation: BARE,
            method: Method::GET,
            path: "/".to_owned(),
            content_type: None,
            target: None,
            body: "",
        }
    }

    fn post(body: &'static str) -> Self {
        Self { method: Method::POST, body, ..Self::bare() }
    }
}
