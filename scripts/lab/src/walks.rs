//! `vpc-lab walks`: the agent's hop walks beside those of `traceroute -M tcpconn`, which somebody else wrote.
//!
//! Both walk to the same addresses in the same lab, one after the other. Routers limit their ICMP answers (Linux: six at
//! once to one client, then one a second), so between the two the limit is waited out. What is compared: which router showed
//! itself at which TTL, and at which TTL the destination answered. Where the agent itself met a router's limit, it says nothing
//! of that TTL (only `silent_after_retry` is silence to it); such a walk is counted as open, and what it does say must agree.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::instance::Place;
use crate::lab::Lab;
use crate::scenario;

/// Which walks to compare.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) agent: PathBuf,
    pub(crate) jobs: usize,
    /// All scenarios if empty.
    pub(crate) scenarios: Vec<String>,
}

/// What two walkers saw on the way to one address.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Compared {
    host: String,
    address: IpAddr,
    agent: Seen,
    traceroute: Seen,
}

/// What one walker saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// The routers that showed themselves, by TTL; a destination that answers as routers do is one.
    responders: BTreeMap<u8, IpAddr>,
    /// The TTL at which the destination let a connection stand.
    reached: Option<u8>,
    /// The TTLs whose silence is said to mean something; traceroute means all of them.
    silent: Option<Vec<u8>>,
    /// Whether only TTL 1 to 3 were asked.
    near_only: bool,
}

/// What became of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Agree,
    /// The agent leaves open what traceroute saw.
    Open,
    Differ,
}

impl Compared {
    fn verdict(&self) -> Verdict {
        let (agent, mut traceroute) = (&self.agent, self.traceroute.clone());
        if agent.near_only {
            traceroute.responders.retain(|ttl, _| *ttl <= NEAR);
            traceroute.reached = traceroute.reached.filter(|ttl| *ttl <= NEAR);
        }
        let wrong =
            agent.responders.iter().any(|(ttl, address)| traceroute.responders.get(ttl) != Some(address));
        let denied = |ttl: &u8| agent.silent.as_ref().is_some_and(|silent| silent.contains(ttl));
        let missed: Vec<&u8> =
            traceroute.responders.keys().filter(|ttl| !agent.responders.contains_key(ttl)).collect();
        // A walk that was not answered in time says nothing of the destination either.
        let elsewhere = agent.reached.is_some() && agent.reached != traceroute.reached;
        if wrong || elsewhere || missed.iter().any(|ttl| denied(ttl)) {
            Verdict::Differ
        } else if missed.is_empty() && agent.reached == traceroute.reached {
            Verdict::Agree
        } else {
            Verdict::Open
        }
    }
}

/// The longest way that either walks.
const MAX_TTL: u8 = 8;
/// The longest way of the agent's walks near the host.
const NEAR: u8 = 3;
/// After this time a router that was asked as often as it answers at once answers as often again …
const REFILL: Duration = Duration::from_secs(7);
/// … and after this, once more.
const ONE_MORE: Duration = Duration::from_millis(1100);

/// Compares the walks of every scenario of the plan, prints a line for each, and returns whether none differs.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<bool> {
    let names =
        if plan.scenarios.is_empty() { scenario::names()? } else { scenario::expand(&plan.scenarios)? };
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, names.len().max(1)) {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = in_a_process_of_its_own(name, &plan.agent);
                    let (text, verdicts) = told(name, &outcome);
                    let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    all.extend(verdicts);
                    // A closed standard output leaves the exit code to tell.
                    let _ = io::stdout().write_all(text.as_bytes());
                }
            });
        }
    });
    let all = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = |wanted| all.iter().filter(|verdict| **verdict == wanted).count();
    let (agree, open, differ) = (count(Verdict::Agree), count(Verdict::Open), count(Verdict::Differ));
    writeln!(
        io::stdout(),
        "{agree} walks agree with traceroute, {open} leave open what it saw (a router's limit, or no time), {differ} differ"
    )
    .context("failed to write the result")?;
    Ok(differ == 0 && agree > 0)
}

/// A lab needs a process without threads.
fn in_a_process_of_its_own(name: &str, agent: &Path) -> anyhow::Result<Vec<Compared>> {
    let this = std::env::current_exe().context("failed to find this program")?;
    let output = Command::new(this).args(["walk", name, "--agent"]).arg(agent).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("failed to read what was compared")
}

