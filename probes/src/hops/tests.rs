//! Walks through two real routers with the kernel's own limit on ICMP, in namespaces that the test makes itself.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;

use super::*;
use crate::environment::{Environment, Host, ProxyAuthorizations};
use crate::observations::{Attempt, Observations, TcpFailure};
use crate::plan::{Budgets, CallPlan, Families, ProbePlan};
use crate::step::Clock;

const ROLE: &str = "VPCPROBE_TEST_ROLE";
const THIS: &str = "hops::tests::walks_through_real_routers_tell_hidden_ones_from_limited_ones";

fn v4(address: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(address))
}

fn target(name: &str, prefixes: &[&str]) -> TargetPlan {
    TargetPlan {
        target: name.to_owned(),
        service: name.to_owned(),
        host: format!("{name}.test"),
        required: true,
        region: "eu-west-1".to_owned(),
        call: CallPlan::UnsignedGet,
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
        proxy: None,
        elsewhere: false,
    }
}

fn plan() -> ProbePlan {
    let each: Vec<String> = (1..=20).map(|last| format!("198.18.3.{last}/32")).collect();
    let each: Vec<&str> = each.iter().map(String::as_str).collect();
    ProbePlan {
        budgets: Budgets {
            chain: Duration::from_secs(3),
            deadline: Duration::from_secs(20),
            evidence_floor: Duration::from_millis(300),
            evidence_ceiling: Duration::from_secs(1),
        },
        families: Families { ipv4: true, ipv6: true },
        resolvers: Vec::new(),
        name_checks: Vec::new(),
        targets: vec![
            target("many", &each),
            target("visible", &["198.18.0.0/24"]),
            target("hidden", &["198.18.1.0/24"]),
            target("six", &["2001:db8::/32"]),
            target("inside", &[]),
        ],
        controls: vec![target("nobody", &[])],
        hops: Some(HopPlan {
            max_ttl: 8,
            in_flight: 4,
            answers_per_refill: 5,
            refill: Duration::from_secs(1),
            inside: vec!["10.0.0.0/24".parse().unwrap()],
        }),
        inspect: None,
        proofs: None,
        ca_bundle: None,
    }
}

/// Makes the namespaces and runs this test again inside; the assertions are made there.
#[test]
#[ignore = "needs user namespaces"]
fn walks_through_real_routers_tell_hidden_ones_from_limited_ones() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => serve(),
        Ok(_) => walk_in_the_instance(),
        Err(_) => {
            let status = Command::new("unshare")
                .args([
                    "--user",
                    "--map-root-user",
                    "--net",
                    "--mount",
                    "sh",
                    "-c",
                    include_str!("tests.sh"),
                    "sh",
                ])
                .arg(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", THIS, "--nocapture"])
                .status()
                .unwrap();
            assert!(status.success());
        }
    }
}

fn serve() {
    let listener = TcpListener::bind("[::]:443").unwrap();
    for stream in listener.incoming() {
        drop(stream);
    }
}

fn walk_in_the_instance() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let environment = Environment { ipv4_route: true, ipv6_route: true, ..Environment::default() };
    let host = Host { environment, secrets: None, proxy_authorizations: ProxyAuthorizations::default() };
    // The first run finds the routers' limits unused; the following find them used up by the one before.
    for round in 0..4 {
        let began = Instant::now();
        let clock = Clock::start();
        let seen = runtime.block_on(crate::run(&plan(), &host, &clock, std::future::pending()));
        let elapsed = began.elapsed();
        assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
        assert_honest(&seen);
        if round == 0 {
            assert_everything_seen(&seen);
        }
    }
    connect_to_what_routers_refuse(&runtime, &host);
}

