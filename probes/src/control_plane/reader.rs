//! Asks EC2, everything at once, and writes each answer down as it comes.
//!
//! The security groups and network ACLs of VPC endpoints are known by id only after the endpoints are, so these two
//! are asked for in two waves: what concerns the instance itself first, with the rest added to it. If the second wave fails,
//! the first stands, and the ids that the endpoints name show what is missing.

use std::sync::Arc;
use std::time::Instant;

use aws_credential_types::Credentials;
use tokio::task::JoinSet;

use super::ask::Asker;
use super::calls;
use super::connect::Pool;
use super::{ControlPlane, NetworkAcl, NotAsked, ReadFailure, VpcEndpoint};
use crate::plan::InspectPlan;
use crate::run::{Board, Shared, Until, caught, measure};
use crate::step::{Outcome, SkipReason, Step};

/// EC2 takes at most this many values of one filter (Amazon EC2 API reference, `Filter`).
const MOST_VALUES: usize = 200;

/// What there is to ask about, all of it known.
struct Subject<'a> {
    plan: &'a InspectPlan,
    region: &'a str,
    host: &'a str,
    vpc_id: &'a str,
    subnet_id: &'a str,
    credentials: &'a Credentials,
}

/// Asks EC2 what the plan wants to know. `until` is the budget for the connection; from then on the plan's own holds.
///
/// What stands on the board is complete at every moment: first the reason why nothing was asked, then every step as out
/// of time until it is answered.
pub(crate) async fn read(shared: Arc<Shared>, board: Board, until: Until) {
    if caught(Box::pin(connect_and_ask(&shared, &board, &until))).await.is_none() {
        board.control_plane(note_fault);
    }
}

async fn connect_and_ask(shared: &Arc<Shared>, board: &Board, until: &Until) {
    let Some(plan) = &shared.plan.inspect else { return };
    let subject = match subject(plan, shared.credentials.as_ref()) {
        Ok(subject) => subject,
        Err(because) => return board.control_plane(|seen| *seen = ControlPlane::not_asked(because)),
    };
    match Pool::open(shared, subject.host, until).await {
        Ok(pool) => {
            let until = Until::at(Instant::now() + plan.once_connected);
            ask_all(shared, board, &subject, pool, &until).await;
        }
        Err(because) => board.control_plane(|seen| *seen = ControlPlane::not_asked(because)),
    }
}

fn subject<'a>(plan: &'a InspectPlan, credentials: Option<&'a Credentials>) -> Result<Subject<'a>, NotAsked> {
    let (Some(region), Some(host), Some(vpc_id), Some(subnet_id)) =
        (plan.region.as_deref(), plan.host.as_deref(), plan.vpc_id.as_deref(), plan.subnet_id.as_deref())
    else {
        return Err(NotAsked::NothingToAskFor);
    };
    let credentials = credentials.ok_or(NotAsked::NoCredentials)?;
    Ok(Subject { plan, region, host, vpc_id, subnet_id, credentials })
}

async fn ask_all(shared: &Shared, board: &Board, subject: &Subject<'_>, pool: Pool, until: &Until) {
    board.control_plane(|seen| *seen = untried());
    let pool = Arc::new(pool);
    // They end together with this function, whether or not they came about.
    let mut further = JoinSet::new();
    further.spawn(Arc::clone(&pool).widen(until.clone()));
    let (region, credentials) = (subject.region, subject.credentials);
    let asker = Asker { pool: &pool, region, credentials, until };
    let (clock, vpc_id) = (&shared.clock, subject.vpc_id);

    let endpoints = async {
        let step = measure(clock, Box::pin(calls::vpc_endpoints(&asker, vpc_id))).await;
        let found = step.done().cloned().unwrap_or_default();
        board.control_plane(|seen| seen.vpc_endpoints = Some(step));
        found
    };
    let route_table = async {
        let step = measure(clock, Box::pin(calls::route_table(&asker, vpc_id, subject.subnet_id))).await;
        board.control_plane(|seen| seen.route_table = Some(step));
    };
    let prefix_lists = async {
        let names = &subject.plan.prefix_list_names;
        let step = unless_empty(names, measure(clock, Box::pin(calls::prefix_lists(&asker, names)))).await;
        board.control_plane(|seen| seen.prefix_lists = Some(step));
    };
    let dns = async {
        let step = measure(clock, Box::pin(calls::dns(&asker, vpc_id))).await;
        board.control_plane(|seen| seen.dns = Some(step));
    };
    let groups = |ids: Vec<String>, before: Option<Step<_, _>>| {
        let asker = &asker;
        async move {
            let step =
                unless_empty(&ids, measure(clock, Box::pin(calls::security_groups(asker, &ids)))).await;
            let step = joined(before, step, Vec::push);
            board.control_plane(|seen| seen.security_groups = Some(step.clone()));
            step
        }
    };
    let acls = |subnets: Vec<String>, before: Option<Step<_, _>>| {
        let asker = &asker;
        async move {
            let step =
                unless_empty(&subnets, measure(clock, Box::pin(calls::network_acls(asker, &subnets)))).await;
            let step = joined(before, step, add_acl);
            board.control_plane(|seen| seen.network_acls = Some(step.clone()));
            step
        }
    };
    let own_groups = at_most(subject.plan.security_group_ids.clone());
    let own_subnets = vec![subject.subnet_id.to_owned()];
    let by_endpoint = async {
        let (endpoints, own_group_step, own_acl_step) = tokio::join!(
            Box::pin(endpoints),
            Box::pin(groups(own_groups.clone(), None)),
            Box::pin(acls(own_subnets.clone(), None))
        );
        let further_groups = further_ids(&endpoints, |endpoint| &endpoint.security_groups, &own_groups);
        let further_subnets = further_ids(&endpoints, |endpoint| &endpoint.subnets, &own_subnets);
        tokio::join!(
            Box::pin(groups(further_groups, Some(own_group_step))),
            Box::pin(acls(further_subnets, Some(own_acl_step)))
        );
    };
    tokio::join!(Box::pin(route_table), Box::pin(by_endpoint), Box::pin(prefix_lists), Box::pin(dns));
}

