//! The decision: every kind of policy that applies to a request, combined as AWS combines them, and the words of a refusal.
//!
//! An explicit deny in any policy wins. Then every guard must allow (endpoint, service control, boundary, session), and the
//! grant must come from the caller's own policies or from the resource's, within one account either, across accounts both.
//! AWS names one policy type where several refuse and does not say which; the order here is that of the documented
//! evaluation, with the endpoint's policy in front of the account's as the outermost gate.

use super::Aws;
use super::context::Context;
use super::errors::Fault;
use super::keys::Session;
use super::names::partition_of;
use super::policy::{Named, Opinion, Policy};
use super::request::Call;
use super::sigv4::Scope;

/// What a request wants.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// `SERVICE:Operation`.
    pub(crate) action: &'a str,
    /// The ARN of the resource.
    pub(crate) resource: String,
    /// Whether refusals name the resource; AWS leaves it out for some actions.
    pub(crate) resource_in_text: bool,
    /// The account that owns the resource.
    pub(crate) resource_account: &'a str,
    /// The policy on the resource.
    pub(crate) resource_policy: Option<&'a Policy>,
    /// What that policy is: [`Kind::Resource`], or [`Kind::Trust`] for a role, without whose word nothing else grants.
    pub(crate) resource_kind: Kind,
    /// Condition keys of the service.
    pub(crate) keys: Vec<(&'a str, String)>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// AWS does not say why: to strangers it says nothing.
    Plain,
    /// AWS names the caller, the action and the kind of policy.
    Explained(String),
}

/// A kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The role's own policies.
    Identity,
    /// The policy on the resource.
    Resource,
    /// The endpoint's policy.
    Endpoint,
    /// The role's permissions boundary.
    Boundary,
    /// What a session was narrowed to.
    Session,
    /// The organization's policy on callers.
    ServiceControl,
    /// The organization's policy on resources.
    ResourceControl,
    /// Who may assume a role.
    Trust,
}

impl<'a> Ask<'a> {
    /// An action of the instance's own account on one of its resources.
    pub(crate) fn own(aws: &'a Aws, action: &'a str, resource: String) -> Self {
        Self {
            action,
            resource,
            resource_in_text: true,
            resource_account: &aws.config.account_id,
            resource_policy: None,
            resource_kind: Kind::Resource,
            keys: Vec::new(),
        }
    }
}

impl Refusal {
    /// The error of a JSON, query or REST service other than S3 and EC2; `status` and `code` are the protocol's.
    pub(crate) fn fault(&self, status: u16, code: &str) -> Fault {
        Fault::new(status, code, self.text("Access Denied"))
    }

    /// The text, or what the service says to strangers.
    pub(crate) fn text(&self, plain: &str) -> String {
        match self {
            Self::Plain => plain.to_owned(),
            Self::Explained(text) => text.clone(),
        }
    }
}

impl Kind {
    fn refusal(self, context: &Context, named_resource: bool, explicit: bool) -> Refusal {
        let Some(caller) = &context.caller else {
            return Refusal::Plain;
        };
        let quote = if context.action.starts_with("s3:") { "\"" } else { "" };
        let resource = if named_resource {
            format!(" on resource: {quote}{}{quote}", context.resource)
        } else {
            String::new()
        };
        let (article, kind) = match self {
            Self::Identity => ("an", "identity-based policy"),
            Self::Resource => ("a", "resource-based policy"),
            Self::Endpoint => ("a", "VPC endpoint policy"),
            Self::Boundary => ("a", "permissions boundary"),
            Self::Session => ("a", "session policy"),
            Self::ServiceControl => ("a", "service control policy"),
            Self::ResourceControl => ("a", "resource control policy"),
            Self::Trust => ("the", "role trust policy"),
        };
        let reason = if explicit {
            format!("with an explicit deny in {article} {kind}")
        } else {
            format!("because no {kind} allows the {} action", context.action)
        };
        Refusal::Explained(format!(
            "User: {} is not authorized to perform: {}{resource} {reason}",
            caller.arn, context.action
        ))
    }
}

