//! Commits of one run queue up inside a replica, before they take a connection: only replicas collide on rows, and a run with many
//! calls at once doesn't hold the whole pool.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

/// Runs share lanes by hash, so that memory is bounded; two runs in one lane wait for each other, and nothing else happens.
const LANES: usize = 1024;

#[derive(Clone)]
pub(super) struct RunLanes {
    lanes: Arc<[Mutex<()>]>,
}

impl Default for RunLanes {
    fn default() -> Self {
        Self { lanes: (0..LANES).map(|_| Mutex::new(())).collect() }
    }
}

impl RunLanes {
    /// Waits until no other commit of these runs is under way. Lanes are taken in order, so nobody waits in a circle.
    pub(super) async fn enter<'r>(&self, runs: impl Iterator<Item = &'r str>) -> Vec<MutexGuard<'_, ()>> {
        let mut held = Vec::new();
        for lane in runs.map(lane_of).collect::<BTreeSet<_>>() {
            held.push(self.lanes[lane].lock().await);
        }
        held
    }
}

fn lane_of(run: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn one_run_waits_for_itself_and_not_for_another() {
        let lanes = RunLanes::default();
        assert_ne!(lane_of("run-1"), lane_of("run-2"), "the test needs runs of two lanes");
        let first = lanes.enter(["run-1"].into_iter()).await;
        assert!(timeout(SOON, lanes.enter(["run-1"].into_iter())).await.is_err());
        assert!(timeout(SOON, lanes.enter(["run-2"].into_iter())).await.is_ok());
        drop(first);
        assert!(timeout(SOON, lanes.enter(["run-1", "run-1", "run-2"].into_iter())).await.is_ok());
    }
}
