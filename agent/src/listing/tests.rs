//! The contract: every key that readers build on is there, has its type, and the schema refuses a report without it.

use jsonschema::Validator;
use probes::control_plane::{ControlPlane, ManagedPrefixList, Route, RouteTable};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::schema;
use crate::fleet::Overview;
use crate::judge::judge;
use crate::render::render;
use crate::report::{Recording, Report};
use crate::settings::{Detail, Expectation, ExpectedPath, Format};
use crate::testing::{NAT, PRIVATE, S3, answering, control, done, recording, silent, target, walked};

/// The keys that are fixed, with the path to a place where each stands. A number is an index of a list.
const FIXED: &[&str] = &[
    "schema_version",
    "summary",
    "summary/status",
    "summary/headline",
    "summary/exit_code",
    "summary/errors",
    "summary/warnings",
    "summary/notices",
    "summary/services",
    "summary/services/0/target",
    "summary/services/0/path",
    "summary/services/0/confidence",
    "summary/services/0/reachable",
    "summary/rules",
    "verdicts",
    "verdicts/0/target",
    "verdicts/0/service",
    "verdicts/0/host",
    "verdicts/0/required",
    "verdicts/0/path",
    "verdicts/0/via",
    "verdicts/0/vpc_endpoint_id",
    "verdicts/0/confidence",
    "verdicts/0/reachable",
    "verdicts/0/because",
    "verdicts/0/because/0/signal",
    "verdicts/0/because/0/evidence",
    "verdicts/0/because/0/text",
    "verdicts/0/addresses",
    "verdicts/0/addresses/0/address",
    "verdicts/0/addresses/0/path",
    "verdicts/0/addresses/0/confidence",
    "verdicts/0/addresses/0/reachable",
    "verdicts/0/addresses/0/origin",
    "findings",
    "findings/0/rule",
    "findings/0/severity",
    "findings/0/subject",
    "findings/0/subject/kind",
    "findings/0/subject/id",
    "findings/0/summary",
    "findings/0/facts",
    "findings/0/facts/0/name",
    "findings/0/facts/0/value",
    "findings/0/facts/0/unit",
    "findings/0/evidence",
    "findings/0/causes",
    "findings/0/explains",
    "findings/0/remedy",
    "findings/0/remedy/text",
    "findings/0/remedy/commands",
    "checks",
    "checks/0/rule",
    "checks/0/outcome",
    "checks/0/why",
    "run",
    "run/version",
    "run/started_at",
    "run/elapsed_ms",
    "run/deadline_ms",
    "run/arguments",
    "environment",
    "environment/instance_id",
    "environment/account_id",
    "environment/command_id",
    "environment/region",
    "environment/region_source",
    "environment/partition",
    "environment/availability_zone",
    "environment/vpc_id",
    "environment/subnet_id",
    "environment/vpc_cidrs",
    "environment/private_ips",
    "environment/public_ipv4",
    "environment/role",
    "environment/resolvers",
    "environment/proxies",
    "environment/clock_offset_ms",
    "environment/prefix_lists",
    "environment/prefix_lists/0/service",
    "environment/prefix_lists/0/source",
    "environment/prefix_lists/0/id",
    "environment/prefix_lists/0/as_of",
    "environment/prefix_lists/0/cidrs",
    "targets",
    "targets/0/lookups",
    "targets/0/attempts",
    "targets/0/attempts/0/address",
    "targets/0/attempts/0/tcp",
    "targets/0/attempts/0/tls",
    "targets/0/attempts/0/call",
    "targets/0/attempts/0/hops",
    "controls",
    "control_plane",
    "proofs",
];

