//! What the path proofs of a run prove: which way the requests to an address came by the service's own word, or why that stays open.
//!
//! A role's proof rests on `aws:SourceVpce` and `aws:SourceVpc` being in a request only if it came through a VPC endpoint (IAM user
//! guide, "AWS global condition context keys") and on session policies limiting what a role may do (IAM user guide, "Policy evaluation
//! logic"). That both together tell the way of a request is concluded from these; no example of Amazon's was found, and it has
//! not been verified end to end. A refusal counts only where its text names the session policy, and an allowance only beside a control
//! that was allowed. A bucket's proof rests on the same key in a bucket policy, and a refusal counts only where its text names an
//! explicit deny in a resource-based policy.

use std::net::IpAddr;

use probes::observations::{CallFailure, Reply};
use probes::proofs::{Asked, BucketCalls, BucketProof, Condition, NotMade, RoleCalls, RoleProof};
use probes::{SkipReason, Step};

use crate::classify::signal::Proof;
use crate::refusal::{PolicyType, Refusal, last_word, refusal};
use crate::report::Recording;

/// What the proofs say of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Which way, as a signal.
    pub proof: Proof,
    /// The VPC endpoint that was found.
    pub vpc_endpoint_id: Option<String>,
    /// Where in the report it was said.
    pub place: String,
    /// The same for a person.
    pub text: String,
}

/// What the proofs say of a service's address; where they say different things, that they disagree.
#[must_use]
pub fn at(recording: &Recording, service: &str, address: IpAddr) -> Option<Proven> {
    let proofs = &recording.proofs;
    let by_role = proofs.roles.iter().flat_map(|proof| {
        let here =
            proof.calls.iter().filter(|calls| calls.service == service && calls.addresses.contains(&address));
        here.filter_map(move |calls| by_role(recording, proof, calls, address).ok())
    });
    let by_bucket = proofs.buckets.iter().filter(|_| service == "s3").flat_map(|proof| {
        let here = proof.calls.iter().filter(|calls| calls.addresses.contains(&address));
        here.filter_map(move |calls| by_bucket(proof, calls, address).ok())
    });
    let mut said = by_role.chain(by_bucket);
    let first = said.next()?;
    Some(said.fold(first, together))
}

/// The more exact of two that agree, or that they do not.
fn together(one: Proven, other: Proven) -> Proven {
    let endpoint = |proven: &Proven| proven.proof != Proof::ProofNoEndpoint;
    if one.proof == Proof::ProofsDisagree {
        return one;
    }
    let same_id = match (&one.vpc_endpoint_id, &other.vpc_endpoint_id) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let exact = |proven: &Proven| match proven.proof {
        Proof::ProofGatewayEndpoint | Proof::ProofInterfaceEndpoint => 3,
        Proof::ProofEndpointOfThisVpc | Proof::ProofEndpointOfAnotherVpc => 2,
        _ => 1,
    };
    let compatible = endpoint(&one) == endpoint(&other)
        && same_id
        && (one.proof == other.proof
            || exact(&one) == 1
            || exact(&other) == 1
            || (one.proof != Proof::ProofEndpointOfAnotherVpc
                && other.proof != Proof::ProofEndpointOfAnotherVpc));
    if compatible {
        return if exact(&other) > exact(&one) { other } else { one };
    }
    Proven {
        proof: Proof::ProofsDisagree,
        vpc_endpoint_id: None,
        text: format!("two proofs disagree: {}; {}", one.text, other.text),
        place: one.place,
    }
}

