//! The part of the agent's report that is compared, by the contract's fixed keys, and the comparison with the packet counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::aws::names::{Partition, is_region, partition_of};
use crate::fabric::ElementKind;
use crate::scenario::expect;
use crate::truth::{Flow, Truth};

#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) summary: Summary,
    pub(super) run: Run,
    verdicts: Vec<Verdict>,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) status: String,
    pub(super) exit_code: i32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) elapsed_ms: f64,
    pub(super) redacted: Option<bool>,
}

/// What a report concludes, without any name: the same with pseudonyms as without.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conclusions {
    status: String,
    /// Path, carrier, confidence, whether it answers, the signals, and the same of every address.
    verdicts: Vec<Vec<String>>,
    findings: Vec<(String, String)>,
}

impl Conclusions {
    pub(super) fn of(report: &Report) -> Self {
        let verdicts = report.verdicts.iter().map(|verdict| {
            let mut signals: Vec<&str> =
                verdict.because.iter().map(|reason| reason.signal.as_str()).collect();
            signals.sort_unstable();
            let mut addresses: Vec<String> = verdict
                .addresses
                .iter()
                .map(|each| format!("{} {:?} {:?}", each.path, each.confidence, each.reachable))
                .collect();
            addresses.sort_unstable();
            let (via, sure, answers) = (&verdict.via, &verdict.confidence, verdict.reachable);
            let mut said = vec![format!("{} {via:?} {sure:?} {answers:?} {signals:?}", verdict.path)];
            said.extend(addresses);
            said
        });
        let mut findings: Vec<_> =
            report.findings.iter().map(|each| (each.rule.clone(), each.severity.clone())).collect();
        findings.sort_unstable();
        Self { status: report.summary.status.clone(), verdicts: verdicts.collect(), findings }
    }
}

#[derive(Debug, Deserialize)]
struct Verdict {
    target: String,
    path: String,
    via: Option<String>,
    vpc_endpoint_id: Option<String>,
    confidence: Option<String>,
    reachable: Option<bool>,
    because: Vec<Reason>,
    addresses: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    signal: String,
    text: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Address {
    #[expect(clippy::struct_field_names, reason = "the contract's own key")]
    address: String,
    path: String,
    confidence: Option<String>,
    reachable: Option<bool>,
    #[serde(default)]
    origin: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    rule: String,
    severity: String,
    subject: Subject,
    remedy: Remedy,
}

#[derive(Debug, Deserialize)]
struct Remedy {
    commands: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Subject {
    id: String,
}

impl Report {
    /// The verdicts in the shape of expectations; what an expectation does not give is left out.
    pub(super) fn verdicts_like(&self, expected: &BTreeSet<expect::Verdict>) -> BTreeSet<expect::Verdict> {
        let wants_reasons =
            |target: &str| expected.iter().any(|each| each.target == target && each.because.is_some());
        let wants_via = |target: &str| {
            wants_reasons(target) || expected.iter().any(|each| each.target == target && each.via.is_some())
        };
        let wants_id = |target: &str| {
            expected.iter().any(|each| each.target == target && each.vpc_endpoint_id.is_some())
        };
        self.verdicts
            .iter()
            .map(|verdict| expect::Verdict {
                target: verdict.target.clone(),
                path: verdict.path.clone(),
                via: verdict.via.clone().filter(|_| wants_via(&verdict.target)),
                confidence: verdict.confidence.clone(),
                reachable: verdict.reachable,
                because: wants_reasons(&verdict.target)
                    .then(|| verdict.because.iter().map(|reason| reason.signal.clone()).collect()),
                vpc_endpoint_id: verdict.vpc_endpoint_id.clone().filter(|_| wants_id(&verdict.target)),
            })
            .collect()
    }

    /// The targets whose path is undetermined, each with its reasons.
    pub(super) fn undetermined(&self) -> Vec<String> {
        let undetermined = self.verdicts.iter().filter(|verdict| verdict.path == "undetermined");
        undetermined
            .map(|verdict| {
                let because: Vec<&str> = verdict.because.iter().map(|reason| reason.text.as_str()).collect();
                format!("{}: {}", verdict.target, because.join("; "))
            })
            .collect()
    }

    pub(super) fn findings_as_expected(&self) -> BTreeSet<expect::Finding> {
        self.findings
            .iter()
            .map(|finding| expect::Finding {
                rule: finding.rule.clone(),
                severity: finding.severity.clone(),
                subject: finding.subject.id.clone(),
            })
            .collect()
    }

    /// Words of commands that belong to another partition: ARNs, and Regions that `--region` names.
    pub(super) fn foreign_words(&self, region: &str) -> Vec<String> {
        let own = partition_of(region);
        let commands = self.findings.iter().flat_map(|finding| finding.remedy.commands.iter());
        commands.flat_map(|command| foreign_words(command, own)).collect()
    }

