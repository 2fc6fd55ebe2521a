//! Where the facts of a run are written down as they arrive: the observations, complete at every moment.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::control_plane::{ControlPlane, NotAsked};
use crate::observations::{
    Answer, Attempt, ChosenRoute, Lookup, NameCheck, Observations, Proxied, ResolverKind, TargetObservation,
};
use crate::plan::{ProbePlan, TargetPlan};
use crate::proofs::{self, Proofs};
use crate::proxy;
use crate::step::{Outcome, SkipReason, Step};

/// The observations of a run while it goes on.
#[derive(Clone)]
pub(crate) struct Board(Arc<Mutex<Observations>>);

/// One target's or control's place on the board.
#[derive(Clone)]
pub(crate) struct Slot {
    board: Board,
    control: bool,
    index: usize,
}

impl Board {
    /// Every planned step, not tried yet.
    pub(crate) fn skeleton(plan: &ProbePlan) -> Self {
        let of = |targets: &[TargetPlan]| targets.iter().map(|target| untried(plan, target)).collect();
        let not_asked = if plan.inspect.is_some() { NotAsked::OutOfTime } else { NotAsked::Disabled };
        Self(Arc::new(Mutex::new(Observations {
            targets: of(&plan.targets),
            controls: of(&plan.controls),
            name_checks: plan.name_checks.iter().map(NameCheck::untried).collect(),
            control_plane: ControlPlane::not_asked(not_asked),
            proofs: proofs::untried(plan),
        })))
    }

    /// The place of a target.
    pub(crate) fn target(&self, index: usize) -> Slot {
        Slot { board: self.clone(), control: false, index }
    }

    /// The place of a control.
    pub(crate) fn control(&self, index: usize) -> Slot {
        Slot { board: self.clone(), control: true, index }
    }

    /// Writes down what EC2 said.
    pub(crate) fn control_plane(&self, write: impl FnOnce(&mut ControlPlane)) {
        write(&mut self.lock().control_plane);
    }

    /// Writes down what path proofs said.
    pub(crate) fn proofs(&self, write: impl FnOnce(&mut Proofs)) {
        write(&mut self.lock().proofs);
    }

    /// The addresses that names have led to so far, each once.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let observations = self.lock();
        let attempts = observations.targets.iter().flat_map(|target| &target.attempts);
        let addresses: BTreeSet<IpAddr> = attempts.map(|attempt| attempt.address).collect();
        addresses.into_iter().collect()
    }

    /// Writes down what a server said of a name of no target.
    pub(crate) fn name_check(&self, index: usize, write: impl FnOnce(&mut NameCheck)) {
        self.lock().name_checks.get_mut(index).map(write);
    }

    /// The observations as they stand now, in their final order.
    pub(crate) fn finish(&self) -> Observations {
        let mut observations = self.lock().clone();
        let Observations { targets, controls, .. } = &mut observations;
        for target in targets.iter_mut().chain(controls) {
            target.attempts.sort_by_key(|attempt| attempt.address);
            for attempt in &mut target.attempts {
                attempt.origin = origin(&target.lookups, attempt.address);
            }
        }
        observations
    }

    fn lock(&self) -> MutexGuard<'_, Observations> {
        // Writers only assign whole values, so a panic elsewhere leaves nothing half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Writes a lookup's facts down.
    pub(crate) fn lookup(&self, index: usize, write: impl FnOnce(&mut Lookup)) {
        self.with(|target| target.lookups.get_mut(index).map(write));
    }

    /// Opens an attempt, every step of it not tried yet.
    pub(crate) fn open_attempt(&self, address: IpAddr, route: Option<ChosenRoute>, hops: SkipReason) {
        let attempt = Attempt {
            address,
            origin: Vec::new(),
            route,
            tcp: Step::skipped(SkipReason::OutOfTime),
            tls: Step::skipped(SkipReason::OutOfTime),
            call: Step::skipped(SkipReason::OutOfTime),
            hops: Step::skipped(hops),
            walked_as: None,
            retries: None,
            alike: Vec::new(),
        };
        self.with(|target| target.attempts.push(attempt));
    }

    /// Writes an attempt's facts down.
    pub(crate) fn attempt(&self, address: IpAddr, write: impl FnOnce(&mut Attempt)) {
        self.with(|target| target.attempts.iter_mut().find(|attempt| attempt.address == address).map(write));
    }

    /// Whether the attempt's connection stood.
    pub(crate) fn is_connected(&self, address: IpAddr) -> bool {
        self.with(|target| {
            let mut attempts = target.attempts.iter().filter(|attempt| attempt.address == address);
            attempts.any(|attempt| attempt.tcp.done().is_some())
        })
    }

    /// Writes facts about the way through the proxy down.
    pub(crate) fn proxied(&self, write: impl FnOnce(&mut Proxied)) {
        self.with(|target| target.proxied.as_mut().map(write));
    }

    /// Turns what was not tried into an internal error, after a fault of this program in the target's task.
    pub(crate) fn note_fault(&self) {
        self.with(|target| {
            for lookup in &mut target.lookups {
                fault(&mut lookup.a);
                lookup.aaaa.iter_mut().for_each(fault);
            }
            target.attempts.iter_mut().for_each(fault_attempt);
            target.proxied.iter_mut().for_each(fault_proxied);
        });
    }

    /// The same after a fault in one attempt.
    pub(crate) fn note_fault_at(&self, address: IpAddr) {
        self.attempt(address, fault_attempt);
    }

    /// The same after a fault on the way through the proxy.
    pub(crate) fn note_fault_in_proxied(&self) {
        self.proxied(fault_proxied);
    }

    fn with<R>(&self, write: impl FnOnce(&mut TargetObservation) -> R) -> R {
        let mut observations = self.board.lock();
        let targets = if self.control { &mut observations.controls } else { &mut observations.targets };
        // Slots are only made for the targets and controls of the plan that the skeleton was made of.
        write(&mut targets[self.index])
    }
}

