//! Sessions of people and their attempts to sign in, beside the ledger: nothing of the domain depends on them.

use async_trait::async_trait;
use countersign_kernel::{Digest, Principal, Timestamp};

use super::store_error::StoreError;
use crate::record::{AttemptRecords, SessionRecords};
use crate::sign_in::{Attempt, Session};

/// A session by its secret, and the store's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// The store's time.
    pub now: Timestamp,
    /// The session whose secret, current or before, has the hash.
    pub session: Option<Session>,
}

/// An attempt that was taken, and the store's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptSnapshot {
    /// The store's time.
    pub now: Timestamp,
    /// The attempt; nobody else gets it any more.
    pub attempt: Option<Attempt>,
}

/// Keeps sessions and attempts. What it keeps of a session's secret is a hash.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The store's time.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// The session whose current or previous secret has this hash, ended ones included.
    async fn load_session(&self, secret: &Digest) -> Result<SessionSnapshot, StoreError>;

    /// Keeps a new session.
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Writes a session in the place of the version before it. MUST fail with `Stale` when that moved or is gone.
    async fn update_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Ends, by the store's time, all sessions of a principal that nobody ended yet, and says how many.
    async fn revoke_sessions(&self, principal: &Principal) -> Result<u64, StoreError>;

    /// Keeps an attempt.
    async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), StoreError>;

    /// Takes the attempt with this state that this browser began. Of several that ask at once, one gets it.
    async fn take_attempt(&self, state: &Digest, browser: &Digest) -> Result<AttemptSnapshot, StoreError>;

    /// Erases sessions and attempts whose end has come, `at_most` of each; says how many rows.
    async fn forget_ended(&self, at_most: u32) -> Result<u64, StoreError>;
}

impl SessionSnapshot {
    /// Reads the rows of one round trip.
    ///
    /// # Errors
    /// A row doesn't have the form it was written in.
    pub fn from_records(records: SessionRecords) -> Result<Self, StoreError> {
        Ok(Self { now: records.now.0, session: records.session.map(TryInto::try_into).transpose()? })
    }
}

impl AttemptSnapshot {
    /// Reads the rows of one round trip.
    ///
    /// # Errors
    /// A row doesn't have the form it was written in.
    pub fn from_records(records: AttemptRecords) -> Result<Self, StoreError> {
        Ok(Self { now: records.now.0, attempt: records.attempt.map(TryInto::try_into).transpose()? })
    }
}
