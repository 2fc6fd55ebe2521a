use serde_json::{Value, json};

use super::*;
use crate::judge::{exit, judge};
use crate::report::{Confidence, Path};
use crate::settings::FailOn;
use crate::testing::{self, answering, recording, silent, target};

/// A report with what the overview reads of one, in the shape of the published schema.
pub(crate) fn document(instance: &str, hour: u32, findings: &[Value]) -> Value {
    let status = match findings.first().map(|finding| finding["severity"].as_str()) {
        Some(Some("error")) => "failing",
        Some(Some("warning")) => "degraded",
        _ => "healthy",
    };
    json!({
        "schema_version": 1,
        "summary": {"status": status},
        "verdicts": [verdict("s3", "gateway_endpoint", None)],
        "findings": findings,
        "run": {"started_at": format!("2026-11-0{}T{:02}:00:00.000Z", 1 + hour / 24, hour % 24)},
        "environment": {
            "instance_id": instance, "account_id": "111122223333", "region": "us-east-1", "vpc_id": "vpc-1",
            "subnet_id": "subnet-1", "interfaces": [{"interface_id": format!("eni-of-{instance}")}],
        },
        "control_plane": {"route_table": {"done": {"id": "rtb-1", "is_main": false}}},
    })
}

pub(crate) fn verdict(target: &str, path: &str, via: Option<&str>) -> Value {
    let service = target.split(':').next();
    json!({
        "target": target, "service": service, "required": true, "path": path, "via": via, "confidence": "likely",
        "reachable": true,
    })
}

pub(crate) fn finding(rule: &str, severity: &str, command: &str) -> Value {
    json!({
        "rule": rule, "severity": severity, "subject": {"kind": "target", "id": "s3"}, "causes": [],
        "remedy": {"text": format!("mend {rule}"), "commands": [command]},
    })
}

pub(crate) fn overview(documents: &[Value]) -> Overview {
    let mut fleet = Fleet::default();
    for document in documents {
        fleet.take(document.to_string().as_bytes(), "reports.ndjson:1").unwrap();
    }
    fleet.overview(FailOn::Error, Vec::new())
}

fn refused(document: &[u8]) -> String {
    let mut fleet = Fleet::default();
    let error = fleet.take(document, "x").unwrap_err();
    assert_eq!(fleet.reports(), 0);
    error.to_string()
}

#[test]
fn a_report_as_it_is_written_is_read() {
    let mut recording = recording();
    recording.targets = vec![
        target("ssm", true, vec![silent(testing::PRIVATE)]),
        target("s3", true, vec![answering(testing::S3)]),
    ];
    let report = judge(recording);
    let mut fleet = Fleet::default();
    fleet.take(&serde_json::to_vec(&report).unwrap(), "report.json").unwrap();
    let overview = fleet.overview(FailOn::Error, Vec::new());
    assert_eq!(overview.summary.failing, 1);
    assert_eq!(overview.groups[0].verdicts.len(), report.verdicts.len());
    assert_eq!(overview.fixes[0].remedy, report.findings[0].remedy);
    assert_eq!(overview.instances[0].last_report_at, report.recording.run.started_at);
}

#[test]
fn only_the_newest_report_counts_for_now_in_whatever_order_they_come() {
    let broken = document("i-1", 1, &[finding("a", "error", "x")]);
    let mended = document("i-1", 2, &[]);
    for documents in [[broken.clone(), mended.clone()], [mended, broken]] {
        let overview = overview(&documents);
        assert_eq!((overview.summary.instances, overview.summary.reports), (1, 2));
        assert_eq!((overview.summary.healthy, overview.summary.exit_code), (1, exit::OK));
        assert_eq!((overview.findings.len(), overview.fixes.len()), (0, 0));
    }
}

#[test]
fn since_when_is_the_first_report_of_the_unbroken_series() {
    let found = || [finding("a", "warning", "x")];
    let documents = [
        document("i-1", 1, &found()),
        document("i-1", 2, &[]),
        document("i-1", 3, &found()),
        document("i-1", 4, &found()),
        document("i-2", 9, &found()),
    ];
    let overview = overview(&documents);
    let finding = &overview.findings[0];
    assert_eq!((finding.instances, finding.since.as_str()), (2, "2026-11-01T03:00:00.000Z"));
    assert!(!finding.or_before, "the second hour's report lacks it");
}

