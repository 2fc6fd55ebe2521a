//! Whether the policy of an endpoint for S3 lets nothing of a bucket of AWS through, whoever asks and on whatever condition.
//!
//! It says so only where that is certain from the document: what is not understood may let through. Three things are known of
//! such a bucket: it is of another account than the instance's, it is of another organization, and some are read with requests
//! that AWS itself signed, so that a statement for the account's own principals is not about them.

use serde_json::{Map, Value};

use super::wildcards::after;
use crate::plan::AwsBucketPlan;

/// Whether no action that clients need there is allowed on any object of the bucket. `account` is the instance's.
pub(in crate::control_plane) fn keeps_away(
    policy: &str,
    bucket: &AwsBucketPlan,
    account: Option<&str>,
) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let Some(statements) = policy.get("Statement").map(listed) else { return false };
    let Some(statements) = statements.into_iter().map(Value::as_object).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let asked = Asked { bucket, account, beginning: beginning(bucket) };
    bucket.actions.iter().all(|action| {
        let denied = statements.iter().any(|statement| asked.is_denied(statement, action));
        denied || !statements.iter().any(|statement| asked.may_be_allowed(statement, action))
    })
}

/// How the ARN of every object of the bucket begins.
fn beginning(bucket: &AwsBucketPlan) -> String {
    let known = bucket.name.strip_suffix('*').map_or_else(|| format!("{}/", bucket.name), str::to_owned);
    format!("arn:{}:s3:::{known}", bucket.partition)
}

struct Asked<'a> {
    bucket: &'a AwsBucketPlan,
    account: Option<&'a str>,
    beginning: String,
}

type Statement = Map<String, Value>;

impl Asked<'_> {
    /// Whether a statement denies an action on every object, to everybody, on no condition.
    fn is_denied(&self, statement: &Statement, action: &str) -> bool {
        let everybody = statement.get("Principal").is_some_and(|principal| match principal {
            Value::Object(kinds) => kinds.get("AWS").is_some_and(|value| texts(value).contains(&"*")),
            other => texts(other).contains(&"*"),
        });
        let actions = statement.get("Action").is_some_and(|value| names(value, action));
        let resources = statement.get("Resource").is_some_and(|value| self.covers(value));
        effect(statement) == Some("Deny")
            && !statement.contains_key("Condition")
            && everybody
            && actions
            && resources
    }

    /// Whether a statement allows an action on some object, to somebody, on some condition.
    fn may_be_allowed(&self, statement: &Statement, action: &str) -> bool {
        if effect(statement) == Some("Deny") {
            return false;
        }
        let action = match (statement.get("Action"), statement.get("NotAction")) {
            (Some(value), _) => names(value, action),
            (None, Some(value)) => !names(value, action),
            (None, None) => true,
        };
        let resource = match (statement.get("Resource"), statement.get("NotResource")) {
            (Some(value), _) => texts(value).iter().any(|pattern| self.meets(pattern)),
            (None, Some(value)) => !self.covers(value),
            (None, None) => true,
        };
        let principal = statement.get("Principal").is_none_or(|value| self.may_be_meant(value));
        let condition = statement.get("Condition").is_none_or(|value| !self.never_holds(value));
        action && resource && principal && condition
    }

    /// Whether a pattern matches some object of the bucket.
    fn meets(&self, pattern: &str) -> bool {
        after(&without_variables(pattern), &self.beginning).matches_some()
    }

    /// Whether one of the patterns matches every object of the bucket.
    fn covers(&self, patterns: &Value) -> bool {
        let plain = |pattern: &&&str| !pattern.contains("${");
        texts(patterns).iter().filter(plain).any(|pattern| after(pattern, &self.beginning).matches_all())
    }

    /// Whether those whom a statement is for may be those who ask.
    fn may_be_meant(&self, principal: &Value) -> bool {
        let (true, Some(account)) = (self.bucket.signed_by_aws, self.account) else { return true };
        let Value::Object(kinds) = principal else { return true };
        let own = |text: &str| text == account || text.contains(&format!("::{account}:"));
        kinds.iter().any(|(kind, value)| kind != "AWS" || !texts(value).iter().all(|text| own(text)))
    }

    /// Whether a condition cannot hold for a bucket of AWS.
    fn never_holds(&self, condition: &Value) -> bool {
        let Some(operators) = condition.as_object() else { return false };
        let equal = ["StringEquals", "StringEqualsIgnoreCase", "StringLike"];
        let equal = operators.iter().filter(|(operator, _)| equal.contains(&operator.as_str()));
        equal.filter_map(|(_, keys)| keys.as_object()).flatten().any(|(key, value)| {
            let values = texts(value);
            let spelt_out = !values.is_empty() && values.iter().all(|text| !text.contains(['*', '?', '$']));
            let own = || values.iter().all(|text| Some(*text) == self.account);
            match key.to_ascii_lowercase().as_str() {
                "aws:resourceaccount" => spelt_out && own(),
                // An organization that is written out is a customer's.
                "aws:resourceorgid" => spelt_out,
                "aws:principalaccount" => self.bucket.signed_by_aws && spelt_out && own(),
                "aws:principalorgid" => self.bucket.signed_by_aws && spelt_out,
                _ => false,
            }
        })
    }
}

