//! The error shapes of the protocols that AWS services speak.
//!
//! One [`Fault`] (status, code, message) is rendered as each protocol writes it. Texts that belong to one failure in all
//! services stand here; texts of one service stand with that service.
//!
//! Sources: the public shapes in botocore's service models; the documentation's error pages for S3 and DynamoDB; for the
//! plain-XML answers to requests that name no operation, the recorded answers in the tests of public Kinesis and DynamoDB
//! emulators; for the message gateway, log lines in issues of the Systems Manager agent's repository.

use std::fmt::Write;

use serde_json::json;

use super::request::{Call, Reply, escape, random_text};

/// How a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// REST with XML, as S3 alone speaks it.
    S3,
    /// JSON 1.0 with error types that carry a namespace (DynamoDB, SQS).
    Json10,
    /// JSON 1.1 with bare error types.
    Json11,
    /// Query parameters in, XML out.
    Query,
    /// EC2's own kind of query protocol.
    Ec2,
    /// REST with JSON.
    RestJson,
    /// The Systems Manager message gateway, which answers in XML of its own.
    MessageGateway,
    /// A container registry.
    Registry,
}

/// An error before it is written in a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The status code.
    pub(crate) status: u16,
    /// The error code.
    pub(crate) code: String,
    /// The message, if the error has one.
    pub(crate) message: Option<String>,
    /// Further elements, which only S3 has.
    pub(crate) details: Vec<(&'static str, String)>,
    /// Whether the error is one of the service's own and not one of the common front end (JSON 1.0 shows it in the type).
    pub(crate) own: bool,
}

impl Protocol {
    /// The protocol of a service, by the first part of its name; JSON 1.1 for services nobody listed.
    pub(crate) fn of(service: &str) -> Self {
        match service {
            "s3" => Self::S3,
            "dynamodb" | "streams.dynamodb" | "sqs" => Self::Json10,
            "sts"
            | "sns"
            | "cloudformation"
            | "elasticbeanstalk"
            | "elasticbeanstalk-health"
            | "autoscaling"
            | "monitoring"
            | "elasticloadbalancing"
            | "iam"
            | "rds" => Self::Query,
            "ec2" => Self::Ec2,
            "lambda" | "execute-api" | "eks" | "elasticfilesystem" => Self::RestJson,
            "ssmmessages" => Self::MessageGateway,
            "ecr-registry" => Self::Registry,
            _ => Self::Json11,
        }
    }

    /// The name under which requests to a service are signed and its actions are written in policies.
    pub(crate) fn signing_name(service: &str) -> &str {
        match service {
            "streams.dynamodb" => "dynamodb",
            "email" => "ses",
            "elasticbeanstalk-health" => "elasticbeanstalk",
            other => other,
        }
    }
}

