//! The least IAM policy under which a run can do all that it does (`vpcprobe iam-policy`).
//!
//! It is made from the plan of such a run, call by call, and from the table of EC2's operations that the probes ask, so
//! that it cannot promise less than the code does. All of them are reads. A run without these permissions works too; a
//! refusal is an answer, and the report says what it could not ask.

use std::collections::{BTreeMap, BTreeSet};

use probes::Environment;
use probes::control_plane::ACTIONS;
use probes::plan::CallPlan;
use serde_json::{Value, json};

use crate::catalogue;
use crate::plan;
use crate::settings::Settings;

/// An account that stands for any; it is in no policy.
const ANY_ACCOUNT: &str = "111122223333";

/// The policy as JSON, or `None` where nothing needs a permission.
#[must_use]
pub fn policy(settings: &Settings) -> Option<String> {
    let statements = statements(settings);
    if statements.is_empty() {
        return None;
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    Some(format!("{}\n", serde_json::to_string_pretty(&policy).unwrap_or_default()))
}

fn statements(settings: &Settings) -> Vec<Value> {
    if !settings.judge.sign {
        // EC2 is asked with signed calls only.
        return Vec::new();
    }
    // The plan of a run somewhere in the partition: which calls it makes depends on the options alone.
    let region = settings.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let partition =
        catalogue::partition_of_region(&region).map_or("aws", |partition| partition.name.as_str());
    let environment = Environment {
        region: Some(region),
        account_id: Some(ANY_ACCOUNT.to_owned()),
        partition: Some(partition.to_owned()),
        ..Environment::default()
    };
    let planned = plan::plan(&environment, settings, &[]);
    // By resource, so that each stands once.
    let mut actions: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for call in planned.targets.iter().map(|target| &target.call) {
        if let Some(action) = call.permission() {
            let resource = resource(call, partition, settings.region.as_deref());
            actions.entry(resource).or_default().insert(action);
        }
    }
    if let Some(proof) = &planned.proofs {
        for role in &proof.roles {
            actions.entry(role.clone()).or_default().insert("sts:AssumeRole");
        }
        for bucket in &proof.buckets {
            let objects = format!("arn:{partition}:s3:::{bucket}/vpcprobe/*");
            actions.entry(objects).or_default().insert("s3:GetObject");
        }
    }
    if planned.inspect.is_some() {
        // None of these reads can be limited to a resource (Service Authorization Reference, Amazon EC2).
        actions.entry("*".to_owned()).or_default().extend(ACTIONS);
    }
    actions
        .into_iter()
        .map(|(resource, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resource}))
        .collect()
}

/// What a call is about, as an ARN where IAM knows one for it.
fn resource(call: &CallPlan, partition: &str, region: Option<&str>) -> String {
    let region = region.unwrap_or("*");
    match call {
        CallPlan::S3HeadBucket { bucket, .. } => format!("arn:{partition}:s3:::{bucket}"),
        CallPlan::DynamoDbDescribeTable { table } => {
            format!("arn:{partition}:dynamodb:{region}:*:table/{table}")
        }
        _ => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::settings::Surroundings;

    fn actions(arguments: &[&str]) -> Vec<(String, String)> {
        let cli = Cli::parse_from([&["vpcprobe"], arguments].concat());
        let surroundings = Surroundings { stdout_is_terminal: false, aws_ca_bundle: None };
        let settings = Settings::resolve(&cli.run, surroundings).unwrap();
        let Some(policy) = policy(&settings) else { return Vec::new() };
        let policy: Value = serde_json::from_str(&policy).unwrap();
        let mut pairs = Vec::new();
        for statement in policy["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow");
            for action in statement["Action"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                pairs.push((text(action), text(&statement["Resource"])));
            }
        }
        pairs
    }

    fn has(pairs: &[(String, String)], action: &str, resource: &str) -> bool {
        pairs.iter().any(|(each, on)| each == action && on == resource)
    }

    #[test]
    fn a_bucket_and_a_table_are_named_in_the_form_of_the_partition() {
        let regions = [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ];
        for (region, partition) in regions {
            let arguments = ["--region", region, "--bucket", "logs", "--table", "orders", "--no-inspect"];
            let pairs = actions(&[&arguments[..], &["--prove-with", "bucket=probe-bucket"]].concat());
            assert!(has(&pairs, "s3:ListBucket", &format!("arn:{partition}:s3:::logs")), "{pairs:?}");
            let table = format!("arn:{partition}:dynamodb:{region}:*:table/orders");
            assert!(has(&pairs, "dynamodb:DescribeTable", &table), "{pairs:?}");
            let objects = format!("arn:{partition}:s3:::probe-bucket/vpcprobe/*");
            assert!(has(&pairs, "s3:GetObject", &objects), "{pairs:?}");
            assert!(!pairs.iter().any(|(action, _)| action.starts_with("ec2:")));
        }
    }

    #[test]
    fn every_action_is_a_read_and_is_asked_for_once() {
        let pairs = actions(&["--profile", "all"]);
        assert!(pairs.len() > ACTIONS.len());
        for (action, _) in &pairs {
            let (_, operation) = action.split_once(':').unwrap();
            let reads = operation.starts_with("Describe") || operation.starts_with("List");
            assert!(reads || operation == "GetManagedPrefixListEntries", "{action}");
            assert_eq!(pairs.iter().filter(|(each, _)| each == action).count(), 1, "{action}");
        }
    }

    #[test]
    fn a_path_proof_needs_its_role_or_the_objects_of_its_bucket() {
        let role = "arn:aws:iam::111122223333:role/vpcprobe-path-proof";
        let pairs =
            actions(&["--prove-with", &format!("role={role}"), "--prove-with", "bucket=probe-bucket"]);
        assert!(has(&pairs, "sts:AssumeRole", role), "{pairs:?}");
        assert!(has(&pairs, "s3:GetObject", "arn:aws:s3:::probe-bucket/vpcprobe/*"), "{pairs:?}");
    }

    #[test]
    fn without_signed_calls_nothing_is_needed() {
        assert!(actions(&["--no-sign"]).is_empty());
    }

    #[test]
    fn a_service_that_is_not_probed_needs_no_permission() {
        let pairs = actions(&["--service", "ssm", "--no-inspect"]);
        assert_eq!(pairs, [("ssm:ListAssociations".to_owned(), "*".to_owned())]);
    }
}
