//! Many addresses, one verdict: which addresses count for a target, and what they come to together.

use probes::SkipReason;
use probes::observations::{Attempt, LookupFailure, ResolverKind, TargetObservation};

use super::evidence::{self, AddressEvidence, Walks};
use super::signal::{Contact, SignalName};
use crate::report::{AddressVerdict, Confidence, Path, Reason, Recording, Verdict, Via};

/// The verdict on one target.
pub(super) fn verdict(recording: &Recording, walks: &Walks<'_>, target: &TargetObservation) -> Verdict {
    let judged: Vec<Judged<'_>> = target
        .attempts
        .iter()
        .map(|attempt| Judged::of(attempt, evidence::of_attempt(recording, walks, target, attempt)))
        .collect();
    let counted: Vec<&Judged<'_>> = judged.iter().filter(|judged| counts(target, judged.attempt)).collect();
    let folded =
        if counted.is_empty() { without_address(recording, target) } else { together(target, &counted) };
    Verdict {
        target: target.target.clone(),
        service: target.service.clone(),
        host: target.host.clone(),
        required: target.required,
        path: folded.path,
        via: folded.via,
        vpc_endpoint_id: folded.vpc_endpoint_id,
        confidence: folded.confidence,
        reachable: folded.reachable,
        because: folded.because,
        addresses: judged.iter().map(Judged::verdict).collect(),
    }
}

/// Whether clients on this host would use the address: the host's own name service gave it, or that service gave
/// nothing at all and a resolver that was asked directly did. An address of a family without a route is not used.
#[must_use]
pub fn counts(target: &TargetObservation, attempt: &Attempt) -> bool {
    let unusable =
        matches!(attempt.tcp.skip_reason(), Some(SkipReason::NoRouteForFamily | SkipReason::Disabled));
    !unusable && (!system_answers(target) || attempt.origin.iter().any(|origin| origin == "system"))
}

/// Whether the service answered at this address over TLS that a client would accept.
#[must_use]
pub fn reachable(attempt: &Attempt) -> Option<bool> {
    match evidence::contact(attempt) {
        Contact::ServiceAnswered => Some(true),
        Contact::NotTried => None,
        Contact::PeerUntrusted | Contact::ConnectedOnly | Contact::NotConnected => Some(false),
    }
}

struct Judged<'a> {
    attempt: &'a Attempt,
    evidence: AddressEvidence,
    reachable: Option<bool>,
}

impl<'a> Judged<'a> {
    fn of(attempt: &'a Attempt, evidence: AddressEvidence) -> Self {
        Self { attempt, evidence, reachable: reachable(attempt) }
    }

    fn verdict(&self) -> AddressVerdict {
        let ruling = self.evidence.ruling;
        AddressVerdict {
            address: self.attempt.address,
            path: ruling.path,
            confidence: ruling.confidence,
            reachable: self.reachable,
            origin: self.attempt.origin.clone(),
        }
    }
}

struct Folded {
    path: Path,
    via: Option<Via>,
    vpc_endpoint_id: Option<String>,
    confidence: Option<Confidence>,
    reachable: Option<bool>,
    because: Vec<Reason>,
}