/// What a role's calls at an address prove.
///
/// # Errors
/// Why they prove nothing.
pub fn by_role(
    recording: &Recording,
    proof: &RoleProof,
    calls: &RoleCalls,
    address: IpAddr,
) -> Result<Proven, String> {
    let asked = |condition: Condition| calls.asked.iter().find(|asked| asked.condition == condition);
    let said = |condition: Condition| asked(condition).map_or(Said::Missing, |asked| Said::of(&asked.call));
    let control = said(Condition::None);
    if control != Said::Allowed {
        let what = control.words(asked(Condition::None));
        return Err(format!("the control call, which no condition limits, {what}"));
    }
    let name = role_name(&proof.role);
    let proven = |proof: Proof, vpc_endpoint_id: Option<String>, text: String| Proven {
        proof,
        vpc_endpoint_id,
        place: format!("proofs/role/{name}/{}/{address}", calls.target),
        text: format!("role {name}: {text}"),
    };
    match (said(Condition::ThroughEndpoint), said(Condition::WithoutEndpoint)) {
        (Said::Allowed, Said::RefusedBySession) => {}
        (Said::RefusedBySession, Said::Allowed) => {
            let text = "allowed only without a VPC endpoint".to_owned();
            return Ok(proven(Proof::ProofNoEndpoint, None, text));
        }
        (Said::Allowed, Said::Allowed) => {
            return Err("the call was allowed under either of two conditions that exclude each other: the service does not heed the \
                        session policy here (a resource-based policy that names the session does that)"
                .to_owned());
        }
        (Said::RefusedBySession, Said::RefusedBySession) => {
            return Err(
                "the call was refused under either of two conditions of which one must hold".to_owned()
            );
        }
        (through, without) => {
            let (what, condition) = if matches!(through, Said::Allowed | Said::RefusedBySession) {
                (without, Condition::WithoutEndpoint)
            } else {
                (through, Condition::ThroughEndpoint)
            };
            return Err(format!("the call {} {}", in_words(condition), what.words(asked(condition))));
        }
    }
    let vpc = recording.environment.host.vpc_id.as_deref().unwrap_or("this VPC");
    if said(Condition::ThisVpc) == Said::RefusedBySession {
        let text = format!("allowed only through a VPC endpoint, and not through one of {vpc}");
        return Ok(proven(Proof::ProofEndpointOfAnotherVpc, None, text));
    }
    if said(Condition::ThisVpc) != Said::Allowed {
        let text = "allowed only through a VPC endpoint".to_owned();
        return Ok(proven(Proof::ProofSomeEndpoint, None, text));
    }
    let named = calls
        .asked
        .iter()
        .find(|asked| asked.condition == Condition::Endpoint && Said::of(&asked.call) == Said::Allowed);
    let Some(id) = named.and_then(|asked| asked.vpc_endpoint_id.clone()) else {
        let text = format!("allowed only through a VPC endpoint of {vpc}");
        return Ok(proven(Proof::ProofEndpointOfThisVpc, None, text));
    };
    let endpoints = recording.control_plane.vpc_endpoints.as_ref().and_then(Step::done);
    let known = endpoints.into_iter().flatten().find(|endpoint| endpoint.id == id);
    let kind = match known.map(|endpoint| endpoint.kind.as_str()) {
        Some("Gateway") => Proof::ProofGatewayEndpoint,
        Some("Interface") => Proof::ProofInterfaceEndpoint,
        _ => Proof::ProofEndpointOfThisVpc,
    };
    let text = format!("allowed only through VPC endpoint {id}");
    Ok(proven(kind, Some(id), text))
}

/// What the reads of a probe bucket at an address prove.
///
/// # Errors
/// Why they prove nothing.
pub fn by_bucket(proof: &BucketProof, calls: &BucketCalls, address: IpAddr) -> Result<Proven, String> {
    let proven = |signal: Proof, text: &str| Proven {
        proof: signal,
        vpc_endpoint_id: None,
        place: format!("proofs/bucket/{}/{address}", proof.bucket),
        text: format!("bucket {}: {text}", proof.bucket),
    };
    match (Read::of(&calls.through_endpoint), Read::of(&calls.without_endpoint)) {
        (Read::Answered, Read::Denied) => Ok(proven(
            Proof::ProofSomeEndpoint,
            "gives the object that is denied without a VPC endpoint, and denies the other",
        )),
        (Read::Denied, Read::Answered) => Ok(proven(
            Proof::ProofNoEndpoint,
            "gives the object that is denied through a VPC endpoint, and denies the other",
        )),
        (Read::Answered, Read::Answered) => {
            Err("the bucket gives both objects: the bucket policy that denies one of them is not there"
                .to_owned())
        }
        (Read::Denied, Read::Denied) => {
            Err("the bucket policy denies both objects: it denies more than the proof needs".to_owned())
        }
        (Read::Other(what), _) => Err(format!("the object for requests through a VPC endpoint {what}")),
        (_, Read::Other(what)) => Err(format!("the object for requests without one {what}")),
    }
}

