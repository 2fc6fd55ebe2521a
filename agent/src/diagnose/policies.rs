//! Policy statements that allow what was refused, and the commands that put them where they belong.
//!
//! ARNs are those of this instance's partition, account and Region. A statement is printed only when each of its ARNs is known;
//! a command that would replace a document reads the old one first and adds to it.

use serde_json::{Value, json};

use super::case::Case;
use super::phrases::endpoint_id;
use super::refused::Refused;
use crate::catalogue::EndpointKind;
use crate::report::{Path, Verdict};

/// The partition of ARNs here.
#[must_use]
pub fn partition<'a>(case: &Case<'a>) -> &'a str {
    case.recording.environment.host.partition.as_deref().unwrap_or("aws")
}

/// The ARN of what a call was about, as policies name it; an asterisk for calls that are about no resource in particular.
#[must_use]
pub fn resource_arn(case: &Case<'_>, refused: &Refused<'_>) -> Option<String> {
    let host = &case.recording.environment.host;
    if let Some(bucket) = refused.bucket() {
        return Some(format!("arn:{}:s3:::{bucket}", partition(case)));
    }
    if !refused.named {
        return Some("*".to_owned());
    }
    let table = table(case, refused)?;
    let (region, account) = (host.region.as_deref()?, host.account_id.as_deref()?);
    Some(format!("arn:{}:dynamodb:{region}:{account}:table/{table}", partition(case)))
}

/// The table that a target stands for.
#[must_use]
pub fn table<'a>(case: &Case<'a>, refused: &Refused<'a>) -> Option<&'a str> {
    match refused.target.target.strip_prefix("dynamodb:table/") {
        Some(table) => Some(table),
        None => case.recording.run.settings.tables.first().map(String::as_str),
    }
}

/// The instance's own account as a principal: its own policies then decide which of its roles may.
#[must_use]
pub fn own_account(case: &Case<'_>) -> Option<Value> {
    let account = case.recording.environment.host.account_id.as_deref()?;
    Some(json!({ "AWS": format!("arn:{}:iam::{account}:root", partition(case)) }))
}

/// A statement that allows what was refused; `principal` is there for policies that need one.
#[must_use]
pub fn allowing(case: &Case<'_>, group: &[Refused<'_>], principal: Option<&Value>) -> Option<Value> {
    let mut actions: Vec<&str> = group.iter().map(|refused| refused.reply.operation.as_str()).collect();
    let mut resources: Vec<String> =
        group.iter().map(|refused| resource_arn(case, refused)).collect::<Option<_>>()?;
    actions.sort_unstable();
    actions.dedup();
    resources.sort();
    resources.dedup();
    let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resources });
    if let Some(principal) = principal {
        statement["Principal"] = principal.clone();
    }
    Some(statement)
}

/// Commands that add statements to the policy of a service's endpoint: read it, add, write it back.
#[must_use]
pub fn add_to_endpoint_policy(case: &Case<'_>, verdict: &Verdict, statements: &[Value]) -> Vec<String> {
    let Some(region) = case.region() else { return Vec::new() };
    let statements: Vec<String> = statements.iter().map(Value::to_string).collect();
    let statements = statements.join(",");
    let kind = match verdict.path {
        Path::InterfaceEndpoint => EndpointKind::Interface,
        _ => EndpointKind::Gateway,
    };
    let Some((lookup, id)) = endpoint_id(case, &verdict.service, kind, verdict.vpc_endpoint_id.as_deref())
    else {
        return Vec::new();
    };
    lookup
        .into_iter()
        .chain([
            format!(
                "P=$(aws ec2 describe-vpc-endpoints --region {region} --vpc-endpoint-ids {id} --query \
                 'VpcEndpoints[0].PolicyDocument' --output text | jq -c '.Statement|=([.]|flatten)+[{statements}]')"
            ),
            format!(
                "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {id} --policy-document \"$P\""
            ),
        ])
        .collect()
}

/// A command that gives this instance's role a policy with this statement, named after the target: another target's policy must
/// not take its place.
#[must_use]
pub fn add_to_role(case: &Case<'_>, target: &str, statement: &Value) -> Vec<String> {
    let Some(role) = role(case) else { return Vec::new() };
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    let name = target.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
    vec![format!(
        "aws iam put-role-policy --role-name {role} --policy-name allow-{name} --policy-document '{document}'"
    )]
}

/// The command that shows a bucket's policy.
#[must_use]
pub fn show_bucket_policy(bucket: &str) -> String {
    format!("aws s3api get-bucket-policy --bucket {bucket} --query Policy --output text")
}

/// Commands that add a statement to a bucket's policy, or change it with a jq program, and write it back.
#[must_use]
pub fn change_bucket_policy(case: &Case<'_>, bucket: &str, program: &str) -> Vec<String> {
    let Some(region) = case.region() else { return Vec::new() };
    vec![
        format!(
            "P=$(aws s3api get-bucket-policy --region {region} --bucket {bucket} --query Policy --output text | jq -c '{program}')"
        ),
        format!("aws s3api put-bucket-policy --region {region} --bucket {bucket} --policy \"$P\""),
    ]
}

/// The name of this instance's role, where calls are signed with its credentials.
#[must_use]
pub fn role<'a>(case: &Case<'a>) -> Option<&'a str> {
    let host = &case.recording.environment.host;
    let own = host.credentials.source == Some(probes::environment::CredentialSource::InstanceMetadata);
    host.role.as_deref().filter(|_| own)
}
