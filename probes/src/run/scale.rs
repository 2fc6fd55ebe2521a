//! A hundred targets of eight addresses each, in a namespace whose loopback stands for all of them.

use std::net::SocketAddr;
use std::process::Command;

use super::*;
use crate::environment::{Environment, ProxyAuthorizations};
use crate::loopback::{Authority, Service, http};
use crate::plan::{Budgets, CallPlan, Families, TargetPlan};

const ROLE: &str = "VPCPROBE_TEST_ROLE";
const BUNDLE: &str = "/run/bundle.pem";
const THIS: &str = "run::scale::a_hundred_targets_of_eight_addresses_are_all_measured";
const TARGETS: u8 = 100;
const ADDRESSES: u8 = 8;

const SCRIPT: &str = r#"
set -eu
mount -t tmpfs none /run
ip link set lo up
for target in $(seq 1 100); do
    for address in $(seq 1 8); do echo "127.1.$target.$address t$target.scale.test" >> /run/hosts; done
done
mount --bind /run/hosts /etc/hosts
VPCPROBE_TEST_ROLE=server "$@" &
server=$!
trap 'kill $server' EXIT
while [ ! -s /run/bundle.pem ]; do sleep 0.1; done
ulimit -Sn 1024
VPCPROBE_TEST_ROLE=instance "$@"
"#;

#[test]
#[ignore = "needs user namespaces"]
fn a_hundred_targets_of_eight_addresses_are_all_measured() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match std::env::var(ROLE).as_deref() {
        Ok("server") => runtime.block_on(serve()),
        Ok(_) => runtime.block_on(measure_all()),
        Err(_) => {
            let status = Command::new("unshare")
                .args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", SCRIPT, "sh"])
                .arg(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", THIS, "--nocapture"])
                .status()
                .unwrap();
            assert!(status.success());
        }
    }
}

async fn serve() {
    let authority = Authority::new("Test Authority");
    let config = authority.server("*.scale.test", 2100);
    let _service = Service::start_at(SocketAddr::from(([0, 0, 0, 0], HTTPS)), config, |_| {
        http("200 OK", "x-amz-request-id: R\r\n", "")
    })
    .await;
    std::fs::copy(authority.bundle().path(), BUNDLE).unwrap();
    std::future::pending::<()>().await;
}

#[expect(clippy::print_stdout, reason = "how long it took is what a reader of this test wants to know")]
async fn measure_all() {
    let target = |number: u8| TargetPlan {
        target: format!("t{number}"),
        service: format!("t{number}"),
        host: format!("t{number}.scale.test"),
        required: true,
        region: "eu-west-1".to_owned(),
        call: CallPlan::UnsignedGet,
        prefixes: Vec::new(),
        proxy: None,
        elsewhere: false,
    };
    let plan = |targets: u8| ProbePlan {
        budgets: Budgets {
            chain: Duration::from_secs(20),
            deadline: Duration::from_secs(30),
            evidence_floor: Duration::from_millis(300),
            evidence_ceiling: Duration::from_secs(1),
        },
        families: Families { ipv4: true, ipv6: false },
        resolvers: Vec::new(),
        name_checks: Vec::new(),
        targets: (1..=targets).map(target).collect(),
        controls: Vec::new(),
        hops: None,
        inspect: None,
        proofs: None,
        ca_bundle: Some(BUNDLE.into()),
    };
    let environment = Environment { ipv4_route: true, ..Environment::default() };
    let host = Host { environment, secrets: None, proxy_authorizations: ProxyAuthorizations::default() };
    for targets in [7, TARGETS] {
        let clock = Clock::start();
        let seen = run(&plan(targets), &host, &clock, std::future::pending()).await;
        println!("{targets} targets took {:.0} ms", clock.elapsed_ms());
        assert_eq!(seen.targets.len(), usize::from(targets));
        for target in &seen.targets {
            assert_eq!(target.attempts.len(), usize::from(ADDRESSES), "{target:?}");
            for attempt in &target.attempts {
                assert!(attempt.tls.done().is_some_and(|session| session.trust.accepted()), "{attempt:?}");
                assert_eq!(attempt.call.done().map(|reply| reply.status), Some(200), "{attempt:?}");
            }
        }
    }
}
