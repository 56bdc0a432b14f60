//! Holding a lease while its work is done: it is prolonged in time, and let go of before anybody else can have it.
//!
//! A worker that can't prolong its lease stops at eight tenths of it by its own monotonic clock, wherever it is: its work is dropped as if
//! the process had died there, which everything written down allows for. Without this, a slow target could keep an executor writing while
//! its successor does.

use std::pin::pin;

use countersign_kernel::Millis;
use futures_util::future::{Either, select};

use crate::port::{Lease, Stopwatch, StoreError, WorkQueue};

/// Does the work under the lease; `None` when the lease was lost first.
pub(super) async fn holding<T>(
    queue: &dyn WorkQueue,
    stopwatch: &dyn Stopwatch,
    lease: &Lease,
    work: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(work), pin!(keep(queue, stopwatch, lease))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// Prolongs the lease again and again; is done when it has to be let go of.
async fn keep(queue: &dyn WorkQueue, stopwatch: &dyn Stopwatch, lease: &Lease) {
    let mut let_go_at = after(stopwatch.elapsed(), safe_part(lease));
    loop {
        stopwatch.sleep(Millis(lease.lasts.0 / 3)).await;
        match prolong(queue, stopwatch, lease, let_go_at).await {
            Some(later) => let_go_at = later,
            None => return,
        }
    }
}

/// Asks until it is answered or too late. The new end counts from before the question: the answer may have taken its time.
async fn prolong(
    queue: &dyn WorkQueue,
    stopwatch: &dyn Stopwatch,
    lease: &Lease,
    let_go_at: Millis,
) -> Option<Millis> {
    loop {
        let asked_at = stopwatch.elapsed();
        let left = Millis(let_go_at.0.checked_sub(asked_at.0).filter(|left| *left > 0)?);
        match select(queue.extend(lease), stopwatch.sleep(left)).await {
            Either::Left((Ok(_), _)) => return Some(after(asked_at, safe_part(lease))),
            // The row is somebody else's, or gone with what was just committed: nothing may be done under this lease any more.
            Either::Left((Err(StoreError::Stale { .. }), _)) | Either::Right(_) => return None,
            Either::Left((Err(error), _)) => {
                tracing::warn!(kind = lease.kind.as_str(), subject = %lease.subject, %error, "could not prolong a lease; will ask again");
                stopwatch.sleep(Millis((lease.lasts.0 / 20).min(left.0))).await;
            }
        }
    }
}

/// Whether a lease came so late that too little of it is left to begin.
pub(super) fn came_too_late(lease: &Lease, took: Millis) -> bool {
    took.0 > lease.lasts.0 / 10
}

fn safe_part(lease: &Lease) -> Millis {
    Millis(lease.lasts.0 / 10 * 8)
}

fn after(at: Millis, span: Millis) -> Millis {
    Millis(at.0.saturating_add(span.0))
}
