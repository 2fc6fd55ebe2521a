//! IAM policy documents: reading them, and asking one document about one request.
//!
//! A document only says allow, deny or nothing. It does not know which kind of policy it is; `access` combines the documents
//! of all kinds into a decision and words the refusal.

pub(crate) mod condition;
pub(crate) mod pattern;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::config::Config;
use super::context::Context;
use super::names::partition_of;
use condition::Condition;
use pattern::{matches, substitute};

/// One policy document, as written in a scenario: JSON, or the name of a well-known document.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Policy {
    statements: Vec<Statement>,
    /// Only documents of version 2012-10-17 have policy variables; in older ones `${…}` is plain text.
    variables: bool,
    source: String,
}

/// What one document says about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Opinion {
    /// No statement applies.
    Silent,
    /// Allowed, with the principal element that did it: for resource-based policies it matters whom they name.
    Allows(Named),
    /// An explicit deny, which no allow can outweigh.
    Denies,
}

/// How exactly a statement named the caller, from the vaguest to the most exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// The whole account, which leaves the decision to that account's own policies.
    Account,
    /// Everybody, or the document has no principals (an identity policy).
    Anyone,
    /// The role.
    Role,
    /// The very session, which no boundary or session policy limits any more.
    Session,
}

/// Why a document was not understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    /// The text is no JSON.
    #[error("not a JSON document and not one of {}", Policy::NAMES.join(", "))]
    Json(#[from] serde_json::Error),
    /// The JSON is no policy.
    #[error("{0}")]
    Shape(String),
}

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    principals: Option<Listed<Principal>>,
    actions: Listed<String>,
    resources: Option<Listed<String>>,
    conditions: Vec<Condition>,
}

/// A list that a request must match, or (the `Not…` elements) must not match.
#[derive(Clone, Debug)]
struct Listed<T> {
    negated: bool,
    entries: Vec<T>,
}

#[derive(Clone, Debug)]
enum Principal {
    Anyone,
    Account(String),
    Arn(String),
    /// A service, a federated or a canonical user: never one of the lab's callers.
    Other,
}

impl Policy {
    /// The documents that scenarios may name instead of writing them out.
    pub(crate) const NAMES: [&str; 9] = [
        "full-access",
        "deny-all",
        "ssm-core",
        "inspect",
        "read-only",
        "none",
        "path-proof-bucket",
        "path-proof-trust",
        "path-proof-role",
    ];

    /// Reads a JSON document.
    ///
    /// # Errors
    ///
    /// When the text is no policy, or uses an operator that this engine does not know: better than ignoring a condition.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let Value::Object(mut document) = serde_json::from_str(text)? else {
            return Err(PolicyError::Shape("the document is no JSON object".to_owned()));
        };
        let variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        let statements = match document.remove("Statement") {
            Some(Value::Array(statements)) => statements,
            Some(single @ Value::Object(_)) => vec![single],
            _ => return Err(PolicyError::Shape("the document has no Statement".to_owned())),
        };
        let statements = statements.iter().map(Statement::parse).collect::<Result<_, _>>()?;
        Ok(Self { statements, variables, source: text.to_owned() })
    }

    /// What the role of an ordinary managed instance may do: the actions of `AmazonSSMManagedInstanceCore`, and reading the
    /// account's own buckets and tables.
    pub(crate) fn ordinary(config: &Config) -> Self {
        let partition = partition_of(&config.region).id;
        let own = config.buckets.iter().map(|bucket| format!("arn:{partition}:s3:::{}", bucket.name));
        let buckets: Vec<String> = own.collect();
        let objects: Vec<String> = buckets.iter().map(|arn| format!("{arn}/*")).collect();
        let table = |name: &String| {
            format!("arn:{partition}:dynamodb:{}:{}:table/{name}", config.region, config.account_id)
        };
        let tables: Vec<String> = config.tables.iter().map(table).collect();
        let document = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": buckets },
            { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": objects },
            { "Effect": "Allow", "Action": ["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query"], "Resource": tables },
            { "Effect": "Allow", "Action": ["dynamodb:ListTables"], "Resource": "*" },
        ] });
        // Both documents are built here and always well-formed; a test reads them.
        let mut policy = Self::parse(SSM_CORE).unwrap_or_else(|_| Self::empty());
        let own = Self::parse(&document.to_string()).unwrap_or_else(|_| Self::empty());
        policy.statements.extend(own.statements);
        policy
    }

    /// A policy that says nothing.
    pub(crate) fn empty() -> Self {
        Self { statements: Vec::new(), variables: true, source: String::new() }
    }

    /// The document as it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What this document says about a request: a deny wins over any allow, and the most exact allow is reported.
    pub(crate) fn opinion(&self, context: &Context) -> Opinion {
        self.statements
            .iter()
            .filter_map(|statement| statement.opinion(context, self.variables))
            .max()
            .unwrap_or(Opinion::Silent)
    }

    fn named(name: &str) -> Option<Self> {
        let document = match name {
            "full-access" => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#
            }
            "deny-all" => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#
            }
            "none" => r#"{"Version":"2012-10-17","Statement":[]}"#,
            "ssm-core" => SSM_CORE,
            "inspect" => INSPECT,
            "read-only" => READ_ONLY,
            "path-proof-bucket" => return Self::packaged(BUCKET_OF_A_PROOF),
            "path-proof-trust" => return Self::packaged(TRUST_OF_A_PROOF),
            "path-proof-role" => return Self::packaged(ROLE_OF_A_PROOF),
            _ => return None,
        };
        // The documents above are constants, and a test reads every one of them.
        Self::parse(document).ok()
    }

    /// A document that users install, its placeholders filled in for the lab's usual account; the bucket's name may be any.
    fn packaged(template: &str) -> Option<Self> {
        let config = Config::default();
        let filled = template
            .replace("PARTITION", "aws")
            .replace("ACCOUNT_ID", &config.account_id)
            .replace("INSTANCE_ROLE", &config.role_name)
            .replace("BUCKET", "*");
        Self::parse(&filled).ok()
    }
}

