//! Path proofs as short as a judgement needs them: who was allowed what and refused why, the addresses where the same came out
//! together.

use probes::observations::{CallFailure, Reply};
use probes::proofs::{BucketCalls, Condition, NotMade, Proofs, RoleCalls};
use probes::{Outcome, Step};

use super::shorten_reply;

/// Leaves out what nothing reads.
pub(super) fn shorten(proofs: &mut Proofs) {
    for proof in &mut proofs.roles {
        // Why STS gave no session is read only where the proof failed for want of one.
        if proof.not_made_because != Some(NotMade::NoSession) {
            proof.sessions.clear();
        }
        proof.sessions.iter_mut().for_each(|session| shorten_step(&mut session.assumed));
        for calls in &mut proof.calls {
            // Whose VPC endpoint it was is read only where one carried the request, and of those that were tried by their ids only
            // the one that was found.
            let through = calls
                .asked
                .iter()
                .any(|asked| asked.condition == Condition::ThroughEndpoint && given(&asked.call));
            calls.asked.retain(|asked| match asked.condition {
                Condition::ThisVpc => through,
                Condition::Endpoint => through && given(&asked.call),
                _ => true,
            });
        }
        proof
            .calls
            .iter_mut()
            .flat_map(|calls| &mut calls.asked)
            .for_each(|asked| shorten_step(&mut asked.call));
        let mut gathered: Vec<RoleCalls> = Vec::new();
        for calls in std::mem::take(&mut proof.calls) {
            let same = |first: &&mut RoleCalls| first.target == calls.target && first.asked == calls.asked;
            match gathered.iter_mut().find(same) {
                Some(first) => first.addresses.extend(calls.addresses),
                None => gathered.push(calls),
            }
        }
        proof.calls = gathered;
    }
    for proof in &mut proofs.buckets {
        for calls in &mut proof.calls {
            shorten_step(&mut calls.through_endpoint);
            shorten_step(&mut calls.without_endpoint);
        }
        let mut gathered: Vec<BucketCalls> = Vec::new();
        for calls in std::mem::take(&mut proof.calls) {
            let same = |first: &&mut BucketCalls| {
                first.through_endpoint == calls.through_endpoint
                    && first.without_endpoint == calls.without_endpoint
            };
            match gathered.iter_mut().find(same) {
                Some(first) => first.addresses.extend(calls.addresses),
                None => gathered.push(calls),
            }
        }
        proof.calls = gathered;
    }
}

fn given(step: &Step<Reply, CallFailure>) -> bool {
    step.done().is_some_and(|reply| reply.status < 300)
}

fn shorten_step(step: &mut Step<Reply, CallFailure>) {
    (step.start_ms, step.elapsed_ms) = (0.0, 0.0);
    if let Outcome::Done(reply) = &mut step.outcome {
        shorten_reply(reply, false);
        for message in reply
            .message
            .iter_mut()
            .chain(reply.follow_up.iter_mut().filter_map(|last| last.message.as_mut()))
        {
            // The reply says which action it was about.
            let kind = message.split(" allows ").next().unwrap_or_default().to_owned();
            *message = kind;
        }
    }
}
