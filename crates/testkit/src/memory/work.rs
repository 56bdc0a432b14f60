//! The port [`WorkQueue`].

use async_trait::async_trait;
use countersign_kernel::{Timestamp, WorkerId};
use countersign_usecases::port::{Due, Lease, StoreError, WorkKind, WorkQueue};

use super::MemoryStore;
use super::commit::stale;
use super::tables::{Hold, Tables, WorkItem};

#[async_trait]
impl WorkQueue for MemoryStore {
    async fn claim(
        &self,
        worker: WorkerId,
        kinds: &[WorkKind],
        at_most: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let mut tables = self.reach()?;
        let now = self.clock().now();
        let mut due: Vec<_> = tables
            .work
            .iter()
            .filter(|((kind, _), row)| {
                kinds.contains(kind) && row.due_at <= now && row.held_at(now).is_none()
            })
            .map(|(key, row)| (row.due_at, key.clone(), row.attempts))
            .collect();
        due.sort();
        due.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
        let (lasts, until) = (self.shared.lease, now.plus(self.shared.lease));
        let mut leases = Vec::with_capacity(due.len());
        for (due_at, key, attempts) in due {
            tables.last_fence += 1;
            let (fence, attempts) = (tables.last_fence, attempts + 1);
            let held = Some(Hold { worker, until });
            tables.work.put(key.clone(), WorkItem { due_at, attempts, fence, held });
            let (kind, subject) = key;
            leases.push(Lease { kind, subject, worker, fence, attempts, lasts, until });
        }
        tables.keep();
        Ok(leases)
    }

    async fn extend(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let mut tables = self.reach()?;
        let now = self.clock().now();
        let until = now.plus(lease.lasts);
        let row = tables.held_row(lease, now)?;
        let held = Some(Hold { worker: lease.worker, until });
        tables.work.put((lease.kind, lease.subject.clone()), WorkItem { held, ..row });
        tables.keep();
        Ok(Lease { until, ..lease.clone() })
    }

    async fn release(&self, lease: &Lease, due: Due) -> Result<(), StoreError> {
        let mut tables = self.reach()?;
        let now = self.clock().now();
        let row = tables.held_row(lease, now)?;
        let due_at = match due {
            Due::After(span) => now.plus(span),
        };
        tables.work.put((lease.kind, lease.subject.clone()), WorkItem { due_at, held: None, ..row });
        tables.keep();
        Ok(())
    }
}

impl Tables {
    fn held_row(&self, lease: &Lease, now: Timestamp) -> Result<WorkItem, StoreError> {
        let row = self.work.get(&(lease.kind, lease.subject.clone()));
        row.filter(|row| row.fence == lease.fence && row.held_at(now).is_some())
            .cloned()
            .ok_or_else(|| stale("work_items", format!("{} {}", lease.kind.as_str(), lease.subject)))
    }
}
