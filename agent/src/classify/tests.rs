//! What whole recordings come to. The table itself is tested beside it, over its full product.

use probes::environment::{Container, Interface};
use probes::observations::{Attempt, LookupFailure, Reply, Verification};
use probes::{SkipReason, Step};
use proptest::prelude::*;

use super::signal::SignalName;
use super::verdicts;
use crate::prefix_lists::Source;
use crate::report::{Confidence, Path, Recording, Verdict, Via};
use crate::testing::{
    DYNAMODB, ELSEWHERE, NAT, PRIVATE, S3, S3_TOO, answering, control, dead_control, recording, replying,
    s3_elsewhere, session, silent, target, unresolved, walked, walked_right_behind,
};

mod controls;

fn only(recording: &Recording) -> Verdict {
    verdicts(recording).remove(0)
}

fn s3(attempts: Vec<Attempt>) -> Recording {
    Recording { targets: vec![target("s3", true, attempts)], ..recording() }
}

/// S3 that answers at TTL 5, behind routers that said nothing, of which these were asked again.
fn far_away(silent_after_retry: Vec<u8>) -> Attempt {
    let mut attempt = walked(answering(S3), &[]);
    if let probes::Outcome::Done(walk) = &mut attempt.hops.outcome {
        (walk.reached_at_ttl, walk.silent_after_retry) = (Some(5), silent_after_retry);
    }
    attempt
}

#[test]
fn public_address_without_control_is_undetermined() {
    let verdict = only(&s3(vec![walked(answering(S3), &[])]));
    assert_eq!((verdict.path, verdict.confidence, verdict.reachable), (Path::Undetermined, None, Some(true)));
}

#[test]
fn silence_on_the_way_where_the_control_shows_routers_is_a_gateway_endpoint() {
    let recording = Recording { controls: vec![control(&[NAT])], ..s3(vec![walked(answering(S3), &[])]) };
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
    assert!(!verdict.because.is_empty());
}

#[test]
fn silence_on_the_way_where_the_control_is_as_silent_is_only_possibly_a_gateway_endpoint() {
    let recording = Recording { controls: vec![control(&[])], ..s3(vec![walked(answering(S3), &[])]) };
    assert_eq!(only(&recording).confidence, Some(Confidence::Possible));
}

#[test]
fn the_same_private_router_before_service_and_control_is_nat() {
    let recording = Recording { controls: vec![control(&[NAT])], ..s3(vec![walked(answering(S3), &[NAT])]) };
    let verdict = only(&recording);
    assert_eq!(
        (verdict.path, verdict.via, verdict.confidence),
        (Path::Internet, Some(Via::NatOrAppliance), Some(Confidence::Likely))
    );
}

#[test]
fn a_private_router_before_the_service_alone_is_only_possibly_nat() {
    let recording = Recording { controls: vec![dead_control()], ..s3(vec![walked(answering(S3), &[NAT])]) };
    assert_eq!(only(&recording).confidence, Some(Confidence::Possible));
}

/// On the way to the internet there is more than a NAT: something that ends right behind one may be a gateway endpoint's.
#[test]
fn a_service_right_behind_a_private_router_is_only_possibly_on_the_internet() {
    let right_behind = |address: &str| Recording {
        controls: vec![control(&[NAT])],
        ..s3(vec![walked_right_behind(answering(address), &[NAT])])
    };
    let verdict = only(&right_behind(S3));
    assert_eq!(
        (verdict.path, verdict.via, verdict.confidence),
        (Path::Internet, Some(Via::NatOrAppliance), Some(Confidence::Possible))
    );
    assert!(verdict.because.last().unwrap().text.contains("may have a route to a gateway endpoint"));
    // No gateway endpoint serves it: there is nothing else that it could be.
    let mut elsewhere = right_behind(ELSEWHERE);
    elsewhere.environment.prefix_lists[0].source = Source::File;
    assert_eq!(only(&elsewhere).confidence, Some(Confidence::Likely));
}

/// Routers that hide are routers: where no control shows whether others do, they may be an egress.
#[test]
fn routers_that_hide_make_a_gateway_endpoint_likely_only_beside_a_control_that_shows_its_own() {
    let far = || s3(vec![far_away(vec![1, 2, 3])]);
    let verdict = only(&Recording { controls: vec![dead_control()], ..far() });
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Possible)));
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..far() });
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
}

