//! Keeps a fault of this program inside the step in which it happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::step::{Clock, SkipReason, Step};

/// Measures one step; if it panics, it is skipped for an internal error and everything else goes on.
pub(crate) async fn measure<T, F>(clock: &Clock, step: impl Future<Output = Result<T, F>>) -> Step<T, F> {
    caught(clock.measure(step)).await.unwrap_or_else(|| Step::skipped(SkipReason::InternalError))
}

/// Runs a future; `None` if it panics. The panic's message still goes to standard error.
pub(crate) async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // After a panic the future is dropped and never looked at again, so no broken invariant can be seen.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_that_panics_is_skipped_for_an_internal_error() {
        let clock = Clock::start();
        let broken = async {
            tokio::task::yield_now().await;
            let few: Vec<u8> = Vec::new();
            Ok::<u8, ()>(few[0])
        };
        assert_eq!(measure(&clock, broken).await.skip_reason(), Some(SkipReason::InternalError));
        assert_eq!(measure(&clock, async { Ok::<u8, ()>(1) }).await.done(), Some(&1));
    }
}
