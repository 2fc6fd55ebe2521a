//! An HTTP answer as an observation: status, the service's own code and message, who says they answered, whose clock.
//!
//! Four shapes of errors are read: S3's XML, JSON with a `__type`, the query protocol's XML, and EC2's. Anything else
//! has no code, and that is an observation as well: it was not the service who answered.

use std::net::IpAddr;

use aws_credential_types::Credentials;
use http::HeaderMap;
use roxmltree::Document;
use serde_json::Value;

use crate::connection::Received;
use crate::observations::Reply;

/// The longest message that is kept; denials with two ARNs and a policy's name stay below it.
const LONGEST_MESSAGE: usize = 600;
/// The longest header field that is kept.
const LONGEST_FIELD: usize = 300;

/// Reads an answer to `operation`, which was not signed.
pub(super) fn of_unsigned(operation: &str, received: &Received) -> Reply {
    let (code, message) = reason(received);
    Reply {
        code: code.map(|code| collapse(&code)),
        message: message.map(|message| collapse(&message)),
        ..without_reason(operation, received)
    }
}

/// Reads an answer to `operation`, which was signed with these credentials, with the reason that the service gave.
///
/// What is secret is taken out of it: when a signature does not match, some services repeat the request they have signed in
/// comparison, with the session token in it.
pub(super) fn of_signed(
    operation: &str,
    credentials: &Credentials,
    received: &Received,
    (code, message): (Option<String>, Option<String>),
) -> Reply {
    let secrets = [
        credentials.session_token().unwrap_or_default(),
        credentials.secret_access_key(),
        credentials.access_key_id(),
    ];
    let hide = |text: String| {
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        collapse(&secrets.fold(text, |text, secret| text.replace(secret, "(hidden)")))
    };
    Reply {
        signed: true,
        code: code.map(hide),
        message: message.map(hide),
        ..without_reason(operation, received)
    }
}

/// Reads everything but the service's code and message.
fn without_reason(operation: &str, received: &Received) -> Reply {
    let headers = &received.headers;
    let request_id = field(headers, "x-amz-request-id").or_else(|| field(headers, "x-amzn-requestid"));
    Reply {
        operation: operation.to_owned(),
        status: received.status,
        without_request_id: request_id.is_none(),
        request_id,
        server: field(headers, "server"),
        via: field(headers, "via"),
        clock_offset_ms: clock_offset(headers, received.at_ms),
        bucket_region: field(headers, "x-amz-bucket-region"),
        ..Reply::default()
    }
}

/// The address that a whole answer consists of. It comes from a stranger, so it is one address as such is written, at most with an
/// end of line behind it, or nothing.
pub(super) fn lone_address(received: &Received) -> Option<IpAddr> {
    let text = std::str::from_utf8(&received.body).ok().filter(|_| received.status == 200)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line).parse().ok()
}

/// One line of text, without control characters, at most 600 characters.
pub(crate) fn collapse(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_MESSAGE).collect()
}

/// A header field as one line, at most 300 characters; `None` where it is missing or empty.
pub(crate) fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    let text = collapse(&String::from_utf8_lossy(value.as_bytes()));
    (!text.is_empty()).then(|| text.chars().take(LONGEST_FIELD).collect())
}

/// The peer's clock minus ours. The field has whole seconds, cut off, so half a second is its middle.
fn clock_offset(headers: &HeaderMap, at_ms: i64) -> Option<i64> {
    let text = headers.get("date")?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(date.as_millisecond() + 500 - at_ms)
}

/// The code and message of a refusal, from whichever shape its body has, as the service wrote them.
pub(super) fn reason(received: &Received) -> (Option<String>, Option<String>) {
    if received.status < 300 {
        return (None, None);
    }
    let Ok(text) = std::str::from_utf8(&received.body) else { return (None, None) };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.chars().next() {
        Some('{') => json_reason(text),
        Some('<') => xml_reason(text),
        _ => (None, None),
    }
}

fn json_reason(text: &str) -> (Option<String>, Option<String>) {
    let Ok(body) = serde_json::from_str::<Value>(text) else { return (None, None) };
    let string = |key: &str| body.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    // `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException` names its shape after the number sign.
    let code = string("__type").map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
    (code, string("message").or_else(|| string("Message")))
}