#[test]
fn the_bridge_of_a_container_is_the_instance_and_no_nat() {
    const BRIDGE: &str = "172.17.0.1";
    let kernels = |address: &str| Interface {
        mtu: Some(1500),
        addresses: vec![address.parse().unwrap()],
        ..Interface::default()
    };
    let here = |mut recording: Recording, interface: Interface, own_network: Option<bool>| {
        recording.environment.host.interfaces = vec![interface];
        recording.environment.host.container = Some(Container { signs: Vec::new(), own_network });
        only(&recording)
    };
    let through_endpoint = || Recording {
        controls: vec![dead_control()],
        ..s3(vec![walked_right_behind(answering(S3), &[BRIDGE])])
    };
    let through_nat = || Recording {
        controls: vec![control(&[BRIDGE, NAT])],
        ..s3(vec![walked(answering(S3), &[BRIDGE, NAT])])
    };
    // Metadata knows the instance's interface, or says nothing because its answers do not get this far.
    for own_network in [Some(true), None] {
        let verdict = here(through_endpoint(), kernels("172.17.0.2/16"), own_network);
        assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
        let verdict = here(through_nat(), kernels("172.17.0.2/16"), own_network);
        assert_eq!((verdict.path, verdict.confidence), (Path::Internet, Some(Confidence::Likely)));
    }
    // On the instance itself a private router is none of its own, wherever it stands.
    assert_eq!(here(through_endpoint(), kernels("172.17.0.10/16"), Some(false)).path, Path::Internet);
}

#[test]
fn routers_of_the_internet_side_and_a_public_address_are_an_internet_gateway() {
    let mut recording = Recording {
        controls: vec![control(&["240.0.56.65"])],
        ..s3(vec![walked(answering(S3), &["240.0.56.65"])])
    };
    recording.environment.host.public_ipv4 = Some("198.51.100.4".parse().unwrap());
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.via), (Path::Internet, Some(Via::InternetGateway)));
}

#[test]
fn an_s3_address_newer_than_the_snapshot_is_not_called_foreign() {
    let recording =
        Recording { controls: vec![control(&[NAT])], ..s3(vec![walked(answering(ELSEWHERE), &[])]) };
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Possible)));
}

#[test]
fn outside_the_managed_list_no_silence_makes_a_gateway_endpoint() {
    let mut recording =
        Recording { controls: vec![control(&[NAT])], ..s3(vec![walked(answering(ELSEWHERE), &[])]) };
    recording.environment.prefix_lists[0].source = Source::File;
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.confidence), (Path::Internet, Some(Confidence::Possible)));
}

#[test]
fn a_walk_that_a_routers_limit_kept_from_being_made_is_no_silence() {
    let mut attempt = answering(S3);
    attempt.hops = Step::skipped(SkipReason::RouterQuota);
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(vec![attempt]) });
    assert_eq!(verdict.path, Path::Undetermined);
}

#[test]
fn silent_routers_that_were_not_asked_again_are_no_silence() {
    let with = |silent: Vec<u8>| {
        only(&Recording { controls: vec![control(&[NAT])], ..s3(vec![far_away(silent)]) }).path
    };
    assert_eq!(with(vec![]), Path::Undetermined);
    assert_eq!(with(vec![1, 3]), Path::Undetermined);
    assert_eq!(with(vec![1, 2, 3]), Path::GatewayEndpoint);
}

#[test]
fn a_shared_walk_speaks_for_every_address_of_its_group() {
    let mut shared = answering(S3_TOO);
    shared.hops = Step::skipped(SkipReason::SharedWalk);
    shared.walked_as = Some(S3.parse().unwrap());
    let recording =
        Recording { controls: vec![control(&[NAT])], ..s3(vec![shared, walked(answering(S3), &[])]) };
    let verdict = only(&recording);
    assert!(verdict.addresses.iter().all(|address| address.path == Path::GatewayEndpoint), "{verdict:#?}");
    // A narrower route may come between two addresses of one published range.
    let confidences: Vec<_> = verdict.addresses.iter().filter_map(|address| address.confidence).collect();
    assert_eq!(confidences, [Confidence::Possible, Confidence::Likely]);
    assert_eq!(verdict.confidence, Some(Confidence::Likely));
}

