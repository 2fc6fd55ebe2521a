//! The canonical request: one spelling for all requests that mean the same.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::super::request::Call;

/// Everything is encoded but the unreserved characters of RFC 3986.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const STRICT_PATH: &AsciiSet = &STRICT.remove(b'/');

/// The canonical request. S3 encodes the path once and leaves dots and double slashes in it alone, since they may belong to
/// a key; all other services normalise the path and encode it a second time.
pub(super) fn request(call: &Call, signed: &[String], presigned: bool, s3: bool, payload: &str) -> String {
    let path = if s3 {
        let decoded: Vec<u8> = percent_decode_str(&call.path).collect();
        percent_encoding::percent_encode(&decoded, STRICT_PATH).to_string()
    } else {
        utf8_percent_encode(&normalise(&call.path), STRICT_PATH).to_string()
    };
    let mut headers = String::new();
    for name in signed {
        let values: Vec<String> = call
            .headers
            .get_all(name)
            .iter()
            .map(|value| {
                String::from_utf8_lossy(value.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        headers.push_str(&format_header(name, &values));
    }
    format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{payload}",
        call.method,
        query(&call.query, presigned),
        signed.join(";")
    )
}

fn format_header(name: &str, values: &[String]) -> String {
    format!("{}:{}\n", name.to_ascii_lowercase(), values.join(","))
}

fn query(raw: &str, presigned: bool) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .filter(|(name, _)| !(presigned && name == "X-Amz-Signature"))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn encode(part: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(part).collect();
    percent_encoding::percent_encode(&decoded, STRICT).to_string()
}

fn normalise(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}
