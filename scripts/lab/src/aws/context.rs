//! What policies can ask about a request: the caller, the action, the resource and the condition keys.
//!
//! The keys that tell the paths apart are set here and nowhere else: `aws:SourceVpce`, `aws:SourceVpc` and `aws:VpcSourceIp`
//! exist only through an endpoint, `aws:SourceIp` only without one.

use std::collections::BTreeMap;

use super::ingress::Ingress;
use std::net::IpAddr;

/// The authenticated caller, as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The ARN of the session (`…:assumed-role/ROLE/SESSION`), named in refusals.
    pub(crate) arn: String,
    /// The ARN of the role itself, which is `aws:PrincipalArn`.
    pub(crate) principal_arn: String,
    /// The account the role belongs to.
    pub(crate) account: String,
    /// `AROA…:SESSION`.
    pub(crate) user_id: String,
}

/// One request as policies see it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// `SERVICE:Operation`.
    pub(crate) action: String,
    /// The ARN of the resource, or `*` for actions without one.
    pub(crate) resource: String,
    /// `None` for an anonymous request.
    pub(crate) caller: Option<Caller>,
    keys: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// A request by nobody in particular, without keys.
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), caller: None, keys: BTreeMap::new() }
    }

    /// Names the caller and sets the keys that follow from it.
    pub(crate) fn set_caller(&mut self, caller: Option<&Caller>) {
        if let Some(caller) = caller {
            self.set("aws:PrincipalArn", &caller.principal_arn);
            self.set("aws:PrincipalAccount", &caller.account);
            self.set("aws:userid", &caller.user_id);
        }
        self.set("aws:PrincipalType", if caller.is_some() { "AssumedRole" } else { "Anonymous" });
        self.caller = caller.cloned();
    }

    /// Sets the keys of the path.
    pub(crate) fn set_path(&mut self, ingress: &Ingress, peer: IpAddr, region: &str, account: &str) {
        if ingress.through_endpoint() {
            self.set("aws:VpcSourceIp", &peer.to_string());
            if let Some(endpoint) = &ingress.vpc_endpoint_id {
                self.set("aws:SourceVpce", endpoint);
            }
            if let Some(vpc) = &ingress.vpc_id {
                self.set("aws:SourceVpc", vpc);
                // The ARN form exists for a set of services that has S3 in it and neither DynamoDB nor SSM.
                let service = self.action.split(':').next().unwrap_or_default();
                if ["s3", "ecr", "ecs", "kms", "cloudformation", "lambda"].contains(&service) {
                    let partition = super::names::partition_of(region).id;
                    self.set(
                        "aws:SourceVpcArn",
                        &format!("arn:{partition}:ec2:{region}:{account}:vpc/{vpc}"),
                    );
                }
            }
        } else {
            self.set("aws:SourceIp", &peer.to_string());
        }
    }

    /// Sets a key to one value; key names do not distinguish case.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.keys.insert(key.to_ascii_lowercase(), vec![value.to_owned()]);
    }

    /// The values of a key, `None` when the request does not have it.
    pub(crate) fn values(&self, key: &str) -> Option<&[String]> {
        self.keys.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }
}
