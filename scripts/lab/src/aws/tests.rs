//! The services as their clients see them, one request at a time and without a network.

mod loopback;

use std::time::SystemTime;

use super::testing::{aws, call, gateway, header, signature, signed, text};
use super::*;

const ACCOUNT: &str = r#"
    buckets = [
        { name = "data", objects = { "a.txt" = "hello", "dir/b.txt" = "b", "dir/c.txt" = "c" } },
        { name = "far", region = "eu-west-1" },
        { name = "new", region = "eu-south-1" },
        { name = "foreign", owner = "999999999999" },
    ]
    tables = ["orders", "users"]
    parameters = { "/app/mode" = "blue" }
"#;
const S3: &str = "https://s3.us-east-1.amazonaws.com";

fn get(aws: &Aws, service: &str, url: &str) -> Reply {
    aws.answer(&signed(aws, (service, "us-east-1"), "GET", url, &[], ""))
}

fn json(aws: &Aws, service: &str, target: &str, body: &str) -> Reply {
    let url = format!("https://{service}.us-east-1.amazonaws.com/");
    let version = if service == "dynamodb" { "1.0" } else { "1.1" };
    let kind = format!("application/x-amz-json-{version}");
    let headers = [("content-type", kind.as_str()), ("x-amz-target", target)];
    aws.answer(&signed(aws, (service, "us-east-1"), "POST", &url, &headers, body))
}

fn sts(aws: &Aws, form: &str) -> Reply {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let url = "https://sts.us-east-1.amazonaws.com/";
    aws.answer(&signed(aws, ("sts", "us-east-1"), "POST", url, &headers, form))
}

/// Status and error code of an S3 answer.
fn code(reply: &Reply) -> (u16, String) {
    let body = text(reply);
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    (reply.status, code.map(|(code, _)| code.to_owned()).unwrap_or_default())
}

#[test]
fn s3_reads_what_the_role_may_read() {
    let aws = aws(ACCOUNT);
    for (url, status, part) in [
        (format!("{S3}/data?list-type=2"), 200, "<KeyCount>3</KeyCount>"),
        (
            format!("{S3}/data?list-type=2&max-keys=0"),
            200,
            "<KeyCount>0</KeyCount><MaxKeys>0</MaxKeys><IsTruncated>false",
        ),
        (
            format!("{S3}/data?list-type=2&max-keys=1"),
            200,
            "<IsTruncated>true</IsTruncated><NextContinuationToken>a.txt",
        ),
        (format!("{S3}/data?list-type=2&prefix=dir%2F&delimiter=%2F"), 200, "<KeyCount>2</KeyCount>"),
        (
            format!("{S3}/data?list-type=2&delimiter=%2F"),
            200,
            "<CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes>",
        ),
        (format!("{S3}/data?location"), 200, "<LocationConstraint xmlns="),
        ("https://data.s3.us-east-1.amazonaws.com/a.txt".to_owned(), 200, "hello"),
        (format!("{S3}/data/none.txt"), 404, "<Code>NoSuchKey</Code>"),
        (format!("{S3}/absent-bucket?list-type=2"), 404, "<Code>NoSuchBucket</Code>"),
        (
            S3.to_owned() + "/",
            403,
            "s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action",
        ),
        (format!("{S3}/foreign?list-type=2"), 403, "<Message>Access Denied</Message>"),
    ] {
        let reply = get(&aws, "s3", &url);
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        assert!(text(&reply).contains(part), "{url}: {}", text(&reply));
        assert_eq!(header(&reply, "server"), Some("AmazonS3"));
        assert!(header(&reply, "x-amz-request-id").is_some() && header(&reply, "x-amz-id-2").is_some());
    }
    let allowed = self::aws(&format!("identity_policy = 'read-only'\n{ACCOUNT}"));
    assert!(text(&get(&allowed, "s3", &format!("{S3}/"))).contains("<Name>data</Name>"));
}

