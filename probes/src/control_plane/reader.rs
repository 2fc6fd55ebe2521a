//! Connects to EC2 and asks it, everything at once, and writes each answer down as it comes.

mod survey;

use std::sync::Arc;
use std::time::Instant;

use aws_credential_types::Credentials;
use tokio::task::JoinSet;

use super::ask::Asker;
use super::connect::Pool;
use super::{ControlPlane, NotAsked, ReadFailure};
use crate::plan::InspectPlan;
use crate::run::{Board, Shared, Until, caught};
use crate::step::{SkipReason, Step};
use survey::Survey;

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
    Survey::new(asker, &shared.clock, board, subject).make().await;
}

/// Every call, not made yet.
fn untried() -> ControlPlane {
    ControlPlane {
        not_asked_because: None,
        route_table: Some(Step::skipped(SkipReason::OutOfTime)),
        further_route_tables: Some(Step::skipped(SkipReason::OutOfTime)),
        vpc_endpoints: Some(Step::skipped(SkipReason::OutOfTime)),
        prefix_lists: Some(Step::skipped(SkipReason::OutOfTime)),
        further_prefix_lists: Vec::new(),
        security_groups: Some(Step::skipped(SkipReason::OutOfTime)),
        network_acls: Some(Step::skipped(SkipReason::OutOfTime)),
        dns: Some(Step::skipped(SkipReason::OutOfTime)),
        subnets: Some(Step::skipped(SkipReason::OutOfTime)),
        network_interfaces: Some(Step::skipped(SkipReason::OutOfTime)),
        nat_gateways: Some(Step::skipped(SkipReason::OutOfTime)),
        block_public_access: Some(Step::skipped(SkipReason::OutOfTime)),
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
    fault(&mut seen.further_route_tables);
    fault(&mut seen.vpc_endpoints);
    fault(&mut seen.prefix_lists);
    fault(&mut seen.security_groups);
    fault(&mut seen.network_acls);
    fault(&mut seen.dns);
    fault(&mut seen.subnets);
    fault(&mut seen.network_interfaces);
    fault(&mut seen.nat_gateways);
    fault(&mut seen.block_public_access);
}

#[cfg(test)]
mod tests;