    /// Where a confident verdict says something else than the router counted.
    pub(super) fn contradictions(&self, truth: &Truth) -> Vec<String> {
        let mut flows: BTreeMap<String, Vec<&Flow>> = BTreeMap::new();
        for flow in &truth.flows {
            flows.entry(flow.address.to_string()).or_default().push(flow);
        }
        let mut complaints = Vec::new();
        let carried_by_host = |flow: &Flow| flow.kind == ElementKind::Host && flow.answered > 0;
        for verdict in &self.verdicts {
            let confident = matches!(verdict.confidence.as_deref(), Some("likely" | "proven"));
            // A proxy that cannot be reached answers nothing, and is still where clients are sent.
            let answered = verdict.reachable != Some(false);
            if verdict.path == "proxy" && confident && answered && !truth.flows.iter().any(carried_by_host) {
                complaints
                    .push(format!("{}: the verdict is proxy, no host answered a packet", verdict.target));
            }
            for address in &verdict.addresses {
                let flows = flows.get(&address.address).map_or(&[][..], Vec::as_slice);
                // The verdict on the target speaks for every address that clients use, sure or not.
                let as_target = verdict.speaks_for(address).then(|| Address {
                    path: verdict.path.clone(),
                    confidence: verdict.confidence.clone(),
                    ..address.clone()
                });
                let complaint = contradiction(verdict, address, flows)
                    .or_else(|| as_target.and_then(|address| contradiction(verdict, &address, flows)));
                complaints.extend(
                    complaint.map(|text| format!("{} at {}: {text}", verdict.target, address.address)),
                );
            }
        }
        complaints
    }
}

impl Verdict {
    /// Whether clients use the address: the host's own name service gave it, if any, and it answers, if any does.
    fn speaks_for(&self, address: &Address) -> bool {
        let by_system = |address: &&Address| address.origin.iter().any(|origin| origin == "system");
        let used: Vec<&Address> = self.addresses.iter().filter(by_system).collect();
        let used = if used.is_empty() { self.addresses.iter().collect() } else { used };
        let answering = used.iter().any(|address| address.reachable == Some(true));
        let counts = address.reachable == Some(true) || !answering && address.reachable.is_some();
        counts && used.iter().any(|each| each.address == address.address)
    }
}

fn contradiction(verdict: &Verdict, address: &Address, flows: &[&Flow]) -> Option<String> {
    if !matches!(address.confidence.as_deref(), Some("likely" | "proven")) {
        return None;
    }
    let counted = || {
        let each = flows.iter().map(|flow| format!("{} {:?} of {}", flow.offered, flow.kind, flow.element));
        let text = each.collect::<Vec<_>>().join(", ");
        if text.is_empty() { "no packet".to_owned() } else { text }
    };
    let expected = match address.path.as_str() {
        "gateway_endpoint" => Some(&[ElementKind::GatewayEndpoint][..]),
        "interface_endpoint" => Some(&[ElementKind::NetworkInterface][..]),
        "internet" => Some(
            &[
                ElementKind::NatGateway,
                ElementKind::InternetGateway,
                ElementKind::EgressOnlyInternetGateway,
                ElementKind::TransitGateway,
                // A host of the company that passes requests on; what it sends is not the instance's any more.
                ElementKind::Host,
            ][..],
        ),
        _ => None,
    };
    // What carries the packets out of the subnet may lead them into a gateway endpoint of its own.
    let onward = |flow: &Flow| {
        address.path == "gateway_endpoint"
            && verdict.via.is_some()
            && flow.onward.contains(&ElementKind::GatewayEndpoint)
    };
    if let Some(kinds) = expected
        && (flows.is_empty() || flows.iter().any(|flow| !kinds.contains(&flow.kind) && !onward(flow)))
    {
        return Some(format!("the verdict is {}, the router counted {}", address.path, counted()));
    }
    if let Some(id) = &verdict.vpc_endpoint_id
        && address.path != "internet"
        && flows.iter().any(|flow| flow.element != *id && !onward(flow))
    {
        return Some(format!("the verdict names {id}, the router counted {}", counted()));
    }
    if address.path == "internet"
        && flows.iter().any(|flow| flow.onward.contains(&ElementKind::GatewayEndpoint))
    {
        return Some("the verdict is internet, NAT sent it on into a gateway endpoint".to_owned());
    }
    let carriers = match verdict.via.as_deref() {
        Some("nat_gateway" | "nat_instance") => Some(&[ElementKind::NatGateway][..]),
        // Behind a transit gateway there may be a central NAT gateway.
        Some("nat_or_appliance") => Some(&[ElementKind::NatGateway, ElementKind::TransitGateway][..]),
        Some("internet_gateway") => Some(&[ElementKind::InternetGateway][..]),
        Some("egress_only_internet_gateway") => Some(&[ElementKind::EgressOnlyInternetGateway][..]),
        Some("transit_gateway") => Some(&[ElementKind::TransitGateway][..]),
        _ => None,
    };
    if let (Some(kinds), Some(via)) = (carriers, &verdict.via)
        && address.path == "internet"
        && flows.iter().any(|flow| !kinds.contains(&flow.kind))
    {
        return Some(format!("the verdict is via {via}, the router counted {}", counted()));
    }
    let answered = flows.iter().any(|flow| flow.answered > 0);
    if address.reachable == Some(true) && !answered {
        return Some("the verdict says reachable, but no packet came back".to_owned());
    }
    if address.path == "unreachable" && answered {
        return Some("the verdict says unreachable, but packets came back".to_owned());
    }
    None
}

fn foreign_words(command: &str, own: &Partition) -> Vec<String> {
    let partitions = command.split("arn:").skip(1).filter_map(|rest| rest.split(':').next());
    let arns = partitions.filter(|partition| *partition != own.id);
    let arns = arns.map(|partition| format!("an ARN of {partition} in {command:?}"));
    let words: Vec<&str> = command.split_whitespace().collect();
    let regions = words.windows(2).filter(|pair| pair[0] == "--region").filter_map(|pair| {
        let region = pair[1];
        let foreign = is_region(region) && partition_of(region) != own;
        foreign.then(|| format!("Region {region} in {command:?}"))
    });
    arns.chain(regions).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(path: &str, confidence: &str) -> Report {
        serde_json::from_value(json!({
            "summary": { "status": "healthy", "exit_code": 0 },
            "run": { "elapsed_ms": 5 },
            "verdicts": [{
                "target": "s3", "path": path, "via": null, "vpc_endpoint_id": null,
                "confidence": confidence, "reachable": true, "because": [],
                "addresses": [{ "address": "1.2.3.4", "path": path, "confidence": confidence, "reachable": true }],
            }],
            "findings": [],
        }))
        .unwrap()
    }

    fn truth(kind: ElementKind, answered: u64) -> Truth {
        let flow = Flow {
            address: [1, 2, 3, 4].into(),
            element: "x".to_owned(),
            kind,
            offered: 3,
            carried: 3,
            answered,
            onward: Vec::new(),
        };
        Truth { flows: vec![flow], capabilities: None }
    }

    #[test]
    fn words_of_another_partition_are_noticed() {
        let china = partition_of("cn-north-1");
        let good = "aws iam attach-role-policy --region cn-north-1 --policy-arn arn:aws-cn:iam::aws:policy/P";
        assert_eq!(foreign_words(good, china), Vec::<String>::new());
        assert_eq!(foreign_words(good, partition_of("us-gov-west-1")).len(), 2);
        assert_eq!(foreign_words("aws sts get-caller-identity --region REGION", china), Vec::<String>::new());
    }

    #[test]
    fn a_confident_verdict_that_the_counts_contradict_is_a_complaint() {
        let through_nat = truth(ElementKind::NatGateway, 3);
        assert_eq!(report("gateway_endpoint", "likely").contradictions(&through_nat).len(), 1);
        assert_eq!(report("interface_endpoint", "proven").contradictions(&through_nat).len(), 1);
        assert!(report("gateway_endpoint", "possible").contradictions(&through_nat).is_empty());
        assert!(report("internet", "likely").contradictions(&through_nat).is_empty());
    }

    #[test]
    fn a_gateway_that_the_counts_contradict_is_a_complaint() {
        let mut report = report("internet", "likely");
        report.verdicts[0].via = Some("nat_or_appliance".to_owned());
        assert!(report.contradictions(&truth(ElementKind::NatGateway, 3)).is_empty());
        assert_eq!(report.contradictions(&truth(ElementKind::InternetGateway, 3)).len(), 1);
    }

    #[test]
    fn a_proxy_that_no_packet_went_to_is_a_complaint() {
        let direct = truth(ElementKind::GatewayEndpoint, 3);
        assert_eq!(report("proxy", "likely").contradictions(&direct).len(), 1);
        assert!(report("proxy", "likely").contradictions(&truth(ElementKind::Host, 3)).is_empty());
    }

    #[test]
    fn what_nat_sends_into_an_endpoint_is_not_the_internet() {
        let mut truth = truth(ElementKind::NatGateway, 3);
        truth.flows[0].onward = vec![ElementKind::InternetGateway];
        assert!(report("internet", "likely").contradictions(&truth).is_empty());
        truth.flows[0].onward = vec![ElementKind::GatewayEndpoint];
        assert_eq!(report("internet", "likely").contradictions(&truth).len(), 1);
    }

    #[test]
    fn a_gateway_endpoint_behind_nat_needs_packets_that_nat_sent_into_one() {
        let mut truth = truth(ElementKind::NatGateway, 3);
        let mut report = report("gateway_endpoint", "proven");
        report.verdicts[0].via = Some("nat_or_appliance".to_owned());
        assert_eq!(report.contradictions(&truth).len(), 1);
        truth.flows[0].onward = vec![ElementKind::GatewayEndpoint];
        assert!(report.contradictions(&truth).is_empty());
        report.verdicts[0].via = None;
        assert_eq!(report.contradictions(&truth).len(), 1);
    }

    #[test]
    fn reachability_is_compared_with_the_packets_that_came_back() {
        assert_eq!(report("internet", "likely").contradictions(&truth(ElementKind::NatGateway, 0)).len(), 1);
        assert_eq!(report("internet", "likely").contradictions(&Truth::default()).len(), 1);
    }
}
