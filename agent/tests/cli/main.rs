//! The program as its users meet it: what it prints, where, and with which exit code. No test here touches a network: what
//! needs one is a scenario of the lab.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test runs the program and reads what it wrote"
)]

mod redaction;
mod settings;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A report of the lab's default scenario, with all its observations.
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mixed.json");

fn vpcprobe(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpcprobe"));
    command.args(arguments).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Usage that cannot be meant ends with code 2 and one line on standard error that holds these words.
fn refused(arguments: &[&str], words: &[&str]) {
    let output = vpcprobe(arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{arguments:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{arguments:?} does not say {word:?}: {stderr}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_would_be_right() {
    refused(&["--service", "dynamodbb"], &["dynamodbb", "\"dynamodb\""]);
    refused(&["--region", "useast1"], &["useast1"]);
    refused(&["--profile", "beanstak"], &["beanstak", "beanstalk"]);
    refused(&["--format", "jsn"], &["jsn", "\"json\"", "table"]);
    refused(&["--output", "yaml=/tmp/x"], &["yaml", "json, table"]);
    refused(&["--output", "json="], &["json=", "FORMAT=FILE"]);
    refused(&["--output", "json", "--format", "table"], &["two formats"]);
    refused(&["--timeout", "3"], &["--timeout", "\"3\"", "3s"]);
    refused(&["--timeout", "5s", "--deadline", "2s"], &["2s", "5s"]);
    refused(&["--expect", "ssm=gateway"], &["ssm", "no gateway"]);
    refused(&["--expect", "s3"], &["\"s3\"", "s3=gateway"]);
    refused(&["--fail-on", "warn"], &["warn", "\"warning\""]);
    refused(&["--detail", "all"], &["all", "brief, full"]);
    refused(&["--bucket", "s3://logs"], &["s3://logs", "without s3://"]);
    refused(&["--control-host", "https://x.example/"], &["https://x.example/", "without scheme"]);
    refused(&["--ca-bundle", "/nonexistent/roots.pem"], &["/nonexistent/roots.pem", "CA bundle"]);
    refused(&["--config", "/nonexistent/vpcprobe.toml"], &["/nonexistent/vpcprobe.toml", "settings file"]);
    refused(&["--prefix-lists", "/nonexistent/lists.json"], &["/nonexistent/lists.json", "prefix-list file"]);
    refused(&["explain", "s3-egress-thru-nat"], &["s3-egress-thru-nat", "s3-egress-through-nat"]);
    refused(&["services", "--region", "mars-north-1"], &["mars-north-1"]);
    refused(&["judge", "/nonexistent/report.json"], &["/nonexistent/report.json"]);
}

#[test]
fn files_with_the_wrong_content_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let bundle = write("empty.pem", "no certificate\n");
    refused(&["--ca-bundle", &bundle], &["empty.pem", "PEM"]);
    let settings = write("settings.toml", "regoin = \"eu-west-1\"\n");
    refused(&["--config", &settings], &["settings.toml", "regoin"]);
    let report = write("report.json", "{\"schema_version\":1}");
    refused(&["judge", &report], &["report.json"]);
}

#[test]
fn what_is_nothing_to_prove_a_path_with_is_refused() {
    refused(&["--prove-with", "probe-bucket"], &["probe-bucket", "role=ARN or bucket=NAME"]);
    refused(&["--prove-with", "role=path-proof"], &["path-proof", "arn:aws:iam::ACCOUNT_ID:role/NAME"]);
}

#[test]
fn unknown_flags_and_missing_values_end_with_code_2() {
    for arguments in [&["--no-such-flag"][..], &["--region"], &["judge"], &["nonsense"]] {
        assert_eq!(vpcprobe(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["--version"], &["help", "judge"]] {
        let output = vpcprobe(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_list_of_rules_begins_every_line_with_an_id_that_has_a_page() {
    let list = text(&vpcprobe(&["explain"]).stdout);
    assert!(list.lines().count() > 10);
    for line in list.lines() {
        let id = line.split_whitespace().next().unwrap();
        let page = text(&vpcprobe(&["explain", id]).stdout);
        assert!(page.starts_with(&format!("# {id}\n")), "{id}");
    }
}

/// What `judge` makes of a report on its standard input, and the exit code.
fn judged(report: &str) -> (String, Option<i32>) {
    let mut judge = Command::new(env!("CARGO_BIN_EXE_vpcprobe"))
        .args(["judge", "-", "--format", "json", "--detail", "full", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    judge.stdin.take().unwrap().write_all(report.as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    (text(&output.stdout), output.status.code())
}

#[test]
fn a_saved_report_is_judged_again_to_the_same_bytes_and_the_same_exit_code() {
    let (report, code) = judged(&std::fs::read_to_string(REPORT).unwrap());
    let mut value: serde_json::Value = serde_json::from_str(&report).unwrap();
    for computed in ["summary", "verdicts", "findings", "checks"] {
        value.as_object_mut().unwrap().remove(computed);
    }
    let (again, code_again) = judged(&value.to_string());
    // Not assert_eq: two reports of fifty thousand characters help nobody.
    assert!(again == report, "the second judgement differs from the first");
    assert_eq!((code, code_again), (Some(1), Some(1)));
}

#[test]
fn a_report_in_hand_goes_to_standard_output_when_its_file_cannot_be_written() {
    let output = vpcprobe(&["judge", REPORT, "--output", "json=/nonexistent/folder/report.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/nonexistent/folder/report.json"));
    assert!(text(&output.stdout).starts_with("{\"schema_version\":1,"));
}

#[test]
fn with_files_only_standard_output_stays_empty_and_files_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let outputs = [format!("json={}", path("a.json")), format!("table={}", path("a.txt"))];
    let output = vpcprobe(&["judge", REPORT, "--output", &outputs[0], "--output", &outputs[1]]);
    assert!(output.stdout.is_empty());
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path("a.json")).unwrap()).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert!(std::fs::read_to_string(path("a.txt")).unwrap().contains("SURE OF IT"));
    let left: Vec<_> = std::fs::read_dir(Path::new(folder.path())).unwrap().collect();
    assert_eq!(left.len(), 2, "a temporary file was left behind");
}

#[test]
fn the_lines_for_people_keep_within_what_run_command_shows() {
    let output = vpcprobe(&["judge", REPORT, "--format", "json"]);
    let stderr = text(&output.stderr);
    assert!(stderr.lines().count() <= 12 && stderr.chars().count() <= 900, "{stderr}");
    assert!(stderr.starts_with("vpcprobe: failing: "), "{stderr}");
    assert!(vpcprobe(&["judge", REPORT, "--format", "json", "--quiet"]).stderr.is_empty());
}

#[test]
fn the_table_keeps_to_80_columns_but_for_commands() {
    let table = text(&vpcprobe(&["judge", REPORT, "--format", "table"]).stdout);
    for line in
        table.lines().filter(|line| !line.trim_start().starts_with("aws ") && !line.contains("$(aws "))
    {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!table.contains('\u{1b}'), "the table holds escape sequences");
}

#[test]
fn several_formats_are_written_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mut arguments =
        vec!["render".to_owned(), REPORT.to_owned(), "--format".to_owned(), "console".to_owned()];
    for format in ["json", "prometheus", "junit", "emf", "ssm-inventory"] {
        arguments.extend(["--output".to_owned(), format!("{format}={}", file(format).display())]);
    }
    let output = vpcprobe(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "the report's own exit code");
    let console = text(&output.stdout);
    assert!(console.lines().last().unwrap().starts_with("VPCPROBE1 {\"status\":\"failing\""));
    assert!(output.stderr.is_empty(), "the console's lines are for people already");
    for format in ["json", "prometheus", "junit", "emf", "ssm-inventory"] {
        assert!(std::fs::metadata(file(format)).unwrap().len() > 100, "{format}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing half-written is left");
}

#[test]
fn formats_for_programs_tell_people_on_standard_error() {
    for (format, tells) in [
        ("json", true),
        ("junit", true),
        ("prometheus", true),
        ("emf", true),
        ("table", false),
        ("nagios", false),
    ] {
        let output = vpcprobe(&["render", REPORT, "--format", format]);
        assert_eq!(!output.stderr.is_empty(), tells, "{format}");
        assert!(text(&output.stderr).lines().count() <= 12 && output.stderr.len() <= 900 * 4, "{format}");
        assert!(vpcprobe(&["render", REPORT, "-q", "--format", format]).stderr.is_empty(), "{format}");
    }
}

#[test]
fn a_monitoring_system_gets_its_own_codes_also_for_what_cannot_be_meant() {
    assert_eq!(
        vpcprobe(&["render", REPORT, "--format", "nagios"]).status.code(),
        Some(2),
        "failing is critical"
    );
    for arguments in [&["--format", "nagios", "--timeout", "x"][..], &["--output=nagios", "--no-such-flag"]] {
        let output = vpcprobe(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(text(&output.stdout).starts_with("VPCPROBE UNKNOWN - "), "{arguments:?}");
    }
    let unwritable =
        ["render", REPORT, "--format", "nagios", "--output", "json=/nonexistent/folder/report.json"];
    assert_eq!(vpcprobe(&unwritable).status.code(), Some(3));
}

#[test]
fn completions_and_manual_come_from_the_command_line_itself() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&vpcprobe(&["completions", shell]).stdout);
        assert!(script.contains("fail-on") && script.contains("explain"), "{shell}");
    }
    let manual = text(&vpcprobe(&["man"]).stdout);
    for word in [".TH vpcprobe 1", "\\-\\-fail\\-on", "VPCPROBE_FAIL_ON", "vpcprobe\\-judge"] {
        assert!(manual.contains(word), "{word}");
    }
}

#[test]
fn two_reports_are_compared_and_the_exit_code_says_whether_they_differ() {
    let same = vpcprobe(&["diff", REPORT, REPORT]);
    assert_eq!(same.status.code(), Some(0), "{}", text(&same.stderr));
    assert_eq!(text(&same.stdout), "nothing that the reports say differs\n");

    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.json");
    let report = std::fs::read_to_string(REPORT).unwrap();
    std::fs::write(&other, report.replace("subnet-0b1b1b1b1b1b1b1b1", "subnet-0c2c2c2c2c2c2c2c2")).unwrap();
    let other = other.to_str().unwrap();
    let differs = vpcprobe(&["diff", REPORT, other]);
    assert_eq!(differs.status.code(), Some(1));
    assert_eq!(
        text(&differs.stdout),
        "environment subnet_id: subnet-0b1b1b1b1b1b1b1b1 -> subnet-0c2c2c2c2c2c2c2c2\n"
    );
    let json = vpcprobe(&["diff", REPORT, other, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(value["changes"][0]["kind"], "environment");
    assert_eq!(vpcprobe(&["diff", REPORT, "/nonexistent"]).status.code(), Some(2));
}

/// The report of the lab's default scenario, of another instance and another time.
fn report_of(instance: &str, started_at: &str) -> String {
    let report = std::fs::read_to_string(REPORT).unwrap();
    report.replace("i-0123456789abcdef0", instance).replace("2026-11-21T22:27:58.320Z", started_at)
}

#[test]
fn a_folder_as_run_command_leaves_it_is_read_and_what_is_no_report_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let first = report_of("i-00000000000000001", "2026-11-20T08:00:00.000Z");
    let later = report_of("i-00000000000000001", "2026-11-21T08:00:00.000Z");
    let other = report_of("i-00000000000000002", "2026-11-21T08:00:00.000Z");
    let set_out: serde_json::Value =
        serde_json::from_str(&report_of("i-00000000000000003", "2026-11-21T09:00:00.000Z")).unwrap();
    write("reports/c-2/i-00000000000000001/awsrunShellScript/probe/stdout", &later);
    write("reports/c-1/i-00000000000000001/awsrunShellScript/probe/stdout", &first);
    write("reports/c-1/i-00000000000000001/awsrunShellScript/probe/stderr", "vpcprobe: failing: and so on\n");
    write("all.ndjson", &format!("{}\n{other}\n", &first.trim_end()[..20_000]));
    write("set-out.json", &serde_json::to_string_pretty(&set_out).unwrap());
    write("next-version.json", &other.replacen("\"schema_version\":1", "\"schema_version\":2", 1));
    write("by-shell/stdout", "s3.us-east-1.amazonaws.com: 10.0.0.1 HTTP 200\n");
    write("killed/stdout", "");
    write("notes.txt", "not looked at\n");

    let output = vpcprobe(&["fleet", folder.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let overview: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(overview["summary"]["instances"], 3);
    assert_eq!(overview["summary"]["reports"], 4);
    assert_eq!(overview["summary"]["failing"], 3);
    assert_eq!(overview["findings"][0]["since"], "2026-11-20T08:00:00.000Z");
    assert_eq!(overview["summary"]["unreadable"], 4);
    let stderr = text(&output.stderr);
    for (place, why) in [
        ("all.ndjson:1", "cut off"),
        ("by-shell/stdout:1", "no JSON"),
        ("killed/stdout", "empty"),
        ("next-version.json:1", "schema version 2"),
    ] {
        let line = stderr.lines().find(|line| line.contains(place));
        assert!(line.is_some_and(|line| line.contains(why)), "{place}: {stderr}");
    }

    let never = vpcprobe(&["fleet", folder.path().to_str().unwrap(), "--fail-on", "never", "-q"]);
    assert_eq!(never.status.code(), Some(0));
    assert_eq!(text(&never.stderr).lines().count(), 4, "what could not be read is named with -q, too");
}

#[test]
fn an_overview_is_written_to_files_and_read_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.txt");
    let mut fleet = Command::new(env!("CARGO_BIN_EXE_vpcprobe"))
        .args(["fleet", "-", "--output", &format!("table={}", file.display())])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let reports = ["i-00000000000000001", "i-00000000000000002"]
        .map(|id| report_of(id, "2026-11-21T08:00:00.000Z").trim_end().to_owned() + "\n");
    fleet.stdin.take().unwrap().write_all(reports.concat().as_bytes()).unwrap();
    let output = fleet.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let table = std::fs::read_to_string(&file).unwrap();
    assert!(
        table.starts_with("2 instances in 2 reports from 2026-11-21 08:00 to 2026-11-21 08:00 UTC\n"),
        "{table}"
    );
    for line in table.lines().filter(|line| !line.contains("aws ec2 ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn an_overview_of_nothing_and_formats_of_single_reports_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    refused(&["fleet", empty], &["no report", empty]);
    refused(&["fleet", REPORT, "--format", "html"], &["\"html\"", "json, table"]);
    refused(&["fleet", REPORT, "--fail-on", "warn"], &["warn", "\"warning\""]);
    let missing = vpcprobe(&["fleet", "/nonexistent/reports"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("/nonexistent/reports"));
    assert_eq!(vpcprobe(&["fleet"]).status.code(), Some(2));
}