#[test]
fn the_same_report_twice_counts_once() {
    let documents = [document("i-1", 1, &[]), document("i-1", 1, &[])];
    let summary = overview(&documents).summary;
    assert_eq!((summary.reports, summary.repeated), (1, 1));
}

#[test]
fn the_worst_severity_comes_before_the_most_instances() {
    let documents = [
        document("i-1", 1, &[finding("many", "warning", "x")]),
        document("i-2", 1, &[finding("many", "warning", "x")]),
        document("i-3", 1, &[finding("few", "error", "y")]),
    ];
    let fixes = overview(&documents).fixes;
    let order: Vec<(&str, usize)> = fixes.iter().map(|fix| (fix.rule.as_str(), fix.instances)).collect();
    assert_eq!(order, [("few", 1), ("many", 2)]);
}

#[test]
fn a_fix_helps_those_who_are_told_the_same_commands() {
    let documents = [
        document("i-1", 1, &[finding("a", "error", "--route-table-ids rtb-1")]),
        document("i-2", 1, &[finding("a", "error", "--route-table-ids rtb-1")]),
        document("i-3", 1, &[finding("a", "error", "--route-table-ids rtb-2")]),
    ];
    let fixes = overview(&documents).fixes;
    assert_eq!((fixes[0].instances, fixes[0].of, fixes[0].for_each), (2, 3, false));
    assert_eq!(fixes[0].remedy.commands, ["--route-table-ids rtb-1"]);
    assert_eq!((fixes[1].instances, fixes[1].of), (1, 3));
}

#[test]
fn commands_with_an_instances_own_ids_are_the_same_fix_for_each() {
    let documents: Vec<Value> = ["i-1", "i-2"]
        .iter()
        .map(|id| document(id, 1, &[finding("a", "error", &format!("--instance-id {id} --eni eni-of-{id}"))]))
        .collect();
    let fixes = overview(&documents).fixes;
    assert_eq!((fixes.len(), fixes[0].instances, fixes[0].for_each), (1, 2, true));
    assert_eq!(fixes[0].example, "i-1");
    assert_eq!(fixes[0].remedy.commands, ["--instance-id i-1 --eni eni-of-i-1"]);
}

#[test]
fn alike_instances_are_one_group_and_others_are_not() {
    let mut elsewhere = document("i-3", 1, &[]);
    elsewhere["environment"]["subnet_id"] = json!("subnet-2");
    let mut unsure = document("i-4", 1, &[]);
    unsure["verdicts"][0]["confidence"] = json!("possible");
    let groups = overview(&[document("i-1", 1, &[]), document("i-2", 2, &[]), elsewhere, unsure]).groups;
    let sizes: Vec<usize> = groups.iter().map(|group| group.instances).collect();
    assert_eq!(sizes, [2, 1, 1]);
    assert_eq!(groups[0].instance_ids, ["i-1", "i-2"]);
}

#[test]
fn groups_are_ordered_worst_first_and_what_is_not_known_before_what_works() {
    let mut inconclusive = document("i-2", 1, &[]);
    inconclusive["summary"]["status"] = json!("inconclusive");
    let documents = [
        document("i-1", 1, &[]),
        inconclusive,
        document("i-3", 1, &[finding("a", "warning", "x")]),
        document("i-4", 1, &[finding("b", "error", "x")]),
    ];
    let order: Vec<Status> = overview(&documents).groups.iter().map(|group| group.status).collect();
    assert_eq!(order, [Status::Failing, Status::Inconclusive, Status::Degraded, Status::Healthy]);
}

#[test]
fn several_targets_of_a_service_through_nat_are_one_instance_at_the_least_confidence() {
    let mut leaking = document("i-1", 1, &[]);
    leaking["verdicts"] = json!([
        verdict("s3", "internet", Some("nat_gateway")),
        verdict("s3:logs", "internet", Some("nat_or_appliance")),
        verdict("ssm", "internet", Some("nat_gateway")),
        verdict("dynamodb", "internet", Some("internet_gateway")),
    ]);
    leaking["verdicts"][0]["confidence"] = json!("proven");
    let leaks = overview(&[leaking, document("i-2", 1, &[])]).through_nat;
    assert_eq!(leaks.len(), 1, "systems manager has no gateway endpoint, and an internet gateway is no NAT");
    assert_eq!((leaks[0].service.as_str(), leaks[0].instances), ("s3", 1));
    assert_eq!(leaks[0].places[0].confidence, Some(Confidence::Likely));
    assert_eq!(leaks[0].places[0].place.route_table_id.as_deref(), Some("rtb-1"));
}

