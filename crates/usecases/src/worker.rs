//! One worker's turn: lease due work, do it, give back what has to wait.
//!
//! The loop around it (how often, how many at once, when to stop) belongs to the process that runs it.

use countersign_kernel::WorkerId;

use crate::error::ServiceError;
use crate::execution::{self, Turn, backoff};
use crate::port::{Lease, StoreError, WorkKind};
use crate::services::Services;
use crate::timers;

/// The kinds of work that are done here. The others come with their own issues and are never scheduled until then.
pub const KINDS: [WorkKind; 5] = [
    WorkKind::Execute,
    WorkKind::Probe,
    WorkKind::ExpireDecision,
    WorkKind::ExpireExecution,
    WorkKind::EndRun,
];

/// Leases up to `at_most` due work rows.
///
/// # Errors
/// Storage can't be reached.
pub async fn claim(services: &Services, worker: WorkerId, at_most: u32) -> Result<Vec<Lease>, ServiceError> {
    Ok(services.ports.work.claim(worker, &KINDS, at_most).await?)
}

/// Does one leased piece of work. A failure is logged, and the work is due again later.
///
/// # Errors
/// The row could not be given back; its lease runs out by itself.
pub async fn work(services: &Services, lease: &Lease) -> Result<(), ServiceError> {
    let due = match dispatch(services, lease).await {
        Ok(Turn::Over | Turn::GoOn) => return Ok(()),
        Ok(Turn::Later(due)) => due,
        Err(error) => {
            tracing::error!(kind = lease.kind.as_str(), subject = %lease.subject, %error, "work failed; will retry");
            backoff(lease.attempts)
        }
    };
    match services.ports.work.release(lease, due).await {
        // The lease is somebody else's by now: so is the work.
        Ok(()) | Err(StoreError::Stale { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn dispatch(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    match lease.kind {
        WorkKind::Execute => execution::execute(services, lease).await,
        WorkKind::Probe => execution::probe(services, lease).await,
        WorkKind::ExpireDecision => timers::expire_decision(services, lease).await,
        WorkKind::ExpireExecution => timers::expire_execution(services, lease).await,
        WorkKind::EndRun => timers::end_run(services, lease).await,
        WorkKind::Deliver | WorkKind::Remind | WorkKind::Erase => {
            Err(ServiceError::Defect(format!("`{}` work has nobody who does it yet", lease.kind.as_str())))
        }
    }
}
