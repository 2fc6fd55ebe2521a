//! Services without operations of their own here: they authenticate and authorise like any other, and then refuse or say that
//! they do not know the operation, in their protocol's shape. That is all a layer-7 probe needs.

use super::Aws;
use super::errors::{Fault, Protocol};
use super::request::{Call, Reply};

/// The answer to a request without any authentication.
pub(crate) fn unauthenticated(service: &str, call: &Call) -> Reply {
    missing_token(service).reply(service, call)
}

/// What a service says when the request carries no authentication.
pub(crate) fn missing_token(service: &str) -> Fault {
    match Protocol::of(service) {
        Protocol::S3 => Fault::new(403, "AccessDenied", "Access Denied"),
        Protocol::Json10 if service == "sqs" => {
            Fault::new(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
        }
        Protocol::Json10 => {
            Fault::new(400, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
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
        Protocol::MessageGateway => Fault::new(400, "BadRequest", "Request is not authenticated."),
        Protocol::Registry => Fault::new(401, "UNAUTHORIZED", "Not Authorized"),
    }
}

/// The answer of a service that has nothing but its front end.
pub(crate) fn answer(_aws: &Aws, service: &str, call: &Call) -> Reply {
    unauthenticated(service, call)
}
