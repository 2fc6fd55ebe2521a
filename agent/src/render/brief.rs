//! A report without the observations that no rule and no signal reads, so that it fits what Run Command keeps.
//!
//! Addresses of a target at which everything came out alike stand together; a judgement takes them apart again
//! ([`expanded`]). What is left out can be left out: judging the brief report gives the same as judging the full one, which
//! a test and every scenario of the lab hold.

mod control_plane;
mod lookups;
mod names;
mod proofs;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use probes::control_plane::ManagedPrefixList;
use probes::environment::CredentialSource;
use probes::observations::{
    Alike, Answer, Attempt, ChosenRoute, LookupFailure, Reply, ResolverKind, Responder, TargetObservation,
    TlsFailure, TlsSession, Trust, Verification,
};
use probes::{Outcome, SkipReason, Step};

use crate::classify::evidence::own_network::is_the_instance;
use crate::classify::evidence::{is_primary, larger_than_endpoints_announce};
use crate::diagnose::Case;
use crate::diagnose::names::own_name_matters;
use crate::diagnose::way::{first_interface, interface_with};
use crate::prefix_lists::PrefixList;
use crate::refusal::{essence, refusal, refuses_credentials};
use crate::report::{CheckOutcome, EnvironmentRecord, Finding, Recording, Report};

/// A lookup that took less than this was answered at the first asking, and how quick is left out: no rule reads it.
const SLOW_LOOKUP_MS: f64 = 500.0;

/// The brief report.
#[must_use]
pub fn brief(report: &Report) -> Report {
    let mut report = report.clone();
    // A finding that gives a request id has read it; nothing else does.
    let gives_id = |finding: &&Finding| finding.facts.iter().any(|fact| fact.name == "request_id");
    let cited: Vec<String> = report
        .findings
        .iter()
        .filter(gives_id)
        .flat_map(|finding| finding.evidence.iter().cloned())
        .collect();
    // What came to nothing is what a reader expects of every rule that is not here.
    // Of those that cannot tell, many lack the same: the first speaks for them, and a judgement at full detail lists all.
    let mut lacking = BTreeSet::new();
    report.checks.retain(|check| match check.outcome {
        CheckOutcome::Clear | CheckOutcome::NotApplicable => false,
        CheckOutcome::CannotTell => lacking.insert(check.why.clone()),
        CheckOutcome::Found | CheckOutcome::Explained => true,
    });
    let own_name_matters =
        own_name_matters(&Case { recording: &report.recording, verdicts: &report.verdicts });
    let recording = &mut report.recording;
    let seen: Vec<IpAddr> = addresses(recording).collect();
    let own = recording.environment.host.interfaces.iter().flat_map(|interface| &interface.addresses);
    let own: Vec<IpAddr> = own.map(IpNet::addr).collect();
    recording.environment.prefix_lists.iter_mut().for_each(|list| drop_unread_ranges(list, &seen));
    control_plane::drop_unread_facts(recording, &seen, &own);
    proofs::shorten(&mut recording.proofs);
    for (list, known) in lists_said_twice(recording) {
        if list.cidrs == known.cidrs {
            list.cidrs.clear();
        }
    }
    // The route is read only where packets leave by another interface than the first one.
    let environment = recording.environment.clone();
    let elsewhere = |route: &ChosenRoute| {
        route.source.is_some_and(|source| {
            let holder = interface_with(&environment.host, source);
            let by_another = holder.is_some_and(|holder| Some(&holder.name) != route.interface.as_ref());
            !is_primary(&environment, source)
                || holder.is_some() && holder != first_interface(&environment.host)
                || by_another && environment.host.interfaces.len() > 1
        })
    };
    let primary = recording.environment.host.subnet_id.clone();
    for interface in &mut recording.environment.host.interfaces {
        (interface.mac, interface.vpc_id) = (None, None);
        if interface.subnet_id == primary {
            interface.subnet_id = None;
        }
    }
    let host = &mut recording.environment.host;
    (host.image_id, host.instance_type, host.kernel, host.domain) = (None, None, None, None);
    untimed(&mut host.imds.token);
    untimed(&mut host.imds.metadata);
    untimed(&mut host.imds.credentials);
    // Whom STS names is read only where it may be somebody else than the instance's role.
    let by_static_keys = matches!(
        recording.environment.host.credentials.source,
        Some(CredentialSource::EnvironmentVariables | CredentialSource::SharedFile)
    );
    names::shorten_checks(&mut recording.name_checks, own_name_matters);
    for target in recording.targets.iter_mut().chain(&mut recording.controls) {
        for attempt in &mut target.attempts {
            attempt.route = attempt.route.take().filter(elsewhere);
        }
        if !by_static_keys {
            forget_identity(target);
        }
        shorten(target, &cited, &environment);
        lookups::gather(target, &environment.host.vpc_cidrs);
        gather(target);
    }
    refer_to_first_session(recording);
    for control in recording.controls.iter_mut().filter(|control| control.service != "control") {
        // Of a service elsewhere it is read whether a connection stands and what its walk shows: at one of the addresses that came
        // out alike, and at that which the walk was made to.
        control.lookups.retain(|lookup| lookup.a.done().is_none());
        for attempt in &mut control.attempts {
            attempt.alike.retain(|alike| alike.hops.done().is_some());
        }
    }
    report
}

