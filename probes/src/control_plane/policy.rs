//! Whether the policy of a VPC endpoint is the one it gets when nobody gives it one, and which buckets of AWS it keeps away. The
//! document itself is not kept.

mod keeps_away;
mod wildcards;

use serde_json::Value;

pub(super) use keeps_away::keeps_away;

/// Whether a policy is the default, which allows every principal everything (AWS PrivateLink guide, "Default endpoint
/// policy"): one statement, `Allow`, with an asterisk as principal, action and resource, and no condition.
///
/// What cannot be read is not the default.
pub(super) fn allows_everything(policy: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let statement = match policy.get("Statement") {
        Some(Value::Array(statements)) => match statements.as_slice() {
            [statement] => statement,
            _ => return false,
        },
        Some(statement) => statement,
        None => return false,
    };
    let Some(statement) = statement.as_object() else { return false };
    let principal = statement.get("Principal").is_some_and(|principal| match principal {
        Value::Object(kinds) => kinds.len() == 1 && kinds.get("AWS").is_some_and(is_asterisk),
        other => is_asterisk(other),
    });
    let known = ["Sid", "Effect", "Principal", "Action", "Resource"];
    statement.keys().all(|key| known.contains(&key.as_str()))
        && statement.get("Effect").is_some_and(|effect| effect == "Allow")
        && principal
        && statement.get("Action").is_some_and(is_asterisk)
        && statement.get("Resource").is_some_and(is_asterisk)
}

fn is_asterisk(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        Value::Array(values) => matches!(values.as_slice(), [Value::String(text)] if text == "*"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_statement_without_any_limit_is_the_default() {
        let rows = [
            (
                r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
                true,
            ),
            (r#"{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*","Principal":"*"}]}"#, true),
            (
                r#"{"Statement":{"Sid":"a","Effect":"Allow","Principal":{"AWS":["*"]},"Action":["*"],"Resource":["*"]}}"#,
                true,
            ),
            (r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#, false),
            (
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::a/*"}]}"#,
                false,
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}]}"#,
                false,
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{}}]}"#,
                false,
            ),
            (r#"{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"*","Resource":"*"}]}"#, false),
            (
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
                    {"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"}]}"#,
                false,
            ),
            (r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#, false),
            (r#"{"Statement":[]}"#, false),
            (r#"{"Statement":["*"]}"#, false),
            ("{}", false),
            ("[]", false),
            ("not JSON", false),
            ("", false),
        ];
        for (policy, expected) in rows {
            assert_eq!(allows_everything(policy), expected, "{policy}");
        }
    }
}
