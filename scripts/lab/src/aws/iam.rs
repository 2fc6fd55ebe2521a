//! Identity and Access Management: the policies of the instance's role, and the calls that change them.
//!
//! The role of the scenario is the only one there is. A managed policy is known by its name if [`Policy::NAMES`] or AWS's own
//! managed policies have it.

use std::collections::BTreeMap;

use super::Aws;
use super::access::Ask;
use super::config::Config;
use super::context::Context;
use super::errors::Fault;
use super::names::partition_of;
use super::policy::{Opinion, Policy, SSM_CORE};
use super::request::{Call, Reply, escape};
use super::service_call::ServiceCall;
use crate::imds;

/// The role of the instance with what decides about its calls.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// The policies that are part of it, by name.
    inline: BTreeMap<String, Policy>,
    /// The managed policies that are attached, by ARN.
    attached: BTreeMap<String, Policy>,
    /// Its permissions boundary.
    pub(crate) boundary: Option<Policy>,
}

impl Role {
    /// The role as a scenario describes it.
    pub(crate) fn of(config: &Config) -> Self {
        let policy = config.identity_policy.clone().unwrap_or_else(|| Policy::ordinary(config));
        Self {
            inline: BTreeMap::from([("own".to_owned(), policy)]),
            attached: BTreeMap::new(),
            boundary: config.permissions_boundary.clone(),
        }
    }

    /// What all its policies together say: a deny in one of them wins, then an allow.
    pub(crate) fn opinion(&self, context: &Context) -> Opinion {
        let policies = self.inline.values().chain(self.attached.values());
        policies.map(|policy| policy.opinion(context)).max().unwrap_or(Opinion::Silent)
    }
}

/// The answer of Identity and Access Management.
pub(crate) fn answer(aws: &Aws, call: &Call) -> Reply {
    let work = ServiceCall::new(aws, "iam", call);
    let form = call.form();
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let operation = value("Action").unwrap_or_default();
    let result = operate(&work, operation, &value);
    result.unwrap_or_else(|fault| fault.reply("iam", call))
}

fn operate<'v>(
    work: &ServiceCall<'_>,
    operation: &str,
    value: &impl Fn(&str) -> Option<&'v str>,
) -> Result<Reply, Fault> {
    let who = work.caller()?;
    let config = &work.aws.config;
    let required = |name: &str| {
        value(name).ok_or_else(|| Fault::new(400, "ValidationError", format!("{name} is missing")))
    };
    let name = required("RoleName")?;
    let partition = partition_of(&config.region).id;
    let arn = format!("arn:{partition}:iam::{}:role/{name}", config.account_id);
    work.allow(&who, &Ask::own(work.aws, &format!("iam:{operation}"), arn.clone()))?;
    if name != config.role_name {
        let text = format!("The role with name {name} cannot be found.");
        return Err(Fault::new(404, "NoSuchEntity", text));
    }
    let result = match operation {
        "GetRole" => {
            let boundary = work.aws.role().boundary.map(|_| {
                format!(
                    "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>\
                     <PermissionsBoundaryArn>arn:{partition}:iam::{}:policy/boundary</PermissionsBoundaryArn>\
                     </PermissionsBoundary>",
                    config.account_id
                )
            });
            format!(
                "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAEXAMPLEROLEID1234</RoleId><Arn>{arn}</Arn>\
                 <CreateDate>2024-01-01T00:00:00Z</CreateDate>{}</Role>",
                boundary.unwrap_or_default()
            )
        }
        "ListRolePolicies" => {
            let names = work.aws.role().inline;
            let members: String =
                names.keys().map(|name| format!("<member>{}</member>", escape(name))).collect();
            format!("<PolicyNames>{members}</PolicyNames><IsTruncated>false</IsTruncated>")
        }
        "ListAttachedRolePolicies" => {
            let attached = work.aws.role().attached;
            let member = |arn: &String| {
                let name = arn.rsplit('/').next().unwrap_or_default();
                format!("<member><PolicyName>{name}</PolicyName><PolicyArn>{arn}</PolicyArn></member>")
            };
            let members: String = attached.keys().map(member).collect();
            format!("<AttachedPolicies>{members}</AttachedPolicies><IsTruncated>false</IsTruncated>")
        }
        "PutRolePolicy" => {
            let (name, policy) = (required("PolicyName")?, document(required("PolicyDocument")?)?);
            work.aws.change_role(|role| role.inline.insert(name.to_owned(), policy));
            String::new()
        }
        "AttachRolePolicy" => {
            let arn = required("PolicyArn")?;
            let policy = managed(arn, partition)?;
            work.aws.change_role(|role| role.attached.insert(arn.to_owned(), policy));
            String::new()
        }
        "DeleteRolePermissionsBoundary" => {
            work.aws.change_role(|role| role.boundary = None);
            String::new()
        }
        "UpdateAssumeRolePolicy" => {
            trust(work, required("PolicyDocument")?)?;
            String::new()
        }
        _ => {
            let text = format!("Could not find operation {operation} for version 2010-05-08");
            return Err(Fault::new(400, "InvalidAction", text));
        }
    };
    Ok(work.query(operation, &result))
}

fn document(text: &str) -> Result<Policy, Fault> {
    Policy::parse(text).map_err(|error| Fault::new(400, "MalformedPolicyDocument", error.to_string()))
}

/// A policy that AWS itself manages, by its ARN in this partition.
fn managed(arn: &str, partition: &str) -> Result<Policy, Fault> {
    let name = arn.strip_prefix(&format!("arn:{partition}:iam::aws:policy/"));
    match name {
        Some("AmazonSSMManagedInstanceCore") => document(SSM_CORE),
        _ => {
            Err(Fault::new(404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable.")))
        }
    }
}

/// Changes who may assume the role: with EC2 among them the instance gets its credentials again.
fn trust(work: &ServiceCall<'_>, text: &str) -> Result<(), Fault> {
    let policy: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Fault::new(400, "MalformedPolicyDocument", error.to_string()))?;
    let statements = match &policy["Statement"] {
        serde_json::Value::Array(statements) => statements.clone(),
        single => vec![single.clone()],
    };
    let ec2 = statements.iter().any(|statement| {
        let service = statement["Principal"]["Service"].as_str().unwrap_or_default();
        statement["Effect"] == "Allow" && ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"].contains(&service)
    });
    let metadata = work.aws.metadata();
    let mut options = metadata.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    options.role = if ec2 { imds::Role::Present } else { imds::Role::Unauthorized };
    Ok(())
}
