//! Recordings for tests, put together from a healthy instance and what a test changes about it. Plain values, no mocks.

use std::net::IpAddr;

use probes::control_plane::{ControlPlane, NotAsked};
use probes::environment::{
    CredentialSource, CredentialsSeen, Ec2Sign, Environment, Imds, Interface, RegionSource,
};
use probes::observations::{
    Answer, Attempt, Certificate, HopWalk, Lookup, LookupFailure, Reply, ResolverKind, Responder,
    TargetObservation, TcpConnection, TcpFailure, TlsSession, Trust, Verification,
};
use probes::proofs::{NotMade, Proofs};
use probes::{Outcome, SkipReason, Step};

use crate::catalogue::{self, Variant};
use crate::prefix_lists;
use crate::report::{EnvironmentRecord, Recording, Run};
use crate::settings::{FailOn, JudgeSettings};

pub(crate) const RESOLVER: &str = "10.0.0.2";
pub(crate) const NAT: &str = "10.0.0.20";
/// Inside the published ranges of S3 and of `DynamoDB` in us-east-1, and the address of an interface endpoint.
pub(crate) const S3: &str = "52.216.1.1";
pub(crate) const S3_TOO: &str = "3.5.0.9";
pub(crate) const DYNAMODB: &str = "52.94.0.7";
pub(crate) const PRIVATE: &str = "10.0.1.50";
/// Public, and in no range of S3 or `DynamoDB`.
pub(crate) const ELSEWHERE: &str = "203.0.113.7";
const CONTROL: &str = "198.51.100.80";

/// A private instance in us-east-1 with a role, and nothing observed yet.
pub(crate) fn recording() -> Recording {
    let snapshot = |service: &str| prefix_lists::snapshot(service, "us-east-1").unwrap();
    Recording {
        run: Run {
            version: "0.0.0".into(),
            started_at: "2026-01-01T00:00:00.000Z".into(),
            elapsed_ms: 100.0,
            deadline_ms: 20_000,
            arguments: Vec::new(),
            cut_short: false,
            rounds: 1,
            redacted: false,
            settings: JudgeSettings {
                fail_on: FailOn::Error,
                expect: Vec::new(),
                tables: Vec::new(),
                sign: true,
                hops: true,
                controls: true,
            },
        },
        environment: EnvironmentRecord {
            host: instance(),
            prefix_lists: vec![snapshot("s3"), snapshot("dynamodb")],
        },
        targets: Vec::new(),
        controls: Vec::new(),
        name_checks: Vec::new(),
        control_plane: ControlPlane::not_asked(NotAsked::Disabled),
        proofs: Proofs::not_made(NotMade::NotAsked),
    }
}

fn instance() -> Environment {
    Environment {
        instance_id: Some("i-0123456789abcdef0".into()),
        account_id: Some("111122223333".into()),
        region: Some("us-east-1".into()),
        region_source: Some(RegionSource::Imds),
        partition: Some("aws".into()),
        vpc_id: Some("vpc-0a1b2c3d".into()),
        subnet_id: Some("subnet-0a1b2c3d".into()),
        vpc_cidrs: vec!["10.0.0.0/16".parse().unwrap()],
        private_ips: vec!["10.0.1.10".parse().unwrap()],
        resolvers: vec![RESOLVER.parse().unwrap()],
        ec2_signs: vec![Ec2Sign::Imds, Ec2Sign::Dmi],
        interfaces: vec![Interface {
            name: "eth0".into(),
            addresses: vec!["10.0.1.10/24".parse().unwrap()],
            security_group_ids: vec!["sg-0a1b2c3d".into()],
            ..Interface::default()
        }],
        ipv4_route: true,
        imds: Imds { token: Some(done(())), ..Imds::default() },
        credentials: CredentialsSeen {
            source: Some(CredentialSource::InstanceMetadata),
            available: vec![CredentialSource::InstanceMetadata],
            temporary: Some(true),
            ..CredentialsSeen::default()
        },
        ..Environment::default()
    }
}

pub(crate) fn done<T, F>(value: T) -> Step<T, F> {
    Step { start_ms: 1.0, elapsed_ms: 1.0, outcome: Outcome::Done(value) }
}

pub(crate) fn failed<T, F>(failure: F) -> Step<T, F> {
    Step { start_ms: 1.0, elapsed_ms: 3000.0, outcome: Outcome::Failed(failure) }
}

/// A target whose name resolves to these attempts' addresses, for the system and for the VPC resolver alike.
pub(crate) fn target(name: &str, required: bool, attempts: Vec<Attempt>) -> TargetObservation {
    let service = name.split(':').next().unwrap_or(name).to_owned();
    let host = catalogue::service(&service).and_then(|service| service.host("us-east-1", Variant::Plain));
    let addresses: Vec<IpAddr> = attempts.iter().map(|attempt| attempt.address).collect();
    let answer = |family: fn(&IpAddr) -> bool| Answer {
        addresses: addresses.iter().copied().filter(family).collect(),
        ..Answer::default()
    };
    let lookups = vec![
        Lookup {
            resolver: "system".into(),
            kind: ResolverKind::System,
            a: done(answer(|_| true)),
            aaaa: None,
            alike: Vec::new(),
        },
        Lookup {
            resolver: RESOLVER.into(),
            kind: ResolverKind::Vpc,
            a: done(answer(IpAddr::is_ipv4)),
            aaaa: Some(done(answer(IpAddr::is_ipv6))),
            alike: Vec::new(),
        },
    ];
    TargetObservation {
        target: name.to_owned(),
        service,
        host: host.unwrap_or_else(|| format!("{name}.example")),
        required,
        lookups,
        attempts,
        proxied: None,
    }
}