const BUCKET_OF_A_PROOF: &str = include_str!("../../../../packaging/proof/bucket-policy.json");
const TRUST_OF_A_PROOF: &str = include_str!("../../../../packaging/proof/role-trust.json");
const ROLE_OF_A_PROOF: &str = include_str!("../../../../packaging/proof/role-permissions.json");

/// The statements of the managed policy `AmazonSSMManagedInstanceCore`, and more where an argument gives it.
macro_rules! managed_instance {
    ($($more:literal)?) => {
        concat!(
            r#"{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["ssm:DescribeAssociation","ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument",
"ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter","ssm:GetParameters","ssm:ListAssociations",
"ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems","ssm:PutConfigurePackageResult",
"ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus","ssm:UpdateInstanceInformation"],"Resource":"*"},
{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel",
"ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"},
{"Effect":"Allow","Action":["ec2messages:AcknowledgeMessage","ec2messages:DeleteMessage","ec2messages:FailMessage",
"ec2messages:GetEndpoint","ec2messages:GetMessages","ec2messages:SendReply"],"Resource":"*"}"#,
            $($more,)?
            "]}"
        )
    };
}

/// The actions of the managed policy `AmazonSSMManagedInstanceCore`.
pub(crate) const SSM_CORE: &str = managed_instance!();

/// The same, and every call by which EC2 describes the instance's VPC.
const INSPECT: &str = managed_instance!(
    r#",{"Effect":"Allow","Action":["ec2:DescribeDhcpOptions","ec2:DescribeInstances","ec2:DescribeInternetGateways",
"ec2:DescribeManagedPrefixLists","ec2:DescribeNatGateways","ec2:DescribeNetworkAcls","ec2:DescribeNetworkInterfaces",
"ec2:DescribePrefixLists","ec2:DescribeRouteTables","ec2:DescribeSecurityGroups","ec2:DescribeSubnets",
"ec2:DescribeVpcAttribute","ec2:DescribeVpcBlockPublicAccessExclusions",
"ec2:DescribeVpcBlockPublicAccessOptions","ec2:DescribeVpcEndpoints","ec2:DescribeVpcs","ec2:GetManagedPrefixListEntries"],"Resource":"*"}"#
);

const READ_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*",
"dynamodb:Describe*","dynamodb:Get*","dynamodb:List*","ssm:Describe*","ssm:Get*","ssm:List*","ec2:Describe*","ec2:Get*",
"kms:Describe*","kms:List*","logs:Describe*","logs:Get*","sqs:List*","sns:List*","cloudformation:Describe*",
"cloudformation:List*","ecr:Describe*","ecr:Get*","ecr:List*","autoscaling:Describe*","elasticbeanstalk:Describe*",
"elasticbeanstalk:List*","elasticloadbalancing:Describe*","cloudwatch:Describe*","cloudwatch:Get*","cloudwatch:List*",
"secretsmanager:List*","secretsmanager:DescribeSecret","sts:GetCallerIdentity"],"Resource":"*"}]}"#;

impl TryFrom<String> for Policy {
    type Error = PolicyError;

    fn try_from(text: String) -> Result<Self, PolicyError> {
        Self::named(text.trim()).map_or_else(|| Self::parse(&text), Ok)
    }
}

