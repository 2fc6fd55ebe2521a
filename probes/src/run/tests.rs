//! Whole runs against loopback services: the tree that comes out, and what a deadline or a signal leaves of it.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::environment::{Environment, ProxyAuthorizations};
use crate::loopback::{Authority, Service, empty_plan, http, silent_peer};
use crate::observations::{TargetObservation, TcpFailure, TlsFailure, Verification};
use crate::plan::{CallPlan, Families, TargetPlan};
use crate::step::{SkipReason, Step};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) fn host() -> Host {
    let environment = Environment { ipv4_route: true, ..Environment::default() };
    Host { environment, secrets: None, proxy_authorizations: ProxyAuthorizations::default() }
}

pub(crate) fn target(name: &str) -> TargetPlan {
    TargetPlan {
        target: name.to_owned(),
        service: name.to_owned(),
        host: "localhost".to_owned(),
        required: true,
        region: "eu-west-1".to_owned(),
        call: CallPlan::UnsignedGet,
        prefixes: Vec::new(),
        proxy: None,
        elsewhere: false,
    }
}

pub(crate) fn plan(targets: Vec<TargetPlan>) -> ProbePlan {
    ProbePlan { targets, ..empty_plan() }
}

fn attempt_at(target: &TargetObservation, address: IpAddr) -> &crate::observations::Attempt {
    target.attempts.iter().find(|attempt| attempt.address == address).unwrap()
}

#[tokio::test]
async fn a_target_gives_a_whole_chain_of_steps() {
    let authority = Authority::new("Test Authority");
    let bundle = authority.bundle();
    let service = Service::start(authority.server("localhost", 2100), |_| {
        http("403 Forbidden", "x-amz-request-id: R\r\n", "<Error><Code>AccessDenied</Code></Error>")
    })
    .await;
    let mut plan = plan(vec![target("s3")]);
    plan.ca_bundle = Some(bundle.path().to_owned());
    let clock = Clock::start();
    let stop = std::future::pending();
    let seen = run_on_port(service.address.port(), &plan, &host(), &clock, stop).await;
    let attempt = attempt_at(&seen.targets[0], LOCALHOST);
    assert_eq!(attempt.origin, ["system"]);
    assert!(attempt.tcp.done().is_some());
    let trust = &attempt.tls.done().unwrap().trust;
    assert_eq!(trust.ca_bundle, Some(Verification::Trusted));
    let reply = attempt.call.done().unwrap();
    assert_eq!((reply.status, reply.code.as_deref()), (403, Some("AccessDenied")));
    assert_eq!(attempt.hops.skip_reason(), Some(SkipReason::Disabled));
    assert!(attempt.tls.start_ms >= attempt.tcp.start_ms && attempt.call.start_ms >= attempt.tls.start_ms);
    assert!(attempt.tls.elapsed_ms > 0.0);
}

#[tokio::test]
async fn a_failed_step_leaves_the_following_ones_skipped_with_that_reason() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let stop = std::future::pending();
    let seen = run_on_port(closed, &plan(vec![target("s3")]), &host(), &Clock::start(), stop).await;
    let attempt = attempt_at(&seen.targets[0], LOCALHOST);
    assert_eq!(attempt.tcp.failed(), Some(&TcpFailure::Refused));
    assert_eq!(attempt.tls.skip_reason(), Some(SkipReason::PreviousStepFailed));
    assert_eq!(attempt.call.skip_reason(), Some(SkipReason::PreviousStepFailed));
}

#[tokio::test]
async fn a_signal_ends_the_run_at_once_and_keeps_what_was_done() {
    let silent = silent_peer().await;
    let began = Instant::now();
    let stop = tokio::time::sleep(Duration::from_millis(700));
    let mut plan = plan(vec![target("s3")]);
    plan.controls = vec![target("control")];
    let seen = run_on_port(silent.port(), &plan, &host(), &Clock::start(), stop).await;
    assert!(began.elapsed() < Duration::from_secs(3));
    let attempt = attempt_at(&seen.targets[0], LOCALHOST);
    assert!(attempt.tcp.done().is_some(), "{attempt:?}");
    assert_eq!(attempt.tls.skip_reason(), Some(SkipReason::OutOfTime));
    assert_eq!(seen.controls.len(), 1);
}