/// Decides about a request; `who` is `None` for an anonymous one.
///
/// # Errors
///
/// The refusal, explained as far as AWS explains it to this caller.
pub(crate) fn authorize(
    aws: &Aws,
    call: &Call,
    who: Option<&Session>,
    scope: Scope<'_>,
    ask: &Ask<'_>,
) -> Result<(), Refusal> {
    let context = context(aws, call, who, scope, ask);
    let config = &aws.config;
    let same_account = context.caller.as_ref().is_some_and(|caller| caller.account == ask.resource_account);
    let same_organization = same_account
        || (config.organization_id.is_some() && config.organization_accounts.contains(ask.resource_account));

    let opinion = |policy: Option<&Policy>| policy.map(|policy| policy.opinion(&context));
    let endpoint_policy =
        call.ingress.vpc_endpoint_id.as_ref().and_then(|endpoint| aws.endpoint_policy(endpoint));
    let signed = who.is_some();
    let role = aws.role();
    let administrator = who.is_some_and(|session| session.administrator);
    let of_role = who.is_some_and(|session| !session.administrator && session.user.is_none());
    let identity = match who {
        Some(_) if administrator => Some(Opinion::Allows(Named::Anyone)),
        Some(Session { user: Some(own), .. }) => Some(own.opinion(&context)),
        Some(_) => Some(role.opinion(&context)),
        None => None,
    };
    let boundary = opinion(role.boundary.as_ref().filter(|_| of_role));
    let sessions: Vec<Opinion> =
        who.iter().flat_map(|session| &session.policies).map(|policy| policy.opinion(&context)).collect();
    let control = opinion(config.service_control_policy.as_ref().filter(|_| signed));
    // The organization's policy on resources protects those of its accounts, the instance's own account among them.
    let owned = ask.resource_account == config.account_id
        || config.organization_accounts.contains(ask.resource_account);
    let resource_control = opinion(config.resource_control_policy.as_ref().filter(|_| owned));
    let resource = opinion(ask.resource_policy);
    let endpoint = opinion(endpoint_policy.as_ref());

    let refuse = |kind: Kind, explicit: bool| {
        // Strangers learn nothing, and across accounts an endpoint's policy is not named even within an organization.
        let explained = same_account || (same_organization && kind != Kind::Endpoint);
        if explained { kind.refusal(&context, ask.resource_in_text, explicit) } else { Refusal::Plain }
    };
    let session_denies = sessions.contains(&Opinion::Denies);
    for (kind, denies) in [
        (Kind::ServiceControl, control == Some(Opinion::Denies)),
        (Kind::ResourceControl, resource_control == Some(Opinion::Denies)),
        (Kind::Endpoint, endpoint == Some(Opinion::Denies)),
        (ask.resource_kind, resource == Some(Opinion::Denies)),
        (Kind::Identity, identity == Some(Opinion::Denies)),
        (Kind::Boundary, boundary == Some(Opinion::Denies)),
        (Kind::Session, session_denies),
    ] {
        if denies {
            return Err(refuse(kind, true));
        }
    }
    if control == Some(Opinion::Silent) {
        return Err(refuse(Kind::ServiceControl, false));
    }
    if endpoint == Some(Opinion::Silent) {
        return Err(refuse(Kind::Endpoint, false));
    }
    let granted = match resource {
        Some(Opinion::Allows(named)) => Some(named),
        _ => None,
    };
    if !signed {
        // Nobody has no policies of their own, so the resource must open itself to everybody.
        return if granted == Some(Named::Anyone) { Ok(()) } else { Err(Refusal::Plain) };
    }
    // Within one account a resource that names the role or everybody is grant enough; one that names the account only hands
    // the question to the account's own policies. A resource that names the very session is limited by nothing else.
    let by_resource = same_account && granted.is_some_and(|named| named > Named::Account);
    if ask.resource_kind == Kind::Trust && granted.is_none() {
        return Err(refuse(Kind::Trust, false));
    }
    if same_account && granted == Some(Named::Session) {
        return Ok(());
    }
    if !by_resource && !matches!(identity, Some(Opinion::Allows(_))) {
        return Err(refuse(Kind::Identity, false));
    }
    if !same_account && granted.is_none() {
        return Err(refuse(Kind::Resource, false));
    }
    if boundary == Some(Opinion::Silent) {
        return Err(refuse(Kind::Boundary, false));
    }
    if sessions.contains(&Opinion::Silent) {
        return Err(refuse(Kind::Session, false));
    }
    Ok(())
}

