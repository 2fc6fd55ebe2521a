//! What answers under session policies and from a probe bucket prove, case by case.

use probes::Outcome;
use probes::control_plane::VpcEndpoint;

use super::*;
use crate::testing::{S3, done, recording};

const ROLE: &str = "arn:aws:iam::111122223333:role/ops/path-proof";

fn reply(status: u16, message: &str) -> Step<Reply, CallFailure> {
    let code = (status == 403).then(|| "AccessDenied".to_owned());
    let message = (!message.is_empty()).then(|| message.to_owned());
    done(Reply {
        operation: "s3:ListAllMyBuckets".into(),
        signed: true,
        status,
        code,
        message,
        ..Reply::default()
    })
}

fn allowed() -> Step<Reply, CallFailure> {
    reply(200, "")
}

fn by_session() -> Step<Reply, CallFailure> {
    reply(403, "User: x is not authorized to perform: y because no session policy allows the y action")
}

fn explicit() -> Step<Reply, CallFailure> {
    reply(403, "User: x is not authorized to perform: y with an explicit deny in a resource-based policy")
}

fn role(answers: &[(Condition, Option<&str>, Step<Reply, CallFailure>)]) -> RoleProof {
    let asked = answers.iter().map(|(condition, id, call)| Asked {
        condition: *condition,
        vpc_endpoint_id: id.map(ToOwned::to_owned),
        call: call.clone(),
    });
    let calls = RoleCalls {
        target: "s3".into(),
        service: "s3".into(),
        addresses: vec![S3.parse().unwrap()],
        asked: asked.collect(),
    };
    RoleProof { role: ROLE.into(), not_made_because: None, sessions: Vec::new(), calls: vec![calls] }
}

/// What a role's calls prove: control, through an endpoint, without one, this VPC.
fn of(answers: [Step<Reply, CallFailure>; 4]) -> Result<Proof, String> {
    let conditions =
        [Condition::None, Condition::ThroughEndpoint, Condition::WithoutEndpoint, Condition::ThisVpc];
    let answers: Vec<_> =
        conditions.into_iter().zip(answers).map(|(condition, call)| (condition, None, call)).collect();
    let proof = role(&answers);
    by_role(&recording(), &proof, &proof.calls[0], S3.parse().unwrap()).map(|proven| proven.proof)
}

#[test]
fn exactly_one_of_two_opposite_conditions_tells_the_way() {
    assert_eq!(of([allowed(), allowed(), by_session(), allowed()]), Ok(Proof::ProofEndpointOfThisVpc));
    assert_eq!(of([allowed(), allowed(), by_session(), by_session()]), Ok(Proof::ProofEndpointOfAnotherVpc));
    assert_eq!(of([allowed(), by_session(), allowed(), by_session()]), Ok(Proof::ProofNoEndpoint));
}

#[test]
fn without_the_vpc_an_endpoint_is_proven_and_whose_it_is_stays_open() {
    let unknown = Step::skipped(SkipReason::OutOfTime);
    assert_eq!(of([allowed(), allowed(), by_session(), unknown]), Ok(Proof::ProofSomeEndpoint));
}

#[test]
fn whatever_else_is_said_proves_nothing_and_says_why() {
    let identity = || reply(403, "because no identity-based policy allows the s3:ListAllMyBuckets action");
    let endpoint = || reply(403, "with an explicit deny in a VPC endpoint policy");
    let silent = || Step { start_ms: 1.0, elapsed_ms: 1.0, outcome: Outcome::Failed(CallFailure::TimedOut) };
    let table = [
        ([identity(), allowed(), by_session(), allowed()], "control call"),
        ([endpoint(), allowed(), by_session(), allowed()], "denied by the VPC endpoint's policy"),
        ([silent(), allowed(), by_session(), allowed()], "no answer in time"),
        ([allowed(), allowed(), allowed(), allowed()], "does not heed the session policy"),
        ([allowed(), by_session(), by_session(), by_session()], "of which one must hold"),
        ([allowed(), by_session(), reply(403, "Access Denied"), by_session()], "refused without a reason"),
        ([allowed(), identity(), allowed(), allowed()], "an identity-based policy does not allow it"),
        ([allowed(), reply(503, ""), by_session(), allowed()], "HTTP 503"),
    ];
    for (answers, expected) in table {
        let why = of(answers).unwrap_err();
        assert!(why.contains(expected), "{why} lacks {expected:?}");
    }
}