fn forget_identity(target: &mut TargetObservation) {
    for attempt in &mut target.attempts {
        if let Outcome::Done(reply) = &mut attempt.call.outcome {
            reply.identity = None;
        }
    }
    if let Some(Outcome::Done(reply)) = target.proxied.as_mut().map(|proxied| &mut proxied.call.outcome) {
        reply.identity = None;
    }
}

/// The recording with every address by itself again.
#[must_use]
pub fn expanded(mut recording: Recording) -> Recording {
    restore_sessions(&mut recording);
    for (list, known) in lists_said_twice(&mut recording) {
        if list.cidrs.is_empty() {
            list.cidrs.clone_from(&known.cidrs);
        }
    }
    let vpc_cidrs = recording.environment.host.vpc_cidrs.clone();
    for target in recording.targets.iter_mut().chain(&mut recording.controls) {
        lookups::spread(target, &vpc_cidrs);
        let system = system_addresses(target);
        for lookup in &mut target.lookups {
            restore(&mut lookup.a, &system, IpAddr::is_ipv4);
            if let Some(step) = &mut lookup.aaaa {
                restore(step, &system, IpAddr::is_ipv6);
            }
        }
        let mut attempts = Vec::with_capacity(target.attempts.len());
        let everyone = everyone(target);
        for mut attempt in std::mem::take(&mut target.attempts) {
            if attempt.origin.is_empty() {
                attempt.origin.clone_from(&everyone);
            }
            let alike = std::mem::take(&mut attempt.alike);
            for other in alike {
                let Alike { addresses, hops, walked_as } = other;
                let mut like = Attempt { hops, walked_as, ..attempt.clone() };
                if let Outcome::Done(reply) = &mut like.call.outcome {
                    // The request that this id is of was made at the other address.
                    *reply = without_ids(reply);
                }
                let shared = like.hops.skip_reason() == Some(SkipReason::SharedWalk);
                attempts.extend(addresses.into_iter().map(|address| {
                    // A walk to the same address, made for another target, stands there under its own name.
                    let walked_as = like.walked_as.or(shared.then_some(address));
                    Attempt { address, walked_as, ..like.clone() }
                }));
            }
            attempts.push(attempt);
        }
        attempts.sort_by_key(|attempt| attempt.address);
        target.attempts = attempts;
    }
    recording
}

