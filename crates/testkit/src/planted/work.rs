//! Faults of the work queue.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::WorkerId;
use countersign_usecases::port::{Due, Lease, StoreError, WorkKind, WorkQueue};

use super::Plant;

/// A queue with a fault.
pub struct PlantedWork {
    inner: Arc<dyn WorkQueue>,
    plant: Plant,
}

impl PlantedWork {
    /// This fault in this queue.
    pub fn new(inner: Arc<dyn WorkQueue>, plant: Plant) -> Self {
        Self { inner, plant }
    }
}

#[async_trait]
impl WorkQueue for PlantedWork {
    async fn claim(
        &self,
        worker: WorkerId,
        kinds: &[WorkKind],
        at_most: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let mut leases = self.inner.claim(worker, kinds, at_most).await?;
        if self.plant == Plant::LeaseWithoutDeadline {
            // Somebody had it, so that somebody has it still.
            leases.retain(|lease| lease.attempts == 1);
        }
        Ok(leases)
    }

    async fn extend(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.inner.extend(lease).await
    }

    async fn release(&self, lease: &Lease, due: Due) -> Result<(), StoreError> {
        self.inner.release(lease, due).await
    }
}
