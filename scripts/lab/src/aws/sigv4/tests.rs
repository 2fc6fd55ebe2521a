//! The examples that AWS publishes with their signatures, and every way to be refused.

use std::time::SystemTime;

use jiff::Timestamp;

use super::super::config::Config;
use super::super::context::Caller;
use super::super::errors::Protocol;
use super::super::keys::{Keys, Session};
use super::super::testing::{aws, call, moment, signature, signed};
use super::super::{Aws, Call};
use super::*;

const EXAMPLE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A store that knows one long-term key.
fn keys(id: &str, secret: &str) -> Keys {
    let (keys, _) = Keys::start(&Config::default(), Timestamp::now());
    let caller = Caller {
        arn: "arn:aws:iam::123456789012:user/example".to_owned(),
        principal_arn: "arn:aws:iam::123456789012:user/example".to_owned(),
        account: "123456789012".to_owned(),
        user_id: "AIDAEXAMPLE".to_owned(),
    };
    keys.add(
        id.to_owned(),
        Session {
            secret: secret.to_owned(),
            token: None,
            expires: Timestamp::MAX,
            issued: Timestamp::UNIX_EPOCH,
            caller,
            policies: Vec::new(),
            delivered_by_ec2: false,
            user: None,
            administrator: false,
        },
    );
    keys
}

fn s3_example(
    method: &str,
    url: &str,
    extra: &[(&str, &str)],
    hash: &str,
    signed: &str,
    signature: &str,
    body: &str,
) {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed},Signature={signature}"
    );
    let mut headers = vec![
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-content-sha256", hash),
        ("authorization", authorization.as_str()),
    ];
    headers.extend(extra);
    let mut call = call(method, url, &headers, body);
    call.at = "2013-05-24T00:03:00Z".parse().unwrap();
    let keys = keys("AKIAIOSFODNN7EXAMPLE", EXAMPLE_SECRET);
    let scope = Scope { service: "s3", region: "us-east-1" };
    let found = verify(&call, &keys, scope);
    assert!(matches!(found, Ok(Some(_))), "{url}: {found:?}");
}