fn effect(statement: &Statement) -> Option<&str> {
    statement.get("Effect").and_then(Value::as_str)
}

/// Whether one of the patterns is about an action; case does not count there.
fn names(patterns: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    texts(patterns).iter().any(|pattern| after(&pattern.to_ascii_lowercase(), &action).matches_at_once())
}

/// A pattern with an asterisk in place of every variable: what a request puts there is not known.
fn without_variables(pattern: &str) -> String {
    let mut result = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((_, after)) = behind.split_once('}') else { break };
        result.push_str(before);
        result.push('*');
        rest = after;
    }
    result.push_str(rest);
    result
}

fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        other => vec![other],
    }
}

fn texts(value: &Value) -> Vec<&str> {
    listed(value).into_iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn layers() -> AwsBucketPlan {
        AwsBucketPlan {
            name: "prod-eu-west-1-starport-layer-bucket".to_owned(),
            partition: "aws".to_owned(),
            actions: vec!["s3:GetObject".to_owned()],
            signed_by_aws: true,
        }
    }

    fn agents() -> AwsBucketPlan {
        AwsBucketPlan {
            name: "patch-baseline-snapshot-eu-west-1*".to_owned(),
            signed_by_aws: false,
            ..layers()
        }
    }

    fn kept(bucket: &AwsBucketPlan, statements: &str) -> bool {
        keeps_away(&format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#), bucket, Some(ACCOUNT))
    }

    fn allowing(rest: &str) -> String {
        format!(r#"{{"Effect":"Allow","Action":"s3:*",{rest}}}"#)
    }

    #[test]
    fn one_statement_that_may_let_through_is_enough() {
        let own = r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::own/*"}"#;
        assert!(kept(&layers(), own));
        assert!(kept(&layers(), "[]"));
        for resource in [
            "*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*",
            "arn:aws:s3:::prod-*-starport-layer-bucket/*",
            "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/some/*",
            "arn:aws:s3:::${aws:SomeTag}/*",
        ] {
            let open = allowing(&format!(r#""Principal":"*","Resource":"{resource}""#));
            assert!(!kept(&layers(), &format!("[{own},{open}]")), "{resource}");
        }
        for resource in [
            "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket",
            "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*",
            "arn:aws-cn:s3:::prod-eu-west-1-starport-layer-bucket/*",
        ] {
            let other = allowing(&format!(r#""Principal":"*","Resource":"{resource}""#));
            assert!(kept(&layers(), &other), "{resource}");
        }
    }

    #[test]
    fn what_is_done_there_must_be_allowed() {
        let with =
            |actions: &str| format!(r#"{{"Effect":"Allow","Principal":"*","Resource":"*",{actions}}}"#);
        assert!(!kept(&layers(), &with(r#""Action":["s3:ListBucket","S3:get*"]"#)));
        assert!(kept(&layers(), &with(r#""Action":["s3:ListBucket","s3:GetObjectAcl"]"#)));
        assert!(!kept(&layers(), &with(r#""NotAction":"s3:Put*""#)));
        assert!(kept(&layers(), &with(r#""NotAction":"s3:Get*""#)));
        let either =
            AwsBucketPlan { actions: vec!["s3:PutObject".into(), "s3:GetObject".into()], ..layers() };
        assert!(!kept(&either, &with(r#""Action":"s3:PutObject""#)));
    }

    #[test]
    fn conditions_count_only_where_no_bucket_of_aws_can_meet_them() {
        let on =
            |condition: &str| allowing(&format!(r#""Principal":"*","Resource":"*","Condition":{condition}"#));
        for bucket in [layers(), agents()] {
            assert!(kept(&bucket, &on(r#"{"StringEquals":{"aws:ResourceAccount":"111122223333"}}"#)));
            assert!(kept(&bucket, &on(r#"{"StringEquals":{"aws:ResourceOrgID":["o-a1b2c3d4e5"]}}"#)));
            for open in [
                r#"{"StringEquals":{"aws:ResourceAccount":["111122223333","444455556666"]}}"#,
                r#"{"StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}}"#,
                r#"{"StringEqualsIfExists":{"aws:ResourceAccount":"111122223333"}}"#,
                r#"{"StringNotEquals":{"aws:ResourceAccount":"111122223333"}}"#,
                r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
            ] {
                assert!(!kept(&bucket, &on(open)), "{open}");
            }
        }
    }

    #[test]
    fn the_accounts_own_principals_do_not_sign_what_aws_signs() {
        for limit in [
            r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#,
            r#""Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/app"]}"#,
            r#""Principal":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}"#,
            r#""Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#,
        ] {
            let statement = allowing(&format!(r#""Resource":"*",{limit}"#));
            assert!(kept(&layers(), &statement), "{limit}");
            assert!(!kept(&agents(), &statement), "{limit}");
        }
        let of_another = allowing(r#""Resource":"*","Principal":{"AWS":"arn:aws:iam::444455556666:root"}"#);
        assert!(!kept(&layers(), &of_another));
    }

    #[test]
    fn a_denial_counts_where_nothing_limits_it() {
        let open = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
        let denying = |rest: &str| format!(r#"[{open},{{"Effect":"Deny","Action":"s3:*",{rest}}}]"#);
        let layer = r#""Resource":"arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*""#;
        assert!(kept(&layers(), &denying(&format!(r#""Principal":"*",{layer}"#))));
        assert!(kept(&layers(), &denying(&format!(r#""Principal":{{"AWS":"*"}},{layer}"#))));
        for limited in [
            format!(r#""Principal":{{"AWS":"444455556666"}},{layer}"#),
            format!(r#""Principal":"*",{layer},"Condition":{{"Null":{{"aws:SourceVpc":"true"}}}}"#),
            r#""Principal":"*","Resource":"arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/a/*""#
                .to_owned(),
            r#""Principal":"*","NotResource":"arn:aws:s3:::own/*""#.to_owned(),
        ] {
            assert!(!kept(&layers(), &denying(&limited)), "{limited}");
        }
    }

    #[test]
    fn what_is_not_understood_may_let_through() {
        for policy in ["", "[]", "{}", "not JSON", r#"{"Statement":["x"]}"#, r#"{"Statement":[{}]}"#] {
            assert!(!keeps_away(policy, &layers(), Some(ACCOUNT)), "{policy}");
        }
    }

    #[test]
    fn what_differs_by_region_at_the_end_of_a_name_is_left_open() {
        let named = |name: &str| allowing(&format!(r#""Principal":"*","Resource":"arn:aws:s3:::{name}/*""#));
        assert!(!kept(&agents(), &named("patch-baseline-snapshot-eu-west-1-a1b2c3")));
        assert!(!kept(&agents(), &named("patch-baseline-snapshot-eu-west-1")));
        assert!(kept(&agents(), &named("patch-baseline-snapshot-us-east-1")));
    }
}
