//! Forgetting what nobody will look up any more: the ids of old commits, sessions and sign-ins that are over.
//!
//! A commit's id is kept so that a caller whose connection was lost can ask whether it was written. It asks at once, and gives up within
//! seconds; a worker that died asks for nothing. So a day is far more than anybody needs.

use countersign_kernel::Millis;

use crate::port::{SessionStore, StoreError, Upkeep};

/// How long the id of a commit is kept.
pub const COMMITS_KEPT: Millis = Millis::from_days(1);

/// Rows forgotten in one transaction.
const BATCH: u32 = 1_000;

/// Batches of one turn: what is older than that waits for the next, so that a store with years of ids is not kept busy by one server.
const BATCHES: u32 = 100;

/// Forgets the ids of commits older than [`COMMITS_KEPT`], the oldest first, 100,000 at most; says how many. Several servers may do so at
/// once.
///
/// # Errors
/// The store can't be reached. What was forgotten until then stays so.
pub async fn forget_old_commits(store: &dyn Upkeep) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for _ in 0..BATCHES {
        let batch = store.forget_commits(COMMITS_KEPT, BATCH).await?;
        forgotten += batch;
        if batch < u64::from(BATCH) {
            break;
        }
    }
    Ok(forgotten)
}

/// Erases sessions and attempts to sign in that are over, as many at most; says how many. Several servers may do so at once.
///
/// # Errors
/// The store can't be reached. What was erased until then stays so.
pub async fn forget_ended_sessions(store: &dyn SessionStore) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for _ in 0..BATCHES {
        let batch = store.forget_ended(BATCH).await?;
        forgotten += batch;
        if batch < u64::from(BATCH) {
            break;
        }
    }
    Ok(forgotten)
}
