//! What the controls and the address that the internet sees do to verdicts.

use probes::observations::{HopWalk, TargetObservation};
use probes::{Outcome, Step};

use super::*;
use crate::testing::{done, failed};

/// An address of S3 in another Region.
const FAR: &str = "52.219.80.1";
const PUBLIC: &str = "54.157.23.104";
const OF_NAT: &str = "3.208.14.77";

fn silent_s3_with(controls: Vec<TargetObservation>) -> Verdict {
    only(&Recording { controls, ..s3(vec![walked(answering(S3), &[])]) })
}

fn signals(verdict: &Verdict) -> Vec<SignalName> {
    verdict.because.iter().map(|reason| reason.signal).collect()
}

/// The attempt with a walk that was answered by one router at this TTL, after silence that was asked about again, and that did not
/// get as far as the destination.
fn far_router(attempt: Attempt, ttl: u8, router: &str) -> Attempt {
    let mut attempt = walked(attempt, &[router]);
    if let Outcome::Done(walk) = &mut attempt.hops.outcome {
        walk.responders[0].ttl = ttl;
        (walk.reached_at_ttl, walk.silent_after_retry) = (None, (1..ttl.min(4)).collect());
    }
    attempt
}

#[test]
fn s3_elsewhere_that_shows_routers_makes_a_gateway_endpoint_likely() {
    let elsewhere = || s3_elsewhere(vec![walked(answering(FAR), &[NAT])]);
    for controls in [vec![elsewhere()], vec![dead_control(), elsewhere()], vec![control(&[NAT]), elsewhere()]]
    {
        let verdict = silent_s3_with(controls);
        assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
        assert!(signals(&verdict).contains(&SignalName::OtherRegionShowsResponders));
    }
}

#[test]
fn s3_elsewhere_that_is_reached_in_silence_leaves_it_at_possible_whatever_the_public_host_shows() {
    let elsewhere = || s3_elsewhere(vec![walked(answering(FAR), &[])]);
    for controls in [vec![dead_control(), elsewhere()], vec![control(&[NAT]), elsewhere()], vec![elsewhere()]]
    {
        let verdict = silent_s3_with(controls);
        assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Possible)));
        assert!(signals(&verdict).contains(&SignalName::OtherRegionSilent));
    }
}

#[test]
fn where_neither_is_reached_or_the_public_host_alone_shows_routers_it_is_as_without_the_other_region() {
    let dead = || s3_elsewhere(vec![super::silent(FAR)]);
    let verdict = silent_s3_with(vec![dead_control(), dead()]);
    assert_eq!(verdict.confidence, Some(Confidence::Likely));
    let reason =
        verdict.because.iter().find(|reason| reason.signal == SignalName::ControlUnreachable).unwrap();
    assert!(reason.text.contains("neither") && reason.text.contains("within 3000 ms"), "{}", reason.text);
    let verdict = silent_s3_with(vec![control(&[NAT]), dead()]);
    assert_eq!(verdict.confidence, Some(Confidence::Likely));
    assert!(signals(&verdict).contains(&SignalName::ControlShowsResponders));
    let verdict = silent_s3_with(vec![control(&[]), dead()]);
    assert_eq!(verdict.confidence, Some(Confidence::Possible));
}

#[test]
fn s3_elsewhere_that_answers_without_a_walk_takes_the_word_from_a_public_host_that_does_not() {
    let verdict = silent_s3_with(vec![dead_control(), s3_elsewhere(vec![answering(FAR)])]);
    assert_eq!(verdict.path, Path::Undetermined);
}

#[test]
fn routers_far_out_on_the_way_to_another_region_are_no_routers_of_the_way_out() {
    let with = |ttl| {
        silent_s3_with(vec![s3_elsewhere(vec![far_router(answering(FAR), ttl, "52.93.28.1")])]).confidence
    };
    assert_eq!(with(3), Some(Confidence::Likely));
    assert_eq!(with(6), Some(Confidence::Possible));
    let mut unasked = far_router(answering(FAR), 6, "52.93.28.1");
    if let Outcome::Done(HopWalk { silent_after_retry, .. }) = &mut unasked.hops.outcome {
        silent_after_retry.clear();
    }
    assert_eq!(silent_s3_with(vec![s3_elsewhere(vec![unasked])]).path, Path::Undetermined);
    // A private router belongs to the way out, however far it is.
    let private = far_router(answering(FAR), 6, NAT);
    let verdict = silent_s3_with(vec![s3_elsewhere(vec![private])]);
    assert_eq!(verdict.confidence, Some(Confidence::Likely));
}

#[test]
fn a_shared_router_is_nat_also_where_only_the_other_region_can_be_reached() {
    let controls = vec![dead_control(), s3_elsewhere(vec![walked(answering(FAR), &[NAT])])];
    let verdict = only(&Recording { controls, ..s3(vec![walked(answering(S3), &[NAT])]) });
    assert_eq!((verdict.path, verdict.confidence), (Path::Internet, Some(Confidence::Likely)));
    assert!(signals(&verdict).contains(&SignalName::OtherRegionSharesFirstResponder));
}

#[test]
fn an_address_that_an_endpoint_here_may_carry_compares_nothing() {
    for address in [S3_TOO, PRIVATE, "192.168.7.7", "127.0.0.1"] {
        let verdict = silent_s3_with(vec![s3_elsewhere(vec![walked(answering(address), &[NAT])])]);
        assert_eq!(verdict.path, Path::Undetermined, "{address}");
    }
}

#[test]
fn another_service_elsewhere_compares_nothing() {
    let mut dynamodb = s3_elsewhere(vec![walked(answering(FAR), &[NAT])]);
    dynamodb.service = "dynamodb".into();
    assert_eq!(silent_s3_with(vec![dynamodb]).path, Path::Undetermined);
}

