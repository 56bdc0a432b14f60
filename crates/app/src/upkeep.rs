//! What a running server does to its store from time to time: it forgets the ids of old commits, and sessions that are over.

use std::sync::Arc;
use std::time::Duration;

use countersign_usecases::port::{SessionStore, Upkeep};
use countersign_usecases::upkeep::{forget_ended_sessions, forget_old_commits};
use tokio_util::sync::CancellationToken;

/// Between two turns. What a busy store writes in an hour is forgotten in one turn.
const PAUSE: Duration = Duration::from_secs(3_600);

/// Keeps the store in order until told to stop, beginning now.
pub async fn run(store: Arc<dyn Upkeep>, sessions: Arc<dyn SessionStore>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            forgotten = forget_old_commits(&*store) => match forgotten {
                Ok(0) => {}
                Ok(commits) => tracing::info!(commits, "forgot the ids of old commits"),
                Err(error) => tracing::warn!(%error, "could not forget the ids of old commits"),
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            forgotten = forget_ended_sessions(&*sessions) => match forgotten {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "erased sessions and sign-ins that are over"),
                Err(error) => tracing::warn!(%error, "could not erase sessions that are over"),
            },
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
