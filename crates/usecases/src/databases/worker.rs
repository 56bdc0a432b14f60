//! What restoring and purging have in common: a lease, a row, a server, and a commit that counts only while the lease holds.

use std::sync::Arc;

use countersign_kernel::{Actor, DatabaseName, Millis};
use countersign_mcp_tools::ports::{DatabaseSeen, DatabaseServer, TargetError, TargetErrorKind};

use super::server_of;
use crate::commit::{DatabaseEvent, Draft};
use crate::error::ServiceError;
use crate::execution::{Turn, backoff, commit, fence_of, words};
use crate::port::{DatabaseSnapshot, Due, Lease};
use crate::record::{Kept, OwnerRow};
use crate::services::{Services, Written};

/// A server that says no may say yes once somebody has repaired our rights; there is no hurry.
const AFTER_A_NO: Millis = Millis::from_secs(600);

/// After a write that was not answered: look soon.
const SOON: Millis = Millis(200);

/// A kept database, under a lease.
pub(super) struct Held<'a> {
    pub(super) services: &'a Services,
    pub(super) lease: &'a Lease,
    pub(super) snapshot: &'a DatabaseSnapshot,
    pub(super) row: &'a OwnerRow,
    pub(super) kept: &'a Kept,
    pub(super) server: Arc<dyn DatabaseServer>,
}

/// What the work is about.
pub(super) fn subject(lease: &Lease) -> Result<(&str, DatabaseName), ServiceError> {
    lease
        .subject
        .to_database()
        .ok_or_else(|| ServiceError::Defect(format!("work about `{}`, which is no database", lease.subject)))
}

/// The row with its server, ready to work on. `Err` holds what to do instead: without a server of this name another replica may have one.
pub(super) fn hold<'a>(
    services: &'a Services,
    lease: &'a Lease,
    snapshot: &'a DatabaseSnapshot,
) -> Result<Held<'a>, Option<Due>> {
    let row = snapshot.owner.as_ref().ok_or(None)?;
    let kept = row.kept.as_ref().ok_or(None)?;
    let Some(server) = server_of(services, row) else {
        tracing::error!(server = row.server, environment = %row.environment, database = %row.name, "the server of a kept database is not configured");
        return Err(Some(backoff(lease.attempts)));
    };
    Ok(Held { services, lease, snapshot, row, kept, server })
}

/// Takes a work row off the queue that has become pointless.
pub(super) async fn drop_work(
    services: &Services,
    snapshot: &DatabaseSnapshot,
    lease: &Lease,
) -> Result<Turn, ServiceError> {
    let mut draft = draft(services, snapshot, lease);
    draft.unschedule(lease.kind, lease.subject.clone());
    match services.write(draft.finish()).await? {
        Written::Yes | Written::Stale => Ok(Turn::Over),
    }
}

fn draft<'s>(services: &'s Services, snapshot: &DatabaseSnapshot, lease: &Lease) -> Draft<'s> {
    let policy = snapshot.policy.map(|stamp| stamp.digest);
    let mut draft = Draft::new(services.context_of_role(Actor::system("keeper"), snapshot.now, policy));
    draft.guard(fence_of(lease));
    draft
}

impl Held<'_> {
    /// Whether this is the database of the row: the same on the server, with the mark of the request that created it.
    pub(super) fn is_it(&self, seen: &DatabaseSeen) -> bool {
        seen.id == self.kept.database_id && seen.created_by == Some(self.row.request)
    }

    pub(super) async fn record(&self, event: &DatabaseEvent<'_>, then: Turn) -> Result<Turn, ServiceError> {
        let mut draft = draft(self.services, self.snapshot, self.lease);
        draft.record_database(self.row, self.kept, event)?;
        commit(self.services, draft, then).await
    }

    pub(super) async fn keep(&self, code: &str, reason: &str) -> Result<Turn, ServiceError> {
        tracing::warn!(server = self.row.server, database = %self.row.name, code, reason, "a kept database stays as it is");
        self.record(&DatabaseEvent::Kept { code, reason: words(reason) }, Turn::Over).await
    }

    /// Looking failed: nothing was changed by that.
    pub(super) fn not_seen(&self, error: &TargetError) -> Turn {
        tracing::warn!(server = self.row.server, database = %self.row.name, %error, "could not look at a kept database");
        Turn::Later(backoff(self.lease.attempts))
    }

    /// A write that did not end well, and when to look what became of it.
    pub(super) fn again(&self, error: &TargetError) -> Turn {
        tracing::warn!(server = self.row.server, database = %self.row.name, %error, "a kept database could not be changed; will look again");
        let due = match error.kind {
            TargetErrorKind::NoAnswer | TargetErrorKind::Broken if self.lease.attempts < 5 => {
                Due::After(SOON)
            }
            TargetErrorKind::NoAnswer
            | TargetErrorKind::Broken
            | TargetErrorKind::Unreachable
            | TargetErrorKind::RateLimited { .. }
            // It is not as it was a moment ago: what a worker that died had sent has arrived. Looking again tells.
            | TargetErrorKind::NotFound
            | TargetErrorKind::Conflict => backoff(self.lease.attempts),
            TargetErrorKind::Unauthorized
            | TargetErrorKind::Forbidden
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid => Due::After(AFTER_A_NO),
        };
        Turn::Later(due)
    }
}