/// A target whose name nobody resolves.
pub(crate) fn unresolved(name: &str, required: bool, failure: &LookupFailure) -> TargetObservation {
    let mut target = target(name, required, Vec::new());
    for lookup in &mut target.lookups {
        let found_nothing = lookup.kind == ResolverKind::System;
        lookup.a = failed(if found_nothing { LookupFailure::NotFound } else { failure.clone() });
        lookup.aaaa = lookup.aaaa.is_some().then(|| failed(failure.clone()));
    }
    target
}

/// An address where the service answers a signed call with 200, and no walk was made.
pub(crate) fn answering(address: &str) -> Attempt {
    Attempt {
        address: address.parse().unwrap(),
        origin: vec!["system".into(), RESOLVER.into()],
        route: None,
        tcp: done(TcpConnection {
            rtt_ms: 0.5,
            send_mss: None,
            peer_mss: None,
            path_mtu: None,
            retransmits: None,
        }),
        tls: done(session("C=US,O=Amazon,CN=Amazon RSA 2048 M01", Verification::Trusted)),
        call: done(Reply {
            operation: "s3:ListAllMyBuckets".into(),
            signed: true,
            status: 200,
            ..Reply::default()
        }),
        hops: Step::skipped(SkipReason::InsideVpc),
        walked_as: None,
        retries: None,
        alike: Vec::new(),
    }
}

/// An address where TCP gets no answer.
pub(crate) fn silent(address: &str) -> Attempt {
    Attempt {
        tcp: failed(TcpFailure::TimedOut),
        tls: Step::skipped(SkipReason::PreviousStepFailed),
        call: Step::skipped(SkipReason::PreviousStepFailed),
        ..answering(address)
    }
}

pub(crate) fn session(issuer: &str, bundled: Verification) -> TlsSession {
    TlsSession {
        version: Some("1.3".into()),
        issuer: issuer.into(),
        chain: vec![Certificate {
            subject: "CN=s3.amazonaws.com".into(),
            issuer: issuer.into(),
            names: Vec::new(),
            not_before: "2026-01-01T00:00:00Z".into(),
            not_after: "2027-01-01T00:00:00Z".into(),
        }],
        trust: Trust { bundled, machine: Verification::Trusted, ca_bundle: None },
        as_first: false,
    }
}

/// The attempt with a walk that these routers answered, by TTL, the destination answering behind them and, where there are any,
/// behind one more that said nothing.
pub(crate) fn walked(attempt: Attempt, routers: &[&str]) -> Attempt {
    let hidden = u8::from(!routers.is_empty());
    walked_to(attempt, routers, u8::try_from(routers.len()).unwrap() + hidden + 1)
}

/// The attempt with a walk that these routers answered, by TTL, the destination answering right behind them.
pub(crate) fn walked_right_behind(attempt: Attempt, routers: &[&str]) -> Attempt {
    walked_to(attempt, routers, u8::try_from(routers.len()).unwrap() + 1)
}

fn walked_to(attempt: Attempt, routers: &[&str], reached_at_ttl: u8) -> Attempt {
    let responders: Vec<Responder> = (1..)
        .zip(routers)
        .map(|(ttl, router)| Responder { ttl, address: router.parse().unwrap(), rtt_ms: 0.3, icmp: None })
        .collect();
    let walk = HopWalk {
        responders,
        reached_at_ttl: Some(reached_at_ttl),
        max_ttl: Some(8),
        silent_after_retry: Vec::new(),
        near_only: false,
    };
    Attempt { hops: done(walk), ..attempt }
}

/// The attempt with the reply changed.
pub(crate) fn replying(mut attempt: Attempt, reply: Reply) -> Attempt {
    attempt.call = done(reply);
    attempt
}

/// A control that answers behind these routers.
pub(crate) fn control(routers: &[&str]) -> TargetObservation {
    TargetObservation {
        service: "control".into(),
        ..target("control", false, vec![walked(answering(CONTROL), routers)])
    }
}

/// S3 of another Region, whose addresses come out like this.
pub(crate) fn s3_elsewhere(attempts: Vec<Attempt>) -> TargetObservation {
    let host = "s3.us-east-2.amazonaws.com".to_owned();
    TargetObservation { host, service: "s3".into(), ..target("control:s3", false, attempts) }
}

/// A control that does not answer.
pub(crate) fn dead_control() -> TargetObservation {
    TargetObservation { service: "control".into(), ..target("control", false, vec![silent(CONTROL)]) }
}
