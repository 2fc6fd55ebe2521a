//! The VPC while it runs: its topology, and the one way to change it.
//!
//! Everything that serves the VPC (DNS, the doors of AWS, EC2's descriptions) asks here for the topology each time, so that a
//! change holds for all of them at once. A change is made to a copy, checked, compiled, told to the kernel, and only then
//! becomes the topology; a change that fails leaves everything as it was.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::fabric::{self, Fabric, Silences};
use crate::realise::{self, RealiseError};
use crate::topology::{self, Invalid, Topology};

/// A VPC that is there.
#[derive(Debug)]
pub(crate) struct Live {
    topology: watch::Sender<Arc<Topology>>,
    /// What the kernel was told; nothing where there is no network, as in tests of the services alone.
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    fabric: Fabric,
    silences: Silences,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError<E> {
    /// Whoever wanted it thought better of it.
    #[error("failed to make the change")]
    Refused(#[source] E),
    #[error("failed to make a VPC that can be built")]
    Invalid(#[source] Invalid),
    #[error("failed to change a VPC that runs: that needs other namespaces or wires")]
    Rebuild,
    #[error("failed to carry the change out")]
    Realise(#[source] RealiseError),
}

impl Live {
    /// A VPC whose compiled fabric has been built.
    pub(crate) fn built(topology: Topology, silences: Silences, fabric: Fabric) -> Arc<Self> {
        Self::new(topology, Some(Running { fabric, silences }))
    }

    /// A VPC that has no network.
    #[cfg(test)]
    pub(crate) fn imagined(topology: Topology) -> Arc<Self> {
        Self::new(topology, None)
    }

    /// The topology as it is now.
    pub(crate) fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.borrow())
    }

    /// Tells of every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.subscribe()
    }

    /// What the kernel has been told, for reading its counts.
    pub(crate) fn fabric(&self) -> Option<Fabric> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| running.fabric.clone())
    }

    /// Changes the VPC, one change at a time.
    ///
    /// # Errors
    ///
    /// The refusal of `edit`, or why the outcome cannot be built.
    pub(crate) fn change<T, E>(
        &self,
        edit: impl FnOnce(&mut Topology) -> Result<T, E>,
    ) -> Result<T, ChangeError<E>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = Topology::clone(&self.topology());
        let outcome = edit(&mut wanted).map_err(ChangeError::Refused)?;
        topology::check(&wanted).map_err(ChangeError::Invalid)?;
        if let Some(running) = running.as_mut() {
            let fabric = fabric::compile(&wanted, running.silences);
            let update = fabric::update(&running.fabric, &fabric).ok_or(ChangeError::Rebuild)?;
            realise::update(&update).map_err(ChangeError::Realise)?;
            running.fabric = fabric;
        }
        self.topology.send_replace(Arc::new(wanted));
        Ok(outcome)
    }

    fn new(topology: Topology, running: Option<Running>) -> Arc<Self> {
        Arc::new(Self { topology: watch::Sender::new(Arc::new(topology)), running: Mutex::new(running) })
    }
}