/// The prefix lists of EC2's answer that stand under the environment as well, with what stands there.
fn lists_said_twice(
    recording: &mut Recording,
) -> impl Iterator<Item = (&mut ManagedPrefixList, &PrefixList)> {
    let known = &recording.environment.prefix_lists;
    let said = recording.control_plane.prefix_lists.as_mut();
    let said = said.and_then(|step| match &mut step.outcome {
        Outcome::Done(lists) => Some(lists),
        Outcome::Failed(_) | Outcome::Skipped(_) => None,
    });
    said.into_iter().flatten().filter_map(|list| {
        let known = known.iter().find(|known| known.id.as_ref() == Some(&list.id))?;
        Some((list, known))
    })
}

/// Nearly every peer presents a certificate of the same issuer, and the roots say the same of it: said once, it is enough.
fn refer_to_first_session(recording: &mut Recording) {
    let Some(first) = sessions(recording).next().cloned() else { return };
    for session in sessions(recording).skip(1) {
        if session.issuer == first.issuer && session.trust == first.trust {
            (session.issuer, session.trust, session.as_first) = (String::new(), Trust::default(), true);
        }
    }
}

fn restore_sessions(recording: &mut Recording) {
    let Some(first) = sessions(recording).find(|session| !session.as_first).cloned() else { return };
    for session in sessions(recording).filter(|session| session.as_first) {
        (session.issuer, session.trust, session.as_first) =
            (first.issuer.clone(), first.trust.clone(), false);
    }
}

/// Every TLS session with an address, in the order of the report.
fn sessions(recording: &mut Recording) -> impl Iterator<Item = &mut TlsSession> {
    let all = recording.targets.iter_mut().chain(&mut recording.controls);
    all.flat_map(|target| &mut target.attempts).filter_map(|attempt| match &mut attempt.tls.outcome {
        Outcome::Done(session) => Some(session),
        Outcome::Failed(_) | Outcome::Skipped(_) => None,
    })
}

fn restore(step: &mut Step<Answer, LookupFailure>, system: &[IpAddr], family: Family) {
    if let Outcome::Done(answer) = &mut step.outcome
        && std::mem::take(&mut answer.as_system)
    {
        answer.addresses = of_family(system, family);
    }
}

/// Whether a control's address lies in a list is read as well: such a one compares with nothing.
fn addresses(recording: &Recording) -> impl Iterator<Item = IpAddr> + '_ {
    let all = recording.targets.iter().chain(&recording.controls);
    all.flat_map(|target| &target.attempts).map(|attempt| attempt.address)
}

/// Takes its place on the clock from a step.
fn untimed<T, F>(step: &mut Option<Step<T, F>>) {
    if let Some(step) = step {
        (step.start_ms, step.elapsed_ms) = (0.0, 0.0);
    }
}

/// Keeps the ranges that hold an address that was seen, and one of each family that was seen: that an address of a family
/// is outside can only be said of a list that knows the family.
fn drop_unread_ranges(list: &mut PrefixList, seen: &[IpAddr]) {
    let kept = read_of(&list.cidrs, seen);
    list.left_out += list.cidrs.len() - kept.len();
    list.cidrs = kept;
}

fn read_of(cidrs: &[IpNet], seen: &[IpAddr]) -> Vec<IpNet> {
    let mut kept: Vec<IpNet> =
        cidrs.iter().filter(|cidr| seen.iter().any(|address| cidr.contains(address))).copied().collect();
    for is_family in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
        let known = kept.iter().any(|cidr| is_family(&cidr.addr()));
        if !known && seen.iter().any(is_family) {
            kept.extend(cidrs.iter().find(|cidr| is_family(&cidr.addr())));
        }
    }
    kept
}

