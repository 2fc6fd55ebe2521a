//! Witnesses that are each conclusive say different things about the path of a service.

use crate::classify::SignalName;
use crate::diagnose::case::{Case, target_subject};
use crate::diagnose::policies::show_bucket_policy;
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Path, Reason, Remedy, Severity, Verdict};

pub(super) const RULE: Rule = Rule {
    id: "evidence-contradicts-itself",
    title: "two witnesses that are each conclusive say different things about a path",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let findings: Vec<Finding> = case.verdicts.iter().filter_map(|verdict| finding(case, verdict)).collect();
    Check::found_or(findings, Check::Clear("what decides a path agrees with itself".to_owned()))
}

fn finding(case: &Case<'_>, verdict: &Verdict) -> Option<Finding> {
    let contradicts = |reason: &&Reason| reason.signal == SignalName::EvidenceContradictsItself;
    let contradiction =
        verdict.because.iter().find(contradicts).filter(|_| verdict.path == Path::Undetermined)?;
    let witnesses: Vec<&Reason> = verdict.because.iter().filter(|reason| !contradicts(reason)).collect();
    let said: Vec<&str> = witnesses.iter().map(|reason| reason.text.as_str()).collect();
    let reads = |place: &str| witnesses.iter().any(|reason| reason.evidence.starts_with(place));
    let by_bucket =
        reads("proofs/bucket/") || reads("proofs/role/") && !case.recording.proofs.buckets.is_empty();
    let by_route = reads("control_plane/route_table");
    let mut causes = Vec::new();
    if by_bucket {
        causes.push(
            "the probe bucket has another policy than the one that belongs there: get-bucket-policy shows it"
                .to_owned(),
        );
    }
    if by_route {
        causes.push(
            "the route table that was read is not the one that holds: packets leave by another interface, or the guest sends them \
             to a next hop of its own: ip route get ADDRESS shows it"
                .to_owned(),
        );
    }
    causes.push(
        "something on the way, an appliance or another VPC, has a path of its own: its routes show it"
            .to_owned(),
    );
    causes.push("routes changed while this run went on: a second run agrees with itself".to_owned());
    Some(Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Notice,
        subject: target_subject(&verdict.target),
        summary: format!(
            "{} answers, but {}: {}",
            verdict.target,
            contradiction.text.replacen("the evidence contradicts itself: ", "", 1),
            said.join("; ")
        ),
        facts: Vec::new(),
        evidence: witnesses.iter().map(|reason| reason.evidence.clone()).collect(),
        causes,
        explains: vec![Explained {
            rule: "path-undetermined".to_owned(),
            subject: target_subject(&verdict.target),
        }],
        remedy: remedy(case, by_bucket, by_route),
    })
}

fn remedy(case: &Case<'_>, by_bucket: bool, by_route: bool) -> Remedy {
    let mut commands = Vec::new();
    if by_bucket {
        let buckets = case.recording.proofs.buckets.iter();
        commands.extend(buckets.map(|proof| show_bucket_policy(&proof.bucket)));
    }
    let table = case.recording.control_plane.route_table.as_ref().and_then(|step| step.done());
    if let (true, Some(table), Some(region)) = (by_route, table, case.region()) {
        commands
            .push(format!("aws ec2 describe-route-tables --region {region} --route-table-ids {}", table.id));
    }
    Remedy {
        text: "Run again; if it stays so, find the witness that is wrong, the likeliest first. Until then trust neither.".to_owned(),
        commands,
    }
}