#[test]
fn a_target_is_a_likely_gateway_endpoint_where_every_address_was_walked_to() {
    let attempts = vec![walked(answering(S3), &[]), walked(answering(S3_TOO), &[])];
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(attempts) });
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
}

#[test]
fn a_walk_to_the_same_address_for_another_target_is_a_walk_of_its_own() {
    let mut same = answering(S3);
    same.hops = Step::skipped(SkipReason::SharedWalk);
    same.walked_as = Some(S3.parse().unwrap());
    let targets =
        vec![target("s3:bucket", true, vec![same]), target("s3", true, vec![walked(answering(S3), &[])])];
    let verdict = only(&Recording { controls: vec![control(&[NAT])], targets, ..recording() });
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
}

#[test]
fn where_a_walk_of_ones_own_came_to_nothing_the_neighbours_still_stands() {
    let mut shared = answering(S3_TOO);
    shared.hops = Step::skipped(SkipReason::RouterQuota);
    shared.walked_as = Some(S3.parse().unwrap());
    let verdict =
        only(&Recording { controls: vec![control(&[NAT])], ..s3(vec![walked(answering(S3), &[]), shared]) });
    let paths: Vec<_> = verdict.addresses.iter().map(|address| (address.path, address.confidence)).collect();
    assert!(paths.contains(&(Path::GatewayEndpoint, Some(Confidence::Possible))), "{paths:?}");
    assert_eq!(verdict.confidence, Some(Confidence::Likely));
}

#[test]
fn an_address_that_was_never_walked_to_takes_nothing_from_those_that_were() {
    let mut unwalked = answering(S3_TOO);
    unwalked.hops = Step::skipped(SkipReason::RouterQuota);
    let verdict = only(&Recording {
        controls: vec![control(&[NAT])],
        ..s3(vec![walked(answering(S3), &[]), unwalked])
    });
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
    let paths: Vec<_> = verdict.addresses.iter().map(|address| address.path).collect();
    assert!(paths.contains(&Path::Undetermined), "{paths:?}");
}

fn announcing(mut attempt: probes::observations::Attempt, segment: u32) -> probes::observations::Attempt {
    if let probes::Outcome::Done(connection) = &mut attempt.tcp.outcome {
        connection.peer_mss = Some(segment);
    }
    attempt
}

fn ssm_at_a_peer_that_announces(segment: u32) -> Verdict {
    let attempt = announcing(answering(PRIVATE), segment);
    only(&Recording { targets: vec![target("ssm", true, vec![attempt])], ..recording() })
}

#[test]
fn a_peer_of_the_vpc_that_announces_larger_segments_than_endpoints_let_through_is_only_possibly_one() {
    let verdict = ssm_at_a_peer_that_announces(8961);
    assert_eq!((verdict.path, verdict.confidence), (Path::InterfaceEndpoint, Some(Confidence::Possible)));
    let against =
        verdict.because.iter().find(|reason| reason.signal == SignalName::PeerIsNoEndpoint).unwrap();
    assert!(against.text.contains("8961") && against.evidence.ends_with("/tcp"), "{against:?}");
    for fitting in [8460, 1460] {
        assert_eq!(ssm_at_a_peer_that_announces(fitting).confidence, Some(Confidence::Likely), "{fitting}");
    }
}

#[test]
fn large_segments_of_a_public_peer_say_nothing() {
    let attempt = announcing(walked(answering(S3), &[]), 8961);
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(vec![attempt]) });
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Likely)));
}

#[test]
fn an_address_that_was_not_walked_is_no_gateway_endpoint_for_want_of_a_way_out() {
    let mut attempt = answering(S3);
    attempt.hops = Step::skipped(SkipReason::RouterQuota);
    let verdict = only(&Recording { controls: vec![dead_control()], ..s3(vec![attempt]) });
    assert_eq!(verdict.path, Path::Undetermined);
}

#[test]
fn reachable_addresses_on_different_paths_are_split() {
    let attempts = vec![walked(answering(S3), &[]), walked(answering(S3_TOO), &[NAT])];
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(attempts) });
    assert_eq!(verdict.path, Path::Split);
}

#[test]
fn an_address_that_does_not_answer_does_not_split_the_rest() {
    let attempts = vec![walked(answering(S3), &[]), silent(S3_TOO)];
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(attempts) });
    assert_eq!((verdict.path, verdict.reachable), (Path::GatewayEndpoint, Some(true)));
}