#[test]
fn a_partition_of_one_region_says_that_there_is_none_to_compare_with() {
    let mut recording = Recording { controls: vec![dead_control()], ..s3(vec![walked(answering(S3), &[])]) };
    recording.environment.host.region = Some("eusc-de-east-1".into());
    let text = |recording: &Recording| {
        let reasons = only(recording).because;
        reasons.into_iter().find(|reason| reason.signal == SignalName::ControlUnreachable).unwrap().text
    };
    assert!(text(&recording).contains("aws-eusc has no other Region"), "{}", text(&recording));
    recording.environment.host.region = Some("us-east-1".into());
    assert!(!text(&recording).contains("no other Region"), "{}", text(&recording));
}

/// A control that tells this address, behind these routers.
fn telling(address: &str, routers: &[&str]) -> TargetObservation {
    let mut control = control(routers);
    let told_address = Some(address.parse().unwrap());
    control.attempts[0].call =
        done(Reply { operation: "GET /".into(), status: 200, told_address, ..Reply::default() });
    control
}

fn ssm_with(public_ipv4: Option<&str>, routers: &[&str], controls: Vec<TargetObservation>) -> Verdict {
    let targets = vec![target("ssm", true, vec![walked(answering(ELSEWHERE), routers)])];
    let mut recording = Recording { targets, controls, ..recording() };
    recording.environment.host.public_ipv4 = public_ipv4.map(|address| address.parse().unwrap());
    only(&recording)
}

#[test]
fn the_address_that_the_internet_sees_names_the_carrier_where_no_router_shows_itself() {
    let own = ssm_with(Some(PUBLIC), &[], vec![telling(PUBLIC, &[])]);
    assert_eq!(
        (own.path, own.via, own.confidence),
        (Path::Internet, Some(Via::InternetGateway), Some(Confidence::Likely))
    );
    for public in [None, Some(PUBLIC)] {
        let nat = ssm_with(public, &[], vec![telling(OF_NAT, &[])]);
        assert_eq!((nat.path, nat.via), (Path::Internet, Some(Via::NatOrAppliance)));
        assert!(signals(&nat).contains(&SignalName::EgressIsAnotherAddress));
    }
    let untold = ssm_with(Some(PUBLIC), &[], vec![control(&[])]);
    assert_eq!((untold.path, untold.via), (Path::Internet, None));
}

#[test]
fn routers_of_the_internet_behind_nat_that_hides_are_no_internet_gateway_of_this_subnet() {
    let router = "240.0.56.65";
    let nat = ssm_with(Some(PUBLIC), &[router], vec![telling(OF_NAT, &[router])]);
    assert_eq!(nat.via, Some(Via::NatOrAppliance));
    let own = ssm_with(Some(PUBLIC), &[router], vec![telling(PUBLIC, &[router])]);
    assert_eq!(own.via, Some(Via::InternetGateway));
    assert!(signals(&own).contains(&SignalName::EgressIsOwnAddress));
    // By another router, by another way.
    let other = ssm_with(Some(PUBLIC), &[router], vec![telling(OF_NAT, &["240.0.56.66"])]);
    assert_eq!(other.via, Some(Via::InternetGateway));
}

#[test]
fn the_address_that_the_internet_sees_says_nothing_of_a_gateway_endpoint() {
    for told in [PUBLIC, OF_NAT] {
        let mut recording =
            Recording { controls: vec![telling(told, &[NAT])], ..s3(vec![walked(answering(S3), &[])]) };
        recording.environment.host.public_ipv4 = Some(PUBLIC.parse().unwrap());
        let verdict = only(&recording);
        assert_eq!((verdict.path, verdict.via), (Path::GatewayEndpoint, None));
        let egress = [SignalName::EgressIsOwnAddress, SignalName::EgressIsAnotherAddress];
        assert!(!signals(&verdict).iter().any(|signal| egress.contains(signal)));
    }
}

#[test]
fn what_is_no_word_of_the_control_s_own_names_no_carrier() {
    let carrier = |control: TargetObservation| ssm_with(None, &[], vec![control]).via;
    assert_eq!(carrier(telling(OF_NAT, &[])), Some(Via::NatOrAppliance));
    // Not an address of the internet.
    assert_eq!(carrier(telling("10.0.0.7", &[])), None);
    assert_eq!(carrier(telling("2600:1f18::7", &[])), None);
    // A peer that nobody vouches for, and an interceptor.
    for machine in [Verification::UnknownIssuer, Verification::Trusted] {
        let mut foreign = telling(OF_NAT, &[]);
        let mut session = session("CN=Corp Interceptor", Verification::UnknownIssuer);
        session.trust.machine = machine;
        foreign.attempts[0].tls = done(session);
        assert_eq!(carrier(foreign), None);
    }
    // Controls that contradict each other.
    let (mut one, mut other) = (telling(OF_NAT, &[]), telling(PUBLIC, &[]));
    (one.host, other.host) = ("one.example".into(), "other.example".into());
    assert_eq!(ssm_with(Some(PUBLIC), &[], vec![one, other]).via, None);
    // Metadata did not say which address is the instance's.
    let mut recording = Recording {
        targets: vec![target("ssm", true, vec![walked(answering(ELSEWHERE), &[])])],
        controls: vec![telling(OF_NAT, &[])],
        ..recording()
    };
    recording.environment.host.instance_id = None;
    assert_eq!(only(&recording).via, None);
    recording.controls[0].attempts[0].call = failed(probes::observations::CallFailure::TimedOut);
    recording.controls[0].attempts[0].hops = Step::skipped(SkipReason::OutOfTime);
    assert_eq!(only(&recording).via, None);
}
