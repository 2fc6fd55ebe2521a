//! Documents against requests, in tables.

use super::super::config::Config;
use super::super::context::{Caller, Context};
use super::*;

fn caller() -> Caller {
    Caller {
        arn: "arn:aws:sts::123456789012:assumed-role/app/i-1".to_owned(),
        principal_arn: "arn:aws:iam::123456789012:role/app".to_owned(),
        account: "123456789012".to_owned(),
        user_id: "AROA:i-1".to_owned(),
    }
}

fn request() -> Context {
    let mut context = Context::new("s3:GetObject", "arn:aws:s3:::data/team/report.csv");
    context.set_caller(Some(&caller()));
    context.set("aws:SourceVpce", "vpce-1");
    context.set("aws:VpcSourceIp", "10.0.1.5");
    context.set("aws:SecureTransport", "true");
    context.set("s3:max-keys", "10");
    context.set("aws:CurrentTime", "2026-05-01T00:00:00Z");
    context
}

/// What a one-statement document with these elements says about [`request`].
fn opinion(elements: &str) -> Opinion {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{{{elements}}}}}"#);
    Policy::parse(&text).unwrap_or_else(|error| panic!("{elements}: {error}")).opinion(&request())
}

#[test]
fn every_document_that_scenarios_may_name_is_read() {
    for name in Policy::NAMES {
        assert!(Policy::named(name).is_some(), "{name}");
    }
    let config = Config { tables: vec!["orders".to_owned()], ..Config::default() };
    let policy = Policy::ordinary(&config);
    for (action, resource, allowed) in [
        ("ssm:ListAssociations", "arn:aws:ssm:us-east-1:123456789012:*", true),
        ("ssm:DescribeInstanceInformation", "arn:aws:ssm:us-east-1:123456789012:*", false),
        ("dynamodb:DescribeTable", "arn:aws:dynamodb:us-east-1:123456789012:table/orders", true),
        ("dynamodb:DescribeTable", "arn:aws:dynamodb:us-east-1:123456789012:table/other", false),
        ("dynamodb:ListTables", "arn:aws:dynamodb:us-east-1:123456789012:table/*", true),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*", false),
    ] {
        let found = policy.opinion(&Context::new(action, resource));
        assert_eq!(found != Opinion::Silent, allowed, "{action} on {resource}");
    }
}

