//! The proof by a probe bucket: two objects under explicit denies, read at every address of S3 that was measured.
//!
//! The bucket stands in the path of the request, so each connection is to the address and under the name that were measured.

use std::net::{IpAddr, SocketAddr};

use tokio::task::JoinSet;

use super::make::{Context, distinct};
use super::place::{Request, Signing, ask, trusted};
use super::{BucketCalls, NotMade, ONLY_THROUGH_ENDPOINT, ONLY_WITHOUT_ENDPOINT};
use crate::control_plane::Pool;
use crate::observations::{CallFailure, Reply};
use crate::run::{Until, measure};
use crate::step::{SkipReason, Step};

/// Makes one proof and writes down what was said.
pub(super) async fn prove(context: &Context, index: usize) {
    let not_made = |because: NotMade| {
        context.board.proofs(|proofs| proofs.buckets[index].not_made_because = Some(because));
    };
    context.awaited.chains().await;
    let Some(plan) = context.plan() else { return };
    let Some(host) = plan.s3_host.clone() else { return not_made(NotMade::RegionUnknown) };
    let bucket = plan.buckets[index].clone();
    let targets = context.board.finish().targets;
    let addresses = distinct(targets.iter().filter(|target| target.service == "s3").flat_map(trusted));
    if addresses.is_empty() {
        return not_made(NotMade::NothingToProve);
    }
    context.board.proofs(|proofs| {
        let proof = &mut proofs.buckets[index];
        proof.not_made_because = None;
        proof.calls = addresses.iter().map(|address| untried(*address)).collect();
    });
    let until = context.one_more_chain();
    let mut places = JoinSet::new();
    for (slot, address) in addresses.into_iter().enumerate() {
        let (context, until, host, bucket) = (context.clone(), until.clone(), host.clone(), bucket.clone());
        places.spawn(async move { at(&context, (index, slot), address, (&host, &bucket), &until).await });
    }
    while places.join_next().await.is_some() {}
}

fn untried(address: IpAddr) -> BucketCalls {
    BucketCalls {
        addresses: vec![address],
        through_endpoint: Step::skipped(SkipReason::OutOfTime),
        without_endpoint: Step::skipped(SkipReason::OutOfTime),
    }
}

async fn at(
    context: &Context,
    (index, slot): (usize, usize),
    address: IpAddr,
    (host, bucket): (&str, &str),
    until: &Until,
) {
    let write = |write: &dyn Fn(&mut BucketCalls)| {
        context.board.proofs(|proofs| write(&mut proofs.buckets[index].calls[slot]));
    };
    let shared = &context.shared;
    let address = SocketAddr::new(address, shared.port);
    let Ok(pool) = Pool::connect(shared, host, std::iter::once(address), until).await else {
        return write(&|calls| {
            calls.through_endpoint = Step::skipped(SkipReason::PreviousStepFailed);
            calls.without_endpoint = Step::skipped(SkipReason::PreviousStepFailed);
        });
    };
    let read = async |key: &str| -> Step<Reply, CallFailure> {
        let signing = Signing { region: &context.region, credentials: &context.credentials, until };
        let request = Request::Object { bucket, key };
        let asked = async { ask(&pool, &signing, request).await.map(|(reply, _)| reply) };
        measure(&shared.clock, Box::pin(asked)).await
    };
    let step = read(ONLY_THROUGH_ENDPOINT).await;
    write(&|calls| calls.through_endpoint = step.clone());
    let step = read(ONLY_WITHOUT_ENDPOINT).await;
    write(&|calls| calls.without_endpoint = step.clone());
}