fn shorten(target: &mut TargetObservation, cited: &[String], environment: &EnvironmentRecord) {
    if let Some(proxied) = &mut target.proxied {
        proxied.tcp.start_ms = 0.0;
        proxied.connect.start_ms = 0.0;
        proxied.tls.start_ms = 0.0;
        proxied.call.start_ms = 0.0;
        shorten_tls(&mut proxied.tls, false);
        if let Outcome::Done(reply) = &mut proxied.call.outcome {
            shorten_reply(reply, false);
        }
    }
    let system = system_addresses(target);
    for lookup in &mut target.lookups {
        // That there is no IPv6 address is what is expected, and no rule asks for it.
        if lookup.aaaa.as_ref().and_then(|step| step.done()).is_some_and(|answer| answer.addresses.is_empty())
        {
            lookup.aaaa = None;
        }
        let steps = [(&mut lookup.a, IpAddr::is_ipv4 as Family)].into_iter();
        for (step, family) in steps.chain(lookup.aaaa.as_mut().map(|step| (step, IpAddr::is_ipv6 as Family)))
        {
            if lookup.kind != ResolverKind::System
                && let Outcome::Done(answer) = &mut step.outcome
                && !answer.addresses.is_empty()
                && same_set(&answer.addresses, &of_family(&system, family))
            {
                answer.addresses.clear();
                answer.as_system = true;
            }
        }
        for step in std::iter::once(&mut lookup.a).chain(&mut lookup.aaaa) {
            step.start_ms = 0.0;
            if let Outcome::Done(answer) = &mut step.outcome {
                if step.elapsed_ms < SLOW_LOOKUP_MS {
                    step.elapsed_ms = 0.0;
                }
                names::shorten_answer(answer);
            }
        }
    }
    let name = target.target.clone();
    let everyone = everyone(target);
    for attempt in &mut target.attempts {
        if attempt.origin == everyone {
            attempt.origin.clear();
        }
        // How long lookups and connections took is kept; the rest of the time line is for people.
        attempt.tcp.start_ms = 0.0;
        if attempt.tcp.done().is_some() {
            attempt.tcp.elapsed_ms = 0.0;
        }
        (attempt.tls.start_ms, attempt.tls.elapsed_ms) = (0.0, 0.0);
        (attempt.call.start_ms, attempt.call.elapsed_ms) = (0.0, 0.0);
        (attempt.hops.start_ms, attempt.hops.elapsed_ms) = (0.0, 0.0);
        if let Outcome::Done(walk) = &mut attempt.hops.outcome {
            walk.max_ttl = None;
            // Which router came first decides; how far it is and what followed is for people.
            let destination = attempt.address;
            walk.responders.retain(|responder| responder.address != destination);
            walk.responders.sort_by_key(|responder| responder.ttl);
            let passed_over = |responder: &Responder| is_the_instance(&environment.host, responder.address);
            let first = walk.responders.iter().position(|responder| !passed_over(responder));
            walk.responders.truncate(first.map_or(walk.responders.len(), |first| first + 1));
            walk.responders.iter_mut().for_each(|responder| responder.rtt_ms = 0.0);
        }
        let telling = larger_than_endpoints_announce(attempt);
        if let Outcome::Done(connection) = &mut attempt.tcp.outcome {
            connection.peer_mss = telling;
            (connection.retransmits, connection.path_mtu, connection.send_mss) = (None, None, None);
        }
        let of_service = target.service == "s3" && !target.target.starts_with("control:");
        shorten_tls(&mut attempt.tls, of_service);
        if let Outcome::Done(reply) = &mut attempt.call.outcome {
            let keep_id = cited.contains(&format!("{name}/{}/call", attempt.address));
            shorten_reply(reply, keep_id);
        }
    }
}

fn shorten_tls(step: &mut Step<TlsSession, TlsFailure>, reads_version: bool) {
    if let Outcome::Done(session) = &mut step.outcome {
        // Rules read who issued the leaf; its names and the rest of the chain are for people who look closer.
        session.chain.clear();
        session.version = session.version.take().filter(|_| reads_version);
        for verification in [&mut session.trust.bundled, &mut session.trust.machine] {
            if let Verification::Other(text) = verification {
                text.truncate(text.floor_char_boundary(80));
            }
        }
    }
}

