//! What all services but S3 do before their own work: find the operation, verify the signature, ask the policies.
//!
//! The order and the shapes are those of the common front end that AWS services share, as recorded answers of public
//! services show them: an unknown operation is told before a missing signature, a missing signature before a broken body.

use serde_json::Value;

use super::access::{self, Ask};
use super::errors::{Fault, Protocol, namespace};
use super::keys::Session;
use super::names::partition_of;
use super::request::{Call, Reply};
use super::sigv4::{self, Scope};
use super::{Aws, errors};

/// A request on its way through a service.
pub(crate) struct ServiceCall<'a> {
    /// AWS.
    pub(crate) aws: &'a Aws,
    /// The request.
    pub(crate) call: &'a Call,
    /// The service by its endpoint name.
    pub(crate) service: &'a str,
    /// For whom requests to it are signed.
    pub(crate) scope: Scope<'a>,
}

impl<'a> ServiceCall<'a> {
    /// A request to a service, in the Region of the name it was sent to.
    pub(crate) fn new(aws: &'a Aws, service: &'a str, call: &'a Call) -> Self {
        let own = call.target.as_ref().filter(|target| target.service == service);
        let region = match own {
            Some(target) => target.answering_region(),
            None => &aws.config.region,
        };
        Self { aws, call, service, scope: Scope { service: Protocol::signing_name(service), region } }
    }

    /// Who calls.
    ///
    /// # Errors
    ///
    /// The service's answer to a request that is not signed, or not well.
    pub(crate) fn caller(&self) -> Result<Session, Fault> {
        let protocol = Protocol::of(self.service);
        if self.aws.config.throttled.contains(self.service) {
            return Err(throttled(protocol));
        }
        if self.aws.config.faulty.contains(self.service) {
            return Err(internal_error(protocol));
        }
        sigv4::verify(self.call, &self.aws.keys, self.scope)
            .map_err(|failure| failure.fault(protocol))?
            .ok_or_else(|| missing_token(self.service))
    }

    /// Whether the policies allow it.
    ///
    /// # Errors
    ///
    /// The refusal in the service's words.
    pub(crate) fn allow(&self, who: &Session, ask: &Ask<'_>) -> Result<(), Fault> {
        access::authorize(self.aws, self.call, Some(who), self.scope, ask)
            .map_err(|refusal| self.denied(&refusal))
    }

    /// A refusal in the service's words.
    pub(crate) fn denied(&self, refusal: &access::Refusal) -> Fault {
        match Protocol::of(self.service) {
            Protocol::Json10 if self.service == "sqs" => refusal.fault(403, "AccessDeniedException"),
            Protocol::Json10 | Protocol::Json11 => refusal.fault(400, "AccessDeniedException"),
            Protocol::Ec2 => {
                let intro = "You are not authorized to perform this operation.";
                let text = refusal.text("");
                Fault::new(403, "UnauthorizedOperation", format!("{intro} {text}").trim())
            }
            Protocol::RestJson | Protocol::MessageGateway => refusal.fault(403, "AccessDeniedException"),
            Protocol::Query | Protocol::S3 => refusal.fault(403, "AccessDenied"),
            Protocol::Registry => Fault::new(403, "DENIED", refusal.text("Access Denied")),
        }
    }

    /// The ARN of something in the instance's account.
    pub(crate) fn arn(&self, rest: &str) -> String {
        let partition = partition_of(self.scope.region).id;
        format!(
            "arn:{partition}:{}:{}:{}:{rest}",
            self.scope.service, self.scope.region, self.aws.config.account_id
        )
    }

    /// The operation of a JSON request, by its target header.
    ///
    /// # Errors
    ///
    /// The answer of the common front end to a request that is no JSON call, or names an operation of another service.
    pub(crate) fn json_operation(&self, prefix: Option<&str>) -> Result<String, Reply> {
        let call = self.call;
        let json =
            call.header("content-type").is_some_and(|kind| kind.starts_with("application/x-amz-json-"));
        if call.method != http::Method::POST || !json {
            let (code, message) = match self.caller() {
                Ok(_) => (
                    "AccessDeniedException".to_owned(),
                    "Unable to determine service/operation name to be authorized".to_owned(),
                ),
                Err(fault) => (fault.code, fault.message.unwrap_or_default()),
            };
            return Err(errors::plain_xml(call, 403, &code, &message));
        }
        let target = call.header("x-amz-target").and_then(|target| target.split_once('.'));
        match target {
            Some((given, operation))
                if prefix.is_none_or(|prefix| prefix == given) && !operation.is_empty() =>
            {
                Ok(operation.to_owned())
            }
            _ => Err(unknown_operation().reply(self.service, call)),
        }
    }