fn together(target: &TargetObservation, counted: &[&Judged<'_>]) -> Folded {
    let reachable = if counted.iter().any(|judged| judged.reachable == Some(true)) {
        Some(true)
    } else if counted.iter().any(|judged| judged.reachable == Some(false)) {
        Some(false)
    } else {
        None
    };
    // Addresses that answer tell where traffic goes; only where none does, those that do not are asked.
    let answering: Vec<&Judged<'_>> =
        counted.iter().copied().filter(|judged| judged.reachable == Some(true)).collect();
    let voters = if answering.is_empty() { counted } else { &answering };
    let determined: Vec<&Judged<'_>> =
        voters.iter().copied().filter(|judged| judged.evidence.ruling.path.is_determined()).collect();

    let Some(first) = determined.first() else {
        return undecided(voters, reachable);
    };
    if let Some(other) = determined.iter().find(|judged| path_of(judged) != path_of(first)) {
        if answering.is_empty() {
            return undecided(voters, reachable);
        }
        let mut because = vec![Reason {
            signal: SignalName::AddressesDisagree,
            evidence: format!("{}/{}", target.target, other.attempt.address),
            text: format!(
                "{} goes by {}, {} by {}",
                first.attempt.address,
                path_of(first).words(),
                other.attempt.address,
                path_of(other).words()
            ),
        }];
        because.extend(first.evidence.reasons.iter().cloned());
        because.extend(other.evidence.reasons.iter().cloned());
        // That there are two paths is as sure as the less sure of them, each by its surest address.
        let surest_of = |path: Path| {
            determined
                .iter()
                .filter(|judged| path_of(judged) == path)
                .filter_map(|judged| judged.evidence.ruling.confidence)
                .max()
        };
        let confidence = determined.iter().filter_map(|judged| surest_of(path_of(judged))).min();
        return Folded {
            path: Path::Split,
            via: None,
            vpc_endpoint_id: None,
            confidence,
            reachable,
            because: distinct(because),
        };
    }
    // All determined addresses agree: the surest of them speaks, and what carries them counts only if all agree on it. Addresses
    // that the routers' limit left no walk for take nothing from that: one that goes elsewhere shows when it gets its walk.
    let surest = determined
        .iter()
        .copied()
        .max_by_key(|judged| (judged.evidence.ruling.confidence, std::cmp::Reverse(judged.attempt.address)))
        .unwrap_or(first);
    let via = surest.evidence.ruling.via;
    let same_via =
        determined.iter().all(|judged| judged.evidence.ruling.via.is_none_or(|other| Some(other) == via));
    let endpoint = &surest.evidence.vpc_endpoint_id;
    let same_endpoint = determined.iter().all(|judged| judged.evidence.vpc_endpoint_id == *endpoint);
    Folded {
        path: path_of(surest),
        via: via.filter(|_| same_via),
        vpc_endpoint_id: endpoint.clone().filter(|_| same_endpoint),
        confidence: surest.evidence.ruling.confidence,
        reachable,
        because: surest.evidence.reasons.clone(),
    }
}

/// No voter's path is determined, or unreachable ones point different ways.
fn undecided(voters: &[&Judged<'_>], reachable: Option<bool>) -> Folded {
    let all_unreachable = voters.iter().all(|judged| path_of(judged) == Path::Unreachable);
    let path =
        if all_unreachable || reachable == Some(false) { Path::Unreachable } else { Path::Undetermined };
    let speaker = voters.iter().find(|judged| path_of(judged) == path).or(voters.first());
    Folded {
        path,
        via: None,
        vpc_endpoint_id: None,
        confidence: (path == Path::Unreachable).then_some(if all_unreachable {
            Confidence::Likely
        } else {
            Confidence::Possible
        }),
        reachable,
        because: speaker.map(|judged| judged.evidence.reasons.clone()).unwrap_or_default(),
    }
}

fn without_address(recording: &Recording, target: &TargetObservation) -> Folded {
    if target.host.is_empty() {
        let region = recording.environment.host.region.is_some();
        let (signal, place, text) = if region {
            (SignalName::NotTried, "targets", "this service has no host name that is known here")
        } else {
            (
                SignalName::RegionUnknown,
                "environment/region_hints",
                "no Region is known, so there is no host name to ask for",
            )
        };
        let because = vec![Reason { signal, evidence: place.to_owned(), text: text.to_owned() }];
        return Folded {
            path: Path::Undetermined,
            via: None,
            vpc_endpoint_id: None,
            confidence: None,
            reachable: None,
            because,
        };
    }
    let asked: Vec<Reason> =
        target.lookups.iter().filter_map(|lookup| lookup_reason(target, lookup)).collect();
    let has_unusable = !target.attempts.is_empty();
    if asked.is_empty() || has_unusable {
        let text = if has_unusable {
            "every address is of a family that this host has no route for"
        } else {
            "no resolver was asked before time was up"
        };
        let mut because = vec![Reason {
            signal: SignalName::NotTried,
            evidence: format!("{}/lookups", target.target),
            text: text.to_owned(),
        }];
        because.extend(asked);
        let tried = has_unusable && !recording.run.cut_short;
        return Folded {
            path: if tried { Path::Unreachable } else { Path::Undetermined },
            via: None,
            vpc_endpoint_id: None,
            confidence: tried.then_some(Confidence::Likely),
            reachable: tried.then_some(false),
            because,
        };
    }
    Folded {
        path: Path::Unreachable,
        via: None,
        vpc_endpoint_id: None,
        confidence: Some(Confidence::Likely),
        reachable: Some(false),
        because: asked,
    }
}

/// What one resolver's failure or empty answer says, the host's own and every other; `None` where it was not asked.
fn lookup_reason(target: &TargetObservation, lookup: &probes::observations::Lookup) -> Option<Reason> {
    let who = match lookup.kind {
        ResolverKind::System => "the host's name service".to_owned(),
        ResolverKind::Configured => format!("resolver {}", lookup.resolver),
        ResolverKind::Vpc => format!("the VPC resolver {}", lookup.resolver),
    };
    let what = match (lookup.a.done(), lookup.a.failed()) {
        (Some(_), _) => "has no address for the name".to_owned(),
        (None, Some(failure)) => describe(failure),
        (None, None) => return None,
    };
    Some(Reason {
        signal: SignalName::NoAddress,
        evidence: format!("{}/lookups/{}", target.target, lookup.resolver),
        text: format!("{who} {what}"),
    })
}

/// A lookup's failure as the end of a sentence.
#[must_use]
pub fn describe(failure: &LookupFailure) -> String {
    match failure {
        LookupFailure::TimedOut => "does not answer".to_owned(),
        LookupFailure::NoSuchName { soa: Some(zone) } => format!("says there is no such name (zone {zone})"),
        LookupFailure::NoSuchName { soa: None } => "says there is no such name".to_owned(),
        LookupFailure::ServerFailure => "answers SERVFAIL".to_owned(),
        LookupFailure::Refused => "refuses to answer".to_owned(),
        LookupFailure::ResponseCode { code } => format!("answers {code}"),
        LookupFailure::Unreachable { text } => format!("cannot be reached ({text})"),
        LookupFailure::NotFound => "finds no address".to_owned(),
        LookupFailure::Malformed { text } => format!("answers something that is not DNS ({text})"),
        LookupFailure::Unclassified(failure) => format!("failed ({})", failure.text),
    }
}

fn system_answers(target: &TargetObservation) -> bool {
    target.lookups.iter().any(|lookup| {
        lookup.kind == ResolverKind::System && lookup.a.done().is_some_and(|a| !a.addresses.is_empty())
    })
}

fn path_of(judged: &Judged<'_>) -> Path {
    judged.evidence.ruling.path
}

fn distinct(reasons: Vec<Reason>) -> Vec<Reason> {
    let mut kept: Vec<Reason> = Vec::new();
    for reason in reasons {
        if !kept.contains(&reason) {
            kept.push(reason);
        }
    }
    kept
}