#[test]
fn an_address_of_a_family_without_a_route_does_not_count() {
    let mut v6 = answering("2600:1f60:8000::1");
    v6.tcp = Step::skipped(SkipReason::NoRouteForFamily);
    v6.tls = Step::skipped(SkipReason::PreviousStepFailed);
    v6.call = Step::skipped(SkipReason::PreviousStepFailed);
    let verdict =
        only(&Recording { controls: vec![control(&[NAT])], ..s3(vec![walked(answering(S3), &[]), v6]) });
    assert_eq!((verdict.path, verdict.reachable), (Path::GatewayEndpoint, Some(true)));
}

#[test]
fn an_address_behind_a_nat64_is_not_taken_for_a_gateway_endpoints() {
    let attempts = vec![walked(answering("64:ff9b::34d8:101"), &[])];
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(attempts) });
    assert_eq!((verdict.path, verdict.confidence), (Path::Internet, Some(Confidence::Possible)));
}

#[test]
fn an_address_that_only_another_resolver_gives_is_not_what_clients_use() {
    let mut private = answering(PRIVATE);
    private.origin = vec!["10.0.0.2".into()];
    let mut recording =
        Recording { controls: vec![control(&[NAT])], ..s3(vec![private, walked(answering(S3), &[NAT])]) };
    recording.targets[0].lookups[0].a = crate::testing::done(probes::observations::Answer {
        addresses: vec![S3.parse().unwrap()],
        ..Default::default()
    });
    let verdict = only(&recording);
    assert_eq!(verdict.path, Path::Internet);
    assert_eq!(verdict.addresses.len(), 2);
}

#[test]
fn a_private_address_of_the_vpc_with_the_services_certificate_is_an_interface_endpoint() {
    let recording = Recording { targets: vec![target("ssm", true, vec![answering(PRIVATE)])], ..recording() };
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.confidence), (Path::InterfaceEndpoint, Some(Confidence::Likely)));
}

#[test]
fn a_private_address_for_dynamodb_is_an_override_and_only_possibly_an_interface_endpoint() {
    let recording =
        Recording { targets: vec![target("dynamodb", true, vec![answering(PRIVATE)])], ..recording() };
    assert_eq!(only(&recording).confidence, Some(Confidence::Possible));
}

#[test]
fn a_blocked_interface_endpoint_is_still_the_path_but_not_reachable() {
    let recording = Recording { targets: vec![target("ssm", true, vec![silent(PRIVATE)])], ..recording() };
    let verdict = only(&recording);
    assert_eq!(
        (verdict.path, verdict.confidence, verdict.reachable),
        (Path::InterfaceEndpoint, Some(Confidence::Possible), Some(false))
    );
}

#[test]
fn a_refusal_that_names_the_endpoint_policy_proves_the_endpoint() {
    let reply = Reply {
        operation: "s3:ListBucket".into(),
        signed: true,
        status: 403,
        code: Some("AccessDenied".into()),
        message: Some(
            "User: x is not authorized to perform: s3:ListBucket because no VPC endpoint policy allows it"
                .into(),
        ),
        ..Reply::default()
    };
    let verdict = only(&s3(vec![replying(answering(S3), reply)]));
    assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Proven)));
}

fn endpoint_policy_refusal() -> Reply {
    Reply {
        operation: "s3:ListBucket".into(),
        signed: true,
        status: 403,
        code: Some("AccessDenied".into()),
        message: Some("x with an Explicit Deny in a VPC endpoint policy".into()),
        ..Reply::default()
    }
}

#[test]
fn the_words_of_a_peer_that_nobody_vouches_for_prove_nothing() {
    let mut attempt = walked(replying(answering(S3), endpoint_policy_refusal()), &[]);
    let mut untrusted = session("CN=Anyone", Verification::UnknownIssuer);
    untrusted.trust.machine = Verification::UnknownIssuer;
    attempt.tls = crate::testing::done(untrusted);
    let verdict = only(&s3(vec![attempt]));
    assert_ne!(verdict.confidence, Some(Confidence::Proven));
    assert_eq!(verdict.reachable, Some(false));
}

#[test]
fn an_endpoint_policy_named_behind_nat_is_the_nats_endpoint() {
    let attempt = walked(replying(answering(S3), endpoint_policy_refusal()), &[NAT]);
    let verdict = only(&s3(vec![attempt]));
    assert_eq!((verdict.path, verdict.via), (Path::GatewayEndpoint, Some(Via::NatOrAppliance)));
}

