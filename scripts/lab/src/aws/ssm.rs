//! Systems Manager: what a managed instance asks for at start, and parameters.

use serde_json::{Value, json};

use super::Aws;
use super::access::Ask;
use super::errors::Fault;
use super::names::partition_of;
use super::request::{Call, Reply};
use super::service_call::ServiceCall;

/// The answer of Systems Manager.
pub(crate) fn answer(aws: &Aws, call: &Call) -> Reply {
    let work = ServiceCall::new(aws, "ssm", call);
    match work.json_operation(Some("AmazonSSM")) {
        Ok(operation) => operate(&work, &operation).unwrap_or_else(|fault| fault.reply("ssm", call)),
        Err(reply) => reply,
    }
}

fn operate(work: &ServiceCall<'_>, operation: &str) -> Result<Reply, Fault> {
    let who = work.caller()?;
    let body = work.json_body()?;
    let action = format!("ssm:{operation}");
    let allow = |resource: String| work.allow(&who, &Ask::own(work.aws, &action, resource));
    let config = &work.aws.config;
    match operation {
        "ListAssociations" => {
            allow(work.arn("*"))?;
            Ok(work.json(&json!({ "Associations": [] })))
        }
        "ListInstanceAssociations" => {
            allow(instance(work, &config.instance.id))?;
            Ok(work.json(&json!({ "Associations": [] })))
        }
        "DescribeInstanceInformation" => {
            allow(work.arn("*"))?;
            Ok(work.json(&json!({ "InstanceInformationList": [{
                "InstanceId": config.instance.id, "PingStatus": "Online", "PlatformType": "Linux",
                "ResourceType": "EC2Instance",
            }] })))
        }
        "UpdateInstanceInformation" => {
            allow(instance(work, body["InstanceId"].as_str().unwrap_or(&config.instance.id)))?;
            Ok(work.json(&json!({})))
        }
        "GetParameter" => {
            let name = body["Name"].as_str().unwrap_or_default();
            allow(parameter_arn(work, name))?;
            match config.parameters.get(name) {
                Some(value) => Ok(work.json(&json!({ "Parameter": parameter(work, name, value) }))),
                None => Err(Fault { message: None, ..Fault::own(400, "ParameterNotFound", "") }),
            }
        }
        "GetParameters" => {
            let names: Vec<&str> =
                body["Names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            for name in &names {
                allow(parameter_arn(work, name))?;
            }
            let known = |name: &&str| config.parameters.contains_key(*name);
            let (found, invalid): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| known(name));
            let found: Vec<Value> =
                found.iter().map(|name| parameter(work, name, &config.parameters[*name])).collect();
            Ok(work.json(&json!({ "Parameters": found, "InvalidParameters": invalid })))
        }
        // Operations without an answer of their own: the policies are asked, and reads find nothing.
        _ => {
            allow(work.arn("*"))?;
            if operation.starts_with("List") || operation.starts_with("Describe") {
                Ok(work.json(&json!({})))
            } else {
                Err(super::service_call::unknown_operation())
            }
        }
    }
}

fn instance(work: &ServiceCall<'_>, id: &str) -> String {
    let partition = partition_of(work.scope.region).id;
    format!("arn:{partition}:ec2:{}:{}:instance/{id}", work.scope.region, work.aws.config.account_id)
}

fn parameter_arn(work: &ServiceCall<'_>, name: &str) -> String {
    work.arn(&format!("parameter/{}", name.trim_start_matches('/')))
}

fn parameter(work: &ServiceCall<'_>, name: &str, value: &str) -> Value {
    json!({
        "Name": name, "Type": "String", "Value": value, "Version": 1, "DataType": "text",
        "LastModifiedDate": 1_704_067_200.0, "ARN": parameter_arn(work, name),
    })
}