/// Every resolver that was asked, as an attempt's origin names them.
fn everyone(target: &TargetObservation) -> Vec<String> {
    target.lookups.iter().map(|lookup| lookup.resolver.clone()).collect()
}

type Family = fn(&IpAddr) -> bool;

fn system_addresses(target: &TargetObservation) -> Vec<IpAddr> {
    let system = target.lookups.iter().find(|lookup| lookup.kind == ResolverKind::System);
    system.and_then(|lookup| lookup.a.done()).map(|answer| answer.addresses.clone()).unwrap_or_default()
}

fn of_family(addresses: &[IpAddr], family: Family) -> Vec<IpAddr> {
    addresses.iter().copied().filter(family).collect()
}

fn same_set(left: &[IpAddr], right: &[IpAddr]) -> bool {
    left.len() == right.len() && left.iter().all(|address| right.contains(address))
}

/// The reply without what differs from one request to the next.
fn without_ids(reply: &Reply) -> Reply {
    let follow_up = reply.follow_up.as_deref().map(|follow_up| Box::new(without_ids(follow_up)));
    Reply { request_id: None, follow_up, ..reply.clone() }
}

fn shorten_reply(reply: &mut Reply, keep_id: bool) {
    // Only the words of a refusal are read; elsewhere the code says it.
    let reads = refusal(reply).is_some() || refuses_credentials(reply);
    reply.message = reply.message.as_deref().filter(|_| reads).map(essence);
    (reply.server, reply.via, reply.clock_offset_ms) = (None, None, None);
    if !keep_id {
        reply.request_id = None;
    }
    if let Some(follow_up) = &mut reply.follow_up {
        shorten_reply(follow_up, keep_id);
        // The follow-up is the last word: its id is the one that is asked for, and the Region is told once.
        if follow_up.request_id.is_some() {
            reply.request_id = None;
        }
        if reply.bucket_region.is_some() && follow_up.bucket_region == reply.bucket_region {
            follow_up.bucket_region = None;
        }
    }
}

/// Puts addresses together at which everything but the walk came out alike, each group under its smallest address.
fn gather(target: &mut TargetObservation) {
    let mut gathered: Vec<Attempt> = Vec::new();
    for attempt in std::mem::take(&mut target.attempts) {
        match gathered.iter_mut().find(|first| is_alike(first, &attempt)) {
            Some(first) => {
                let Attempt { address, hops, mut walked_as, .. } = attempt;
                if hops.skip_reason() == Some(SkipReason::SharedWalk) {
                    walked_as = walked_as.filter(|walked| *walked != address);
                }
                let same =
                    |alike: &&mut Alike| alike.hops.outcome == hops.outcome && alike.walked_as == walked_as;
                match first.alike.iter_mut().find(same) {
                    Some(alike) => alike.addresses.push(address),
                    None => first.alike.push(Alike { addresses: vec![address], hops, walked_as }),
                }
            }
            None => gathered.push(attempt),
        }
    }
    target.attempts = gathered;
}

/// Whether two attempts came out the same but for how long they took and how they were walked.
fn is_alike(first: &Attempt, other: &Attempt) -> bool {
    let tcp = match (&first.tcp.outcome, &other.tcp.outcome) {
        (Outcome::Done(one), Outcome::Done(other)) => one.peer_mss == other.peer_mss,
        (one, other) => one == other,
    };
    tcp && first.origin == other.origin
        && first.route == other.route
        && first.retries == other.retries
        && first.tls.outcome == other.tls.outcome
        && match (&first.call.outcome, &other.call.outcome) {
            (Outcome::Done(one), Outcome::Done(other)) => without_ids(one) == without_ids(other),
            (one, other) => one == other,
        }
}
