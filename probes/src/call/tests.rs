//! Signed and unsigned calls to a loopback service: what is sent, once, on which connection, and what is kept of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::loopback::{Authority, Service, http, soon};
use crate::tcp;
use crate::tls::TlsClient;

const DENIED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>User: \
                      arn:aws:iam::111122223333:user/x is not authorized to perform: s3:ListBucket because no VPC \
                      endpoint policy allows the s3:ListBucket action</Message></Error>";

fn plan(host: &str, call: CallPlan) -> TargetPlan {
    TargetPlan {
        target: "s3".to_owned(),
        service: "s3".to_owned(),
        host: host.to_owned(),
        required: true,
        region: "eu-west-1".to_owned(),
        call,
        prefixes: Vec::new(),
        proxy: None,
        elsewhere: false,
    }
}

async fn connect(address: SocketAddr, host: &str) -> Arc<Connection> {
    let (_, stream) = tcp::connect(address, &soon()).await.unwrap();
    let client = TlsClient::new(&Arc::new(ring::default_provider())).unwrap();
    let (_, stream) = client.handshake(Box::new(stream), host, &soon()).await.unwrap();
    Arc::new(Connection::open(stream, host).await.unwrap())
}

/// Makes one call and gives its outcome and every request that the service saw.
async fn outcome(
    target: &TargetPlan,
    signed: bool,
    answer: fn(&str) -> String,
) -> (Result<Reply, CallFailure>, Vec<String>) {
    let service = Service::start(Authority::new("Test").server(&target.host, 2100), answer).await;
    let connection = connect(service.address, &target.host).await;
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("TOKENTOKEN".to_owned()), None, "test");
    let reply = call(&connection, target, signed.then_some(&credentials), &soon()).await;
    (reply, service.requests())
}

fn assert_signed(request: &str, host: &str, service: &str) {
    let lower = request.to_ascii_lowercase();
    assert_eq!(lower.matches(&format!("\r\nhost: {host}\r\n")).count(), 1, "{request}");
    let scope = format!("/eu-west-1/{service}/aws4_request");
    assert!(request.contains("Credential=AKIDEXAMPLE/") && request.contains(&scope), "{request}");
}

#[tokio::test]
async fn every_signed_call_is_one_request_for_its_own_host_and_service() {
    let s3 = "s3.eu-west-1.amazonaws.com";
    let dynamodb = "dynamodb.eu-west-1.amazonaws.com";
    let table = "orders".to_owned();
    let rows = [
        (s3, CallPlan::S3ListBuckets, "s3", "s3:ListAllMyBuckets", "GET /?x-id=ListBuckets&max-buckets=1"),
        (dynamodb, CallPlan::DynamoDbListTables, "dynamodb", "dynamodb:ListTables", "POST / "),
        (
            dynamodb,
            CallPlan::DynamoDbDescribeTable { table },
            "dynamodb",
            "dynamodb:DescribeTable",
            "POST / ",
        ),
        (
            "ssm.eu-west-1.amazonaws.com",
            CallPlan::SsmListAssociations,
            "ssm",
            "ssm:ListAssociations",
            "POST / ",
        ),
    ];
    for (host, call, service, operation, start) in rows {
        let (reply, requests) = outcome(&plan(host, call), true, |_| {
            http("503 Slow Down", "x-amzn-RequestId: R1\r\n", r#"{"__type":"a#Throttled","message":"slow"}"#)
        })
        .await;
        let reply = reply.unwrap();
        assert_eq!((reply.operation.as_str(), reply.signed, reply.status), (operation, true, 503));
        assert_eq!(reply.request_id.as_deref(), Some("R1"));
        // A 503 is what SDKs retry; here it stays one request.
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert!(requests[0].starts_with(start), "{requests:?}");
        assert_signed(&requests[0], host, service);
    }
}

#[tokio::test]
async fn a_success_has_no_code_and_keeps_the_services_fields() {
    let target = plan("s3.eu-west-1.amazonaws.com", CallPlan::S3ListBuckets);
    let (reply, _) = outcome(&target, true, |_| {
        let fields = "x-amz-request-id: R2\r\nServer: AmazonS3\r\nVia: 1.1 box\r\n";
        http("200 OK", fields, "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>")
    })
    .await;
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.code, reply.message), (200, None, None));
    assert_eq!(reply.request_id.as_deref(), Some("R2"));
    assert_eq!((reply.server.as_deref(), reply.via.as_deref()), (Some("AmazonS3"), Some("1.1 box")));
}

