//! How a decision becomes a commit: write, and know what to do when others were faster or the connection broke.

use countersign_kernel::RunId;

use super::Services;
use crate::commit::Commit;
use crate::error::ServiceError;
use crate::port::StoreError;

/// How often a decision is made again because others were faster, before the caller is told `busy`.
pub(crate) const ATTEMPTS: u32 = 64;

/// How often a lost connection's commit is looked up before the caller is told that it is in doubt.
const LOOK_UPS: u32 = 5;

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the store.
    Yes,
    /// Nothing of it is: load again and decide again.
    Stale,
}

impl Services {
    /// Writes a commit. A connection lost while writing is followed by looking the commit up.
    pub(crate) async fn write(&self, commit: Commit) -> Result<Written, ServiceError> {
        let id = commit.id();
        if commit.is_empty() {
            return Ok(Written::Yes);
        }
        match self.ports.ledger.commit(commit).await {
            Ok(()) => {
                self.ports.wake.wake();
                Ok(Written::Yes)
            }
            Err(StoreError::Stale { what, id }) => {
                tracing::debug!(what, id, "a commit was stale; deciding again");
                Ok(Written::Stale)
            }
            Err(StoreError::Unknown { message }) => {
                tracing::warn!(commit = %id, message, "the connection was lost while writing a commit; looking it up");
                self.look_up(id).await
            }
            Err(
                error @ (StoreError::Unavailable { .. }
                | StoreError::Corrupt { .. }
                | StoreError::ForeignCursor { .. }
                | StoreError::Refused { .. }),
            ) => Err(error.into()),
        }
    }

    async fn look_up(&self, id: countersign_kernel::CommitId) -> Result<Written, ServiceError> {
        for _ in 0..LOOK_UPS {
            match self.ports.ledger.find_commit(id).await {
                Ok(true) => {
                    self.ports.wake.wake();
                    return Ok(Written::Yes);
                }
                Ok(false) => return Ok(Written::Stale),
                Err(error) => tracing::warn!(commit = %id, %error, "could not look a commit up"),
            }
        }
        Err(ServiceError::InDoubt)
    }

    /// Waits for the run's turn inside this process.
    pub(crate) async fn turn_of(&self, run: &RunId) -> async_lock::MutexGuardArc<()> {
        self.locks.lock(run).await
    }
}

/// Said when others were faster too often.
pub(crate) fn busy(what: impl ToString) -> ServiceError {
    ServiceError::Busy { what: what.to_string() }
}
