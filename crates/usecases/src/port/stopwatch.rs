//! Elapsed time of this process: for holding leases, never for decisions, which take their time from the snapshot.

use async_trait::async_trait;
use countersign_kernel::Millis;

/// A monotonic clock of the process, and sleeping by it.
#[async_trait]
pub trait Stopwatch: Send + Sync {
    /// Time since a fixed moment of this process. It never goes back.
    fn elapsed(&self) -> Millis;

    /// Is done once so much time has passed.
    async fn sleep(&self, span: Millis);
}

/// A stopwatch that stands still: leases are neither prolonged nor let go of while work is done. For tests that move the clock of the
/// ledger by themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoppedWatch;

#[async_trait]
impl Stopwatch for StoppedWatch {
    fn elapsed(&self) -> Millis {
        Millis(0)
    }

    async fn sleep(&self, _span: Millis) {
        std::future::pending().await
    }
}