#[test]
fn undetermined_paths_are_counted_with_whether_they_answer() {
    let mut unknown = document("i-1", 1, &[]);
    unknown["verdicts"][0]["path"] = json!("undetermined");
    unknown["verdicts"][0]["confidence"] = Value::Null;
    let mut untried = unknown.clone();
    untried["environment"]["instance_id"] = json!("i-2");
    untried["verdicts"][0]["reachable"] = Value::Null;
    let overview = overview(&[unknown, untried]);
    let target = &overview.undetermined[0];
    assert_eq!((target.target.as_str(), target.instances, target.answering), ("s3", 2, 1));
    assert_eq!(overview.groups[0].verdicts[0].path, Path::Undetermined);
}

#[test]
fn an_instance_without_an_id_is_known_by_its_folder_or_stands_for_itself() {
    let mut nameless = document("i-1", 1, &[]);
    nameless["environment"]["instance_id"] = Value::Null;
    let text = nameless.to_string();
    let mut fleet = Fleet::default();
    let folder = "reports/4f2c/i-0123456789abcdef0/awsrunShellScript/probe/stdout:1";
    fleet.take(text.as_bytes(), folder).unwrap();
    fleet.take(text.as_bytes(), "all.ndjson:1").unwrap();
    fleet.take(text.as_bytes(), "all.ndjson:2").unwrap();
    let overview = fleet.overview(FailOn::Error, Vec::new());
    assert_eq!(overview.summary.instances, 3, "two hosts that do not know who they are may be two");
    assert!(overview.instances.iter().any(|row| row.instance_id == "i-0123456789abcdef0"));
}

#[test]
fn who_is_silent_for_a_day_is_counted() {
    let summary =
        overview(&[document("i-1", 0, &[]), document("i-2", 24, &[]), document("i-3", 25, &[])]).summary;
    assert_eq!(summary.silent, 1, "a day is not yet more than a day");
}

#[test]
fn the_exit_code_follows_the_level_and_what_could_not_be_read_is_not_known() {
    let code = |documents: &[Value], fail_on, unreadable: usize| {
        let mut fleet = Fleet::default();
        for document in documents {
            fleet.take(document.to_string().as_bytes(), "x").unwrap();
        }
        let one = Unreadable { file: "y".into(), line: None, why: "z".into() };
        fleet.overview(fail_on, vec![one; unreadable]).summary.exit_code
    };
    let warned = [document("i-1", 1, &[finding("a", "warning", "x")])];
    assert_eq!(code(&warned, FailOn::Error, 0), exit::OK);
    assert_eq!(code(&warned, FailOn::Warning, 1), exit::FINDINGS);
    assert_eq!(code(&warned, FailOn::Error, 1), exit::INCONCLUSIVE);
    assert_eq!(code(&warned, FailOn::Never, 1), exit::OK);
    let mut inconclusive = document("i-1", 1, &[]);
    inconclusive["summary"]["status"] = json!("inconclusive");
    assert_eq!(code(&[inconclusive], FailOn::Error, 0), exit::INCONCLUSIVE);
}

#[test]
fn what_is_no_report_says_why() {
    let whole = document("i-1", 1, &[]).to_string();
    assert!(refused(b" \n").contains("empty"));
    assert!(refused(&whole.as_bytes()[..whole.len() / 2]).contains("cut off after"));
    assert!(refused(b"s3.us-east-1.amazonaws.com: 10.0.0.1 HTTP 200").contains("no JSON"));
    assert!(refused(b"{\"TypeName\":\"Custom:VpcProbePath\"}").contains("no report of vpcprobe"));
    let of_version = |version: u32| {
        let mut other = document("i-1", 1, &[]);
        other["schema_version"] = json!(version);
        other
    };
    assert!(refused(of_version(2).to_string().as_bytes()).contains("schema version 2"));
    let mut strange = of_version(7);
    strange["verdicts"] = json!({"s3": "gateway"});
    assert!(refused(strange.to_string().as_bytes()).contains("schema version 7"));
    let mut timeless = document("i-1", 1, &[]);
    timeless["run"]["started_at"] = json!("yesterday");
    assert!(refused(timeless.to_string().as_bytes()).contains("yesterday"));
}
