//! Which policy refuses, and in which words.

use super::super::Call;
use super::super::ingress::Ingress;
use super::super::testing::{aws, call, gateway};
use super::*;

const GET: &str = "s3:GetObject";
const OPEN: &str =
    r#""Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#;

struct Case<'a> {
    /// The `[aws]` table.
    table: &'a str,
    ingress: Ingress,
    owner: &'a str,
    bucket_policy: &'a str,
    anonymous: bool,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            table: "identity_policy = 'full-access'",
            ingress: Ingress::internet(),
            owner: "123456789012",
            bucket_policy: "",
            anonymous: false,
        }
    }
}

/// `None` when allowed, else what the caller reads.
fn decide(case: Case<'_>) -> Option<String> {
    let aws = aws(case.table);
    let key = &aws.instance_credentials().access_key_id;
    let session = aws.keys.session(key);
    let request =
        Call { ingress: case.ingress, ..call("GET", "https://data.s3.us-east-1.amazonaws.com/a", &[], "") };
    let policy = (!case.bucket_policy.is_empty())
        .then(|| Policy::parse(&format!("{{{}}}", case.bucket_policy)).unwrap());
    let ask = Ask {
        resource_account: case.owner,
        resource_policy: policy.as_ref(),
        ..Ask::own(&aws, GET, "arn:aws:s3:::data/a".to_owned())
    };
    let scope = Scope { service: "s3", region: "us-east-1" };
    let who = session.as_ref().filter(|_| !case.anonymous);
    authorize(&aws, &request, who, scope, &ask).err().map(|refusal| refusal.text("Access Denied"))
}

fn explained(reason: &str) -> String {
    format!(
        "User: arn:aws:sts::123456789012:assumed-role/app-instance-role/i-0a1b2c3d4e5f60718 is not authorized to perform: \
         s3:GetObject on resource: \"arn:aws:s3:::data/a\" {reason}"
    )
}

#[test]
fn every_kind_of_policy_refuses_in_its_own_words() {
    let allow_other = "'{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:*\",\"Resource\":\"*\"}}'";
    for (field, kind, article) in [
        ("permissions_boundary", "permissions boundary", "a"),
        ("session_policy", "session policy", "a"),
        ("service_control_policy", "service control policy", "a"),
    ] {
        let table = |policy: &str| format!("identity_policy = 'full-access'\n{field} = {policy}");
        assert_eq!(
            decide(Case { table: &table("'deny-all'"), ..Case::default() }),
            Some(explained(&format!("with an explicit deny in {article} {kind}")))
        );
        assert_eq!(
            decide(Case { table: &table(allow_other), ..Case::default() }),
            Some(explained(&format!("because no {kind} allows the s3:GetObject action")))
        );
        assert_eq!(decide(Case { table: &table("'full-access'"), ..Case::default() }), None);
    }
    assert_eq!(
        decide(Case { table: "identity_policy = 'deny-all'", ..Case::default() }),
        Some(explained("with an explicit deny in an identity-based policy"))
    );
    assert_eq!(
        decide(Case { table: "identity_policy = 'none'", ..Case::default() }),
        Some(explained("because no identity-based policy allows the s3:GetObject action"))
    );
    assert_eq!(
        decide(Case {
            table: "identity_policy = 'full-access'\nresource_control_policy = 'deny-all'",
            ..Case::default()
        }),
        Some(explained("with an explicit deny in a resource control policy"))
    );
}

#[test]
fn an_endpoint_policy_refuses_only_what_comes_through_its_endpoint() {
    let table =
        "identity_policy = 'full-access'\nendpoint_policies = { vpce-1 = 'none', vpce-2 = 'deny-all' }";
    let through = |endpoint: &str| decide(Case { table, ingress: gateway(endpoint), ..Case::default() });
    assert_eq!(
        through("vpce-1"),
        Some(explained("because no VPC endpoint policy allows the s3:GetObject action"))
    );
    assert_eq!(through("vpce-2"), Some(explained("with an explicit deny in a VPC endpoint policy")));
    assert_eq!(through("vpce-3"), None, "an endpoint without a policy of its own allows everything");
    assert_eq!(decide(Case { table, ..Case::default() }), None);
}