#[test]
fn s3_tells_the_region_of_a_bucket_to_everybody() {
    let aws = aws(ACCOUNT);
    for (url, status, code_expected, region) in [
        (format!("{S3}/data"), 403, "AccessDenied", Some("us-east-1")),
        (format!("{S3}/far"), 301, "PermanentRedirect", Some("eu-west-1")),
        (format!("{S3}/new"), 400, "IllegalLocationConstraintException", Some("eu-south-1")),
        (format!("{S3}/absent-bucket"), 404, "NoSuchBucket", None),
        (format!("{S3}/amazon-ssm-us-east-1"), 403, "AccessDenied", Some("us-east-1")),
        (format!("{S3}/amazon-ssm-eu-west-1/latest/VERSION"), 301, "PermanentRedirect", Some("eu-west-1")),
    ] {
        let reply = aws.answer(&call("GET", &url, &[], ""));
        assert_eq!(code(&reply), (status, code_expected.to_owned()), "{url}");
        assert_eq!(header(&reply, "x-amz-bucket-region"), region, "{url}");
        assert_eq!(header(&reply, "location"), None);
    }
    let redirect = text(&aws.answer(&call("GET", &format!("{S3}/far"), &[], "")));
    assert!(redirect.contains("<Endpoint>s3.eu-west-1.amazonaws.com</Endpoint>"), "{redirect}");
    let public = aws.answer(&call("GET", &format!("{S3}/amazon-ssm-us-east-1/latest/VERSION"), &[], ""));
    assert_eq!(public.status, 200);
}

#[test]
fn an_endpoint_policy_can_forbid_the_buckets_of_aws() {
    let policy = r#"endpoint_policies = { vpce-1 = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*",
        "Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}}' }"#;
    let aws = aws(&format!("{}\n{ACCOUNT}", policy.replace('\n', " ")));
    let url = format!("{S3}/amazon-ssm-us-east-1/latest/VERSION");
    let through = Call { ingress: gateway("vpce-1"), ..call("GET", &url, &[], "") };
    let denied = aws.answer(&through);
    assert_eq!((denied.status, text(&denied).contains("<Message>Access Denied</Message>")), (403, true));
    let own = Call {
        ingress: gateway("vpce-1"),
        ..signed(&aws, ("s3", "us-east-1"), "GET", &format!("{S3}/data/a.txt"), &[], "")
    };
    assert_eq!(aws.answer(&own).status, 200);
}

#[test]
fn objects_can_be_written_and_deleted() {
    let aws = aws(&format!("identity_policy = 'full-access'\n{ACCOUNT}"));
    let url = format!("{S3}/data/new/%C3%BC.txt");
    let put = aws.answer(&signed(&aws, ("s3", "us-east-1"), "PUT", &url, &[], "content"));
    assert_eq!(put.status, 200, "{}", text(&put));
    assert_eq!(text(&get(&aws, "s3", &url)), "content");
    assert_eq!(aws.answer(&signed(&aws, ("s3", "us-east-1"), "DELETE", &url, &[], "")).status, 204);
    assert_eq!(get(&aws, "s3", &url).status, 404);
}