#[tokio::test]
async fn a_refused_head_bucket_is_followed_by_one_request_that_reads_the_reason() {
    for (host, bucket, path_style, head, get) in [
        ("data.s3.eu-west-1.amazonaws.com", "data", false, "HEAD / ", "GET /?list-type=2&max-keys=0"),
        (
            "s3.eu-west-1.amazonaws.com",
            "my.data",
            true,
            "HEAD /my.data",
            "GET /my.data/?list-type=2&max-keys=0",
        ),
    ] {
        let call = CallPlan::S3HeadBucket { bucket: bucket.to_owned(), path_style };
        let (reply, requests) = outcome(&plan(host, call), true, |request| {
            let fields = "x-amz-bucket-region: eu-west-1\r\nx-amz-request-id: R3\r\n";
            if request.starts_with("HEAD") {
                format!("HTTP/1.1 403 Forbidden\r\n{fields}\r\n")
            } else {
                http("403 Forbidden", fields, DENIED)
            }
        })
        .await;
        let reply = reply.unwrap();
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert!(requests[0].starts_with(head), "{requests:?}");
        assert!(requests[1].starts_with(get), "{requests:?}");
        assert_signed(&requests[0], host, "s3");
        assert_signed(&requests[1], host, "s3");
        assert_eq!((reply.status, reply.code.as_deref()), (403, None));
        assert_eq!(reply.bucket_region.as_deref(), Some("eu-west-1"));
        let follow_up = reply.follow_up.unwrap();
        assert_eq!(follow_up.code.as_deref(), Some("AccessDenied"));
        assert!(follow_up.message.unwrap().contains("no VPC endpoint policy allows"));
        assert_eq!(follow_up.follow_up, None);
    }
}

#[tokio::test]
async fn a_bucket_that_is_there_is_asked_once() {
    let call = CallPlan::S3HeadBucket { bucket: "data".to_owned(), path_style: false };
    let (reply, requests) = outcome(&plan("data.s3.eu-west-1.amazonaws.com", call), true, |_| {
        "HTTP/1.1 200 OK\r\nx-amz-bucket-region: eu-west-1\r\n\r\n".to_owned()
    })
    .await;
    assert_eq!((reply.unwrap().status, requests.len()), (200, 1));
}

#[tokio::test]
async fn a_service_that_repeats_our_token_does_not_bring_it_into_the_reply() {
    let target = plan("ssm.eu-west-1.amazonaws.com", CallPlan::SsmListAssociations);
    let (reply, _) = outcome(&target, true, |_| {
        let message = "The Canonical String for this request should have been 'x-amz-security-token:TOKENTOKEN' of \
                       AKIDEXAMPLE";
        http("400 Bad Request", "", &format!(r#"{{"__type":"InvalidSignatureException","message":"{message}"}}"#))
    })
    .await;
    let reply = reply.unwrap();
    assert_eq!(reply.code.as_deref(), Some("InvalidSignatureException"));
    let message = reply.message.unwrap();
    assert!(message.ends_with("'x-amz-security-token:(hidden)' of (hidden)"), "{message}");
}

#[tokio::test]
async fn an_object_is_asked_for_once_with_the_bucket_in_the_path_and_nothing_secret_comes_back() {
    let host = "s3.eu-west-1.amazonaws.com";
    let service = Service::start(Authority::new("Test").server(host, 2100), |_| {
        let body = "<Error><Code>AccessDenied</Code><Message>TOKENTOKEN of\nAKIDEXAMPLE</Message></Error>";
        http("403 Forbidden", "x-amz-request-id: R4\r\n", body)
    })
    .await;
    let connection = connect(service.address, host).await;
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("TOKENTOKEN".to_owned()), None, "test");
    let signer = Signer { connection: &connection, region: "eu-west-1", credentials: &credentials };
    let reply = get_object(&signer, "proof.example", "vpcprobe/object").await.unwrap();
    assert_eq!((reply.operation.as_str(), reply.signed, reply.status), ("s3:GetObject", true, 403));
    assert_eq!(reply.code.as_deref(), Some("AccessDenied"));
    assert_eq!(reply.message.as_deref(), Some("(hidden) of (hidden)"));
    let requests = service.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].starts_with("GET /proof.example/vpcprobe/object "), "{requests:?}");
    assert_signed(&requests[0], host, "s3");
    assert!(requests[0].contains("\r\nx-amz-security-token: TOKENTOKEN\r\n"), "{requests:?}");
    assert!(requests[0].contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token"));
}

