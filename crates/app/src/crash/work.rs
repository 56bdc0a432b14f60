//! Around leasing, prolonging and giving back work.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::WorkerId;
use countersign_usecases::port::{Due, Lease, StoreError, WorkKind, WorkQueue};

use super::CrashPoints;

/// A queue with points around what changes a row of it. A claim that finds nothing is no point, and before a claim is the same state as
/// after whatever was committed last.
pub struct CrashWork {
    inner: Arc<dyn WorkQueue>,
    points: Arc<CrashPoints>,
}

impl CrashWork {
    /// Around this queue.
    pub fn new(inner: Arc<dyn WorkQueue>, points: Arc<CrashPoints>) -> Self {
        Self { inner, points }
    }
}

#[async_trait]
impl WorkQueue for CrashWork {
    async fn claim(
        &self,
        worker: WorkerId,
        kinds: &[WorkKind],
        at_most: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let leases = self.inner.claim(worker, kinds, at_most).await?;
        for lease in &leases {
            self.points.pass(&format!("work(claim {}).after", lease.kind.as_str()));
        }
        Ok(leases)
    }

    async fn extend(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let name = lease.kind.as_str();
        self.points.pass(&format!("work(extend {name}).before"));
        let extended = self.inner.extend(lease).await;
        self.points.pass(&format!("work(extend {name}).after"));
        extended
    }

    async fn release(&self, lease: &Lease, due: Due) -> Result<(), StoreError> {
        let name = lease.kind.as_str();
        self.points.pass(&format!("work(release {name}).before"));
        let released = self.inner.release(lease, due).await;
        self.points.pass(&format!("work(release {name}).after"));
        released
    }
}