/// The errors that routers send end a connection, each as its own failure. Not always at once: the walks before may
/// have used the routers' answers up, and the next packet goes out a second later.
fn connect_to_what_routers_refuse(runtime: &tokio::runtime::Runtime, host: &Host) {
    let targets = vec![target("nowhere", &[]), target("forbidden", &[])];
    let plan = ProbePlan { targets, controls: Vec::new(), hops: None, ..plan() };
    let seen = runtime.block_on(crate::run(&plan, host, &Clock::start(), std::future::pending()));
    for (name, failure) in
        [("nowhere", TcpFailure::NetworkUnreachable), ("forbidden", TcpFailure::HostUnreachable)]
    {
        let attempt = attempts(&seen, name).next().unwrap();
        assert_eq!(attempt.tcp.failed(), Some(&failure));
    }
}

fn attempts<'a>(seen: &'a Observations, name: &'a str) -> impl Iterator<Item = &'a Attempt> {
    let targets = seen.targets.iter().chain(&seen.controls).filter(move |target| target.target == name);
    targets.flat_map(|target| &target.attempts)
}

/// What must hold however much of the routers' limits is used up.
fn assert_honest(seen: &Observations) {
    for name in ["many", "visible", "six"] {
        for attempt in attempts(seen, name) {
            if let Some(walk) = attempt.hops.done() {
                assert_eq!(walk.silent_after_retry, Vec::<u8>::new(), "{name}: {walk:?}");
            }
        }
    }
    let walks = seen.targets.iter().chain(&seen.controls).flat_map(|target| &target.attempts);
    // Walks beside one that met no router spend no router's answer.
    let made = walks.filter_map(|attempt| attempt.hops.done());
    assert!(made.filter(|walk| !walk.near_only).count() <= 5);
    for attempt in attempts(seen, "inside") {
        assert_eq!(attempt.hops.skip_reason(), Some(SkipReason::InsideVpc));
    }
    let hidden: Vec<_> = attempts(seen, "hidden").collect();
    assert!(hidden.iter().any(|attempt| attempt.hops.done().is_some_and(|walk| !walk.near_only)));
    for walk in hidden.iter().filter_map(|attempt| attempt.hops.done()) {
        assert_eq!((walk.reached_at_ttl, walk.responders.len()), (Some(3), 0), "{walk:?}");
    }
}

fn assert_everything_seen(seen: &Observations) {
    let visible = attempts(seen, "visible").next().unwrap().hops.done().unwrap();
    let routers: Vec<_> = visible.responders.iter().map(|router| (router.ttl, router.address)).collect();
    assert_eq!(routers, [(1, v4([10, 0, 0, 1])), (2, v4([10, 0, 1, 2]))]);
    assert_eq!(visible.reached_at_ttl, Some(3));
    assert!(visible.responders.iter().all(|router| router.icmp.is_none() && router.rtt_ms < 100.0));
    let hidden: Vec<_> = attempts(seen, "hidden").filter_map(|attempt| attempt.hops.done()).collect();
    let mut told: Vec<_> =
        hidden.iter().map(|walk| (walk.near_only, walk.silent_after_retry.clone())).collect();
    told.sort();
    assert_eq!(told, [(false, vec![1, 2]), (true, vec![1, 2])], "each address of the prefix has a walk");
    let nobody = attempts(seen, "nobody").next().unwrap().hops.done().unwrap();
    assert_eq!((nobody.reached_at_ttl, nobody.responders.len()), (None, 1), "{nobody:?}");
    let six = attempts(seen, "six").next().unwrap().hops.done().unwrap();
    let routers: Vec<_> = six.responders.iter().map(|router| (router.ttl, router.address)).collect();
    assert_eq!(routers, [(1, "fd00::1".parse().unwrap()), (2, "fd00:1::2".parse().unwrap())]);
    assert_eq!(six.reached_at_ttl, Some(3));
    let many: Vec<_> = attempts(seen, "many").collect();
    assert_eq!(many.len(), 20);
    let walked = many.iter().filter(|attempt| attempt.hops.done().is_some()).count();
    let refused =
        many.iter().filter(|attempt| attempt.hops.skip_reason() == Some(SkipReason::RouterQuota)).count();
    assert_eq!((walked, refused), (1, 19));
}