/// Every call, not made yet.
fn untried() -> ControlPlane {
    ControlPlane {
        not_asked_because: None,
        route_table: Some(Step::skipped(SkipReason::OutOfTime)),
        vpc_endpoints: Some(Step::skipped(SkipReason::OutOfTime)),
        prefix_lists: Some(Step::skipped(SkipReason::OutOfTime)),
        security_groups: Some(Step::skipped(SkipReason::OutOfTime)),
        network_acls: Some(Step::skipped(SkipReason::OutOfTime)),
        dns: Some(Step::skipped(SkipReason::OutOfTime)),
    }
}

/// What was not answered when a fault of this program came is an internal error.
fn note_fault(seen: &mut ControlPlane) {
    fn fault<T>(step: &mut Option<Step<T, ReadFailure>>) {
        let tried = step.as_ref().is_some_and(|step| step.skip_reason() != Some(SkipReason::OutOfTime));
        if !tried {
            *step = Some(Step::skipped(SkipReason::InternalError));
        }
    }
    seen.not_asked_because = None;
    fault(&mut seen.route_table);
    fault(&mut seen.vpc_endpoints);
    fault(&mut seen.prefix_lists);
    fault(&mut seen.security_groups);
    fault(&mut seen.network_acls);
    fault(&mut seen.dns);
}

/// Makes a call that has something to ask for. A filter without values would give everything there is.
async fn unless_empty<T>(
    values: &[String],
    call: impl Future<Output = Step<T, ReadFailure>>,
) -> Step<T, ReadFailure> {
    if values.is_empty() { Step::skipped(SkipReason::NotAsked) } else { call.await }
}

type Found<T> = Step<Vec<T>, ReadFailure>;

/// What two calls for different things of one kind came to: the sum where both were answered, else the answer of the first.
fn joined<T: Clone>(before: Option<Found<T>>, step: Found<T>, add: fn(&mut Vec<T>, T)) -> Found<T> {
    let Some(before) = before else { return step };
    match (&before.outcome, &step.outcome) {
        (Outcome::Done(first), Outcome::Done(second)) => {
            let mut all = first.clone();
            for found in second {
                add(&mut all, found.clone());
            }
            let end_ms = step.start_ms + step.elapsed_ms;
            Step::placed(before.start_ms, end_ms - before.start_ms, Outcome::Done(all))
        }
        (Outcome::Skipped(SkipReason::NotAsked), _) => step,
        _ => before,
    }
}

/// Adds a network ACL; one that was found before holds for the further subnets as well.
fn add_acl(acls: &mut Vec<NetworkAcl>, found: NetworkAcl) {
    match acls.iter_mut().find(|acl| acl.id == found.id) {
        Some(acl) => acl.subnets.extend(found.subnets),
        None => acls.push(found),
    }
}

/// The ids that the endpoints name beside those that were asked for already.
fn further_ids(
    endpoints: &[VpcEndpoint],
    ids: impl Fn(&VpcEndpoint) -> &Vec<String>,
    asked: &[String],
) -> Vec<String> {
    let mut further: Vec<String> =
        endpoints.iter().flat_map(|endpoint| ids(endpoint).iter().cloned()).collect();
    further.retain(|id| !asked.contains(id));
    further.sort();
    further.dedup();
    at_most(further)
}

fn at_most(mut ids: Vec<String>) -> Vec<String> {
    ids.truncate(MOST_VALUES);
    ids
}

#[cfg(test)]
mod tests;