#[test]
fn a_control_that_refuses_shows_that_there_is_a_way_out() {
    let mut refusing = dead_control();
    refusing.attempts[0].tcp = crate::testing::failed(probes::observations::TcpFailure::Refused);
    let recording = Recording { controls: vec![refusing], ..s3(vec![walked(answering(S3), &[])]) };
    assert_eq!(only(&recording).path, Path::Undetermined);
}

#[test]
fn the_controls_other_family_says_nothing() {
    let mut both = control(&[]);
    let v6 = walked(answering("2001:db8::1"), &["2001:db8::ff"]);
    both.attempts.push(v6);
    let recording = Recording { controls: vec![both], ..s3(vec![walked(answering(S3), &[])]) };
    assert_eq!(only(&recording).confidence, Some(Confidence::Possible));
}

#[test]
fn contradicting_evidence_is_undetermined_and_no_toss_of_a_coin() {
    let reply = Reply {
        code: Some("AccessDenied".into()),
        message: Some("with an explicit deny in a VPC endpoint policy".into()),
        signed: true,
        status: 403,
        ..Reply::default()
    };
    let attempt = walked(replying(answering(S3), reply), &["240.0.56.65"]);
    assert_eq!(only(&s3(vec![attempt])).path, Path::Undetermined);
}

#[test]
fn behind_an_interceptor_silence_is_no_gateway_endpoint() {
    let mut attempt = walked(answering(S3), &[]);
    attempt.tls = crate::testing::done(session("CN=Corporate Inspection", Verification::UnknownIssuer));
    let verdict = only(&Recording { controls: vec![control(&[NAT])], ..s3(vec![attempt]) });
    assert_eq!(verdict.path, Path::Undetermined);
}

#[test]
fn an_unknown_authority_in_china_is_neither_called_an_interceptor_nor_aws() {
    let mut attempt = answering(PRIVATE);
    attempt.tls = crate::testing::done(session("CN=Some Authority", Verification::UnknownIssuer));
    let mut recording = Recording { targets: vec![target("ssm", true, vec![attempt])], ..recording() };
    recording.environment.host.partition = Some("aws-cn".into());
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.confidence), (Path::InterfaceEndpoint, Some(Confidence::Possible)));
}

#[test]
fn a_name_that_nobody_resolves_is_unreachable_without_addresses() {
    let recording =
        Recording { targets: vec![unresolved("s3", true, &LookupFailure::TimedOut)], ..recording() };
    let verdict = only(&recording);
    assert_eq!((verdict.path, verdict.reachable), (Path::Unreachable, Some(false)));
    assert!(verdict.addresses.is_empty() && !verdict.because.is_empty());
}

fn busy_recording() -> Recording {
    let targets = vec![
        target(
            "s3",
            true,
            vec![walked(answering(S3), &[]), walked(answering(S3_TOO), &[NAT]), silent("54.231.0.9")],
        ),
        target("dynamodb", false, vec![walked(answering(DYNAMODB), &[NAT])]),
        target("ssm", true, vec![answering(PRIVATE), silent("10.0.2.50")]),
    ];
    Recording { targets, controls: vec![control(&[NAT]), dead_control()], ..recording() }
}

proptest! {
    #[test]
    fn the_order_of_observations_does_not_matter(order in Just((0..3_usize).collect::<Vec<_>>()).prop_shuffle(), swap: bool) {
        let recording = busy_recording();
        let expected = verdicts(&recording);
        let mut shuffled = recording.clone();
        shuffled.targets = order.iter().map(|index| recording.targets[*index].clone()).collect();
        for target in &mut shuffled.targets {
            target.attempts.rotate_left(usize::from(swap));
        }
        shuffled.controls.reverse();
        for verdict in verdicts(&shuffled) {
            let same = expected.iter().find(|expected| expected.target == verdict.target).unwrap();
            prop_assert_eq!(
                (verdict.path, verdict.via, verdict.confidence, verdict.reachable),
                (same.path, same.via, same.confidence, same.reachable)
            );
        }
    }
}

mod configured {
    //! What EC2 says of the route, with and against the other evidence.