fn report() -> Report {
    let mut recording = Recording {
        targets: vec![
            target("s3", true, vec![walked(answering(S3), &[NAT])]),
            target("ssm", true, vec![answering(PRIVATE), silent("10.0.2.50")]),
        ],
        controls: vec![control(&[NAT])],
        ..recording()
    };
    let route = |destination: &str, target: &str| Route {
        cidr: destination.parse().ok(),
        prefix_list: destination.starts_with("pl-").then(|| destination.to_owned()),
        target: target.to_owned(),
        blackhole: false,
    };
    let routes = ["10.0.0.0/16 local", "0.0.0.0/0 nat-1", "pl-1 vpce-1", "192.0.2.0/24 tgw-1"];
    recording.control_plane = ControlPlane {
        not_asked_because: None,
        route_table: Some(done(RouteTable {
            id: "rtb-1".into(),
            is_main: true,
            routes: routes
                .iter()
                .map(|text| text.split_once(' ').unwrap())
                .map(|(to, by)| route(to, by))
                .collect(),
        })),
        prefix_lists: Some(done(vec![ManagedPrefixList {
            id: "pl-1".into(),
            name: "com.amazonaws.us-east-1.dynamodb".into(),
            cidrs: vec!["52.94.0.0/22".parse().unwrap()],
        }])),
        security_groups: Some(done(Vec::new())),
        ..ControlPlane::default()
    };
    recording.run.settings.expect = vec![Expectation { service: "s3".into(), path: ExpectedPath::Gateway }];
    judge(recording)
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&schema("report")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the schema that differs is left for who changed the types")]
fn the_schemas_are_those_that_the_types_derive() {
    // The contract of what is written: a key that is always written is required, also where its value may be null.
    let generator = || SchemaSettings::draft2020_12().for_serialize().into_generator();
    let derived = [
        ("report", generator().into_root_schema_for::<Report>()),
        ("fleet", generator().into_root_schema_for::<Overview>()),
    ];
    for (of, derived) in derived {
        let derived = format!("{}\n", serde_json::to_string_pretty(&derived).unwrap());
        if schema(of) != derived {
            let path = format!("{}/derived.schema.json", env!("OUT_DIR"));
            std::fs::write(&path, derived).unwrap();
            panic!("the types have changed, or what is said of them: cp {path} agent/data/{of}.schema.json");
        }
    }
}

#[test]
fn reports_in_both_details_are_valid() {
    let validator = validator();
    for detail in [Detail::Brief, Detail::Full] {
        let value: Value = serde_json::from_str(&render(&report(), Format::Json, detail, false)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_schema_refuses_a_report_without_any_one_fixed_key() {
    let validator = validator();
    let whole = serde_json::to_value(report()).unwrap();
    for path in FIXED {
        let mut value = whole.clone();
        let (parent, key) = path.rsplit_once('/').unwrap_or(("", *path));
        let parent = if parent.is_empty() { String::new() } else { format!("/{parent}") };
        let object = value.pointer_mut(&parent).and_then(Value::as_object_mut);
        let removed = object.unwrap_or_else(|| panic!("{path} has no parent")).remove(key);
        assert!(removed.is_some(), "{path} is not in the report");
        assert!(!validator.is_valid(&value), "{path} may be missing");
    }
}

#[test]
fn the_schema_refuses_a_report_with_any_one_fixed_key_of_another_type() {
    let validator = validator();
    let whole = serde_json::to_value(report()).unwrap();
    for path in FIXED {
        let pointer = format!("/{path}");
        // Each of these is the wrong type for every key but its own; at least all others have to be refused.
        for wrong in
            [json!(true), json!("text of no enum"), json!(-1.5), json!([[]]), json!({ "no": "thing" })]
        {
            let mut value = whole.clone();
            let place = value.pointer_mut(&pointer).unwrap_or_else(|| panic!("{path} is not in the report"));
            if same_type(path, place, &wrong) {
                continue;
            }
            *place = wrong.clone();
            assert!(!validator.is_valid(&value), "{path} may be {wrong}");
        }
    }
}

/// Whether the key may have this type: that of the value at hand, or, where that is null, the text or number the
/// contract gives it.
fn same_type(path: &str, here: &Value, wrong: &Value) -> bool {
    let key = path.rsplit('/').next().unwrap_or(path);
    match here {
        Value::Null => match key {
            "clock_offset_ms" => wrong.is_number(),
            "reachable" => wrong.is_boolean(),
            "via" | "confidence" | "region_source" => false,
            _ => wrong.is_string(),
        },
        // Enumerations are texts too, but not any text.
        Value::String(_) => wrong.is_string(),
        Value::Number(_) => wrong.is_number(),
        Value::Bool(_) => wrong.is_boolean(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

#[test]
fn judging_a_saved_report_again_gives_the_same_byte_for_byte() {
    let original = report();
    for detail in [Detail::Brief, Detail::Full] {
        let saved = render(&original, Format::Json, detail, false);
        let mut value: Value = serde_json::from_str(&saved).unwrap();
        for computed in ["summary", "verdicts", "findings", "checks"] {
            value.as_object_mut().unwrap().remove(computed);
        }
        let again = judge(serde_json::from_value(value).unwrap());
        assert_eq!(render(&again, Format::Json, detail, false), saved);
    }
}

#[test]
fn no_key_of_a_report_depends_on_the_data() {
    fn keys(value: &Value) -> Box<dyn Iterator<Item = &String> + '_> {
        match value {
            Value::Object(map) => {
                Box::new(map.iter().flat_map(|(key, value)| std::iter::once(key).chain(keys(value))))
            }
            Value::Array(list) => Box::new(list.iter().flat_map(keys)),
            _ => Box::new(std::iter::empty()),
        }
    }
    let value = serde_json::to_value(report()).unwrap();
    for key in keys(&value) {
        let snake =
            key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(snake, "{key}");
    }
}
