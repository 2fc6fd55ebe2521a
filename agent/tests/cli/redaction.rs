//! Reports that are shown with pseudonyms: nothing of whose they are, and the same judgement.

use std::path::Path;
use std::process::Command;

use super::{REPORT, refused, text, vpcprobe};

/// A file with a key, in a folder that lives as long as the test.
fn key(folder: &Path, text: &str) -> String {
    let path = folder.join("key");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What tells whose the report of the lab's default scenario is.
const NAMES: [&str; 7] = [
    "123456789012",
    "app-instance-role",
    "i-0123456789abcdef0",
    "vpc-0a1b2c3d4e5f60718",
    "subnet-0b1b1b1b1b1b1b1b1",
    "10.0.1.10",
    "10.0.0.220",
];

#[test]
fn with_pseudonyms_no_format_holds_a_name_and_the_exit_code_stays() {
    let report = std::fs::read_to_string(REPORT).unwrap();
    assert!(NAMES.iter().all(|name| report.contains(name)), "the report does not hold what is looked for");
    for command in ["judge", "render"] {
        for format in
            ["json", "table", "html", "console", "junit", "prometheus", "nagios", "emf", "ssm-inventory"]
        {
            let output = vpcprobe(&[command, REPORT, "--redact", "--detail", "full", "--format", format]);
            let code = if format == "nagios" { 2 } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{command} {format}: {}", text(&output.stderr));
            let shown = text(&output.stdout) + &text(&output.stderr);
            for name in NAMES {
                assert!(!shown.contains(name), "{command} {format} holds {name}");
            }
        }
    }
    let shown: serde_json::Value =
        serde_json::from_slice(&vpcprobe(&["judge", REPORT, "--redact", "--format", "json"]).stdout).unwrap();
    assert_eq!(shown["run"]["redacted"], true);
    let table = text(&vpcprobe(&["render", REPORT, "--redact", "--format", "table"]).stdout);
    assert!(table.contains("are pseudonyms"), "{table}");
}

#[test]
fn pseudonyms_are_the_same_under_the_same_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(folder.path(), "a secret of more than 16 bytes\n");
    let shown = |more: &[&str]| {
        let arguments = [&["judge", REPORT, "--format", "json"][..], more].concat();
        text(&vpcprobe(&arguments).stdout)
    };
    // Not assert_eq: two reports of twenty thousand characters help nobody.
    assert!(shown(&["--redact-key", &key]) == shown(&["--redact", "--redact-key", &key]));
    assert!(shown(&["--redact"]) != shown(&["--redact"]), "the key is not random");
    assert!(shown(&["--redact=false", "--redact-key", &key]) == shown(&[]));
    // The key may also come from a variable.
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpcprobe"));
    command.args(["judge", REPORT, "--format", "json"]).env_clear().env("VPCPROBE_REDACT_KEY", &key);
    assert!(text(&command.output().unwrap().stdout) == shown(&["--redact-key", &key]));
}

#[test]
fn reports_with_pseudonyms_of_one_key_are_compared_like_those_without() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(folder.path(), "a secret of more than 16 bytes\n");
    let shown = folder.path().join("shown.json");
    let output = format!("json={}", shown.display());
    assert_eq!(
        vpcprobe(&["judge", REPORT, "--redact-key", &key, "--output", &output]).status.code(),
        Some(1)
    );
    let shown = shown.to_str().unwrap();
    assert_eq!(vpcprobe(&["diff", shown, shown]).status.code(), Some(0));
    // The report itself, with pseudonyms of the same key, is the same as the one that was saved with them.
    let same = vpcprobe(&["diff", REPORT, REPORT, "--redact"]);
    assert_eq!(text(&same.stdout), "nothing that the reports say differs\n");
    let other = folder.path().join("other.json");
    let report = std::fs::read_to_string(REPORT).unwrap();
    std::fs::write(&other, report.replace("subnet-0b1b1b1b1b1b1b1b1", "subnet-0c2c2c2c2c2c2c2c2")).unwrap();
    let differs = vpcprobe(&["diff", REPORT, other.to_str().unwrap(), "--redact"]);
    assert_eq!(differs.status.code(), Some(1));
    let text = text(&differs.stdout);
    assert!(text.starts_with("environment subnet_id: subnet-") && text.contains(" -> subnet-"), "{text}");
    assert!(!text.contains("0b1b1b1b1b1b1b1b1") && !text.contains("0c2c2c2c2c2c2c2c2"), "{text}");
}

#[test]
fn a_key_that_can_be_guessed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let short = key(folder.path(), "hunter2\n");
    refused(&["judge", REPORT, "--redact-key", &short], &["key", "16 bytes", "/dev/urandom"]);
    refused(&["judge", REPORT, "--redact-key", "/nonexistent/key"], &["redaction key", "/nonexistent/key"]);
}