#[tokio::test]
async fn sts_gives_the_identity() {
    let target = plan("sts.eu-west-1.amazonaws.com", CallPlan::StsGetCallerIdentity);
    let (reply, requests) = outcome(&target, true, |_| {
        let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
            <GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/r/i-1</Arn><UserId>u</UserId>\
            <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        http("200 OK", "", body)
    })
    .await;
    assert_eq!(reply.unwrap().identity.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/r/i-1"));
    assert!(requests[0].contains("Action=GetCallerIdentity"));
}

#[tokio::test]
async fn without_credentials_nothing_is_signed_and_the_refusal_is_read() {
    let bucket = CallPlan::S3HeadBucket { bucket: "data".to_owned(), path_style: false };
    let rows = [
        (bucket, "HEAD / "),
        (CallPlan::S3ListBuckets, "GET / "),
        (CallPlan::DynamoDbDescribeTable { table: "orders".to_owned() }, "POST / "),
        (CallPlan::SsmListAssociations, "POST / "),
        (CallPlan::StsGetCallerIdentity, "POST / "),
        (CallPlan::UnsignedGet, "GET / "),
    ];
    for (call, start) in rows {
        let (reply, requests) = outcome(&plan("data.s3.eu-west-1.amazonaws.com", call), false, |request| {
            let body = r#"{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException"}"#;
            let body = if request.starts_with("HEAD") { "" } else { body };
            format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        })
        .await;
        let reply = reply.unwrap();
        assert!(!reply.signed);
        // The refusal of a HEAD has no body, so one request more reads why.
        assert_eq!(requests.len(), if start.starts_with("HEAD") { 2 } else { 1 }, "{requests:?}");
        assert!(requests[0].starts_with(start), "{requests:?}");
        for request in &requests {
            assert!(!request.to_ascii_lowercase().contains("authorization"), "{requests:?}");
            assert!(!request.contains("orders"), "{requests:?}");
        }
        if !start.starts_with("HEAD") {
            assert_eq!(reply.code.as_deref(), Some("MissingAuthenticationTokenException"));
        }
    }
}

#[tokio::test]
async fn a_request_for_another_host_is_not_sent() {
    let target = plan(
        "s3.eu-west-1.amazonaws.com",
        CallPlan::S3HeadBucket { bucket: "data".to_owned(), path_style: false },
    );
    let (reply, requests) = outcome(&target, true, |_| http("200 OK", "", "")).await;
    assert!(matches!(reply, Err(CallFailure::NotSent { .. })), "{reply:?}");
    assert!(requests.is_empty(), "{requests:?}");
}

#[tokio::test]
async fn hostile_answers_fail_only_their_own_step() {
    let target = plan("s3.eu-west-1.amazonaws.com", CallPlan::S3ListBuckets);
    for signed in [true, false] {
        let (reply, _) =
            outcome(&target, signed, |_| "SSH-2.0-OpenSSH_9.6\r\nConnection: close".to_owned()).await;
        assert!(matches!(reply, Err(CallFailure::NotHttp { .. })), "{reply:?}");
        let (reply, _) = outcome(&target, signed, |_| {
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort".to_owned()
        })
        .await;
        assert!(matches!(reply, Err(CallFailure::Closed { .. })), "{reply:?}");
        let (reply, _) = outcome(&target, signed, |_| {
            http("403 Forbidden", "Server: \u{fc}\r\n", &"<Error><Code>x".repeat(20_000))
        })
        .await;
        let reply = reply.unwrap();
        assert_eq!((reply.status, reply.code), (403, None));
        let endless = format!("X: {}\r\n", "y".repeat(200_000));
        assert!(endless.len() > 128 * 1024);
        let (reply, _) =
            outcome(&target, signed, |_| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(200_000)))
                .await;
        assert!(matches!(reply, Err(CallFailure::NotHttp { .. })), "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_time_out_at_the_end_of_the_budget() {
    let host = "s3.eu-west-1.amazonaws.com";
    let address = {
        let config = Authority::new("Test").server(host, 2100);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap();
            stream.flush().await.unwrap();
            std::future::pending::<()>().await;
        });
        address
    };
    let connection = connect(address, host).await;
    let until = Until::at(Instant::now() + Duration::from_millis(100));
    let reply = call(&connection, &plan(host, CallPlan::UnsignedGet), None, &until).await;
    assert_eq!(reply, Err(CallFailure::TimedOut));
}
