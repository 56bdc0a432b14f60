//! Commits of one run queue up inside a process: only replicas collide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_lock::{Mutex as AsyncMutex, MutexGuardArc};
use countersign_kernel::RunId;

/// One lock per run that somebody holds or waits for. Entries without holders are dropped as new ones come in.
#[derive(Default)]
pub(super) struct RunLocks {
    locks: Mutex<HashMap<RunId, Weak<AsyncMutex<()>>>>,
}

impl RunLocks {
    /// Waits for the run's turn; fair, first come first served.
    pub(super) async fn lock(&self, run: &RunId) -> MutexGuardArc<()> {
        self.entry(run).lock_arc().await
    }

    fn entry(&self, run: &RunId) -> Arc<AsyncMutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(run).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() >= 1024 {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(AsyncMutex::new(()));
        locks.insert(run.clone(), Arc::downgrade(&lock));
        lock
    }
}
