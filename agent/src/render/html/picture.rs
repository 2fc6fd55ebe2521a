//! The instance and its paths, drawn as they are: what carries the packets out of the subnet, what lies behind it, each
//! service at the end of its path, and a cross where a path breaks.
//!
//! Targets that share a carrier share a lane. Every interface endpoint is a lane of its own, because it is.

use std::net::IpAddr;

use probes::observations::TargetObservation;

use super::super::time_to_answer;
use super::{escaped, state};
use crate::judge::shortened;
use crate::report::{Finding, Path, Report, Severity, Verdict, Via};

/// Where the columns begin, and how wide their boxes are.
const INSTANCE: Column = Column { left: 8, width: 168 };
const CARRIER: Column = Column { left: 280, width: 196 };
const BEYOND: Column = Column { left: 560, width: 92 };
const SERVICE: Column = Column { left: 736, width: 216 };
const WIDTH: usize = 960;
/// A service's box, with the room between two.
const ROW: usize = 52;
const BOX: usize = 40;

#[derive(Clone, Copy)]
struct Column {
    left: usize,
    width: usize,
}

impl Column {
    fn right(self) -> usize {
        self.left + self.width
    }
}

/// Targets whose packets go the same way.
struct Lane<'a> {
    name: String,
    detail: String,
    path: Path,
    verdicts: Vec<&'a Verdict>,
}

/// The last step that any address of a target came to; the path breaks after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    /// The name gave no address.
    Name,
    /// No connection.
    Connection,
    /// A connection, but no service behind it that answers over TLS that a client accepts.
    Service,
}

pub(super) fn picture(report: &Report) -> String {
    let lanes = lanes(report);
    let rows: usize = lanes.iter().map(|lane| lane.verdicts.len()).sum();
    let height = rows.max(2) * ROW + 12;
    let middle = height / 2;
    let mut edges = String::new();
    let mut boxes = String::new();
    let host = &report.recording.environment.host;
    let subnet = host.subnet_id.as_deref().unwrap_or("subnet not known");
    boxes.push_str(&node(
        INSTANCE,
        middle,
        56,
        "",
        host.instance_id.as_deref().unwrap_or("this host"),
        subnet,
    ));
    let mut top = 6;
    for lane in &lanes {
        let center = top + lane.verdicts.len() * ROW / 2;
        draw(report, lane, (middle, center, top), &mut edges, &mut boxes);
        top += lane.verdicts.len() * ROW;
    }
    let told: Vec<String> = report
        .verdicts
        .iter()
        .map(|verdict| {
            format!("{}: {}, {}", verdict.target, verdict.path.words(), verdict.answers_in_words())
        })
        .collect();
    format!(
        "<svg class=\"picture\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{}</title>\n{edges}{boxes}</svg>\n\
         <p class=\"legend\"><span class=\"answers\">answers</span> <span class=\"warned\">answers, but not as it should</span> <span class=\"silent\">does not answer; \u{2715} where it \
         breaks</span> <span class=\"untried\">not tried</span> *\u{a0}required</p>\n",
        escaped(&told.join("; "))
    )
}

fn lanes(report: &Report) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    for verdict in &report.verdicts {
        let (name, detail) = carrier(report, verdict);
        let joined = lanes.iter_mut().find(|lane| {
            lane.path == verdict.path
                && lane.name == name
                && lane.detail == detail
                && verdict.path != Path::InterfaceEndpoint
        });
        match joined {
            Some(lane) => lane.verdicts.push(verdict),
            None => lanes.push(Lane { name, detail, path: verdict.path, verdicts: vec![verdict] }),
        }
    }
    lanes.sort_by_key(|lane| order(lane.path));
    lanes
}

/// Nearest to the VPC first, and what gets nowhere last.
fn order(path: Path) -> u8 {
    match path {
        Path::GatewayEndpoint => 0,
        Path::InterfaceEndpoint => 1,
        Path::Proxy => 2,
        Path::Internet => 3,
        Path::Split => 4,
        Path::Undetermined => 5,
        Path::Unreachable => 6,
    }
}