#[test]
fn dynamodb_lists_and_describes_tables() {
    let aws = aws(ACCOUNT);
    let list = json(&aws, "dynamodb", "DynamoDB_20120810.ListTables", "{}");
    assert_eq!(text(&list), r#"{"TableNames":["orders","users"]}"#);
    assert_eq!(header(&list, "x-amz-crc32"), Some(errors::crc32(&list.body).to_string().as_str()));
    let first = json(&aws, "dynamodb", "DynamoDB_20120810.ListTables", r#"{"Limit":1}"#);
    assert!(text(&first).contains(r#""LastEvaluatedTableName":"orders""#));
    let table = json(&aws, "dynamodb", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"orders"}"#);
    assert!(text(&table).contains(r#""TableStatus":"ACTIVE""#));
    let refused = json(&aws, "dynamodb", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"absent"}"#);
    assert_eq!(refused.status, 400);
    assert!(
        text(&refused).contains("because no identity-based policy allows the dynamodb:DescribeTable action")
    );
    let reader = self::aws(&format!("identity_policy = 'read-only'\n{ACCOUNT}"));
    let absent = json(&reader, "dynamodb", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"absent"}"#);
    let body: serde_json::Value = serde_json::from_slice(&absent.body).unwrap();
    assert_eq!(body["__type"], "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException");
    assert_eq!(body["message"], "Requested resource not found: Table: absent not found");
}

#[test]
fn systems_manager_answers_what_a_managed_instance_asks() {
    let aws = aws(&format!("identity_policy = 'ssm-core'\n{ACCOUNT}"));
    assert_eq!(text(&json(&aws, "ssm", "AmazonSSM.ListAssociations", "{}")), r#"{"Associations":[]}"#);
    let parameter = json(&aws, "ssm", "AmazonSSM.GetParameter", r#"{"Name":"/app/mode"}"#);
    assert!(text(&parameter).contains(r#""Value":"blue""#));
    let absent = json(&aws, "ssm", "AmazonSSM.GetParameter", r#"{"Name":"/absent"}"#);
    assert_eq!((absent.status, text(&absent).as_str()), (400, r#"{"__type":"ParameterNotFound"}"#));
    let refused = json(&aws, "ssm", "AmazonSSM.DescribeInstanceInformation", "{}");
    let body: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(body["__type"], "AccessDeniedException");
    assert_eq!(
        body["Message"],
        "User: arn:aws:sts::123456789012:assumed-role/app-instance-role/i-0a1b2c3d4e5f60718 is not authorized to perform: \
         ssm:DescribeInstanceInformation on resource: arn:aws:ssm:us-east-1:123456789012:* because no identity-based \
         policy allows the ssm:DescribeInstanceInformation action"
    );
}

#[test]
fn a_session_policy_on_the_path_is_a_proof_of_the_path() {
    let trust = r#"role_trust_policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/app-instance-role"},"Action":"sts:AssumeRole"}}'"#;
    let aws = aws(&format!("{trust}\n{ACCOUNT}"));
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:SourceVpce":"false"}}}}"#;
    let encoded = percent_encoding::utf8_percent_encode(policy, percent_encoding::NON_ALPHANUMERIC);
    let role = "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp-instance-role";
    let form =
        format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=proof&Policy={encoded}");
    let reply = text(&sts(&aws, &form));
    let field = |name: &str| {
        let (_, rest) = reply.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{reply}"));
        rest.split_once("</").unwrap().0.to_owned()
    };
    let keys = InstanceCredentials {
        access_key_id: field("AccessKeyId"),
        secret_access_key: field("SecretAccessKey"),
        token: field("SessionToken"),
        ..aws.instance_credentials().clone()
    };
    let url = format!("{S3}/data/a.txt");
    let added = signature(&keys, ("s3", "us-east-1"), ("GET", &url), &[], b"", SystemTime::now());
    let headers: Vec<(&str, &str)> =
        added.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let outside = call("GET", &url, &headers, "");
    let inside = Call { ingress: gateway("vpce-1"), ..outside.clone() };
    assert_eq!(aws.answer(&inside).status, 200);
    let refused = text(&aws.answer(&outside));
    assert!(refused.contains("because no session policy allows the s3:GetObject action"), "{refused}");
    assert!(refused.contains("assumed-role/app-instance-role/proof"), "{refused}");
    // A role that does not trust itself cannot be assumed by itself.
    let refused = text(&sts(&self::aws(ACCOUNT), &form));
    assert!(refused.contains("because no role trust policy allows the sts:AssumeRole action"), "{refused}");
}

#[test]
fn who_am_i_is_answered_unless_the_endpoint_forbids_it() {
    let aws = aws("identity_policy = 'deny-all'\nendpoint_policies = { vpce-1 = 'none' }");
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let reply = text(&sts(&aws, form));
    assert!(
        reply.contains(
            "<Arn>arn:aws:sts::123456789012:assumed-role/app-instance-role/i-0a1b2c3d4e5f60718</Arn>"
        )
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let inner =
        signed(&aws, ("sts", "us-east-1"), "POST", "https://sts.us-east-1.amazonaws.com/", &headers, form);
    let refused = aws.answer(&Call { ingress: gateway("vpce-1"), ..inner });
    assert_eq!(refused.status, 403);
    assert!(
        text(&refused).contains("because no VPC endpoint policy allows the sts:GetCallerIdentity action")
    );
}

/// Header names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

#[test]
fn every_service_answers_the_unsigned_in_its_own_shape() {
    let aws = aws("");
    let json10 =
        [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "DynamoDB_20120810.ListTables")];
    let json11 =
        [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.ListAssociations")];
    let other =
        [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Logs_20140328.DescribeLogGroups")];
    let unknown = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Odd.Thing")];
    let cases: [(&str, &str, Headers<'_>, &str, u16, &str); 13] = [
        (
            "POST",
            "dynamodb",
            &json10,
            "{}",
            400,
            r#"{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}"#,
        ),
        ("GET", "dynamodb", &[], "", 200, "healthy: dynamodb.us-east-1.amazonaws.com "),
        (
            "POST",
            "ssm",
            &json11,
            "{}",
            400,
            r#"{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}"#,
        ),
        ("POST", "ssm", &unknown, "{}", 400, r#"{"__type":"UnknownOperationException"}"#),
        (
            "GET",
            "ssm",
            &[],
            "",
            403,
            "<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n",
        ),
        ("POST", "logs", &other, "{}", 400, "MissingAuthenticationTokenException"),
        ("POST", "ec2messages", &other, "{}", 400, "MissingAuthenticationTokenException"),
        ("POST", "sts", &[], "Action=GetCallerIdentity", 403, "<Code>MissingAuthenticationToken</Code>"),
        ("GET", "ec2", &[], "", 400, "The request must contain the parameter AWSAccessKeyId"),
        (
            "POST",
            "ssmmessages",
            &[],
            "",
            400,
            r#"<BadRequest xmlns=""><message>Request is not authenticated.</message></BadRequest>"#,
        ),
        ("GET", "lambda", &[], "", 403, r#"{"message":"Missing Authentication Token"}"#),
        (
            "POST",
            "cloudformation",
            &[],
            "Action=ListStacks",
            403,
            "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        ),
        ("GET", "s3", &[], "", 307, ""),
    ];
    for (method, service, headers, body, status, part) in cases {
        let url = format!("https://{service}.us-east-1.amazonaws.com/");
        let reply = aws.answer(&call(method, &url, headers, body));
        assert_eq!(reply.status, status, "{method} {service}");
        assert!(text(&reply).contains(part), "{method} {service}: {}", text(&reply));
        let id = if service == "s3" { "x-amz-request-id" } else { "x-amzn-requestid" };
        assert!(header(&reply, id).is_some(), "{service} has no request id");
    }
}

#[test]
fn services_without_a_module_ask_the_policies_too() {
    let aws = aws("identity_policy = 'ssm-core'");
    let refused = json(&aws, "kms", "TrentService.ListKeys", "{}");
    assert!(text(&refused).contains("kms:ListKeys"));
    let gateway = "https://ssmmessages.us-east-1.amazonaws.com/v1/control-channel/i-0a1b2c3d4e5f60718";
    let channel = aws.answer(&signed(&aws, ("ssmmessages", "us-east-1"), "POST", gateway, &[], "{}"));
    assert_eq!(channel.status, 201, "{}", text(&channel));
    let denied = self::aws("identity_policy = 'none'");
    let channel = denied.answer(&signed(&denied, ("ssmmessages", "us-east-1"), "POST", gateway, &[], "{}"));
    assert!(text(&channel).starts_with("<AccessDeniedException>\n  <Message>User: "), "{}", text(&channel));
    let reader = self::aws("identity_policy = 'read-only'");
    let stacks = "https://cloudformation.us-east-1.amazonaws.com/?Action=ListStacks&Version=2010-05-15";
    assert!(text(&get(&reader, "cloudformation", stacks)).contains("<ListStacksResult></ListStacksResult>"));
}

#[test]
fn throttled_services_say_so() {
    let aws = aws("throttled = ['s3', 'ssm']");
    assert_eq!(code(&get(&aws, "s3", &format!("{S3}/"))), (503, "SlowDown".to_owned()));
    assert!(text(&json(&aws, "ssm", "AmazonSSM.ListAssociations", "{}")).contains("ThrottlingException"));
}
