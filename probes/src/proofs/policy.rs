//! Session policies: the harmless calls of the services that take part, under one condition on the way they come.
//!
//! What each condition means is the IAM user guide's ("AWS global condition context keys"): `aws:SourceVpce` and `aws:SourceVpc`
//! are in a request only if it came through a VPC endpoint, and name that endpoint and its VPC. That a session policy which
//! asks for them tells the way of a request follows from that; no example of Amazon's was found (not verified end to end).

use serde_json::{Value, json};

use super::Condition;
use crate::plan::{CallPlan, TargetPlan};

/// What a session policy allows, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    /// Every action, under a condition without further values.
    All(Condition),
    /// Every action through a VPC endpoint of this VPC.
    Vpc(&'a str),
    /// Each service's actions through one VPC endpoint.
    Endpoints(&'a [(String, String)]),
}

/// The IAM actions of a call, where its service is one that a proof may rest on: one that is known to evaluate
/// `aws:SourceVpce` and whose call an ordinary policy may refuse.
pub(super) fn actions(call: &CallPlan) -> &'static [&'static str] {
    match call {
        CallPlan::S3ListBuckets => &["s3:ListAllMyBuckets"],
        CallPlan::S3HeadBucket { .. } => &["s3:ListBucket"],
        CallPlan::DynamoDbListTables => &["dynamodb:ListTables"],
        CallPlan::DynamoDbDescribeTable { .. } => &["dynamodb:DescribeTable"],
        CallPlan::SsmListAssociations => &["ssm:ListAssociations"],
        // No policy of the caller's can refuse `GetCallerIdentity`, so it proves nothing.
        // An unsigned request has no session, so no session policy proves anything of it.
        CallPlan::StsGetCallerIdentity | CallPlan::UnsignedGet | CallPlan::S3PublicObject { .. } => &[],
    }
}

/// The session policy, in as few characters as JSON takes.
pub(super) fn session_policy(targets: &[TargetPlan], wanted: &Wanted<'_>) -> String {
    let of = |service: Option<&str>| {
        let of_service =
            targets.iter().filter(|target| service.is_none_or(|service| target.service == service));
        let mut actions: Vec<&str> = of_service.flat_map(|target| actions(&target.call)).copied().collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    };
    let statements: Vec<Value> = match wanted {
        Wanted::All(condition) => vec![statement(&of(None), on_any_endpoint(*condition))],
        Wanted::Vpc(id) => {
            vec![statement(&of(None), Some(json!({ "StringEquals": { "aws:SourceVpc": id } })))]
        }
        Wanted::Endpoints(of_services) => of_services
            .iter()
            .map(|(service, id)| {
                statement(&of(Some(service)), Some(json!({ "StringEquals": { "aws:SourceVpce": id } })))
            })
            .collect(),
    };
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn on_any_endpoint(condition: Condition) -> Option<Value> {
    match condition {
        Condition::ThroughEndpoint => Some(json!({ "Null": { "aws:SourceVpce": "false" } })),
        Condition::WithoutEndpoint => Some(json!({ "Null": { "aws:SourceVpce": "true" } })),
        // The others carry a value and have a form of their own.
        Condition::None | Condition::ThisVpc | Condition::Endpoint => None,
    }
}

fn statement(actions: &[&str], condition: Option<Value>) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    /// STS takes inline session policies of up to this many characters (STS API reference, `AssumeRole`).
    const LONGEST: usize = 2_048;

    fn target(service: &str, call: CallPlan) -> TargetPlan {
        TargetPlan { service: service.to_owned(), call, ..crate::run::tests::target(service) }
    }

    fn targets() -> Vec<TargetPlan> {
        let named =
            |bucket: usize| CallPlan::S3HeadBucket { bucket: format!("b{bucket}"), path_style: false };
        let buckets = (0..50).map(|bucket| target("s3", named(bucket)));
        buckets
            .chain([
                target("s3", CallPlan::S3ListBuckets),
                target("dynamodb", CallPlan::DynamoDbListTables),
                target("dynamodb", CallPlan::DynamoDbDescribeTable { table: "orders".to_owned() }),
                target("ssm", CallPlan::SsmListAssociations),
                target("sts", CallPlan::StsGetCallerIdentity),
                target("kms", CallPlan::UnsignedGet),
            ])
            .collect()
    }

    #[test]
    fn a_policy_allows_each_call_once_under_its_condition() {
        let text = session_policy(&targets(), &Wanted::All(Condition::ThroughEndpoint));
        let actions = [
            "dynamodb:DescribeTable",
            "dynamodb:ListTables",
            "s3:ListAllMyBuckets",
            "s3:ListBucket",
            "ssm:ListAssociations",
        ];
        let expected = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": actions, "Resource": "*",
            "Condition": { "Null": { "aws:SourceVpce": "false" } },
        }] });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        let control = session_policy(&targets(), &Wanted::All(Condition::None));
        assert!(!control.contains("Condition"), "{control}");
    }

    #[test]
    fn each_service_has_the_endpoint_of_its_own() {
        let ids = [("s3".to_owned(), "vpce-1".to_owned()), ("ssm".to_owned(), "vpce-2".to_owned())];
        let text = session_policy(&targets(), &Wanted::Endpoints(&ids));
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Statement"][1]["Action"], json!(["ssm:ListAssociations"]));
        assert_eq!(policy["Statement"][1]["Condition"]["StringEquals"]["aws:SourceVpce"], "vpce-2");
        assert!(!text.contains("dynamodb"), "{text}");
    }

    #[test]
    fn the_longest_policy_is_one_that_sts_takes() {
        let id = |service: &str| (service.to_owned(), "vpce-0123456789abcdef0".to_owned());
        let all = [id("s3"), id("dynamodb"), id("ssm")];
        for wanted in [
            Wanted::All(Condition::WithoutEndpoint),
            Wanted::Vpc("vpc-0123456789abcdef0"),
            Wanted::Endpoints(&all),
        ] {
            assert!(session_policy(&targets(), &wanted).len() <= LONGEST);
        }
    }
}