/// What carries the packets, and what is known about it.
fn carrier(report: &Report, verdict: &Verdict) -> (String, String) {
    let endpoint = verdict.vpc_endpoint_id.clone();
    let addresses = || {
        let private: Vec<String> = verdict
            .addresses
            .iter()
            .map(|address| address.address)
            .filter(is_private)
            .map(|ip| ip.to_string())
            .collect();
        private.join(" ")
    };
    let proxy = || {
        let targets = &report.recording.targets;
        let target = targets.iter().find(|target| target.target == verdict.target);
        target.and_then(|target| target.proxied.as_ref()).map(|_| "as its variables say".to_owned())
    };
    match verdict.path {
        Path::GatewayEndpoint => ("gateway endpoint".to_owned(), endpoint.unwrap_or_default()),
        Path::InterfaceEndpoint => ("interface endpoint".to_owned(), endpoint.unwrap_or_else(addresses)),
        Path::Internet => match verdict.via {
            Some(via) => (via.words().to_owned(), String::new()),
            None => ("a way out".to_owned(), "which one is not known".to_owned()),
        },
        Path::Proxy => ("proxy".to_owned(), proxy().unwrap_or_default()),
        Path::Split => ("several paths".to_owned(), "by address".to_owned()),
        Path::Unreachable => ("nowhere".to_owned(), "nothing shows a way".to_owned()),
        Path::Undetermined => ("undetermined".to_owned(), "the evidence does not tell".to_owned()),
    }
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.octets()[0] == 100,
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// Whether the internet lies between the carrier and the service.
fn crosses_the_internet(lane: &Lane<'_>) -> bool {
    let inside = [Via::TransitGateway, Via::VpnGateway, Via::Peering, Via::Firewall];
    let via = lane.verdicts.first().and_then(|verdict| verdict.via);
    lane.path == Path::Internet && !via.is_some_and(|via| inside.contains(&via))
}

fn draw(
    report: &Report,
    lane: &Lane<'_>,
    (from, center, top): (usize, usize, usize),
    edges: &mut String,
    boxes: &mut String,
) {
    let breaks: Vec<Option<Break>> = lane.verdicts.iter().map(|verdict| breaks(report, verdict)).collect();
    // A connection that nobody gets is cut before the carrier; one that only some get is cut behind it.
    let before = breaks.iter().all(|each| each.is_some_and(|each| each < Break::Service));
    let whole = lane.verdicts.iter().any(|verdict| verdict.reachable == Some(true));
    let tried = lane.verdicts.iter().any(|verdict| verdict.reachable.is_some());
    let class = match (whole, tried) {
        (true, _) => "answers",
        (false, true) => "silent",
        (false, false) => "untried",
    };
    // A lane is marked where something is said against all of it, as against every path through one NAT gateway.
    let states: Vec<&str> = lane.verdicts.iter().map(|verdict| mark(report, verdict)).collect();
    let class =
        if class == "answers" && states.iter().all(|state| *state == "warned") { "warned" } else { class };
    edges.push_str(&edge(INSTANCE.right(), from, CARRIER.left, center, class));
    if before {
        boxes.push_str(&cross(CARRIER.left - 22, center));
    }
    let vague = if matches!(lane.path, Path::Unreachable | Path::Undetermined) { "vague" } else { "" };
    boxes.push_str(&node(CARRIER, center, BOX, vague, &lane.name, &lane.detail));
    let mut start = CARRIER.right();
    if crosses_the_internet(lane) {
        edges.push_str(&edge(start, center, BEYOND.left, center, if before { "unreached" } else { class }));
        boxes.push_str(&node(BEYOND, center, BOX, "internet", "internet", ""));
        start = BEYOND.right();
    }
    for (index, (verdict, broken)) in lane.verdicts.iter().zip(&breaks).enumerate() {
        let y = top + index * ROW + ROW / 2;
        let state = states.get(index).copied().unwrap_or_default();
        edges.push_str(&edge(start, center, SERVICE.left, y, if before { "unreached" } else { state }));
        if !before && broken.is_some() {
            boxes.push_str(&cross(SERVICE.left - 20, y));
        }
        let time = time_to_answer(report, &verdict.target);
        let told = match (verdict.reachable, time, broken) {
            (Some(true), Some(time), _) => format!("answers in {time:.0} ms"),
            (Some(false), _, Some(Break::Name)) => "its name gives no address".to_owned(),
            (Some(false), _, Some(Break::Connection)) => "no connection".to_owned(),
            (Some(false), _, Some(Break::Service)) => "connects, but does not answer".to_owned(),
            _ => verdict.answers_in_words().to_lowercase(),
        };
        let name = if verdict.required { format!("{} *", verdict.target) } else { verdict.target.clone() };
        boxes.push_str(&node(SERVICE, y, BOX, state, &name, &told));
    }
}

/// How a target fares: whether it answers, and whether it does so as it should, which an unmet expectation says as well.
fn mark(report: &Report, verdict: &Verdict) -> &'static str {
    let warned = report
        .findings
        .iter()
        .any(|finding| finding.severity != Severity::Notice && concerns(finding, verdict));
    match state(verdict) {
        "answers" if warned => "warned",
        state => state,
    }
}