/// A line for a scenario, one more for each walk that does not agree, and what became of each.
fn told(name: &str, outcome: &anyhow::Result<Vec<Compared>>) -> (String, Vec<Verdict>) {
    let compared = match outcome {
        Ok(compared) => compared,
        Err(error) => return (format!("FAILED {name}: {error:#}\n"), vec![Verdict::Differ]),
    };
    let verdicts: Vec<Verdict> = compared.iter().map(Compared::verdict).collect();
    let word = match verdicts.as_slice() {
        [] => "none  ",
        some if some.contains(&Verdict::Differ) => "FAILED",
        some if some.contains(&Verdict::Open) => "open  ",
        _ => "ok    ",
    };
    let mut lines = vec![format!("{word} {name} ({} walks)", compared.len())];
    for (each, _) in compared.iter().zip(&verdicts).filter(|(_, verdict)| **verdict != Verdict::Agree) {
        let Compared { host, address, agent, traceroute } = each;
        lines.push(format!("       {host} at {address}: agent {agent:?}, traceroute {traceroute:?}"));
    }
    lines.push(String::new());
    (lines.join("\n"), verdicts)
}

/// Walks in one scenario's lab with both. Must be called before any thread exists.
pub(crate) fn compare(name: &str, agent: &Path) -> anyhow::Result<Vec<Compared>> {
    let definition = scenario::load(name)?;
    let lab = Lab::start(&definition, &definition.environment)?;
    let mut command: Vec<OsString> = vec![agent.into()];
    command.extend(["--format", "json", "--detail", "full", "--quiet"].map(OsString::from));
    command.extend(definition.arguments.iter().map(OsString::from));
    let output = lab.capture(Place::Instance, &command)?;
    // Scenarios whose settings or output are wrong on purpose print none.
    let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else { return Ok(Vec::new()) };
    let walked = walks(&report);
    if !walked.is_empty() {
        std::thread::sleep(REFILL);
    }
    let mut compared = Vec::new();
    for (host, address, agent) in walked {
        std::thread::sleep(ONE_MORE);
        let max = MAX_TTL.to_string();
        let mut command =
            vec!["traceroute", "-n", "-M", "tcpconn", "-p", "443", "-m", &max, "-w", "1", "-q", "1"];
        let target = address.to_string();
        command.push(&target);
        let command: Vec<OsString> = command.into_iter().map(OsString::from).collect();
        let output = lab.capture(Place::Instance, &command)?;
        ensure!(
            output.status.success(),
            "traceroute to {address}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let traceroute = traced(&String::from_utf8_lossy(&output.stdout), address);
        compared.push(Compared { host, address, agent, traceroute });
    }
    Ok(compared)
}

/// The walks that the agent made itself, to every address once.
fn walks(report: &Value) -> Vec<(String, IpAddr, Seen)> {
    let mut found: BTreeMap<IpAddr, (String, IpAddr, Seen)> = BTreeMap::new();
    let targets = ["targets", "controls"].into_iter().filter_map(|kind| report[kind].as_array()).flatten();
    for target in targets {
        let host = target["host"].as_str().unwrap_or_default();
        for attempt in target["attempts"].as_array().into_iter().flatten() {
            let walk = &attempt["hops"]["done"];
            // The walk of a neighbour, or for another target, stands where it was made.
            if walk.is_null() || !attempt["walked_as"].is_null() {
                continue;
            }
            let Some(address) = attempt["address"].as_str().and_then(|text| text.parse().ok()) else {
                continue;
            };
            let responders = walk["responders"].as_array().into_iter().flatten().filter_map(|responder| {
                let ttl = u8::try_from(responder["ttl"].as_u64()?).ok()?;
                Some((ttl, responder["address"].as_str()?.parse().ok()?))
            });
            let reached = walk["reached_at_ttl"].as_u64().and_then(|ttl| u8::try_from(ttl).ok());
            let silent = walk["silent_after_retry"].as_array().into_iter().flatten();
            let silent = silent.filter_map(|ttl| u8::try_from(ttl.as_u64()?).ok()).collect();
            let near_only = walk["near_only"].as_bool().unwrap_or_default();
            let mut seen =
                Seen { responders: responders.collect(), reached, silent: Some(silent), near_only };
            // Traceroute asks no further once the destination has answered.
            seen.responders.retain(|ttl, _| reached.is_none_or(|reached| *ttl < reached));
            found.insert(address, (host.to_owned(), address, seen));
        }
    }
    found.into_values().collect()
}

/// What traceroute printed: a line per TTL, with an asterisk or an address.
fn traced(text: &str, destination: IpAddr) -> Seen {
    let mut seen = Seen::default();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        let ttl = words.next().and_then(|word| word.parse().ok());
        let address = words.next().and_then(|word| word.parse().ok());
        if let (Some(ttl), Some(address)) = (ttl, address) {
            seen.responders.insert(ttl, address);
        }
    }
    // The last answer is a connection, and no router's, if it is the destination's.
    if let Some(last) = seen.responders.last_entry().filter(|last| *last.get() == destination) {
        seen.reached = Some(*last.key());
        last.remove();
    }
    seen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_line_of_a_trace_is_the_destination_where_it_answered() {
        let text = "traceroute to s3 (3.5.15.40), 8 hops max, 60 byte packets\n 1  10.0.0.220  0.07 ms\n 2  *\n 3  3.5.15.40  0.5 ms\n";
        let seen = traced(text, "3.5.15.40".parse().unwrap());
        let router = (1, "10.0.0.220".parse().unwrap());
        assert_eq!(seen, Seen { responders: BTreeMap::from([router]), reached: Some(3), ..Seen::default() });
        let silent = traced("traceroute to …\n 1  *\n 2  *\n", "3.5.15.40".parse().unwrap());
        assert_eq!(silent, Seen::default());
    }

    #[test]
    fn only_walks_that_were_made_to_the_address_itself_are_compared() {
        let walk =
            json!({ "done": { "responders": [{ "ttl": 1, "address": "10.0.0.220" }], "reached_at_ttl": 5 } });
        let report = json!({ "targets": [{ "host": "s3", "attempts": [
            { "address": "3.5.15.40", "hops": walk },
            { "address": "3.5.15.41", "hops": walk, "walked_as": "3.5.15.40" },
            { "address": "10.0.1.1", "hops": { "skipped": "inside_vpc" } },
        ] }] });
        let found = walks(&report);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].2.reached, Some(5));
    }

    #[test]
    fn only_what_the_agent_says_can_be_wrong() {
        let router: IpAddr = "10.0.0.220".parse().unwrap();
        let verdict = |agent: &[(u8, IpAddr)], silent: &[u8]| {
            let agent = Seen {
                responders: agent.iter().copied().collect(),
                reached: Some(5),
                silent: Some(silent.to_vec()),
                near_only: false,
            };
            let traceroute =
                Seen { responders: BTreeMap::from([(1, router)]), reached: Some(5), ..Seen::default() };
            let address = "3.5.15.40".parse().unwrap();
            Compared { host: "s3".to_owned(), address, agent, traceroute }.verdict()
        };
        assert_eq!(verdict(&[(1, router)], &[2, 3]), Verdict::Agree);
        assert_eq!(verdict(&[], &[]), Verdict::Open);
        assert_eq!(verdict(&[], &[1]), Verdict::Differ);
        assert_eq!(verdict(&[(1, "10.0.0.221".parse().unwrap())], &[]), Verdict::Differ);
        assert_eq!(verdict(&[(1, router), (2, router)], &[]), Verdict::Differ);
    }

    #[test]
    fn a_walk_near_the_host_says_nothing_of_what_is_farther() {
        let router: IpAddr = "52.93.70.12".parse().unwrap();
        let agent = Seen { silent: Some(vec![1, 2, 3]), near_only: true, ..Seen::default() };
        let seen =
            |ttl| Seen { responders: BTreeMap::from([(ttl, router)]), reached: Some(6), ..Seen::default() };
        let verdict = |traceroute| {
            let address = "3.5.15.40".parse().unwrap();
            Compared { host: "s3".to_owned(), address, agent: agent.clone(), traceroute }.verdict()
        };
        assert_eq!(verdict(seen(4)), Verdict::Agree);
        assert_eq!(verdict(seen(2)), Verdict::Differ);
    }
}
