use serde_json::{Value, json};

use super::*;
use crate::fleet::tests::{document, finding, overview, verdict};

/// Instances of many subnets with more targets than fit beside each other.
fn large(instances: u32) -> Overview {
    let targets =
        ["s3", "ssm", "ssmmessages", "dynamodb", "dynamodb:account", "ec2", "ec2messages", "sts", "s3:logs"];
    let documents: Vec<Value> = (0..instances)
        .map(|number| {
            let command = format!("aws ec2 mend --subnet-id subnet-{}", number % 40);
            let mut document = document(
                &format!("i-{number:017x}"),
                number % 200,
                &[finding("s3-egress-through-nat", "warning", &command)],
            );
            document["environment"]["subnet_id"] = json!(format!("subnet-{:017x}", number % 40));
            document["control_plane"]["route_table"]["done"]["id"] =
                json!(format!("rtb-{:017x}", number % 20));
            let through_nat = |target: &&str| verdict(target, "internet", Some("nat_gateway"));
            document["verdicts"] = targets.iter().map(through_nat).collect();
            document
        })
        .collect();
    overview(&documents)
}

fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("aws ")
}

#[test]
fn ten_thousand_instances_are_a_page_of_80_columns() {
    let text = table(&large(10_000), false);
    assert!(text.lines().count() < 120, "{text}");
    for line in text.lines().filter(|line| !is_command(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(text.starts_with("10,000 instances in 10,000 reports from 2026-11-01 00:00 to"), "{text}");
    assert!(text.contains("  1  10,000  +nat **"), "instances of all subnets are in one row: {text}");
    assert!(text.contains("      9,500  in 38 more places"), "{text}");
}

#[test]
fn every_target_has_its_column_in_some_block() {
    let overview = large(40);
    let text = table(&overview, false);
    let headings: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("PATHS NOW"))
        .filter(|line| line.starts_with("           "))
        .flat_map(str::split_whitespace)
        .collect();
    for verdict in &overview.groups[0].verdicts {
        assert!(headings.contains(&verdict.target.as_str()), "{} is not in {headings:?}", verdict.target);
    }
}

#[test]
fn verbose_leaves_nothing_out() {
    let overview = large(100);
    let text = table(&overview, true);
    for row in &overview.instances {
        assert!(text.contains(&row.instance_id), "{}", row.instance_id);
    }
    for left_out in ["more row", "more place", "more rule", "--verbose"] {
        assert!(!text.contains(left_out), "{left_out}: {text}");
    }
}

#[test]
fn cells_tell_path_answer_and_confidence() {
    let mut one = document("i-1", 1, &[]);
    one["verdicts"] = json!([
        verdict("s3", "gateway_endpoint", None),
        verdict("ssm", "interface_endpoint", None),
        verdict("sts", "internet", Some("nat_or_appliance")),
        verdict("ec2", "unreachable", None),
        verdict("dynamodb", "undetermined", None),
    ]);
    one["verdicts"][0]["confidence"] = json!("proven");
    one["verdicts"][1]["confidence"] = json!("possible");
    one["verdicts"][1]["reachable"] = json!(false);
    one["verdicts"][3]["reachable"] = json!(false);
    one["verdicts"][4]["confidence"] = Value::Null;
    one["verdicts"][4]["reachable"] = Value::Null;
    let text = table(&overview(&[one]), false);
    let row = text.lines().find(|line| line.starts_with("  1 ")).unwrap();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    // By name, since all of them are required on one instance.
    assert_eq!(cells[1..].join("|"), "1|?unknown|-none **|+gateway ***|-iface *|+nat? **", "{text}");
}

#[test]
fn the_fix_says_whom_it_helps_and_shows_its_commands_whole() {
    let text = table(&large(80), false);
    assert!(text.contains("helps 2 of the 80 instances that have this finding"), "{text}");
    assert!(text.lines().any(|line| line == "    aws ec2 mend --subnet-id subnet-0"), "{text}");
}

#[test]
fn what_helps_next_is_of_other_rules() {
    let mut documents = vec![
        document("i-1", 1, &[finding("a", "error", "x-1"), finding("b", "warning", "y")]),
        document("i-2", 1, &[finding("a", "error", "x-2")]),
    ];
    for number in 3..7 {
        documents.push(document(
            &format!("i-{number}"),
            1,
            &[finding(&format!("c-{number}"), "notice", "z")],
        ));
    }
    let text = table(&overview(&documents), false);
    let next: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("Then ")).collect();
    assert_eq!(next[..2], ["Then warning b: helps 1 instance", "Then notice c-3: helps 1 instance"]);
    assert!(text.contains("  and 2 more rules\n"), "{text}");
}

#[test]
fn rows_of_one_status_are_together_and_the_larger_come_first() {
    let mut documents = Vec::new();
    for number in 0..6 {
        let mut one = document(&format!("i-{number}"), 1, &[]);
        one["environment"]["subnet_id"] = json!(format!("subnet-{number}"));
        if number > 1 {
            one["verdicts"][0]["confidence"] = json!("possible");
        }
        documents.push(one);
    }
    documents.push(document("i-9", 1, &[finding("a", "error", "x")]));
    let text = table(&overview(&documents), false);
    let rows: Vec<&str> =
        text.lines().filter(|line| line.contains("gateway")).map(str::trim).take(3).collect();
    assert_eq!(rows, ["1       1  +gateway **", "2       4  +gateway *", "3       2  +gateway **"], "{text}");
}

#[test]
fn control_characters_of_reports_do_not_reach_the_terminal() {
    let mut hostile = document("i-1", 1, &[finding("a\u{1b}[2J", "error", "x\u{7}")]);
    hostile["environment"]["subnet_id"] = json!("subnet\u{1b}[1m");
    let overview = overview(&[hostile]);
    for text in [table(&overview, true), for_people(&overview)] {
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
    }
}

#[test]
fn numbers_have_their_thousands_set_apart() {
    for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
        assert_eq!(count(number), text);
    }
}

#[test]
fn the_document_fits_its_published_schema() {
    let schema: Value = serde_json::from_str(&crate::listing::schema("fleet")).unwrap();
    let document: Value = serde_json::from_str(&json(&large(50))).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&document));
    assert_eq!(document["fleet_version"], 1);
}