/// Why a proof as a whole was not made, in words.
#[must_use]
pub fn not_made_words(because: NotMade) -> &'static str {
    match because {
        NotMade::NotAsked => "nobody asked for it",
        NotMade::NoCredentials => "there are no credentials to sign with",
        NotMade::RegionUnknown => "no Region is known",
        NotMade::NotResolved => "the host name of STS has no address",
        NotMade::Unreachable => "STS cannot be reached",
        NotMade::NotTrusted => "nobody vouches for what answers as STS",
        NotMade::NoSession => "STS did not give the session",
        NotMade::NothingToProve => "no service that takes part answered",
        NotMade::OutOfTime => "time was up",
        NotMade::InternalError => "a fault of this program stopped it",
    }
}

/// The name of a role, the last part of its ARN.
#[must_use]
pub fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What was said to a call under a session policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Allowed,
    /// The text names the session policy.
    RefusedBySession,
    /// Refused, for another reason or none.
    Refused(Option<Refusal>),
    /// Any other answer.
    Answered(u16),
    Missing,
}

impl Said {
    fn of(step: &Step<Reply, CallFailure>) -> Self {
        let Some(reply) = step.done() else { return Self::Missing };
        match refusal(reply) {
            _ if reply.status < 300 => Self::Allowed,
            Some(refusal) if refusal.policy == Some(PolicyType::Session) => Self::RefusedBySession,
            Some(refusal) => Self::Refused(Some(refusal)),
            None if last_word(reply).status == 403 => Self::Refused(None),
            None => Self::Answered(last_word(reply).status),
        }
    }

    /// What became of the call, as the end of a sentence.
    fn words(self, asked: Option<&Asked>) -> String {
        match self {
            Self::Allowed => "was allowed".to_owned(),
            Self::RefusedBySession => "was refused by the session policy".to_owned(),
            Self::Refused(refusal) => refused_words(refusal),
            Self::Answered(status) => {
                format!("was answered with {}", with_code(status, asked.map(|asked| &asked.call)))
            }
            Self::Missing => missing_words(asked.map(|asked| &asked.call)),
        }
    }
}

/// What became of the reading of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Read {
    Answered,
    /// Refused with an explicit deny in a resource-based policy.
    Denied,
    /// Anything else, as the end of a sentence.
    Other(String),
}

impl Read {
    fn of(step: &Step<Reply, CallFailure>) -> Self {
        let Some(reply) = step.done() else { return Self::Other(missing_words(Some(step))) };
        match refusal(reply) {
            _ if reply.status < 300 => Self::Answered,
            Some(Refusal { policy: Some(PolicyType::Resource), explicit: true }) => Self::Denied,
            Some(refusal) => Self::Other(refused_words(Some(refusal))),
            None => Self::Other(format!("was answered with {}", with_code(reply.status, Some(step)))),
        }
    }
}

fn refused_words(refusal: Option<Refusal>) -> String {
    match refusal.and_then(|refusal| refusal.policy.map(|policy| (policy, refusal.explicit))) {
        Some((policy, true)) => format!("was denied by {}", policy.words()),
        Some((policy, false)) => format!("was refused: {} does not allow it", policy.words()),
        None => "was refused without a reason".to_owned(),
    }
}

fn with_code(status: u16, step: Option<&Step<Reply, CallFailure>>) -> String {
    let code = step.and_then(Step::done).and_then(|reply| last_word(reply).code.as_deref());
    code.map_or_else(|| format!("HTTP {status}"), |code| format!("HTTP {status} {code}"))
}

fn missing_words(step: Option<&Step<Reply, CallFailure>>) -> String {
    let Some(step) = step else { return "was not made".to_owned() };
    match (step.failed(), step.skip_reason()) {
        (Some(CallFailure::TimedOut), _) => "got no answer in time".to_owned(),
        (Some(_), _) => "failed on its way".to_owned(),
        (None, Some(SkipReason::OutOfTime)) => "was not made before time was up".to_owned(),
        _ => "was not made, because the connection could not be opened again".to_owned(),
    }
}

fn in_words(condition: Condition) -> &'static str {
    match condition {
        Condition::None => "without a condition",
        Condition::ThroughEndpoint => "on condition of a VPC endpoint",
        Condition::WithoutEndpoint => "on condition of no VPC endpoint",
        Condition::ThisVpc => "on condition of this VPC",
        Condition::Endpoint => "on condition of one VPC endpoint",
    }
}

#[cfg(test)]
mod tests;