/// Whether a finding is about a target: by its name, or by its host among those of the service that the finding lists.
fn concerns(finding: &Finding, verdict: &Verdict) -> bool {
    let mut hosts = finding.facts.iter().filter(|fact| fact.name == "hosts");
    finding.subject.id == verdict.target
        || finding.subject.id == verdict.service
            && hosts.any(|fact| fact.value.split(' ').any(|host| host == verdict.host))
}

/// Where the path of a target that does not answer breaks.
fn breaks(report: &Report, verdict: &Verdict) -> Option<Break> {
    if verdict.reachable != Some(false) {
        return None;
    }
    let target = report.recording.targets.iter().find(|target| target.target == verdict.target)?;
    Some(furthest(target))
}

fn furthest(target: &TargetObservation) -> Break {
    let reached = |attempt: &probes::observations::Attempt| match attempt.tcp.done() {
        Some(_) => Break::Service,
        None => Break::Connection,
    };
    target.attempts.iter().map(reached).max().unwrap_or(Break::Name)
}

fn node(column: Column, y: usize, height: usize, class: &str, name: &str, detail: &str) -> String {
    let fits = column.width / 8;
    let x = column.left + column.width / 2;
    let top = y - height / 2;
    let (first, second) = if detail.is_empty() { (y + 5, 0) } else { (y - 2, y + 13) };
    let detail = if detail.is_empty() {
        String::new()
    } else {
        let text = escaped(&shortened(detail, column.width / 6));
        format!("<text class=\"detail\" x=\"{x}\" y=\"{second}\">{text}</text>")
    };
    format!(
        "<g class=\"node {class}\"><rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{height}\" rx=\"6\"/>\
         <text x=\"{x}\" y=\"{first}\">{}</text>{detail}</g>\n",
        column.left,
        column.width,
        escaped(&shortened(name, fits)),
    )
}

fn edge(from_x: usize, from_y: usize, to_x: usize, to_y: usize, class: &str) -> String {
    let bend = usize::midpoint(from_x, to_x);
    format!(
        "<path class=\"edge {class}\" d=\"M {from_x} {from_y} C {bend} {from_y}, {bend} {to_y}, {to_x} {to_y}\"/>\n"
    )
}

fn cross(x: usize, y: usize) -> String {
    format!(
        "<g class=\"cross\"><circle cx=\"{x}\" cy=\"{y}\" r=\"10\"/><text x=\"{x}\" y=\"{}\">\u{2715}</text></g>\n",
        y + 5
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::mixed;
    use super::*;

    #[test]
    fn a_path_breaks_where_no_step_came_further() {
        let report = mixed();
        let of = |target: &str| {
            breaks(&report, report.verdicts.iter().find(|verdict| verdict.target == target).unwrap())
        };
        assert_eq!((of("s3"), of("ssmmessages")), (None, Some(Break::Connection)));
        let mut nameless = report.recording.targets[0].clone();
        nameless.attempts.clear();
        assert_eq!(furthest(&nameless), Break::Name);
        assert_eq!(furthest(&report.recording.targets[0]), Break::Service);
    }

    #[test]
    fn every_target_is_drawn_once_and_interface_endpoints_have_lanes_of_their_own() {
        let report = mixed();
        let lanes = lanes(&report);
        assert_eq!(lanes.iter().map(|lane| lane.verdicts.len()).sum::<usize>(), report.verdicts.len());
        assert_eq!(lanes.iter().filter(|lane| lane.path == Path::InterfaceEndpoint).count(), 2);
        assert_eq!(lanes.iter().filter(|lane| lane.path == Path::Internet).count(), 1);
        assert_eq!(picture(&report).matches("class=\"cross\"").count(), 1);
    }

    #[test]
    fn a_finding_marks_every_host_of_its_service_that_it_lists() {
        let report = mixed();
        let marked: Vec<&str> = report
            .verdicts
            .iter()
            .filter(|verdict| mark(&report, verdict) == "warned")
            .map(|verdict| verdict.target.as_str())
            .collect();
        assert_eq!(marked, ["dynamodb", "dynamodb:account"]);
    }

    #[test]
    fn a_target_that_answers_on_another_path_than_expected_is_marked() {
        let mut report = mixed();
        let mut unmet = report.findings[0].clone();
        "expectation-not-met".clone_into(&mut unmet.rule);
        "s3".clone_into(&mut unmet.subject.id);
        report.findings.push(unmet);
        assert_eq!(mark(&report, &report.verdicts[0]), "warned");
    }
}