impl Statement {
    fn parse(value: &Value) -> Result<Self, PolicyError> {
        let shape = |text: &str| PolicyError::Shape(text.to_owned());
        let Value::Object(fields) = value else {
            return Err(shape("a statement is no JSON object"));
        };
        let allowed = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        if let Some(unknown) = fields.keys().find(|name| !allowed.contains(&name.as_str())) {
            return Err(PolicyError::Shape(format!("a statement has no element {unknown}")));
        }
        let allows = match fields.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(shape("Effect must be Allow or Deny")),
        };
        let actions = listed(fields, "Action", "NotAction", texts)?
            .ok_or_else(|| shape("a statement has neither Action nor NotAction"))?;
        let resources = listed(fields, "Resource", "NotResource", texts)?;
        let principals = listed(fields, "Principal", "NotPrincipal", principals)?;
        let conditions = fields.get("Condition").map(Condition::parse_all).transpose()?.unwrap_or_default();
        Ok(Self { allows, principals, actions, resources, conditions })
    }

    fn opinion(&self, context: &Context, variables: bool) -> Option<Opinion> {
        let named = match &self.principals {
            None => Named::Anyone,
            Some(listed) => {
                let best = listed.entries.iter().filter_map(|principal| principal.names(context)).max();
                match (listed.negated, best) {
                    (false, Some(named)) => named,
                    (true, None) => Named::Anyone,
                    _ => return None,
                }
            }
        };
        let action = context.action.to_ascii_lowercase();
        if !self.actions.covers(|pattern| matches(&pattern.to_ascii_lowercase(), &action)) {
            return None;
        }
        let resource = |pattern: &String| {
            let pattern = if variables { substitute(pattern, context) } else { Some(pattern.clone()) };
            pattern.is_some_and(|pattern| matches(&pattern, &context.resource))
        };
        if self.resources.as_ref().is_some_and(|listed| !listed.covers(resource)) {
            return None;
        }
        if !self.conditions.iter().all(|condition| condition.holds(context, variables)) {
            return None;
        }
        Some(if self.allows { Opinion::Allows(named) } else { Opinion::Denies })
    }
}

impl<T> Listed<T> {
    fn covers(&self, test: impl Fn(&T) -> bool) -> bool {
        self.entries.iter().any(test) != self.negated
    }
}

impl Principal {
    fn names(&self, context: &Context) -> Option<Named> {
        let caller = context.caller.as_ref();
        match self {
            Self::Anyone => Some(Named::Anyone),
            Self::Account(account) => {
                caller.filter(|caller| caller.account == *account).map(|_| Named::Account)
            }
            Self::Arn(arn) => caller.and_then(|caller| {
                if *arn == caller.arn {
                    Some(Named::Session)
                } else if *arn == caller.principal_arn {
                    Some(Named::Role)
                } else {
                    None
                }
            }),
            Self::Other => None,
        }
    }
}

fn listed<T>(
    fields: &Map<String, Value>,
    positive: &str,
    negative: &str,
    read: impl Fn(&Value) -> Result<Vec<T>, PolicyError>,
) -> Result<Option<Listed<T>>, PolicyError> {
    match (fields.get(positive), fields.get(negative)) {
        (Some(_), Some(_)) => {
            Err(PolicyError::Shape(format!("a statement has either {positive} or {negative}, not both")))
        }
        (Some(value), None) => Ok(Some(Listed { negated: false, entries: read(value)? })),
        (None, Some(value)) => Ok(Some(Listed { negated: true, entries: read(value)? })),
        (None, None) => Ok(None),
    }
}

/// A value that may be one string or a list of them; numbers and booleans count as their text.
pub(crate) fn texts(value: &Value) -> Result<Vec<String>, PolicyError> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Ok(vec![value.to_string()]),
        Value::Array(values) => Ok(values.iter().map(texts).collect::<Result<Vec<_>, _>>()?.concat()),
        _ => Err(PolicyError::Shape(format!("expected a string or a list of strings, found {value}"))),
    }
}

fn principals(value: &Value) -> Result<Vec<Principal>, PolicyError> {
    match value {
        Value::String(text) if text == "*" => Ok(vec![Principal::Anyone]),
        Value::Object(kinds) => {
            let mut found = Vec::new();
            for (kind, names) in kinds {
                for name in texts(names)? {
                    found.push(match (kind.as_str(), name.as_str()) {
                        ("AWS", "*") => Principal::Anyone,
                        ("AWS", arn) if arn.ends_with(":root") => {
                            Principal::Account(arn.split(':').nth(4).unwrap_or_default().to_owned())
                        }
                        ("AWS", account) if account.bytes().all(|byte| byte.is_ascii_digit()) => {
                            Principal::Account(name)
                        }
                        ("AWS", _) => Principal::Arn(name),
                        ("Service" | "Federated" | "CanonicalUser", _) => Principal::Other,
                        _ => return Err(PolicyError::Shape(format!("there is no kind of principal {kind}"))),
                    });
                }
            }
            Ok(found)
        }
        _ => Err(PolicyError::Shape("Principal must be \"*\" or an object".to_owned())),
    }
}

#[cfg(test)]
mod tests;