    use probes::Outcome;
    use probes::control_plane::{
        ControlPlane, FurtherPrefixList, ManagedPrefixList, NatGateway, NetworkInterface, Route, RouteTable,
        SubnetRoutes, VpcEndpoint,
    };
    use probes::observations::ChosenRoute;

    use super::*;
    use crate::testing::done;

    fn route(destination: &str, target: &str) -> Route {
        let cidr = destination.parse().ok();
        let prefix_list = cidr.is_none().then(|| destination.to_owned());
        Route { cidr, prefix_list, target: target.to_owned(), blackhole: false }
    }

    fn endpoint(id: &str, kind: &str, service: &str) -> VpcEndpoint {
        VpcEndpoint {
            id: id.to_owned(),
            service_name: format!("com.amazonaws.us-east-1.{service}"),
            kind: kind.to_owned(),
            state: "available".to_owned(),
            private_dns: kind == "Interface",
            ..VpcEndpoint::default()
        }
    }

    fn said(routes: Vec<Route>) -> ControlPlane {
        let list = ManagedPrefixList {
            id: "pl-1".into(),
            name: "com.amazonaws.us-east-1.s3".into(),
            cidrs: vec!["52.216.0.0/15".parse().unwrap(), "3.5.0.0/19".parse().unwrap()],
        };
        ControlPlane {
            not_asked_because: None,
            route_table: Some(done(RouteTable { id: "rtb-1".into(), is_main: false, routes })),
            vpc_endpoints: Some(done(vec![
                endpoint("vpce-gw", "Gateway", "s3"),
                endpoint("vpce-fw", "GatewayLoadBalancer", "firewall"),
                endpoint("vpce-ssm", "Interface", "ssm"),
            ])),
            prefix_lists: Some(done(vec![list])),
            ..ControlPlane::default()
        }
    }

    fn with(routes: Vec<Route>, recording: Recording) -> Verdict {
        only(&Recording { control_plane: said(routes), ..recording })
    }

    #[test]
    fn a_route_to_a_gateway_endpoint_proves_it_and_names_it() {
        let routes =
            vec![route("0.0.0.0/0", "nat-1"), route("pl-1", "vpce-gw"), route("10.0.0.0/16", "local")];
        let verdict = with(routes, s3(vec![answering(S3)]));
        assert_eq!((verdict.path, verdict.confidence), (Path::GatewayEndpoint, Some(Confidence::Proven)));
        assert_eq!(verdict.vpc_endpoint_id.as_deref(), Some("vpce-gw"));
    }

    #[test]
    fn a_more_specific_route_beats_the_endpoints() {
        let routes =
            vec![route("0.0.0.0/0", "igw-1"), route("pl-1", "vpce-gw"), route("52.216.0.0/16", "nat-1")];
        let verdict = with(routes, s3(vec![answering(S3), answering(S3_TOO)]));
        assert_eq!((verdict.path, verdict.via), (Path::Split, None));
        let paths: Vec<_> = verdict.addresses.iter().map(|address| address.path).collect();
        assert_eq!(paths, [Path::Internet, Path::GatewayEndpoint]);
    }

    #[test]
    fn the_default_route_names_the_carrier() {
        for (target, via) in [
            ("nat-1", Via::NatGateway),
            ("igw-1", Via::InternetGateway),
            ("tgw-1", Via::TransitGateway),
            ("eni-1", Via::NatInstance),
            ("vpce-fw", Via::Firewall),
        ] {
            let recording = Recording { controls: vec![control(&[NAT])], ..s3(vec![answering(ELSEWHERE)]) };
            let verdict = with(vec![route("0.0.0.0/0", target)], recording);
            assert_eq!((verdict.path, verdict.via), (Path::Internet, Some(via)), "{target}");
        }
    }