/// The request as the endpoint's policy alone would see it, for the one call that no other policy can refuse.
///
/// # Errors
///
/// The refusal by the endpoint's policy.
pub(crate) fn pass_endpoint(
    aws: &Aws,
    call: &Call,
    who: &Session,
    scope: Scope<'_>,
    ask: &Ask<'_>,
) -> Result<(), Refusal> {
    let context = context(aws, call, Some(who), scope, ask);
    let policy = call.ingress.vpc_endpoint_id.as_ref().and_then(|endpoint| aws.endpoint_policy(endpoint));
    match policy.map(|policy| policy.opinion(&context)) {
        None | Some(Opinion::Allows(_)) => Ok(()),
        Some(found) => Err(Kind::Endpoint.refusal(&context, ask.resource_in_text, found == Opinion::Denies)),
    }
}

fn context(aws: &Aws, call: &Call, who: Option<&Session>, scope: Scope<'_>, ask: &Ask<'_>) -> Context {
    let config = &aws.config;
    let mut context = Context::new(ask.action, &ask.resource);
    context.set_caller(who.map(|session| &session.caller));
    context.set_path(&call.ingress, call.peer, scope.region, &config.account_id);
    context.set("aws:RequestedRegion", scope.region);
    context.set("aws:SecureTransport", if call.secure { "true" } else { "false" });
    context.set("aws:ResourceAccount", ask.resource_account);
    context.set("aws:CurrentTime", &super::keys::rfc3339(call.at));
    context.set("aws:EpochTime", &call.at.as_second().to_string());
    context.set("aws:ViaAWSService", "false");
    context.set("aws:PrincipalIsAWSService", "false");
    if let Some(agent) = call.header("user-agent") {
        context.set("aws:UserAgent", agent);
    }
    if let Some(organization) = &config.organization_id {
        let member =
            |account: &str| account == config.account_id || config.organization_accounts.contains(account);
        if who.is_some_and(|session| member(&session.caller.account)) {
            context.set("aws:PrincipalOrgID", organization);
        }
        if member(ask.resource_account) {
            context.set("aws:ResourceOrgID", organization);
        }
    }
    if let Some(session) = who {
        context.set("aws:TokenIssueTime", &super::keys::rfc3339(session.issued));
        if session.delivered_by_ec2 {
            set_instance(&mut context, aws);
        }
    }
    for (key, value) in &ask.keys {
        context.set(key, value);
    }
    context
}

/// The keys that credentials carry which EC2 delivered to an instance.
fn set_instance(context: &mut Context, aws: &Aws) {
    let config = &aws.config;
    let partition = partition_of(&config.region).id;
    let arn = format!(
        "arn:{partition}:ec2:{}:{}:instance/{}",
        config.region, config.account_id, config.instance.id
    );
    context.set("ec2:SourceInstanceArn", &arn);
    context.set("ec2:RoleDelivery", "2.0");
    if let Some(vpc) = &config.instance.vpc_id {
        context.set("aws:Ec2InstanceSourceVpc", vpc);
    }
    if let Some(address) = config.instance.private_ip {
        context.set("aws:Ec2InstanceSourcePrivateIPv4", &address.to_string());
    }
}

#[cfg(test)]
mod tests;
