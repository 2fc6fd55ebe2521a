//! The answers of S3's operations, once they are allowed.

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::{Buf, Bytes};

use super::super::Aws;
use super::super::errors::Fault;
use super::super::keys::Session;
use super::super::request::{Call, Reply, escape};
use super::store::{Object, StoredBucket};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// `ListBuckets`.
pub(super) fn buckets(aws: &Aws, who: &Session) -> Reply {
    let mut body = format!(
        "{PROLOGUE}<ListAllMyBucketsResult xmlns=\"{NAMESPACE}\"><Owner><ID>{:0>64}</ID></Owner><Buckets>",
        who.caller.account
    );
    for bucket in aws.s3.of_account(&who.caller.account) {
        let _ = write!(
            body,
            "<Bucket><Name>{}</Name><CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket>",
            escape(&bucket.name)
        );
    }
    body.push_str("</Buckets></ListAllMyBucketsResult>");
    Reply::new(200, "application/xml", body)
}

/// `GetBucketLocation`, where the Region in which S3 began has no name.
pub(super) fn location(bucket: &StoredBucket) -> Reply {
    let body = if bucket.region == "us-east-1" {
        format!("{PROLOGUE}<LocationConstraint xmlns=\"{NAMESPACE}\"/>")
    } else {
        format!("{PROLOGUE}<LocationConstraint xmlns=\"{NAMESPACE}\">{}</LocationConstraint>", bucket.region)
    };
    Reply::new(200, "application/xml", body)
}

/// `ListObjectsV2`, and the older `ListObjects` in the same way.
pub(super) fn list(aws: &Aws, call: &Call, bucket: &StoredBucket) -> Result<Reply, Fault> {
    let number = |text: String| {
        text.parse::<usize>().map_err(|_| {
            Fault::new(400, "InvalidArgument", "Provided max-keys not an integer or within integer range")
                .with("ArgumentName", "max-keys")
                .with("ArgumentValue", text)
        })
    };
    let limit = call.parameter("max-keys").map(number).transpose()?.unwrap_or(1000).min(1000);
    let prefix = call.parameter("prefix").unwrap_or_default();
    let delimiter = call.parameter("delimiter").filter(|delimiter| !delimiter.is_empty());
    let after =
        call.parameter("continuation-token").or_else(|| call.parameter("start-after")).unwrap_or_default();
    let (mut contents, mut count, mut truncated, mut last) = (String::new(), 0, false, String::new());
    let mut groups = BTreeSet::new();
    for (key, object) in aws.s3.list(&bucket.name) {
        let Some(rest) = key.strip_prefix(&prefix) else { continue };
        if key <= after {
            continue;
        }
        let group = delimiter.as_ref().and_then(|delimiter| {
            rest.find(delimiter.as_str()).map(|at| format!("{prefix}{}", &rest[..at + delimiter.len()]))
        });
        if group.as_ref().is_some_and(|group| groups.contains(group)) {
            continue;
        }
        if count == limit {
            // Asked for nothing, S3 says that nothing was left out.
            truncated = limit > 0;
            break;
        }
        count += 1;
        last.clone_from(&key);
        match group {
            Some(group) => {
                groups.insert(group);
            }
            None => {
                let _ = write!(
                    contents,
                    "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
                     <StorageClass>STANDARD</StorageClass></Contents>",
                    escape(&key),
                    object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                    object.etag.replace('"', "&quot;"),
                    object.body.len()
                );
            }
        }
    }
    for group in &groups {
        let _ = write!(contents, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(group));
    }
    let next = if truncated {
        format!("<NextContinuationToken>{}</NextContinuationToken>", escape(&last))
    } else {
        String::new()
    };
    let body = format!(
        "{PROLOGUE}<ListBucketResult xmlns=\"{NAMESPACE}\"><Name>{}</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount>\
         <MaxKeys>{limit}</MaxKeys><IsTruncated>{truncated}</IsTruncated>{next}{contents}</ListBucketResult>",
        escape(&bucket.name),
        escape(&prefix)
    );
    Ok(Reply::new(200, "application/xml", body))
}

/// `GetObject` and `HeadObject`, with single byte ranges.
pub(super) fn get(call: &Call, object: &Object) -> Result<Reply, Fault> {
    let length = object.body.len();
    let range = call.header("range").and_then(|range| range.strip_prefix("bytes="));
    let (status, part, range) = match range.map(|range| bounds(range, length)) {
        None => (200, object.body.clone(), None),
        Some(Some((start, end))) => {
            (206, object.body.slice(start..=end), Some(format!("bytes {start}-{end}/{length}")))
        }
        Some(None) => {
            return Err(Fault::new(416, "InvalidRange", "The requested range is not satisfiable")
                .with("ActualObjectSize", length.to_string()));
        }
    };
    let reply = Reply::new(status, &object.content_type, part)
        .with("etag", object.etag.clone())
        .with("last-modified", object.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .with("accept-ranges", "bytes");
    Ok(match range {
        Some(range) => reply.with("content-range", range),
        None => reply,
    })
}

/// `PutObject`.
pub(super) fn put(aws: &Aws, call: &Call, bucket: &StoredBucket, key: &str) -> Result<Reply, Fault> {
    let framed = call.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
    let body = if framed {
        unframe(&call.body)
            .ok_or_else(|| Fault::new(400, "IncompleteBody", "The request body terminated unexpectedly"))?
    } else {
        call.body.clone()
    };
    let content_type = call.header("content-type").unwrap_or("binary/octet-stream");
    let object = Object::new(body, content_type, call.at);
    let etag = object.etag.clone();
    aws.s3.put(&bucket.name, key, object);
    Ok(Reply::new(200, "", "").with("etag", etag).with("x-amz-server-side-encryption", "AES256"))
}

/// The first and last byte of a range, if the object has any of it.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (start, end) = range.split_once('-')?;
    let last = length.checked_sub(1)?;
    if start.is_empty() {
        let count: usize = end.parse().ok()?;
        return (count > 0).then(|| (length.saturating_sub(count), last));
    }
    let start: usize = start.parse().ok()?;
    let end = if end.is_empty() { last } else { end.parse::<usize>().ok()?.min(last) };
    (start <= end).then_some((start, end))
}

/// The content of an `aws-chunked` body: chunks with a hexadecimal length in front, then trailers. Signatures of single
/// chunks and trailing checksums are left unread.
fn unframe(body: &Bytes) -> Option<Bytes> {
    let mut rest = body.clone();
    let mut content = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
        rest.advance(end + 2);
        if size == 0 {
            return Some(Bytes::from(content));
        }
        content.extend_from_slice(rest.get(..size)?);
        rest.advance(size);
        rest = rest.strip_prefix(b"\r\n").map(|left| rest.slice_ref(left))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_uploads_are_unframed() {
        let framed =
            Bytes::from("3;chunk-signature=ab\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n");
        assert_eq!(unframe(&framed).unwrap(), "abcde");
        assert_eq!(unframe(&Bytes::from("5\r\nabc")), None);
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        for (range, expected) in [
            ("0-0", Some((0, 0))),
            ("2-", Some((2, 9))),
            ("-3", Some((7, 9))),
            ("5-99", Some((5, 9))),
            ("10-", None),
        ] {
            assert_eq!(bounds(range, 10), expected, "{range}");
        }
    }
}