/// `<Error>` stands at the root for S3, one level down in the query protocol, two in EC2's.
fn xml_reason(text: &str) -> (Option<String>, Option<String>) {
    let Ok(document) = Document::parse(text) else { return (None, None) };
    let named = |name: &'static str| move |node: &roxmltree::Node<'_, '_>| node.tag_name().name() == name;
    let Some(error) = document.descendants().find(named("Error")) else { return (None, None) };
    let text_of =
        |name| error.children().find(named(name)).and_then(|node| node.text()).map(ToOwned::to_owned);
    (text_of("Code"), text_of("Message"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn received(status: u16, body: &str) -> Received {
        Received {
            status,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            at_ms: 1_700_000_000_000,
        }
    }

    fn reason_of(body: &str) -> (Option<String>, Option<String>) {
        let reply = of_unsigned("s3:ListBucket", &received(403, body));
        (reply.code, reply.message)
    }

    fn some(code: &str, message: &str) -> (Option<String>, Option<String>) {
        (Some(code.to_owned()), Some(message.to_owned()))
    }

    #[test]
    fn each_error_shape_gives_its_code_and_message() {
        let s3 = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>\
                  <Message>User: arn\n  is not\tauthorized</Message><RequestId>1</RequestId></Error>";
        assert_eq!(reason_of(s3), some("AccessDenied", "User: arn is not authorized"));
        let json =
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no table"}"#;
        assert_eq!(reason_of(json), some("ResourceNotFoundException", "no table"));
        let capital = r#"{"__type":"AccessDeniedException","Message":"User: x"}"#;
        assert_eq!(reason_of(capital), some("AccessDeniedException", "User: x"));
        let query = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                     <Code>ExpiredToken</Code><Message>expired</Message></Error></ErrorResponse>";
        assert_eq!(reason_of(query), some("ExpiredToken", "expired"));
        let ec2 = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>\
                   </Response>";
        assert_eq!(reason_of(ec2), some("UnauthorizedOperation", "no"));
    }

    #[test]
    fn a_body_that_no_service_sends_has_no_code() {
        for body in
            ["", "<html><body>Blocked<br></body></html>", "{\"error\":1}", "{", "<Error>", "\u{feff}text"]
        {
            assert_eq!(reason_of(body), (None, None), "{body:?}");
        }
        let mut binary = received(403, "");
        binary.body = Bytes::from_static(&[0xff, 0xfe, b'<']);
        assert_eq!(of_unsigned("GET /", &binary).code, None);
    }

    #[test]
    fn entities_of_a_hostile_document_are_not_expanded() {
        let laughs = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
                      <Error><Code>&b;</Code></Error>";
        assert_eq!(reason_of(laughs), (None, None));
    }

    #[test]
    fn a_message_is_one_line_of_at_most_six_hundred_characters() {
        let long = format!("{{\"message\":\"{}\\u0000\\nend\"}}", "é ".repeat(400));
        let (_, message) = reason_of(&long);
        let message = message.unwrap();
        assert_eq!(message.chars().count(), LONGEST_MESSAGE);
        assert!(!message.contains('\n'));
    }

    #[test]
    fn header_fields_name_the_peer_and_its_clock() {
        let mut answer = received(200, "ignored");
        answer.headers.insert("x-amzn-requestid", "ABC".parse().unwrap());
        answer.headers.insert("server", "AmazonS3".parse().unwrap());
        answer.headers.insert("via", http::HeaderValue::from_bytes(b"1.1 \xffproxy").unwrap());
        answer.headers.insert("x-amz-bucket-region", "eu-west-1".parse().unwrap());
        answer.headers.insert("date", "Tue, 14 Nov 2023 22:13:30 GMT".parse().unwrap());
        let reply = of_unsigned("s3:ListBucket", &answer);
        assert_eq!(reply.request_id.as_deref(), Some("ABC"));
        assert_eq!(reply.server.as_deref(), Some("AmazonS3"));
        assert_eq!(reply.via.as_deref(), Some("1.1 \u{fffd}proxy"));
        assert_eq!(reply.bucket_region.as_deref(), Some("eu-west-1"));
        assert_eq!(reply.clock_offset_ms, Some(10_500));
        assert_eq!(reply.code, None);
    }

    #[test]
    fn only_an_answer_that_is_one_address_tells_one() {
        let told = |status, body: &str| lone_address(&received(status, body));
        assert_eq!(told(200, "3.208.14.77\n"), Some("3.208.14.77".parse().unwrap()));
        assert_eq!(told(200, "2600:1f18::1\r\n"), Some("2600:1f18::1".parse().unwrap()));
        for body in [
            "",
            "\n",
            "3.208.14.77\n\n",
            " 3.208.14.77",
            "3.208.14.77 10.0.0.1",
            "3.208.14.77\n10.0.0.1\n",
            "03.208.14.77",
            "3.208.14",
            "3.208.14.77:443",
            "3.208.14.0/24",
            "[2600:1f18::1]",
            "fe80::1%eth0",
            "{\"ip\":\"3.208.14.77\"}",
            "<p>3.208.14.77</p>",
        ] {
            assert_eq!(told(200, body), None, "{body:?}");
        }
        assert_eq!(told(403, "3.208.14.77"), None);
        let long = "3.208.14.77".repeat(6000);
        assert_eq!(told(200, &long), None);
    }
}
