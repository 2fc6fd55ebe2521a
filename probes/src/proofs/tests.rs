//! Whole proofs against a loopback STS and S3: what is asked in which order, what is kept, and that no secret is.

use aws_credential_types::Credentials;

use super::*;
use crate::environment::ProxyAuthorizations;
use crate::loopback::{Authority, Service, empty_plan, http, soon};
use crate::observations::Observations;
use crate::plan::{CallPlan, ProbePlan, ProofPlan, TargetPlan};
use crate::run::{Board, Routed, Shared};
use crate::step::{Clock, SkipReason};
use std::sync::Arc;
use tokio::sync::watch;

const SECRETS: [&str; 4] = ["OWNTOKEN", "ownsecret", "GIVENTOKEN", "givensecret"];
const BY_SESSION: &str =
    "User: x is not authorized to perform: s3:ListAllMyBuckets because no session policy allows it";

fn proof_plan(roles: &[&str], buckets: &[&str]) -> ProofPlan {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    ProofPlan {
        roles: owned(roles),
        buckets: owned(buckets),
        region: Some("eu-west-1".to_owned()),
        sts_host: Some("localhost".to_owned()),
        s3_host: Some("localhost".to_owned()),
        session_name: "vpcprobe-i-1".to_owned(),
        vpc_id: Some("vpc-1".to_owned()),
        endpoint_services: Vec::new(),
    }
}

/// What a whole run with one S3 target leaves.
async fn proofs(proofs: ProofPlan, answer: fn(&str) -> String) -> (Proofs, Vec<String>) {
    let authority = Authority::new("Test Authority");
    let bundle = authority.bundle();
    let service = Service::start(authority.server("localhost", 2100), answer).await;
    let target = TargetPlan { call: CallPlan::S3ListBuckets, ..crate::run::tests::target("s3") };
    let plan = ProbePlan {
        proofs: Some(proofs),
        ca_bundle: Some(bundle.path().to_owned()),
        ..crate::run::tests::plan(vec![target])
    };
    let board = Board::skeleton(&plan);
    let credentials = Credentials::new("AKIDOWN", "ownsecret", Some("OWNTOKEN".to_owned()), None, "test");
    let routed = Routed { ipv4: true, ipv6: false };
    let port = service.address.port();
    let none = ProxyAuthorizations::default();
    let shared = Shared::new(Clock::start(), port, plan.clone(), routed, Some(credentials), none).unwrap();
    let shared = Arc::new(shared);
    // The target as its chain would leave it: one address that is trusted.
    let seen = crate::run::run_on_port(
        port,
        &ProbePlan { proofs: None, ..plan },
        &crate::run::tests::host(),
        &Clock::start(),
        std::future::pending(),
    )
    .await;
    let attempt = seen.targets[0].attempts[0].clone();
    board.target(0).open_attempt(attempt.address, None, SkipReason::Disabled);
    board.target(0).attempt(attempt.address, |open| *open = attempt.clone());
    let (_done, chains) = watch::channel(Some(std::time::Instant::now()));
    let (_read, control_plane) = watch::channel(true);
    make(shared, board.clone(), soon(), Awaited { chains, control_plane }).await;
    let Observations { proofs, .. } = board.finish();
    (proofs, service.requests())
}

fn session() -> String {
    let credentials = "<Credentials><AccessKeyId>AKIDGIVEN</AccessKeyId><SecretAccessKey>givensecret</SecretAccessKey>\
                       <SessionToken>GIVENTOKEN</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>";
    let result = format!("<AssumeRoleResult>{credentials}</AssumeRoleResult>");
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{result}</AssumeRoleResponse>"
    );
    http("200 OK", "Content-Type: text/xml\r\n", &body)
}

fn refusal(message: &str) -> String {
    let body = format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
    http("403 Forbidden", "Content-Type: application/xml\r\n", &body)
}

fn conditions(calls: &RoleCalls) -> Vec<(Condition, Option<u16>)> {
    let status = |asked: &Asked| asked.call.done().map(|reply| reply.status);
    calls.asked.iter().map(|asked| (asked.condition, status(asked))).collect()
}