#[test]
fn a_session_that_names_an_endpoint_finds_it_and_ec2_says_of_which_kind_it_is() {
    let gateway = "vpce-0aaaaaaaaaaaaaaaa";
    let proof = role(&[
        (Condition::None, None, allowed()),
        (Condition::ThroughEndpoint, None, allowed()),
        (Condition::WithoutEndpoint, None, by_session()),
        (Condition::ThisVpc, None, allowed()),
        (Condition::Endpoint, Some("vpce-0bbbbbbbbbbbbbbbb"), by_session()),
        (Condition::Endpoint, Some(gateway), allowed()),
    ]);
    let mut recording = recording();
    let proven = by_role(&recording, &proof, &proof.calls[0], S3.parse().unwrap()).unwrap();
    assert_eq!(
        (proven.proof, proven.vpc_endpoint_id.as_deref()),
        (Proof::ProofEndpointOfThisVpc, Some(gateway))
    );
    assert_eq!(proven.place, format!("proofs/role/path-proof/s3/{S3}"));
    let endpoint = VpcEndpoint { id: gateway.into(), kind: "Gateway".into(), ..VpcEndpoint::default() };
    recording.control_plane.vpc_endpoints = Some(done(vec![endpoint]));
    assert_eq!(
        by_role(&recording, &proof, &proof.calls[0], S3.parse().unwrap()).unwrap().proof,
        Proof::ProofGatewayEndpoint
    );
}

fn bucket(through: Step<Reply, CallFailure>, without: Step<Reply, CallFailure>) -> BucketProof {
    let calls = BucketCalls {
        addresses: vec![S3.parse().unwrap()],
        through_endpoint: through,
        without_endpoint: without,
    };
    BucketProof { bucket: "probe-bucket".into(), not_made_because: None, calls: vec![calls] }
}

#[test]
fn a_bucket_proves_by_exactly_one_answer_and_one_explicit_deny() {
    let of = |through, without| {
        let proof = bucket(through, without);
        by_bucket(&proof, &proof.calls[0], S3.parse().unwrap()).map(|proven| proven.proof)
    };
    assert_eq!(of(allowed(), explicit()), Ok(Proof::ProofSomeEndpoint));
    assert_eq!(of(explicit(), allowed()), Ok(Proof::ProofNoEndpoint));
    let implicit = || reply(403, "because no resource-based policy allows the s3:GetObject action");
    let table = [
        (allowed(), allowed(), "the bucket policy that denies one of them is not there"),
        (explicit(), explicit(), "denies both objects"),
        (allowed(), implicit(), "does not allow it"),
        (allowed(), reply(403, "Access Denied"), "refused without a reason"),
        (reply(404, "no such key"), explicit(), "HTTP 404"),
        (Step::skipped(SkipReason::PreviousStepFailed), explicit(), "was not made"),
    ];
    for (through, without, expected) in table {
        let why = of(through, without).unwrap_err();
        assert!(why.contains(expected), "{why} lacks {expected:?}");
    }
}

#[test]
fn two_proofs_of_one_address_agree_or_are_said_to_disagree() {
    let exact = role(&[
        (Condition::None, None, allowed()),
        (Condition::ThroughEndpoint, None, allowed()),
        (Condition::WithoutEndpoint, None, by_session()),
        (Condition::ThisVpc, None, allowed()),
    ]);
    let mut recording = recording();
    recording.proofs.roles = vec![exact];
    let said = |recording: &Recording| at(recording, "s3", S3.parse().unwrap()).unwrap();
    recording.proofs.buckets = vec![bucket(allowed(), explicit())];
    assert_eq!(said(&recording).proof, Proof::ProofEndpointOfThisVpc);
    recording.proofs.buckets = vec![bucket(explicit(), allowed())];
    assert_eq!(said(&recording).proof, Proof::ProofsDisagree);
    assert_eq!(at(&recording, "dynamodb", S3.parse().unwrap()), None);
}