fn untried(plan: &ProbePlan, target: &TargetPlan) -> TargetObservation {
    let system = Lookup {
        resolver: "system".to_owned(),
        kind: ResolverKind::System,
        a: Step::skipped(SkipReason::OutOfTime),
        aaaa: None,
        alike: Vec::new(),
    };
    let asked = plan.resolvers_for(target).iter().map(|resolver| Lookup {
        resolver: resolver.address.to_string(),
        kind: resolver.kind,
        a: Step::skipped(allowed(plan.families.ipv4)),
        aaaa: Some(Step::skipped(allowed(plan.families.ipv6))),
        alike: Vec::new(),
    });
    TargetObservation {
        target: target.target.clone(),
        service: target.service.clone(),
        host: target.host.clone(),
        required: target.required,
        lookups: std::iter::once(system).chain(asked).collect(),
        attempts: Vec::new(),
        proxied: target.proxy.as_ref().map(proxy::untried),
    }
}

fn allowed(family: bool) -> SkipReason {
    if family { SkipReason::OutOfTime } else { SkipReason::Disabled }
}

fn fault_attempt(attempt: &mut Attempt) {
    fault(&mut attempt.tcp);
    fault(&mut attempt.tls);
    fault(&mut attempt.call);
}

fn fault_proxied(proxied: &mut Proxied) {
    fault(&mut proxied.tcp);
    fault(&mut proxied.connect);
    fault(&mut proxied.tls);
    fault(&mut proxied.call);
}

fn fault<T, F>(step: &mut Step<T, F>) {
    if matches!(step.outcome, Outcome::Skipped(SkipReason::OutOfTime)) {
        *step = Step::skipped(SkipReason::InternalError);
    }
}

/// Every resolver that gave this address, in the order in which the lookups stand.
fn origin(lookups: &[Lookup], address: IpAddr) -> Vec<String> {
    let gives = |answer: &Answer| answer.addresses.contains(&address);
    let gave = |lookup: &&Lookup| {
        lookup.a.done().is_some_and(gives) || lookup.aaaa.as_ref().and_then(Step::done).is_some_and(gives)
    };
    lookups.iter().filter(gave).map(|lookup| lookup.resolver.clone()).collect()
}