#[tokio::test]
async fn a_run_whose_time_is_over_before_it_starts_is_a_skeleton_of_every_planned_step() {
    let mut plan = plan(vec![target("s3"), target("dynamodb")]);
    plan.budgets.deadline = Duration::ZERO;
    plan.controls = vec![target("control")];
    plan.families = Families { ipv4: true, ipv6: true };
    plan.resolvers = vec![crate::plan::ResolverPlan {
        address: LOCALHOST,
        kind: crate::observations::ResolverKind::Configured,
    }];
    let seen = run(&plan, &host(), &Clock::start(), std::future::ready(())).await;
    let names: Vec<_> = seen.targets.iter().chain(&seen.controls).map(|seen| seen.target.as_str()).collect();
    assert_eq!(names, ["s3", "dynamodb", "control"]);
    for target in seen.targets.iter().chain(&seen.controls) {
        assert_eq!(target.lookups.len(), 2);
        for lookup in &target.lookups {
            assert_eq!(lookup.a.skip_reason(), Some(SkipReason::OutOfTime));
        }
        let aaaa = target.lookups[1].aaaa.as_ref().and_then(Step::skip_reason);
        assert_eq!(aaaa, Some(SkipReason::OutOfTime));
    }
}

#[tokio::test]
async fn a_chain_that_meets_silence_ends_with_its_own_budget() {
    let silent = silent_peer().await;
    let mut plan = plan(vec![target("s3")]);
    plan.budgets.chain = Duration::from_millis(900);
    let began = Instant::now();
    let stop = std::future::pending();
    let seen = run_on_port(silent.port(), &plan, &host(), &Clock::start(), stop).await;
    assert!(began.elapsed() >= Duration::from_millis(850) && began.elapsed() < Duration::from_secs(3));
    let attempt = attempt_at(&seen.targets[0], LOCALHOST);
    assert_eq!(attempt.tls.failed(), Some(&TlsFailure::TimedOut));
    assert_eq!(attempt.call.skip_reason(), Some(SkipReason::PreviousStepFailed));
}

#[tokio::test]
async fn a_silent_control_is_timed_out_when_the_evidence_budget_is_over() {
    let silent = silent_peer().await;
    let mut plan = plan(Vec::new());
    plan.controls = vec![target("control")];
    let began = Instant::now();
    let stop = std::future::pending();
    let seen = run_on_port(silent.port(), &plan, &host(), &Clock::start(), stop).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let attempt = attempt_at(&seen.controls[0], LOCALHOST);
    assert_eq!(attempt.tls.failed(), Some(&TlsFailure::TimedOut));
}

/// What an attempt at the plan's first target works with.
pub(crate) fn context(
    board: &Board,
    plan: ProbePlan,
    port: u16,
    credentials: Option<Credentials>,
) -> crate::attempt::Context {
    let routed = Routed { ipv4: true, ipv6: false };
    let shared =
        Shared::new(Clock::start(), port, plan, routed, credentials, ProxyAuthorizations::default()).unwrap();
    crate::attempt::Context {
        target: Arc::new(shared.plan.targets[0].clone()),
        shared: Arc::new(shared),
        slot: board.target(0),
        until: Until::at(Instant::now() + Duration::from_secs(5)),
        tried_again: Arc::default(),
    }
}

#[tokio::test]
async fn credentials_are_used_for_a_trusted_peer_and_never_shown_to_another() {
    let authority = Authority::new("Test Authority");
    for (bundle, signed) in [(authority.bundle(), true), (Authority::new("Interceptor").bundle(), false)] {
        let service =
            Service::start(authority.server("localhost", 2100), |_| http("403 Forbidden", "", "")).await;
        let mut plan = plan(vec![TargetPlan { call: CallPlan::DynamoDbListTables, ..target("dynamodb") }]);
        plan.ca_bundle = Some(bundle.path().to_owned());
        let board = Board::skeleton(&plan);
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("token".to_owned()), None, "test");
        let context = context(&board, plan, service.address.port(), Some(credentials));
        assert!(context.open(LOCALHOST).is_some());
        context.carry_out(LOCALHOST).await;
        let seen = board.finish();
        let reply = attempt_at(&seen.targets[0], LOCALHOST).call.done().unwrap();
        assert_eq!((reply.status, reply.signed), (403, signed));
        let requests = service.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].contains("AKIDEXAMPLE"), signed, "{requests:?}");
        assert_eq!(requests[0].contains("token"), signed, "{requests:?}");
    }
}

#[tokio::test]
async fn an_address_of_a_family_that_is_switched_off_is_skipped_as_disabled() {
    let mut plan = plan(vec![target("s3")]);
    plan.families = Families { ipv4: false, ipv6: true };
    let board = Board::skeleton(&plan);
    let context = context(&board, plan, 1, None);
    assert!(context.open(LOCALHOST).is_none());
    let seen = board.finish();
    let attempt = attempt_at(&seen.targets[0], LOCALHOST);
    assert_eq!(attempt.tcp.skip_reason(), Some(SkipReason::Disabled));
    assert_eq!(attempt.hops.skip_reason(), Some(SkipReason::Disabled));
}