    #[test]
    fn where_a_nat_gateway_leads_is_for_its_own_subnets_table_to_say() {
        let behind = |routes: Option<Vec<Route>>| {
            let nat = NatGateway {
                id: "nat-1".into(),
                state: "available".into(),
                failure: None,
                subnet: Some("subnet-public".into()),
                private: false,
            };
            let tables = routes.map(|routes| {
                let table = RouteTable { id: "rtb-2".into(), is_main: false, routes };
                done(vec![SubnetRoutes { subnets: vec!["subnet-public".into()], table }])
            });
            let control_plane = ControlPlane {
                nat_gateways: Some(done(vec![nat])),
                further_route_tables: tables,
                ..said(vec![route("0.0.0.0/0", "nat-1")])
            };
            let recording = Recording { controls: vec![control(&[NAT])], ..s3(vec![answering(S3)]) };
            let verdict = only(&Recording { control_plane, ..recording });
            assert_eq!(verdict.via, Some(Via::NatGateway));
            (verdict.path, verdict.confidence, verdict.vpc_endpoint_id)
        };
        let internet = vec![route("0.0.0.0/0", "igw-1")];
        assert_eq!(behind(Some(internet)), (Path::Internet, Some(Confidence::Proven), None));
        assert_eq!(behind(None), (Path::Internet, Some(Confidence::Possible), None));
        let endpoint = vec![route("0.0.0.0/0", "igw-1"), route("pl-1", "vpce-gw")];
        let expected = (Path::GatewayEndpoint, Some(Confidence::Proven), Some("vpce-gw".to_owned()));
        assert_eq!(behind(Some(endpoint)), expected);
    }

    #[test]
    fn a_blocked_address_still_goes_where_the_route_leads() {
        let verdict = with(vec![route("pl-1", "vpce-gw")], s3(vec![silent(S3)]));
        assert_eq!(
            (verdict.path, verdict.confidence, verdict.reachable),
            (Path::GatewayEndpoint, Some(Confidence::Proven), Some(false))
        );
    }

    #[test]
    fn without_a_route_an_address_is_unreachable_and_an_answer_is_a_contradiction() {
        let verdict = with(vec![route("10.0.0.0/16", "local")], s3(vec![silent(S3)]));
        assert_eq!((verdict.path, verdict.confidence), (Path::Unreachable, Some(Confidence::Likely)));
        let verdict = with(vec![route("10.0.0.0/16", "local")], s3(vec![answering(S3)]));
        assert_eq!(verdict.path, Path::Undetermined);
    }

    #[test]
    fn routers_before_a_gateway_endpoint_contradict_the_route_table() {
        let verdict = with(vec![route("pl-1", "vpce-gw")], s3(vec![walked(answering(S3), &[NAT])]));
        assert_eq!(verdict.path, Path::Undetermined);
    }

    #[test]
    fn a_prefix_list_that_was_not_read_leaves_the_route_open() {
        let routes = vec![route("0.0.0.0/0", "nat-1"), route("pl-unread", "vpce-gw")];
        let verdict = with(routes, s3(vec![answering(S3)]));
        assert_eq!(verdict.path, Path::Undetermined);
    }

    #[test]
    fn two_equally_specific_routes_leave_it_open() {
        let routes = vec![route("52.216.0.0/15", "nat-1"), route("pl-1", "vpce-gw")];
        assert_eq!(with(routes, s3(vec![answering(S3)])).path, Path::Undetermined);
    }

    #[test]
    fn packets_that_leave_by_another_subnet_are_not_judged_by_this_ones_table() {
        let mut attempt = answering(S3);
        attempt.route =
            Some(ChosenRoute { source: Some("10.0.9.10".parse().unwrap()), next_hop: None, interface: None });
        let mut recording = s3(vec![attempt]);
        let mut second = recording.environment.host.interfaces[0].clone();
        second.subnet_id = Some("subnet-other".into());
        second.addresses = vec!["10.0.9.10/24".parse().unwrap()];
        recording.environment.host.interfaces.push(second);
        assert_eq!(with(vec![route("pl-1", "vpce-gw")], recording).path, Path::Undetermined);
    }

    #[test]
    fn packets_that_leave_by_another_subnet_are_judged_by_its_table_where_it_was_read() {
        let mut attempt = answering(S3);
        attempt.route =
            Some(ChosenRoute { source: Some("10.0.9.10".parse().unwrap()), next_hop: None, interface: None });
        let mut recording = s3(vec![attempt]);
        let mut second = recording.environment.host.interfaces[0].clone();
        second.subnet_id = Some("subnet-other".into());
        second.addresses = vec!["10.0.9.10/24".parse().unwrap()];
        recording.environment.host.interfaces.push(second);
        let table =
            RouteTable { id: "rtb-2".into(), is_main: false, routes: vec![route("0.0.0.0/0", "nat-2")] };
        let further = vec![SubnetRoutes { subnets: vec!["subnet-other".into()], table }];
        let control_plane = ControlPlane {
            further_route_tables: Some(done(further)),
            ..said(vec![route("pl-1", "vpce-gw")])
        };
        let verdict = only(&Recording { control_plane, ..recording });
        assert_eq!((verdict.path, verdict.via), (Path::Internet, Some(Via::NatGateway)));
    }

