//! Placeholder for walks.
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::attempt::Route;
use crate::plan::TargetPlan;
use crate::run::{Shared, Slot, Until};

/// X.
pub(crate) enum Found {
    /// X.
    Address,
    /// X.
    NoMore,
}
impl Found {
    pub(crate) fn address(_slot: Slot, _target: &TargetPlan, _address: IpAddr, _route: Route) -> Self {
        Self::Address
    }
    pub(crate) fn no_more(_target: &TargetPlan) -> Self {
        Self::NoMore
    }
}

pub(crate) async fn walk_all(
    _shared: Arc<Shared>,
    mut found: mpsc::UnboundedReceiver<Found>,
    _evidence: Until,
    _chains: watch::Receiver<Option<std::time::Instant>>,
) {
    while found.recv().await.is_some() {}
}