#[tokio::test]
async fn a_role_is_asked_for_its_control_first_and_every_answer_is_kept_without_secrets() {
    let answer = |request: &str| {
        if request.contains("Action=AssumeRole") { session() } else { refusal(BY_SESSION) }
    };
    let role = "arn:aws:iam::111122223333:role/path-proof";
    let (proofs, requests) = proofs(proof_plan(&[role], &[]), answer).await;
    let proof = &proofs.roles[0];
    assert_eq!(proof.not_made_because, None);
    let sessions: Vec<Condition> = proof.sessions.iter().map(|session| session.condition).collect();
    assert_eq!(sessions[0], Condition::None);
    assert_eq!(sessions.len(), 4);
    // The control was refused, so nothing that follows would mean anything, and nothing was asked.
    let skipped = [Condition::ThroughEndpoint, Condition::WithoutEndpoint, Condition::ThisVpc]
        .map(|condition| (condition, None));
    assert_eq!(conditions(&proof.calls[0])[0], (Condition::None, Some(403)));
    assert_eq!(conditions(&proof.calls[0])[1..], skipped);
    assert_eq!(proof.calls[0].asked[1].call.skip_reason(), Some(SkipReason::PreviousStepFailed));
    let assumed: Vec<&String> =
        requests.iter().filter(|request| request.contains("Action=AssumeRole")).collect();
    assert!(assumed.iter().all(|request| request.contains("RoleSessionName=vpcprobe-i-1")), "{assumed:?}");
    assert!(!assumed[0].contains("Condition"), "the control has no condition: {}", assumed[0]);
    let said = serde_json::to_string(&proofs).unwrap();
    for secret in SECRETS {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
}

#[tokio::test]
async fn a_role_that_sts_refuses_leaves_its_words_and_no_call() {
    let answer = |request: &str| {
        if request.contains("Action=AssumeRole") {
            let error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>because no role trust policy allows \
                         the sts:AssumeRole action</Message></Error>";
            http(
                "403 Forbidden",
                "Content-Type: text/xml\r\n",
                &format!("<ErrorResponse>{error}</ErrorResponse>"),
            )
        } else {
            http("200 OK", "", "")
        }
    };
    let (proofs, _) = proofs(proof_plan(&["arn:aws:iam::111122223333:role/r"], &[]), answer).await;
    let proof = &proofs.roles[0];
    assert_eq!(proof.not_made_because, Some(NotMade::NoSession));
    assert_eq!((proof.sessions.len(), proof.calls.len()), (1, 0));
    let reply = proof.sessions[0].assumed.done().unwrap();
    assert!(reply.message.as_deref().unwrap().contains("no role trust policy"), "{reply:?}");
}

#[tokio::test]
async fn both_objects_of_a_probe_bucket_are_read_at_the_address_under_the_services_own_name() {
    let answer = |request: &str| {
        if request.starts_with("GET /probe-bucket/vpcprobe/only-through-a-vpc-endpoint") {
            http("200 OK", "", "proof")
        } else {
            refusal("with an explicit deny in a resource-based policy")
        }
    };
    let (proofs, requests) = proofs(proof_plan(&[], &["probe-bucket"]), answer).await;
    let calls = &proofs.buckets[0].calls;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].through_endpoint.done().map(|reply| reply.status), Some(200));
    assert_eq!(calls[0].without_endpoint.done().map(|reply| reply.status), Some(403));
    let last = requests.last().unwrap();
    assert!(last.starts_with("GET /probe-bucket/vpcprobe/only-without-a-vpc-endpoint"), "{last}");
    assert!(last.to_ascii_lowercase().contains("host: localhost"), "{last}");
}

#[tokio::test]
async fn without_credentials_a_proof_is_not_made_and_says_so() {
    let plan = ProbePlan { proofs: Some(proof_plan(&["arn:r"], &["probe-bucket"])), ..empty_plan() };
    let board = Board::skeleton(&plan);
    let (routed, none) = (Routed { ipv4: true, ipv6: false }, ProxyAuthorizations::default());
    let shared = Shared::new(Clock::start(), 443, plan, routed, None, none).unwrap();
    let (_done, chains) = watch::channel(None);
    let (_read, control_plane) = watch::channel(false);
    make(Arc::new(shared), board.clone(), soon(), Awaited { chains, control_plane }).await;
    let proofs = board.finish().proofs;
    assert_eq!(proofs.roles[0].not_made_because, Some(NotMade::NoCredentials));
    assert_eq!(proofs.buckets[0].not_made_because, Some(NotMade::NoCredentials));
}
