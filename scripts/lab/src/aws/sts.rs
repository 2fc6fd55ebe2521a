//! The Security Token Service: who am I, and sessions of the role that are narrowed by a session policy.

use jiff::SignedDuration;

use super::Aws;
use super::access::{self, Ask, Kind};
use super::errors::Fault;
use super::keys::{Session, rfc3339};
use super::names::partition_of;
use super::policy::Policy;
use super::request::{Call, Reply, escape};
use super::service_call::ServiceCall;

/// The longest inline session policy, in characters.
const LONGEST_POLICY: usize = 2048;

/// The answer of the Security Token Service.
pub(crate) fn answer(aws: &Aws, call: &Call) -> Reply {
    let work = ServiceCall::new(aws, "sts", call);
    let form = call.form();
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(operation) = value("Action") else {
        // The root leads to the product page of the service's family.
        return Reply::new(302, "", "")
            .with("location", "https://aws.amazon.com/iam")
            .with("x-amzn-requestid", call.id.clone());
    };
    let result = work.caller().and_then(|who| match operation {
        "GetCallerIdentity" => identity(&work, &who),
        "AssumeRole" => assume_role(&work, &who, &value),
        "GetSessionToken" | "GetFederationToken" => {
            Err(Fault::new(403, "AccessDenied", format!("Cannot call {operation} with session credentials")))
        }
        _ => {
            let version = value("Version").unwrap_or("2011-06-15");
            let text = format!("Could not find operation {operation} for version {version}");
            Err(Fault::new(400, "InvalidAction", text))
        }
    });
    result.unwrap_or_else(|fault| fault.reply("sts", call))
}

/// The one call that no identity policy can refuse; an endpoint's policy can, since it stands before the service.
fn identity(work: &ServiceCall<'_>, who: &Session) -> Result<Reply, Fault> {
    let ask = Ask { resource_in_text: false, ..Ask::own(work.aws, "sts:GetCallerIdentity", "*".to_owned()) };
    access::pass_endpoint(work.aws, work.call, who, work.scope, &ask)
        .map_err(|refusal| work.denied(&refusal))?;
    let caller = &who.caller;
    let result = format!(
        "\n    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{}</Account>\n  ",
        escape(&caller.arn),
        escape(&caller.user_id),
        caller.account
    );
    Ok(work.query("GetCallerIdentity", &result))
}

fn assume_role<'v>(
    work: &ServiceCall<'_>,
    who: &Session,
    value: &impl Fn(&str) -> Option<&'v str>,
) -> Result<Reply, Fault> {
    let invalid = |text: String| Fault::new(400, "ValidationError", text);
    let required = |name: &str| {
        value(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let field = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
            invalid(format!(
                "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
            ))
        })
    };
    let (role, name) = (required("RoleArn")?, required("RoleSessionName")?);
    let seconds = value("DurationSeconds").map_or(Ok(3600), |text| {
        text.parse::<i64>().ok().filter(|seconds| (900..=43200).contains(seconds)).ok_or_else(|| {
            invalid(format!(
                "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: \
                 Member must have value greater than or equal to 900"
            ))
        })
    })?;
    if seconds > 3600 {
        let text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(invalid(text.to_owned()));
    }
    let mut policies = Vec::new();
    if let Some(text) = value("Policy") {
        if text.len() > LONGEST_POLICY {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length \
                 less than or equal to {LONGEST_POLICY}"
            )));
        }
        let policy = Policy::parse(text).map_err(|error| {
            Fault::new(400, "MalformedPolicyDocument", format!("Syntax errors in policy: {error}"))
        })?;
        policies.push(policy);
    }
    // A role that does not exist looks like one that does not trust the caller.
    let config = &work.aws.config;
    let arn = |name: &str| {
        format!("arn:{}:iam::{}:role/{name}", partition_of(&config.region).id, config.account_id)
    };
    let other = config.roles.iter().find(|other| role == arn(&other.name));
    let own = config.role_trust_policy.as_ref().filter(|_| role == arn(&config.role_name));
    let trust = other.map(|other| &other.trust_policy).or(own);
    let ask = Ask {
        resource_policy: trust,
        resource_kind: Kind::Trust,
        ..Ask::own(work.aws, "sts:AssumeRole", role.to_owned())
    };
    work.allow(who, &ask)?;
    let lifetime = SignedDuration::from_secs(seconds);
    let (key, session) = work.aws.keys.assume_role(config, (other, name), policies, work.call.at, lifetime);
    let result = format!(
        "\n    <AssumedRoleUser>\n      <AssumedRoleId>{}</AssumedRoleId>\n      <Arn>{}</Arn>\n    </AssumedRoleUser>\n    \
         <Credentials>\n      <AccessKeyId>{key}</AccessKeyId>\n      <SecretAccessKey>{}</SecretAccessKey>\n      \
         <SessionToken>{}</SessionToken>\n      <Expiration>{}</Expiration>\n    </Credentials>\n  ",
        escape(&session.caller.user_id),
        escape(&session.caller.arn),
        session.secret,
        session.token.as_deref().unwrap_or_default(),
        rfc3339(session.expires)
    );
    Ok(work.query("AssumeRole", &result))
}
