//! The Condition element: operators, set qualifiers and absent keys.
//!
//! The rule that catches people is kept exactly: a negated operator (`StringNotEquals`, `NotIpAddress`, …) holds when the key
//! is absent from the request, and every other operator does not, unless it says `IfExists`.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::Value;

use super::super::context::Context;
use super::pattern::{literal, matches, substitute};
use super::{PolicyError, texts};

/// One `OPERATOR: {KEY: [VALUES]}` of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    set: Set,
    test: Test,
    negated: bool,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    /// An ordinary condition on a key with one value.
    Single,
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Null,
    Equals,
    EqualsIgnoreCase,
    Like,
    Bool,
    Ip,
    Arn,
    Numeric(Order),
    Date(Order),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Reads a whole Condition element; every part of it must hold.
    ///
    /// # Errors
    ///
    /// For an operator that is not known, and for values that the operator cannot read.
    pub(crate) fn parse_all(element: &Value) -> Result<Vec<Self>, PolicyError> {
        let shape = |text: String| PolicyError::Shape(text);
        let Value::Object(operators) = element else {
            return Err(shape("Condition is no JSON object".to_owned()));
        };
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let Value::Object(keys) = keys else {
                return Err(shape(format!("the condition {operator} is no JSON object")));
            };
            let (set, rest) = match operator.split_once(':') {
                Some(("ForAnyValue", rest)) => (Set::Any, rest),
                Some(("ForAllValues", rest)) => (Set::All, rest),
                Some((other, _)) => return Err(shape(format!("there is no set operator {other}"))),
                None => (Set::Single, operator.as_str()),
            };
            let (name, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |name| (name, true));
            let (test, negated) = operator_of(name)
                .ok_or_else(|| shape(format!("there is no condition operator {operator}")))?;
            for (key, value) in keys {
                let values = texts(value)?;
                if test == Test::Ip
                    && let Some(wrong) = values.iter().find(|value| network(value).is_none())
                {
                    return Err(shape(format!("{wrong} is no IP address or range")));
                }
                let key = key.to_ascii_lowercase();
                conditions.push(Self { set, test, negated, if_exists, key, values });
            }
        }
        Ok(conditions)
    }

    /// Whether the condition holds for a request.
    pub(crate) fn holds(&self, context: &Context, variables: bool) -> bool {
        let present = context.values(&self.key);
        if self.test == Test::Null {
            let wanted = self.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
            return present.is_none() == wanted;
        }
        let Some(present) = present else {
            // `ForAllValues` holds for an empty set; `ForAnyValue` never does, not even negated.
            return match self.set {
                Set::All => true,
                Set::Any => self.if_exists,
                Set::Single => self.if_exists || self.negated,
            };
        };
        let wanted: Vec<String> = self
            .values
            .iter()
            .filter_map(|value| if variables { substitute(value, context) } else { Some(value.clone()) })
            .collect();
        let one = |value: &String| wanted.iter().any(|wanted| self.test.meets(wanted, value)) != self.negated;
        match self.set {
            Set::Single | Set::Any => present.iter().any(one),
            Set::All => present.iter().all(one),
        }
    }
}

impl Test {
    fn meets(self, wanted: &str, value: &str) -> bool {
        match self {
            Self::Null => false,
            Self::Equals => literal(wanted) == value,
            Self::EqualsIgnoreCase | Self::Bool => literal(wanted).eq_ignore_ascii_case(value),
            Self::Like => matches(wanted, value),
            Self::Ip => match (network(wanted), IpAddr::from_str(value)) {
                (Some(network), Ok(address)) => network.contains(&address),
                _ => false,
            },
            // The six parts of an ARN are matched one by one, so that a wildcard does not reach across a colon.
            Self::Arn => {
                let (wanted, value): (Vec<&str>, Vec<&str>) =
                    (wanted.splitn(6, ':').collect(), value.splitn(6, ':').collect());
                wanted.len() == 6
                    && value.len() == 6
                    && wanted.iter().zip(&value).all(|(wanted, value)| matches(wanted, value))
            }
            Self::Numeric(order) => match (wanted.parse::<f64>(), value.parse::<f64>()) {
                (Ok(wanted), Ok(value)) => {
                    value.partial_cmp(&wanted).is_some_and(|found| order.admits(found))
                }
                _ => false,
            },
            Self::Date(order) => match (moment(wanted), moment(value)) {
                (Some(wanted), Some(value)) => order.admits(value.cmp(&wanted)),
                _ => false,
            },
        }
    }
}

impl Order {
    fn admits(self, found: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

fn operator_of(name: &str) -> Option<(Test, bool)> {
    Some(match name {
        "Null" => (Test::Null, false),
        "StringEquals" => (Test::Equals, false),
        "StringNotEquals" => (Test::Equals, true),
        "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
        "StringLike" => (Test::Like, false),
        "StringNotLike" => (Test::Like, true),
        "Bool" => (Test::Bool, false),
        "IpAddress" => (Test::Ip, false),
        "NotIpAddress" => (Test::Ip, true),
        "ArnEquals" | "ArnLike" => (Test::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
        _ => {
            let (test, order): (fn(Order) -> Test, &str) = if let Some(order) = name.strip_prefix("Numeric") {
                (Test::Numeric, order)
            } else {
                (Test::Date, name.strip_prefix("Date")?)
            };
            match order {
                "Equals" => (test(Order::Equal), false),
                "NotEquals" => (test(Order::Equal), true),
                "LessThan" => (test(Order::Less), false),
                "LessThanEquals" => (test(Order::LessOrEqual), false),
                "GreaterThan" => (test(Order::Greater), false),
                "GreaterThanEquals" => (test(Order::GreaterOrEqual), false),
                _ => return None,
            }
        }
    })
}

fn network(text: &str) -> Option<IpNet> {
    IpNet::from_str(text).ok().or_else(|| IpAddr::from_str(text).ok().map(IpNet::from))
}

fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::from_str(text).ok().or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}