#[test]
fn the_published_s3_examples_verify() {
    s3_example(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        &[("range", "bytes=0-9")],
        EMPTY,
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        "",
    );
    s3_example(
        "PUT",
        "https://examplebucket.s3.amazonaws.com/test%24file.text",
        &[("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        "Welcome to Amazon S3.",
    );
    s3_example(
        "GET",
        "https://examplebucket.s3.amazonaws.com/?lifecycle",
        &[],
        EMPTY,
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        "",
    );
    s3_example(
        "GET",
        "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
        &[],
        EMPTY,
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        "",
    );
}

#[test]
fn the_published_presigned_example_verifies_until_it_expires() {
    let url = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\
               AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=\
               86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
               aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let keys = keys("AKIAIOSFODNN7EXAMPLE", EXAMPLE_SECRET);
    let scope = Scope { service: "s3", region: "us-east-1" };
    let mut call = call("GET", url, &[], "");
    call.at = "2013-05-24T23:00:00Z".parse().unwrap();
    assert!(verify(&call, &keys, scope).is_ok());
    call.at = "2013-05-25T00:00:01Z".parse().unwrap();
    assert!(matches!(verify(&call, &keys, scope), Err(Failure::PresignedExpired { .. })));
}

#[test]
fn the_published_iam_example_verifies() {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ];
    let mut call =
        call("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", &headers, "");
    call.at = "2015-08-30T12:36:00Z".parse().unwrap();
    let keys = keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    assert!(verify(&call, &keys, Scope { service: "iam", region: "us-east-1" }).is_ok());
    let wrong = self::keys("AKIDEXAMPLE", "another");
    let found = verify(&call, &wrong, Scope { service: "iam", region: "us-east-1" });
    assert!(matches!(found, Err(Failure::Mismatch { .. })));
}

#[test]
fn a_signer_that_is_none_of_ours_is_understood() {
    let aws = aws("");
    let odd = "https://b.s3.us-east-1.amazonaws.com/a%20b/%C3%BC%2B~%27%28%29%2A%21?list-type=2&prefix=x%2Fy%20z&flag";
    for (scope, method, url, body) in [
        (("s3", "us-east-1"), "GET", odd, ""),
        (("s3", "us-east-1"), "PUT", "https://b.s3.us-east-1.amazonaws.com//double//slash/../dots", "body"),
        (("dynamodb", "us-east-1"), "POST", "https://dynamodb.us-east-1.amazonaws.com/", "{}"),
        (
            ("lambda", "us-east-1"),
            "GET",
            "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn%3Aaws/../x/",
            "",
        ),
        (
            ("sts", "us-east-1"),
            "GET",
            "https://sts.us-east-1.amazonaws.com/?Version=2011-06-15&Action=GetCallerIdentity",
            "",
        ),
    ] {
        let call = signed(&aws, scope, method, url, &[("x-test", "a   b")], body);
        let found = verify(&call, &aws.keys, Scope { service: scope.0, region: scope.1 });
        assert!(matches!(found, Ok(Some(_))), "{url}: {found:?}");
    }
}

#[test]
fn a_changed_request_does_not_verify() {
    let aws = aws("");
    let url = "https://dynamodb.us-east-1.amazonaws.com/";
    let scope = Scope { service: "dynamodb", region: "us-east-1" };
    let honest = signed(&aws, ("dynamodb", "us-east-1"), "POST", url, &[("x-amz-target", "A.B")], "{}");
    assert!(verify(&honest, &aws.keys, scope).is_ok());
    let changes: [fn(&mut Call); 4] = [
        |call| call.body = "{ }".into(),
        |call| call.path = "/x".to_owned(),
        |call| call.query = "a=b".to_owned(),
        |call| {
            call.headers.insert("x-amz-target", http::HeaderValue::from_static("A.C"));
        },
    ];
    for change in changes {
        let mut call = honest.clone();
        change(&mut call);
        assert!(matches!(verify(&call, &aws.keys, scope), Err(Failure::Mismatch { .. })));
    }
}

/// The code with which a service refuses a request that was signed for it some seconds ago.
fn refusal(aws: &Aws, service: &str, age: i64, change: impl Fn(&mut Call)) -> (u16, String, String) {
    let url = format!("https://{service}.us-east-1.amazonaws.com/");
    let at = moment(-age);
    refusal_of(aws, service, (service, "us-east-1"), &url, at, change)
}

fn refusal_of(
    aws: &Aws,
    service: &str,
    scope: (&str, &str),
    url: &str,
    at: SystemTime,
    change: impl Fn(&mut Call),
) -> (u16, String, String) {
    let added = signature(aws.instance_credentials(), scope, ("GET", url), &[], b"", at);
    let headers: Vec<(&str, &str)> =
        added.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut call = call("GET", url, &headers, "");
    call.at = aws.now();
    change(&mut call);
    let failure = verify(&call, &aws.keys, Scope { service, region: "us-east-1" }).unwrap_err();
    let fault = failure.fault(Protocol::of(service));
    (fault.status, fault.code, fault.message.unwrap_or_default())
}

#[test]
fn each_protocol_refuses_in_its_own_words() {
    let wrong = aws("credentials = { fault = 'wrong-secret' }");
    let unknown = aws("credentials = { fault = 'unknown-key' }");
    let token = aws("credentials = { fault = 'wrong-token' }");
    let expired = aws("credentials = { fault = 'expired' }");
    for (aws, service, status, code, text) in [
        (&wrong, "s3", 403, "SignatureDoesNotMatch", "Check your key and signing method."),
        (
            &wrong,
            "dynamodb",
            400,
            "InvalidSignatureException",
            "Check your AWS Secret Access Key and signing method.",
        ),
        (&wrong, "ssm", 400, "InvalidSignatureException", "Check your AWS Secret Access Key"),
        (&wrong, "sts", 403, "SignatureDoesNotMatch", "Check your AWS Secret Access Key"),
        (&wrong, "ec2", 401, "AuthFailure", "not able to validate the provided access credentials"),
        (&unknown, "s3", 403, "InvalidAccessKeyId", "does not exist in our records"),
        (
            &unknown,
            "dynamodb",
            400,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            &unknown,
            "sts",
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        (&unknown, "ec2", 401, "AuthFailure", "AWS was not able to validate"),
        (&token, "s3", 400, "InvalidToken", "malformed or otherwise invalid"),
        (&token, "ssm", 400, "UnrecognizedClientException", "is invalid"),
        (&expired, "s3", 400, "ExpiredToken", "The provided token has expired."),
        (
            &expired,
            "ssm",
            400,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        (&expired, "sts", 403, "ExpiredToken", "The security token included in the request is expired"),
        (&expired, "ec2", 400, "RequestExpired", "Request has expired."),
    ] {
        let found = refusal(aws, service, 0, |_| {});
        assert_eq!((found.0, found.1.as_str()), (status, code), "{service}");
        assert!(found.2.contains(text), "{service}: {}", found.2);
    }
}

#[test]
fn a_wrong_clock_is_told_with_both_times() {
    let aws = aws("");
    for (service, age, code, text) in [
        ("s3", 901, "RequestTimeTooSkewed", "The difference between the request time"),
        ("s3", -960, "RequestTimeTooSkewed", "The difference between the request time"),
        ("ssm", 301, "InvalidSignatureException", "Signature expired: "),
        ("ssm", -360, "InvalidSignatureException", "Signature not yet current: "),
        ("sts", 301, "SignatureDoesNotMatch", " is now earlier than "),
        ("dynamodb", 901, "InvalidSignatureException", " - 15 min.)"),
        ("ssm", 301, "InvalidSignatureException", " - 5 min.)"),
        ("ssm", -360, "InvalidSignatureException", " + 5 min.)"),
    ] {
        let found = refusal(&aws, service, age, |_| {});
        assert_eq!(found.1, code, "{service} {age}");
        assert!(found.2.contains(text), "{}", found.2);
    }
    // A clock offset of AWS is the same as a wrong clock in the instance.
    let ahead = self::aws("clock_offset_seconds = 1200");
    assert_eq!(refusal(&ahead, "s3", 0, |_| {}).1, "RequestTimeTooSkewed");
}

#[test]
fn a_scope_for_another_region_or_service_is_refused() {
    let aws = aws("");
    let now = SystemTime::now();
    let s3 =
        refusal_of(&aws, "s3", ("s3", "eu-west-1"), "https://b.s3.us-east-1.amazonaws.com/", now, |_| {});
    assert_eq!((s3.0, s3.1.as_str()), (400, "AuthorizationHeaderMalformed"));
    assert_eq!(
        s3.2,
        "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'"
    );
    let ssm =
        refusal_of(&aws, "ssm", ("ssm", "eu-west-1"), "https://ssm.us-east-1.amazonaws.com/", now, |_| {});
    assert!(ssm.2.starts_with("Credential should be scoped to a valid region."), "{ssm:?}");
    let sts =
        refusal_of(&aws, "sts", ("iam", "us-east-1"), "https://sts.us-east-1.amazonaws.com/", now, |_| {});
    assert_eq!(
        (sts.1.as_str(), sts.2.as_str()),
        ("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. ")
    );
}

#[test]
fn incomplete_authorizations_are_told_apart() {
    let aws = aws("");
    let no_token = refusal(&aws, "s3", 0, |call| {
        call.headers.remove("x-amz-security-token");
    });
    assert_eq!(no_token.1, "InvalidAccessKeyId");
    let no_date = refusal(&aws, "s3", 0, |call| {
        call.headers.remove("x-amz-date");
    });
    assert_eq!(no_date.2, "AWS authentication requires a valid Date or x-amz-date header");
    let cut = refusal(&aws, "ssm", 0, |call| {
        call.headers.insert("authorization", http::HeaderValue::from_static("AWS4-HMAC-SHA256 x"));
    });
    assert_eq!(cut.1, "IncompleteSignatureException");
    assert!(cut.2.starts_with("Authorization header requires 'Credential' parameter."), "{}", cut.2);
    let unsigned = refusal(&aws, "s3", 0, |call| {
        call.headers.insert("x-amz-acl", http::HeaderValue::from_static("private"));
    });
    assert_eq!(unsigned.2, "There were headers present in the request which were not signed");
    let body = refusal(&aws, "s3", 0, |call| call.body = "x".into());
    assert_eq!(body.1, "XAmzContentSHA256Mismatch");
}