    /// The body of a JSON request.
    ///
    /// # Errors
    ///
    /// When it is no JSON object.
    pub(crate) fn json_body(&self) -> Result<Value, Fault> {
        match serde_json::from_slice(&self.call.body) {
            Ok(body @ Value::Object(_)) => Ok(body),
            _ => Err(Fault { message: None, ..Fault::new(400, "SerializationException", "") }),
        }
    }

    /// A successful JSON answer.
    pub(crate) fn json(&self, body: &Value) -> Reply {
        let body = body.to_string();
        let id = self.call.id.clone();
        if Protocol::of(self.service) == Protocol::Json10 {
            let checksum = errors::crc32(body.as_bytes()).to_string();
            Reply::new(200, "application/x-amz-json-1.0", body)
                .with("x-amzn-requestid", id)
                .with("x-amz-crc32", checksum)
                .with("server", "Server")
        } else {
            Reply::new(200, "application/x-amz-json-1.1", body).with("x-amzn-requestid", id)
        }
    }

    /// A successful answer of a query service; `result` is the inner XML.
    pub(crate) fn query(&self, operation: &str, result: &str) -> Reply {
        let body = format!(
            "<{operation}Response xmlns=\"{}\">\n  <{operation}Result>{result}</{operation}Result>\n  \
             <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  </ResponseMetadata>\n</{operation}Response>\n",
            namespace(self.service),
            self.call.id
        );
        Reply::new(200, "text/xml", body).with("x-amzn-requestid", self.call.id.clone())
    }
}

/// The error for an operation that a JSON service does not have.
pub(crate) fn unknown_operation() -> Fault {
    Fault { message: None, ..Fault::new(400, "UnknownOperationException", "") }
}

/// What a service says when the request carries no authentication.
pub(crate) fn missing_token(service: &str) -> Fault {
    match Protocol::of(service) {
        Protocol::S3 => Fault::new(403, "AccessDenied", "Access Denied"),
        Protocol::Json10 => {
            let status = if service == "sqs" { 403 } else { 400 };
            Fault::new(
                status,
                "MissingAuthenticationTokenException",
                "Request is missing Authentication Token",
            )
        }
        Protocol::Json11 => {
            Fault::new(400, "MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        Protocol::Query => {
            Fault::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        }
        // EC2 still speaks as in the days of its first signature version.
        Protocol::Ec2 => {
            Fault::new(400, "MissingParameter", "The request must contain the parameter AWSAccessKeyId")
        }
        Protocol::RestJson => {
            Fault::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        // The text stands in the agent's public logs; the status with it was not verified.
        Protocol::MessageGateway => Fault::new(400, "BadRequest", "Request is not authenticated."),
        Protocol::Registry => Fault::new(401, "UNAUTHORIZED", "Not Authorized"),
    }
}

/// What a service says when it has a fault of its own.
fn internal_error(protocol: Protocol) -> Fault {
    match protocol {
        Protocol::Json10 | Protocol::Json11 => {
            Fault::new(500, "InternalServerError", "Internal server error")
        }
        Protocol::S3 | Protocol::Ec2 => Fault::new(500, "InternalError", "An internal error has occurred"),
        _ => Fault::new(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error.",
        ),
    }
}

/// What a service says when it is asked too often.
fn throttled(protocol: Protocol) -> Fault {
    match protocol {
        Protocol::Ec2 => Fault::new(503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol::Query => Fault::new(400, "Throttling", "Rate exceeded"),
        Protocol::MessageGateway => Fault::new(400, "BadRequest", "Unable to process due to throttling."),
        Protocol::RestJson => Fault::new(429, "TooManyRequestsException", "Rate exceeded"),
        Protocol::S3 => Fault::new(503, "SlowDown", "Please reduce your request rate."),
        Protocol::Registry => Fault::new(429, "TOOMANYREQUESTS", "Rate exceeded"),
        Protocol::Json10 | Protocol::Json11 => Fault::new(400, "ThrottlingException", "Rate exceeded"),
    }
}
