//! Whether the SSM agent of this host runs, as systemd tells everybody, and whether it sleeps because it was refused, as its log
//! tells root alone.
//!
//! The agent writes `Entering SSM Agent hibernate - CODE: …` and then only about its sleep. That anything else it writes
//! afterwards means that it is awake is inference, NOT VERIFIED.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::SsmAgentSeen;
use super::files::{FILE_LIMIT, clipped};

const LOG: &str = "/var/log/amazon/ssm/amazon-ssm-agent.log";
const MARK: &str = "Entering SSM Agent hibernate";

/// The agent's unit from its package, and from its snap.
const UNITS: [&str; 2] = ["amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service"];
/// Where the units are named that are started at boot.
const STARTED_AT_BOOT: &str = "etc/systemd/system/multi-user.target.wants";
/// Where systemd keeps a link for every unit that is active and takes it away when it is not any more (systemd since 235,
/// src/core/unit.c: `unit_export_state_files`, `unit_unlink_state_files`). `systemctl` would ask over the bus.
const ACTIVE: &str = "run/systemd/units";

/// Whether the agent runs, where systemd is told to start it at boot; `None` where it is not told to, or does not say.
pub(super) fn is_active(root: &Path) -> Option<bool> {
    // Links may point to what is outside of a root that is none but in tests: it is enough that they are there.
    let there = |path: &Path| path.symlink_metadata().is_ok();
    let enabled = UNITS.into_iter().filter(|unit| there(&root.join(STARTED_AT_BOOT).join(unit)));
    let enabled: Vec<&str> = enabled.collect();
    let links = root.join(ACTIVE);
    // A folder without any link is no systemd's that runs.
    let says = std::fs::read_dir(&links).is_ok_and(|mut links| links.next().is_some());
    if enabled.is_empty() || !says {
        return None;
    }
    Some(enabled.iter().any(|unit| there(&links.join(format!("invocation:{unit}")))))
}

/// Reads the end of the agent's log.
pub(super) fn observe() -> Option<SsmAgentSeen> {
    let mut file = File::open(LOG).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(FILE_LIMIT))).ok()?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes).ok()?;
    read(&String::from_utf8_lossy(&bytes))
}

fn read(log: &str) -> Option<SsmAgentSeen> {
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.iter().rposition(|line| line.contains(MARK))?;
    // Lines that do not begin with a date belong to the message before them.
    let dated = |line: &&&str| line.len() > 19 && line.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    let woke =
        lines[last + 1..].iter().filter(dated).any(|line| !line.to_ascii_lowercase().contains("hibernat"));
    if woke {
        return None;
    }
    let line = lines[last];
    let (_, because) = line.split_once(MARK)?;
    let because = because.trim_start_matches([' ', '-']).split_whitespace().collect::<Vec<_>>().join(" ");
    Some(SsmAgentSeen {
        hibernating_since: line.get(..19).unwrap_or_default().to_owned(),
        because: clipped(&because, 400),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASLEEP: &str = "2026-01-15 09:31:00 INFO starting\n\
        2026-01-15 09:31:02 ERROR Entering SSM Agent hibernate - AccessDeniedException: User: x is not authorized\n\
        \tstatus code: 400, request id: 1\n\
        2026-01-15 09:36:02 INFO Agent is in hibernate mode. Reducing logging.\n";

    #[test]
    fn an_agent_that_is_started_at_boot_runs_or_does_not() {
        let root = tempfile::tempdir().unwrap();
        let touch = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        assert_eq!(is_active(root.path()), None);
        touch("etc/systemd/system/multi-user.target.wants/amazon-ssm-agent.service");
        assert_eq!(is_active(root.path()), None);
        touch("run/systemd/units/invocation:chronyd.service");
        assert_eq!(is_active(root.path()), Some(false));
        touch("run/systemd/units/invocation:amazon-ssm-agent.service");
        assert_eq!(is_active(root.path()), Some(true));
    }

    #[test]
    fn an_agent_whose_last_word_is_its_sleep_sleeps() {
        let seen = read(ASLEEP).unwrap();
        assert_eq!(seen.hibernating_since, "2026-01-15 09:31:02");
        assert_eq!(seen.because, "AccessDeniedException: User: x is not authorized");
    }

    #[test]
    fn an_agent_that_wrote_anything_else_since_is_awake() {
        assert_eq!(read(&format!("{ASLEEP}2026-01-15 10:00:00 INFO [MessagingService] polling\n")), None);
        assert_eq!(read("2026-01-15 09:31:00 INFO starting\n"), None);
        assert_eq!(read(""), None);
    }
}