#[test]
fn a_bucket_policy_can_tell_the_paths_apart() {
    let policy = r#""Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
        "Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}"#;
    let denied = Some(explained("with an explicit deny in a resource-based policy"));
    assert_eq!(decide(Case { bucket_policy: policy, ingress: gateway("vpce-1"), ..Case::default() }), None);
    assert_eq!(decide(Case { bucket_policy: policy, ingress: gateway("vpce-2"), ..Case::default() }), denied);
    assert_eq!(decide(Case { bucket_policy: policy, ..Case::default() }), denied);
    // The address rule that breaks when an endpoint is added: the key it asks for is gone.
    let by_address = r#""Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
        "Condition":{"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}}"#;
    assert_eq!(decide(Case { bucket_policy: by_address, ..Case::default() }), None);
    assert_eq!(
        decide(Case { bucket_policy: by_address, ingress: gateway("vpce-1"), ..Case::default() }),
        denied
    );
}

#[test]
fn within_one_account_the_bucket_policy_is_grant_enough() {
    let none = "identity_policy = 'none'";
    assert_eq!(decide(Case { table: none, bucket_policy: OPEN, ..Case::default() }), None);
    let to_account = OPEN.replace("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":\"123456789012\"}");
    assert_eq!(
        decide(Case { table: none, bucket_policy: &to_account, ..Case::default() }),
        Some(explained("because no identity-based policy allows the s3:GetObject action"))
    );
    // Naming the session passes a boundary, naming the role does not.
    let bounded = "identity_policy = 'none'\npermissions_boundary = 'none'";
    let to = |arn: &str| OPEN.replace("\"Principal\":\"*\"", &format!("\"Principal\":{{\"AWS\":\"{arn}\"}}"));
    let session = to("arn:aws:sts::123456789012:assumed-role/app-instance-role/i-0a1b2c3d4e5f60718");
    let role = to("arn:aws:iam::123456789012:role/app-instance-role");
    assert_eq!(decide(Case { table: bounded, bucket_policy: &session, ..Case::default() }), None);
    assert_eq!(
        decide(Case { table: bounded, bucket_policy: &role, ..Case::default() }),
        Some(explained("because no permissions boundary allows the s3:GetObject action"))
    );
}

#[test]
fn across_accounts_both_sides_must_agree_and_strangers_learn_nothing() {
    let plain = Some("Access Denied".to_owned());
    let other = "999999999999";
    assert_eq!(decide(Case { owner: other, ..Case::default() }), plain);
    assert_eq!(decide(Case { owner: other, bucket_policy: OPEN, ..Case::default() }), None);
    assert_eq!(
        decide(Case {
            owner: other,
            bucket_policy: OPEN,
            table: "identity_policy = 'none'",
            ..Case::default()
        }),
        plain
    );

    let family = "identity_policy = 'full-access'\norganization_id = 'o-1'\norganization_accounts = ['999999999999']\n\
                  endpoint_policies = { vpce-1 = 'none' }";
    assert_eq!(
        decide(Case { owner: other, table: family, ..Case::default() }),
        Some(explained("because no resource-based policy allows the s3:GetObject action"))
    );
    // The trap: an endpoint's policy is not named across accounts, not even within the organization.
    let through = Case {
        owner: other,
        table: family,
        bucket_policy: OPEN,
        ingress: gateway("vpce-1"),
        ..Case::default()
    };
    assert_eq!(decide(through), plain);
}

#[test]
fn nobody_may_do_what_everybody_may() {
    let anonymous = |policy: &str, ingress| {
        decide(Case { bucket_policy: policy, anonymous: true, ingress, ..Case::default() })
    };
    assert_eq!(anonymous(OPEN, Ingress::internet()), None);
    assert_eq!(anonymous("", Ingress::internet()).as_deref(), Some("Access Denied"));
    let by_endpoint = r#""Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*",
        "Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}"#;
    assert_eq!(anonymous(by_endpoint, gateway("vpce-1")), None);
    assert_eq!(anonymous(by_endpoint, Ingress::internet()).as_deref(), Some("Access Denied"));
}

#[test]
fn an_account_that_demands_its_own_vpc_denies_what_leaves_by_nat() {
    let table = r#"
        identity_policy = 'full-access'
        instance = { id = "i-1", vpc_id = "vpc-1" }
        service_control_policy = '''{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"*","Resource":"*"},
            {"Effect":"Deny","Action":"*","Resource":"*","Condition":{
                "StringNotEqualsIfExists":{"aws:SourceVpc":"${aws:Ec2InstanceSourceVpc}"},
                "Null":{"ec2:SourceInstanceArn":"false"}}}]}'''
        "#;
    assert_eq!(decide(Case { table, ingress: gateway("vpce-1"), ..Case::default() }), None);
    // Without an endpoint the key is absent, for which both a negated operator and IfExists hold.
    for operator in ["StringNotEqualsIfExists", "StringNotEquals"] {
        let table = table.replace("StringNotEqualsIfExists", operator);
        let refused = decide(Case { table: &table, ..Case::default() });
        assert!(refused.unwrap().ends_with("with an explicit deny in a service control policy"));
    }
}
