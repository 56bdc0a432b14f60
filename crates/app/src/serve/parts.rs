//! The parts of a running server. They stand and fall together: a server that has lost one of them would look alive and do half of its work,
//! so the first part that ends by itself stops the others, and whoever supervises the process starts it again.

use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use tokio_util::sync::CancellationToken;

use crate::named_tasks::{End, NamedTasks};

/// The parts of a running server. Each runs until it is told to stop.
pub(super) struct Parts {
    running: NamedTasks<&'static str, Result<()>>,
    stopping: CancellationToken,
}

impl Parts {
    /// No parts yet; `stopping` is what they listen to.
    pub(super) fn new(stopping: CancellationToken) -> Self {
        Self { running: NamedTasks::new(), stopping }
    }

    /// Starts a part.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        self.running.start(name, part);
    }

    /// Runs until `stop` is done or a part ends by itself, then has the parts finish what they have in hand, as long as the grace lasts.
    ///
    /// # Errors
    /// A part ended by itself, or failed while stopping; the error names the part.
    pub(super) async fn run_until(mut self, stop: impl Future<Output = ()>, grace: Duration) -> Result<()> {
        let mut failed = tokio::select! {
            () = stop => None,
            ended = self.running.next_end() => ended.map(|(part, end)| too_soon(part, end)),
        };
        if let Some(error) = &failed {
            tracing::error!(error = format!("{error:#}"), "a part of the server is gone: stopping all of it");
        }
        tracing::info!(grace_s = grace.as_secs(), "stopping: finishing what is in hand");
        self.stopping.cancel();
        let finished = tokio::time::timeout(grace, async {
            while let Some((part, end)) = self.running.next_end().await {
                let Some(error) = while_stopping(part, end) else { continue };
                tracing::error!(error = format!("{error:#}"), "a part of the server did not stop well");
                failed.get_or_insert(error);
            }
        });
        if finished.await.is_err() {
            // What was in hand is leased work and open streams: another replica takes the one up, clients reconnect for the other.
            tracing::warn!("some calls did not end in time and were cut");
        }
        failed.map_or(Ok(()), Err)
    }
}

fn too_soon(part: &str, end: End<Result<()>>) -> Error {
    match end {
        End::Done(Ok(())) => anyhow!("{part} ended by itself, without a reason"),
        End::Done(Err(error)) => error.context(format!("{part} ended by itself")),
        End::Panicked(words) => anyhow!("{part} panicked: {words}"),
    }
}

fn while_stopping(part: &str, end: End<Result<()>>) -> Option<Error> {
    match end {
        End::Done(Ok(())) => None,
        End::Done(Err(error)) => Some(error.context(format!("{part} failed while stopping"))),
        End::Panicked(words) => Some(anyhow!("{part} panicked while stopping: {words}")),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    /// A part that does as it is told, and what tells whether it got to finish.
    fn obedient(parts: &mut Parts) -> Arc<AtomicBool> {
        let finished = Arc::new(AtomicBool::new(false));
        let (stopping, done) = (parts.stopping.clone(), Arc::clone(&finished));
        parts.start("the obedient part", async move {
            stopping.cancelled().await;
            tokio::task::yield_now().await;
            done.store(true, Ordering::SeqCst);
            Ok(())
        });
        finished
    }

    async fn beside(part: impl Future<Output = Result<()>> + Send + 'static) -> (String, bool) {
        let mut parts = Parts::new(CancellationToken::new());
        let finished = obedient(&mut parts);
        parts.start("the gRPC server", part);
        let error = parts.run_until(pending(), GRACE).await.unwrap_err();
        (format!("{error:#}"), finished.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_part_that_fails_by_itself_stops_the_others_and_is_named_with_its_reason() {
        let (error, others_finished) = beside(async { Err(anyhow!("the listener is gone")) }).await;
        assert_eq!(error, "the gRPC server ended by itself: the listener is gone");
        assert!(others_finished, "the other part was cut instead of stopped");
    }

    #[tokio::test]
    async fn a_part_that_panics_or_just_ends_stops_the_others_too() {
        let (error, others_finished) = beside(async { panic!("index out of bounds") }).await;
        assert_eq!(error, "the gRPC server panicked: index out of bounds");
        assert!(others_finished);
        let (error, others_finished) = beside(async { Ok(()) }).await;
        assert_eq!(error, "the gRPC server ended by itself, without a reason");
        assert!(others_finished);
    }

    #[tokio::test]
    async fn a_stop_that_was_asked_for_is_no_error() {
        let mut parts = Parts::new(CancellationToken::new());
        let finished = obedient(&mut parts);
        parts.run_until(async {}, GRACE).await.unwrap();
        assert!(finished.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_part_that_fails_while_stopping_is_an_error() {
        for panics in [false, true] {
            let stopping = CancellationToken::new();
            let mut parts = Parts::new(stopping.clone());
            parts.start("the workers", async move {
                stopping.cancelled().await;
                assert!(!panics, "no hands");
                Err(anyhow!("the store is gone"))
            });
            let error = format!("{:#}", parts.run_until(async {}, GRACE).await.unwrap_err());
            let expected = if panics {
                "the workers panicked while stopping: no hands"
            } else {
                "the workers failed while stopping: the store is gone"
            };
            assert_eq!(error, expected);
        }
    }

    #[tokio::test]
    async fn what_does_not_end_within_the_grace_is_cut() {
        let mut parts = Parts::new(CancellationToken::new());
        let cut = Arc::new(AtomicBool::new(false));
        let guard = SetOnDrop(Arc::clone(&cut));
        parts.start("a stubborn part", async move {
            let _guard = guard;
            pending().await
        });
        parts.run_until(async {}, Duration::from_millis(20)).await.unwrap();
        tokio::task::yield_now().await;
        assert!(cut.load(Ordering::SeqCst));
    }

    struct SetOnDrop(Arc<AtomicBool>);

    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}
