//! The host's own name service, through its own `getent` program.
//!
//! It knows no DNS: what stands behind an answer (hosts file, cache, server) is not in it.

use std::net::IpAddr;
use std::process::Stdio;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{AnswerStep, push_address};
use crate::observations::{Answer, LookupFailure};
use crate::plan::Families;
use crate::step::{Clock, SkipReason, Step, Unclassified};

/// Far beyond any real answer; three lines an address.
const OUTPUT_LIMIT: u64 = 64 * 1024;

/// `getent`'s exit code for a key that was not found (getent(1)).
const NOT_FOUND: i32 = 2;

pub(super) async fn ask(clock: &Clock, host: &str, families: Families, until: Instant) -> AnswerStep {
    ask_with("getent", clock, host, families, until).await
}

async fn ask_with(
    program: &str,
    clock: &Clock,
    host: &str,
    families: Families,
    until: Instant,
) -> AnswerStep {
    if until <= Instant::now() {
        return Step::skipped(SkipReason::OutOfTime);
    }
    // A host name cannot begin with a hyphen (RFC 1123); the program would take it for an option.
    if host.is_empty() || host.starts_with('-') || host.contains('\0') {
        let failure = LookupFailure::Unclassified(Unclassified::from_text("not a host name"));
        return clock.measure(async { Err(failure) }).await;
    }
    let mut no_program = false;
    let step = clock
        .measure(async {
            match tokio::time::timeout_at(until.into(), run(program, host)).await {
                Err(_) => Err(LookupFailure::TimedOut),
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                    no_program = true;
                    Err(LookupFailure::NotFound)
                }
                Ok(Err(error)) => Err(LookupFailure::Unclassified(Unclassified::from_io(&error))),
                Ok(Ok(output)) => read_result(&output, families),
            }
        })
        .await;
    if no_program { Step::skipped(SkipReason::NoProgram) } else { step }
}

struct Output {
    code: Option<i32>,
    text: Vec<u8>,
}

async fn run(program: &str, host: &str) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .args(["ahosts", host])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut text = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(OUTPUT_LIMIT).read_to_end(&mut text).await?;
    }
    let status = child.wait().await?;
    Ok(Output { code: status.code(), text })
}

fn read_result(output: &Output, families: Families) -> Result<Answer, LookupFailure> {
    match output.code {
        Some(0) => Ok(Answer { addresses: read_addresses(&output.text, families), ..Answer::default() }),
        Some(NOT_FOUND) => Err(LookupFailure::NotFound),
        Some(code) => Err(LookupFailure::Unclassified(Unclassified::from_text(format!(
            "getent ended with exit code {code}"
        )))),
        None => Err(LookupFailure::Unclassified(Unclassified::from_text("getent was ended by a signal"))),
    }
}

/// The addresses of the lines for stream sockets, the kind that HTTPS uses; the other lines repeat them.
fn read_addresses(text: &[u8], families: Families) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for line in String::from_utf8_lossy(text).lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(address), Some("STREAM")) = (words.next(), words.next()) else {
            continue;
        };
        // A link-local address carries its interface after a percent sign.
        let Ok(address) = address.split('%').next().unwrap_or_default().parse::<IpAddr>() else {
            continue;
        };
        let address = address.to_canonical();
        if if address.is_ipv4() { families.ipv4 } else { families.ipv6 } {
            push_address(&mut addresses, address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BOTH: Families = Families { ipv4: true, ipv6: true };

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn stream_lines_are_kept_once_and_in_order() {
        let text = b"52.1.2.4       STREAM s3.us-east-1.amazonaws.com\n52.1.2.4        DGRAM\n52.1.2.4 RAW\n\
            2600:1fa0::1    STREAM\n52.1.2.3 STREAM\n52.1.2.4 STREAM\n::ffff:52.1.2.3 STREAM\n::ffff:52.1.2.9 STREAM\n\
            fe80::1%eth0 STREAM x\nnonsense STREAM\n\xff\xfe STREAM\n\n";
        let expected: Vec<IpAddr> = ["52.1.2.4", "2600:1fa0::1", "52.1.2.3", "52.1.2.9", "fe80::1"]
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        assert_eq!(read_addresses(text, BOTH), expected);
        let v4 = read_addresses(text, Families { ipv4: true, ipv6: false });
        assert!(v4.iter().all(IpAddr::is_ipv4) && v4.len() == 3);
        let v6 = read_addresses(text, Families { ipv4: false, ipv6: true });
        assert!(v6.iter().all(IpAddr::is_ipv6) && v6.len() == 2);
    }

    #[test]
    fn exit_codes_are_told_apart() {
        let result = |code| read_result(&Output { code, text: b"10.0.0.1 STREAM\n".to_vec() }, BOTH);
        assert_eq!(result(Some(0)).unwrap().addresses.len(), 1);
        assert_eq!(result(Some(2)), Err(LookupFailure::NotFound));
        assert!(matches!(result(Some(1)), Err(LookupFailure::Unclassified(_))));
        assert!(matches!(result(None), Err(LookupFailure::Unclassified(_))));
    }

    #[tokio::test]
    async fn localhost_is_found_and_an_impossible_name_is_not() {
        let clock = Clock::start();
        let found = ask(&clock, "localhost", BOTH, soon()).await;
        assert!(found.done().unwrap().addresses.iter().all(IpAddr::is_loopback));
        let missing = ask(&clock, "no-such-name.invalid", BOTH, soon()).await;
        assert_eq!(missing.failed(), Some(&LookupFailure::NotFound));
    }

    #[tokio::test]
    async fn an_absent_program_is_skipped_and_an_option_is_not_passed_on() {
        let clock = Clock::start();
        let absent = ask_with("/nonexistent/getent", &clock, "localhost", BOTH, soon()).await;
        assert_eq!(absent.skip_reason(), Some(SkipReason::NoProgram));
        let option = ask(&clock, "--help", BOTH, soon()).await;
        assert!(matches!(option.failed(), Some(LookupFailure::Unclassified(_))));
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("getent");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").unwrap();
        let mut permissions = std::fs::metadata(&program).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&program, permissions).unwrap();
        let began = Instant::now();
        let until = began + Duration::from_millis(200);
        let step = ask_with(program.to_str().unwrap(), &Clock::start(), "localhost", BOTH, until).await;
        assert_eq!(step.failed(), Some(&LookupFailure::TimedOut));
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}
