//! One worker's turn: lease due work, do it, give back what has to wait.
//!
//! The loop around it (how often, how many at once, when to stop) belongs to the process that runs it.

mod hold;

use countersign_kernel::{Millis, WorkerId};

use crate::databases;
use crate::error::ServiceError;
use crate::execution::{self, Turn, backoff};
use crate::port::{Lease, StoreError, WorkKind};
use crate::services::Services;
use crate::timers;
use crate::watch;

/// The kinds of work that every process does. Watching is for those that are told how often ([`Services::watching`]); the others come with
/// their own issues and are never scheduled until then.
pub const KINDS: [WorkKind; 7] = [
    WorkKind::Execute,
    WorkKind::Probe,
    WorkKind::ExpireDecision,
    WorkKind::ExpireExecution,
    WorkKind::EndRun,
    WorkKind::Restore,
    WorkKind::Purge,
];

/// Leases up to `at_most` due work rows.
///
/// # Errors
/// Storage can't be reached.
pub async fn claim(services: &Services, worker: WorkerId, at_most: u32) -> Result<Vec<Lease>, ServiceError> {
    let stopwatch = &services.ports.stopwatch;
    let asked_at = stopwatch.elapsed();
    let kinds = services.watch_every().map(|_| WorkKind::Watch).into_iter().chain(KINDS);
    let kinds: Vec<WorkKind> = kinds.collect();
    let mut leases = services.ports.work.claim(worker, &kinds, at_most).await?;
    let took = Millis(stopwatch.elapsed().0.saturating_sub(asked_at.0));
    leases.retain(|lease| {
        let late = hold::came_too_late(lease, took);
        if late {
            tracing::warn!(kind = lease.kind.as_str(), subject = %lease.subject, took_ms = took.0, "a lease came too late to begin; it runs out by itself");
        }
        !late
    });
    Ok(leases)
}

/// Does one leased piece of work, and holds the lease meanwhile. A failure is logged, and the work is due again later. When the lease can't
/// be held the work is dropped where it stands, and whoever leases it next goes on.
///
/// # Errors
/// The row could not be given back; its lease runs out by itself.
pub async fn work(services: &Services, lease: &Lease) -> Result<(), ServiceError> {
    let held = hold::holding(&*services.ports.work, &*services.ports.stopwatch, lease, turn(services, lease));
    held.await.unwrap_or_else(|| {
        tracing::warn!(kind = lease.kind.as_str(), subject = %lease.subject, "the lease could not be held; left where it stands");
        Ok(())
    })
}

async fn turn(services: &Services, lease: &Lease) -> Result<(), ServiceError> {
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
        WorkKind::Watch => watch::watch(services, lease).await,
        WorkKind::Restore => databases::restore(services, lease).await,
        WorkKind::Purge => databases::purge(services, lease).await,
        WorkKind::Deliver | WorkKind::Remind | WorkKind::Erase => {
            Err(ServiceError::Defect(format!("`{}` work has nobody who does it yet", lease.kind.as_str())))
        }
    }
}