#[test]
fn actions_and_resources_are_matched_as_iam_does() {
    for (elements, expected) in [
        (r#""Effect":"Allow","Action":"s3:getobject","Resource":"*""#, true),
        (r#""Effect":"Allow","Action":"S3:Get*","Resource":"arn:aws:s3:::data/*""#, true),
        (r#""Effect":"Allow","Action":["s3:PutObject","s3:?etObject"],"Resource":"*""#, true),
        (r#""Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::DATA/*""#, false),
        (r#""Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data""#, false),
        (r#""Effect":"Allow","NotAction":"s3:Put*","Resource":"*""#, true),
        (r#""Effect":"Allow","NotAction":"s3:*","Resource":"*""#, false),
        (r#""Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::data/*""#, false),
        (r#""Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::other/*""#, true),
        (r#""Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::data/${aws:PrincipalAccount}/*""#, false),
        (r#""Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::data/${aws:missing}*""#, false),
    ] {
        assert_eq!(opinion(elements) == Opinion::Allows(Named::Anyone), expected, "{elements}");
    }
}

#[test]
fn principals_are_named_more_or_less_exactly() {
    for (principal, expected) in [
        (r#""Principal":"*""#, Some(Named::Anyone)),
        (r#""Principal":{"AWS":"*"}"#, Some(Named::Anyone)),
        (r#""Principal":{"AWS":"123456789012"}"#, Some(Named::Account)),
        (r#""Principal":{"AWS":"arn:aws:iam::123456789012:root"}"#, Some(Named::Account)),
        (
            r#""Principal":{"AWS":["arn:aws:iam::999999999999:root","arn:aws:iam::123456789012:role/app"]}"#,
            Some(Named::Role),
        ),
        (r#""Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/app/i-1"}"#, Some(Named::Session)),
        (r#""Principal":{"AWS":"arn:aws:iam::123456789012:role/other"}"#, None),
        (r#""Principal":{"Service":"ec2.amazonaws.com"}"#, None),
        (r#""NotPrincipal":{"AWS":"arn:aws:iam::123456789012:role/app"}"#, None),
        (r#""NotPrincipal":{"AWS":"arn:aws:iam::123456789012:role/other"}"#, Some(Named::Anyone)),
    ] {
        let found = opinion(&format!(r#""Effect":"Allow",{principal},"Action":"*","Resource":"*""#));
        assert_eq!(found, expected.map_or(Opinion::Silent, Opinion::Allows), "{principal}");
    }
}

#[test]
fn conditions_hold_as_iam_says_present_and_absent() {
    for (condition, expected) in [
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, true),
        (r#"{"StringEquals":{"AWS:sourcevpce":["vpce-0","vpce-1"]}}"#, true),
        (r#"{"StringEquals":{"aws:SourceVpce":"VPCE-1"}}"#, false),
        (r#"{"StringEqualsIgnoreCase":{"aws:SourceVpce":"VPCE-1"}}"#, true),
        (r#"{"StringLike":{"aws:SourceVpce":"vpce-*"}}"#, true),
        (r#"{"StringNotLike":{"aws:SourceVpce":"vpce-*"}}"#, false),
        (r#"{"StringNotEquals":{"aws:SourceVpce":["vpce-0","vpce-1"]}}"#, false),
        (r#"{"StringNotEquals":{"aws:SourceVpce":["vpce-0","vpce-2"]}}"#, true),
        // Absent keys: only the negated operators and IfExists hold.
        (r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, false),
        (r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#, true),
        (r#"{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}"#, true),
        (r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, false),
        (r#"{"ForAnyValue:StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, true),
        (r#"{"Null":{"aws:SourceVpce":"false"}}"#, true),
        (r#"{"Null":{"aws:SourceVpce":"true"}}"#, false),
        (r#"{"Null":{"aws:SourceIp":"true"}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":false}}"#, false),
        (r#"{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/16"}}"#, true),
        (r#"{"IpAddress":{"aws:VpcSourceIp":["10.1.0.0/16","10.0.1.5"]}}"#, true),
        (r#"{"NotIpAddress":{"aws:VpcSourceIp":"10.0.0.0/16"}}"#, false),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/a*"}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:*:role/app"}}"#, false),
        (r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/admin"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}}"#, true),
        (r#"{"NumericLessThanEquals":{"s3:max-keys":"10"}}"#, true),
        (r#"{"NumericGreaterThan":{"s3:max-keys":"10"}}"#, false),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-04-30T00:00:00Z"}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-04-30T00:00:00Z"}}"#, false),
        // All operators and all keys of one statement must hold.
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"},"Bool":{"aws:SecureTransport":"false"}}"#, false),
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1","aws:PrincipalAccount":"999999999999"}}"#, false),
    ] {
        let found =
            opinion(&format!(r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}"#));
        assert_eq!(found != Opinion::Silent, expected, "{condition}");
    }
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let deny = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#;
    let allow = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    for statements in [[deny, allow], [allow, deny]] {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        assert_eq!(Policy::parse(&text).unwrap().opinion(&request()), Opinion::Denies);
    }
}

#[test]
fn variables_are_plain_text_in_old_documents() {
    let text = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
        "Condition":{"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}}}}"#;
    assert_eq!(Policy::parse(text).unwrap().opinion(&request()), Opinion::Silent);
}

#[test]
fn documents_that_would_be_misread_are_refused() {
    for elements in [
        r#""Effect":"allow","Action":"*","Resource":"*""#,
        r#""Effect":"Allow","Resource":"*""#,
        r#""Effect":"Allow","Action":"*","NotAction":"*","Resource":"*""#,
        r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"a":"b"}}"#,
        r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"vpce-1"}}"#,
        r#""Effect":"Allow","Action":"*","Resource":"*","Conditions":{}"#,
        r#""Effect":"Allow","Principal":"me","Action":"*","Resource":"*""#,
    ] {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{{{elements}}}}}"#);
        assert!(Policy::parse(&text).is_err(), "{elements}");
    }
}
