//! The end of a step's budget: a fixed instant, which for evidence may be drawn nearer while the step runs.
//!
//! Chains know the end of their time when they start. Controls and hop walks do not: what they may take depends on
//! when the last chain is done and on the largest round trip, which a control may still raise. Both ask this type, so a
//! step does not know which it is.

use std::time::Instant;

use tokio::sync::watch;

/// When a step has to give up.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    fixed: Instant,
    drawn_nearer: Option<watch::Receiver<Option<Instant>>>,
}

impl Until {
    /// A budget that ends at an instant known from the start.
    pub(crate) fn at(fixed: Instant) -> Self {
        Self { fixed, drawn_nearer: None }
    }

    /// A budget that ends at `fixed`, or earlier as soon as the channel holds an earlier instant.
    pub(crate) fn drawn_nearer_by(fixed: Instant, nearer: watch::Receiver<Option<Instant>>) -> Self {
        Self { fixed, drawn_nearer: Some(nearer) }
    }

    /// The same budget, but over at `other` at the latest.
    pub(crate) fn at_most(&self, other: Instant) -> Self {
        Self { fixed: self.fixed.min(other), drawn_nearer: self.drawn_nearer.clone() }
    }

    /// The end as it is known now.
    pub(crate) fn now_known(&self) -> Instant {
        let nearer = self.drawn_nearer.as_ref().and_then(|channel| *channel.borrow());
        nearer.map_or(self.fixed, |nearer| nearer.min(self.fixed))
    }

    /// Whether the budget may end earlier than is known now.
    pub(crate) fn may_shrink(&self) -> bool {
        self.drawn_nearer.is_some()
    }

    /// Runs a step, or gives `None` when the budget is over first.
    pub(crate) async fn bound<F: Future>(&self, step: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = step => Some(output),
            () = self.passed() => None,
        }
    }

    /// Resolves when the budget is over.
    pub(crate) async fn passed(&self) {
        let Some(mut channel) = self.drawn_nearer.clone() else {
            return tokio::time::sleep_until(self.fixed.into()).await;
        };
        loop {
            let end = channel.borrow_and_update().map_or(self.fixed, |nearer| nearer.min(self.fixed));
            tokio::select! {
                () = tokio::time::sleep_until(end.into()) => return,
                changed = channel.changed() => if changed.is_err() {
                    return tokio::time::sleep_until(end.into()).await;
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_step_that_ends_in_time_gives_its_output() {
        let until = Until::at(Instant::now() + Duration::from_mins(1));
        assert_eq!(until.bound(async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_budget_that_is_drawn_nearer_while_a_step_runs_ends_it() {
        let (sender, receiver) = watch::channel(None);
        let began = Instant::now();
        let until = Until::drawn_nearer_by(began + Duration::from_mins(1), receiver);
        let waiting = tokio::spawn(async move { until.bound(std::future::pending::<()>()).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        sender.send(Some(Instant::now() + Duration::from_millis(30))).unwrap();
        assert_eq!(waiting.await.unwrap(), None);
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_budget_that_was_drawn_nearer_can_be_lengthened_again() {
        let began = Instant::now();
        let (sender, receiver) = watch::channel(Some(began + Duration::from_secs(1)));
        let until = Until::drawn_nearer_by(began + Duration::from_mins(1), receiver);
        tokio::join!(until.passed(), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            sender.send(Some(began + Duration::from_millis(1200))).unwrap();
        });
        assert!(began.elapsed() >= Duration::from_millis(1200));
    }

    #[tokio::test]
    async fn a_later_instant_in_the_channel_does_not_lengthen_the_budget() {
        let began = Instant::now();
        let (_sender, receiver) = watch::channel(Some(began + Duration::from_mins(1)));
        let until = Until::drawn_nearer_by(began + Duration::from_millis(20), receiver);
        until.passed().await;
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(until.now_known(), began + Duration::from_millis(20));
    }
}