    #[test]
    fn the_entries_of_a_list_of_the_accounts_own_decide_the_route() {
        let routes = vec![route("0.0.0.0/0", "nat-1"), route("pl-own", "vpce-gw")];
        let own = |entry: &str| {
            let entries = done(vec![entry.parse().unwrap()]);
            let list = FurtherPrefixList { id: "pl-own".into(), entries };
            let control_plane = ControlPlane { further_prefix_lists: vec![list], ..said(routes.clone()) };
            only(&Recording { control_plane, ..s3(vec![answering(S3)]) }).path
        };
        assert_eq!(own("52.216.0.0/16"), Path::GatewayEndpoint);
        assert_eq!(own("198.51.100.0/24"), Path::Internet);
    }

    /// What is made of a private address that answers and is held by this.
    fn held_by(endpoint: &str, interfaces: Vec<NetworkInterface>, routes: Vec<Route>) -> Verdict {
        let mut control_plane = said(routes);
        if let Some(Outcome::Done(endpoints)) =
            control_plane.vpc_endpoints.as_mut().map(|step| &mut step.outcome)
        {
            let holder = endpoints.iter_mut().filter(|each| each.id == endpoint);
            holder.for_each(|each| each.addresses = vec![PRIVATE.parse().unwrap()]);
        }
        control_plane.network_interfaces = Some(done(interfaces));
        let targets = vec![target("ssm", true, vec![answering(PRIVATE)])];
        only(&Recording { targets, control_plane, ..recording() })
    }

    fn interface(kind: &str) -> NetworkInterface {
        NetworkInterface {
            id: "eni-1".into(),
            kind: kind.into(),
            vpc_endpoint: None,
            instance: None,
            subnet: "subnet-1".into(),
            security_groups: Vec::new(),
            addresses: vec![PRIVATE.parse().unwrap()],
        }
    }

    #[test]
    fn an_address_that_an_interface_endpoint_holds_is_proven_and_named() {
        let verdict = held_by("vpce-ssm", Vec::new(), vec![route("10.0.0.0/16", "local")]);
        assert_eq!((verdict.path, verdict.confidence), (Path::InterfaceEndpoint, Some(Confidence::Proven)));
        assert_eq!(verdict.vpc_endpoint_id.as_deref(), Some("vpce-ssm"));
        let unnamed = held_by("", vec![interface("vpc_endpoint")], Vec::new());
        assert_eq!((unnamed.path, unnamed.confidence), (Path::InterfaceEndpoint, Some(Confidence::Proven)));
        assert_eq!(unnamed.vpc_endpoint_id, None);
    }

    #[test]
    fn an_address_that_something_else_holds_leads_nobody_knows_where() {
        let verdict = held_by("", vec![interface("network_load_balancer")], Vec::new());
        assert_eq!((verdict.path, verdict.confidence), (Path::Undetermined, None));
        let because = verdict.because.iter().find(|reason| reason.signal == SignalName::OtherHoldsAddress);
        assert!(because.unwrap().text.contains("eni-1 of type network_load_balancer"), "{because:?}");
    }

    #[test]
    fn a_holder_behind_a_route_of_its_own_proves_nothing() {
        let inspected = vec![route("10.0.0.0/16", "local"), route("10.0.1.0/24", "vpce-fw")];
        let verdict = held_by("vpce-ssm", Vec::new(), inspected);
        assert_eq!((verdict.path, verdict.confidence), (Path::InterfaceEndpoint, Some(Confidence::Likely)));
    }

    #[test]
    fn the_vpcs_own_interface_endpoint_is_named_for_a_private_address() {
        let recording =
            Recording { targets: vec![target("ssm", true, vec![answering(PRIVATE)])], ..recording() };
        let verdict = with(Vec::new(), recording);
        assert_eq!((verdict.path, verdict.confidence), (Path::InterfaceEndpoint, Some(Confidence::Likely)));
        assert_eq!(verdict.vpc_endpoint_id.as_deref(), Some("vpce-ssm"));
    }
}
