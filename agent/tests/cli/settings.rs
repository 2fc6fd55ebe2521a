//! Where a setting stands, which one counts, and what is said of one that cannot be meant.

use std::process::{Command, Output, Stdio};

use super::{REPORT, refused, text};

/// The program with a settings file and variables.
fn with(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vpcprobe.toml");
    std::fs::write(&path, file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpcprobe"));
    command.env_clear().envs(variables.iter().copied()).env("VPCPROBE_CONFIG", &path);
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The one line with which usage is refused.
fn refusal(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = with(file, variables, arguments);
    assert_eq!(output.status.code(), Some(2), "{file} {variables:?} {arguments:?}");
    assert!(output.stdout.is_empty());
    text(&output.stderr).trim_end().to_owned()
}

#[test]
fn a_wrong_value_in_a_settings_file_is_refused_with_file_key_and_what_would_be_right() {
    let table = [
        ("fail_on = \"warn\"", "fail_on", "did you mean \"warning\""),
        ("service = [\"dynamodbb\"]", "service", "did you mean \"dynamodb\""),
        ("expect = [\"s3\"]", "expect", "SERVICE=PATH"),
        ("profile = \"beanstak\"", "profile", "beanstalk"),
        ("timeout = \"3\"", "timeout", "500ms, 3s or 2m"),
        ("region = \"useast1\"", "region", "unknown Region"),
        ("output = [\"jsn=/tmp/x\"]", "output", "did you mean \"json\""),
        ("format = \"jsn\"", "format", "did you mean \"json\""),
        ("detail = \"all\"", "detail", "brief, full"),
        ("redact_key = \"/nonexistent/key\"", "redact_key", "failed to read the redaction key"),
        ("ca_bundle = \"/nonexistent/roots.pem\"", "ca_bundle", "/nonexistent/roots.pem"),
        ("control_host = [\"https://x.example\"]", "control_host", "without scheme"),
        ("endpoint = [\"ssm=http://x.example\"]", "endpoint", "SERVICE=URL"),
        ("bucket = [\"s3://logs\"]", "bucket", "without s3://"),
    ];
    for (file, key, right) in table {
        let said = refusal(file, &[], &[]);
        for part in ["vpcprobe.toml", key, right] {
            assert!(said.contains(part), "{file} does not say {part:?}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_settings_file_that_is_none_is_refused_with_its_line() {
    let table = [
        ("region = 5", "line 1", "expected a string"),
        ("\n\nexpect = \"s3=gateway\"", "line 3", "expected a list in brackets"),
        ("no_sign = \"yes\"", "line 1", "expected a boolean"),
        ("service = [\"s3\"", "line 1", "array"),
        ("timeout = \"3s\"\nregoin = \"eu-west-1\"", "line 2", "unknown field `regoin`"),
    ];
    for (file, line, problem) in table {
        let said = refusal(file, &[], &[]);
        for part in ["vpcprobe.toml", line, problem] {
            assert!(said.contains(part), "{file:?} does not say {part:?}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn flags_come_before_variables_before_the_settings_file() {
    let file = "timeout = \"file\"";
    let variable = [("VPCPROBE_TIMEOUT", "variable")];
    assert!(refusal(file, &variable, &["--timeout", "flag"]).contains("\"flag\""));
    assert!(refusal(file, &variable, &[]).contains("\"variable\""));
    assert!(refusal(file, &[], &[]).contains("\"file\""));
    // What is given elsewhere is not the file's fault.
    assert!(!refusal(file, &variable, &[]).contains("vpcprobe.toml"));
}

#[test]
fn a_switch_may_be_a_variable_in_the_words_that_people_use_for_it() {
    // The wrong time-out shows that the variable was understood: it is looked at later.
    for word in ["1", "yes", "true", "on", "0", "no", "false", "off"] {
        let said = refusal("", &[("VPCPROBE_NO_SIGN", word), ("VPCPROBE_TIMEOUT", "x")], &[]);
        assert!(said.contains("--timeout"), "{word}: {said}");
    }
    assert!(refusal("", &[("VPCPROBE_NO_SIGN", "maybe")], &[]).contains("--no-sign"));
}

#[test]
fn only_one_family_can_be_the_only_one() {
    let both = ["exclude each other"];
    refused(&["--ipv4", "--ipv6"], &both);
    assert!(refusal("ipv4 = true\nipv6 = true", &[], &[]).contains(both[0]));
}

#[test]
fn expectations_that_cannot_both_hold_are_refused() {
    refused(&["--expect", "s3=gateway,s3=interface"], &["s3=gateway", "s3=interface", "cannot both hold"]);
    refused(&["--expect", "dynamodbb=any"], &["unknown service \"dynamodbb\"", "\"dynamodb\""]);
    refused(&["--expect", "s3=gatway"], &["gatway", "\"gateway\"", "any"]);
    // The same twice, and any beside another, are no contradiction.
    for expected in ["s3=gateway,s3=gateway", "s3=any,s3=gateway"] {
        refused(&["--expect", expected, "--timeout", "x"], &["--timeout"]);
    }
}

#[test]
fn what_is_no_report_is_refused_with_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let report = std::fs::read_to_string(REPORT).unwrap();
    let table = [
        ("truncated", report[..20_000].to_owned(), "not whole"),
        ("empty", String::new(), "not whole"),
        ("page", "<html></html>".to_owned(), "not JSON"),
        ("other", "{\"a\":1}".to_owned(), "not what `vpcprobe --format json` writes"),
        ("two", format!("{report}{report}"), "not JSON"),
        ("newer", report.replacen("\"schema_version\":1", "\"schema_version\":7", 1), "version 7"),
        ("deep", "[".repeat(100_000), "failed to understand"),
        ("address", report.replace("\"10.0.1.10\"", "\"10.0.1.999\""), "invalid IP address"),
    ];
    for (name, content, problem) in table {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        for command in [&["judge", path][..], &["render", path], &["diff", path, REPORT]] {
            refused(command, &[name, problem]);
        }
    }
    let endless = folder.path().join("endless");
    std::fs::File::create(&endless).unwrap().set_len(65 << 20).unwrap();
    refused(&["judge", endless.to_str().unwrap()], &["endless", "longer than"]);
}
