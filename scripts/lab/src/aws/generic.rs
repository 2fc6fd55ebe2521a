//! Services without a module of their own: they authenticate and authorise like any other and do nothing.
//!
//! A read that is allowed answers with an empty result; a write answers that it is not implemented, because nothing would be
//! written. That is all a layer-7 probe needs.

use serde_json::json;

use super::Aws;
use super::access::Ask;
use super::errors::{Fault, Protocol, plain_xml};
use super::request::{Call, Reply, escape, random_text};
use super::service_call::{ServiceCall, missing_token};

/// The answer of a service that has nothing but its front end.
pub(crate) fn answer(aws: &Aws, service: &str, call: &Call) -> Reply {
    let work = ServiceCall::new(aws, service, call);
    let result = match Protocol::of(service) {
        Protocol::Json10 | Protocol::Json11 => match work.json_operation(None) {
            Ok(operation) => json_service(&work, &operation),
            Err(reply) => return reply,
        },
        Protocol::Query => query_service(&work),
        Protocol::RestJson => rest_service(&work),
        Protocol::MessageGateway => match message_gateway(&work) {
            // The gateway's own errors come in its own shape, those of the common front end in theirs.
            Err(fault) if fault.code != "BadRequest" => {
                return plain_xml(
                    call,
                    fault.status,
                    &fault.code,
                    fault.message.as_deref().unwrap_or_default(),
                );
            }
            other => other,
        },
        // S3 and EC2 have modules of their own and never come here.
        Protocol::Registry | Protocol::S3 | Protocol::Ec2 => Err(missing_token(service)),
    };
    result.unwrap_or_else(|fault| fault.reply(service, call))
}

fn json_service(work: &ServiceCall<'_>, operation: &str) -> Result<Reply, Fault> {
    let who = work.caller()?;
    work.json_body()?;
    let resource = if work.service == "ec2messages" { "*".to_owned() } else { work.arn("*") };
    work.allow(&who, &Ask::own(work.aws, &action(work.service, operation), resource))?;
    if reads(operation) { Ok(work.json(&json!({}))) } else { Err(not_implemented()) }
}

fn query_service(work: &ServiceCall<'_>) -> Result<Reply, Fault> {
    let operation = work.call.form().into_iter().find(|(name, _)| name == "Action").map(|(_, value)| value);
    let who = work.caller()?;
    let Some(operation) = operation else {
        let text = "The request is missing an action or a required parameter.";
        return Err(Fault::new(400, "MissingAction", text));
    };
    work.allow(&who, &Ask::own(work.aws, &action(work.service, &operation), "*".to_owned()))?;
    if !reads(&operation) {
        return Err(not_implemented());
    }
    Ok(work.query(&operation, ""))
}

fn rest_service(work: &ServiceCall<'_>) -> Result<Reply, Fault> {
    // Which operation a path means is the service's own knowledge; the refusal needs only some name.
    let who = work.caller()?;
    let read = work.call.method == http::Method::GET;
    let operation = if read { "List" } else { "Create" };
    work.allow(&who, &Ask::own(work.aws, &action(work.service, operation), work.arn("*")))?;
    if read {
        Ok(Reply::new(200, "application/json", "{}").with("x-amzn-requestid", work.call.id.clone()))
    } else {
        Err(not_implemented())
    }
}

/// The Systems Manager message gateway: `POST /v1/control-channel/INSTANCE` and `POST /v1/data-channel/SESSION` give a token
/// for a web socket, which is as far as it goes here.
fn message_gateway(work: &ServiceCall<'_>) -> Result<Reply, Fault> {
    let who = work.caller()?;
    let mut path = work.call.path.trim_start_matches('/').split('/').skip(1);
    let upgrade = work.call.headers.contains_key("upgrade");
    let operation = match (path.next(), upgrade) {
        (Some("control-channel"), false) => "CreateControlChannel",
        (Some("control-channel"), true) => "OpenControlChannel",
        (Some("data-channel"), false) => "CreateDataChannel",
        (Some("data-channel"), true) => "OpenDataChannel",
        // How the gateway answers a path it does not know was not verified.
        _ => return Err(Fault::new(404, "UnknownOperationException", "")),
    };
    let config = &work.aws.config;
    let resource = format!(
        "arn:{}:ec2:{}:{}:instance/{}",
        super::names::partition_of(work.scope.region).id,
        work.scope.region,
        config.account_id,
        config.instance.id
    );
    work.allow(&who, &Ask::own(work.aws, &action(work.service, operation), resource))?;
    if upgrade {
        return Err(not_implemented());
    }
    let token = random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 64);
    let body = format!(
        "<{operation}Response xmlns=\"http://ssm.amazonaws.com/doc/2017-09-01/\">\n  <MessageSchemaVersion>1.0</MessageSchemaVersion>\n  \
         <TokenValue>{}</TokenValue>\n</{operation}Response>\n",
        escape(&token)
    );
    Ok(Reply::new(201, "application/xml", body).with("x-amzn-requestid", work.call.id.clone()))
}

/// The action's name in policies.
fn action(service: &str, operation: &str) -> String {
    let prefix = match service {
        "monitoring" => "cloudwatch",
        "ecs-a" | "ecs-t" => "ecs",
        other => Protocol::signing_name(other),
    };
    format!("{prefix}:{operation}")
}

fn reads(operation: &str) -> bool {
    ["Describe", "List", "Get", "Head"].iter().any(|verb| operation.starts_with(verb))
        && operation != "GetMessages"
}

fn not_implemented() -> Fault {
    Fault::new(501, "NotImplemented", "This operation has no effect in the lab.")
}