impl Fault {
    /// An error of the common front end.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: Some(message.into()), details: Vec::new(), own: false }
    }

    /// An error of the service itself.
    pub(crate) fn own(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { own: true, ..Self::new(status, code, message) }
    }

    /// The same error with one more element.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The error as a service writes it.
    pub(crate) fn reply(&self, service: &str, call: &Call) -> Reply {
        match Protocol::of(service) {
            Protocol::S3 => self.s3(call),
            Protocol::Json10 => self.json10(service, call),
            Protocol::Json11 => self.json11(call),
            Protocol::Query => self.query(service, call),
            Protocol::Ec2 => self.ec2(call),
            Protocol::RestJson => self.rest_json(call),
            Protocol::MessageGateway => self.message_gateway(call),
            Protocol::Registry => Reply::new(self.status, "text/plain; charset=utf-8", "Not Authorized\n")
                .with("docker-distribution-api-version", "registry/2.0")
                .with(
                    "www-authenticate",
                    format!("Basic realm=\"https://{}/\",service=\"ecr.amazonaws.com\"", call.host),
                ),
        }
    }

    fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    fn s3(&self, call: &Call) -> Reply {
        let host_id = random_text(HOST_ID, 76);
        let mut body = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        let code = ("Code", self.code.clone());
        let message = ("Message", self.text().to_owned());
        let ids = [("RequestId", call.id.clone()), ("HostId", host_id.clone())];
        for (name, value) in [code, message].iter().chain(&self.details).chain(&ids) {
            // Writing to a string cannot fail.
            let _ = write!(body, "<{name}>{}</{name}>", escape(value));
        }
        body.push_str("</Error>");
        Reply::new(self.status, "application/xml", body)
            .with("server", "AmazonS3")
            .with("x-amz-request-id", call.id.clone())
            .with("x-amz-id-2", host_id)
    }

    fn json10(&self, service: &str, call: &Call) -> Reply {
        let namespace = match (self.own, service) {
            (true, "sqs") => "com.amazonaws.sqs",
            (true, _) => "com.amazonaws.dynamodb.v20120810",
            (false, _) => "com.amazon.coral.service",
        };
        let kind = format!("{namespace}#{}", self.code);
        // Refusals write the message with a capital letter, everything else with a small one.
        let key = if self.code == "AccessDeniedException" { "Message" } else { "message" };
        let body = match &self.message {
            Some(message) => json!({ "__type": kind, key: message }),
            None => json!({ "__type": kind }),
        }
        .to_string();
        let checksum = crc32(body.as_bytes());
        let reply = Reply::new(self.status, "application/x-amz-json-1.0", body)
            .with("x-amzn-requestid", call.id.clone());
        if service == "sqs" {
            reply
        } else {
            reply.with("x-amz-crc32", checksum.to_string()).with("server", "Server")
        }
    }

    fn json11(&self, call: &Call) -> Reply {
        let key = if self.code == "AccessDeniedException" { "Message" } else { "message" };
        let body = match &self.message {
            Some(message) => json!({ "__type": self.code, key: message }),
            None => json!({ "__type": self.code }),
        };
        Reply::new(self.status, "application/x-amz-json-1.1", body.to_string())
            .with("x-amzn-requestid", call.id.clone())
    }

    fn query(&self, service: &str, call: &Call) -> Reply {
        let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
        let body = format!(
            "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{kind}</Type>\n    <Code>{}</Code>\n    \
             <Message>{}</Message>\n  </Error>\n  <RequestId>{}</RequestId>\n</ErrorResponse>\n",
            namespace(service),
            escape(&self.code),
            escape(self.text()),
            call.id
        );
        Reply::new(self.status, "text/xml", body).with("x-amzn-requestid", call.id.clone())
    }

    fn ec2(&self, call: &Call) -> Reply {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message>\
             </Error></Errors><RequestID>{}</RequestID></Response>",
            escape(&self.code),
            escape(self.text()),
            call.id
        );
        Reply::new(self.status, "text/xml;charset=UTF-8", body)
            .with("x-amzn-requestid", call.id.clone())
            .with("server", "AmazonEC2")
    }

    fn rest_json(&self, call: &Call) -> Reply {
        Reply::new(self.status, "application/json", json!({ "message": self.text() }).to_string())
            .with("x-amzn-requestid", call.id.clone())
            .with("x-amzn-errortype", self.code.clone())
    }

    fn message_gateway(&self, call: &Call) -> Reply {
        let body = format!("<BadRequest xmlns=\"\"><message>{}</message></BadRequest>", escape(self.text()));
        Reply::new(self.status, "application/xml", body).with("x-amzn-requestid", call.id.clone())
    }
}

/// An error in the plain XML that the common front end writes when it does not know which protocol a request speaks.
pub(crate) fn plain_xml(call: &Call, status: u16, code: &str, message: &str) -> Reply {
    let body = if message.is_empty() {
        format!("<{code}/>\n")
    } else {
        format!("<{code}>\n  <Message>{}</Message>\n</{code}>\n", escape(message))
    };
    Reply::new(status, "", body).with("x-amzn-requestid", call.id.clone())
}

/// The XML namespace of a query service's answers.
pub(crate) fn namespace(service: &str) -> &'static str {
    match service {
        "sts" => "https://sts.amazonaws.com/doc/2011-06-15/",
        "sns" => "http://sns.amazonaws.com/doc/2010-03-31/",
        "cloudformation" => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        "elasticbeanstalk" | "elasticbeanstalk-health" => {
            "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/"
        }
        "autoscaling" => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        "monitoring" => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        _ => "http://webservices.amazon.com/AWSFault/2005-15-09",
    }
}

/// The checksum that DynamoDB puts on its answers (CRC-32 of IEEE 802.3), which SDKs verify.
pub(crate) fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |mut checksum, byte| {
        checksum ^= u32::from(*byte);
        for _ in 0..8 {
            checksum = if checksum & 1 == 1 { (checksum >> 1) ^ 0xEDB8_8320 } else { checksum >> 1 };
        }
        checksum
    })
}

/// The alphabet of S3's second request id.
pub(crate) const HOST_ID: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
