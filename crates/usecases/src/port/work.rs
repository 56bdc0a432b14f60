//! Work: everything later or timed is a row with a due time, written by the same commit as the state that needs it.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Millis, RequestId, RunId, Timestamp, WorkerId};

use super::store_error::StoreError;

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    /// Do what was approved.
    Execute,
    /// End a request nobody decided in time.
    ExpireDecision,
    /// End an approved request that did not begin in time.
    ExpireExecution,
    /// End a run: its budget is spent, or the platform said so; settles its open requests.
    EndRun,
    /// Deliver a request to an outside adapter.
    Deliver,
    /// Remind those who decide.
    Remind,
    /// Look what became of a write whose answer never came.
    Probe,
    /// Erase what must not be kept.
    Erase,
    /// Compare what was applied with what is there.
    Watch,
    /// Give a quarantined database its name back, because staff asked for it.
    Restore,
    /// Drop a quarantined database for good: its retention is over.
    Purge,
}

impl WorkKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Execute,
        Self::ExpireDecision,
        Self::ExpireExecution,
        Self::EndRun,
        Self::Deliver,
        Self::Remind,
        Self::Probe,
        Self::Erase,
        Self::Watch,
        Self::Restore,
        Self::Purge,
    ];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::ExpireDecision => "expire_decision",
            Self::ExpireExecution => "expire_execution",
            Self::EndRun => "end_run",
            Self::Deliver => "deliver",
            Self::Remind => "remind",
            Self::Probe => "probe",
            Self::Erase => "erase",
            Self::Watch => "watch",
            Self::Restore => "restore",
            Self::Purge => "purge",
        }
    }
}

/// The text is not a kind of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of work")]
pub struct ParseWorkError(String);

impl FromStr for WorkKind {
    type Err = ParseWorkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ParseWorkError(text.chars().take(64).collect()))
    }
}

/// What the work is about: a request, a run, a database, or all targets. With the kind it is the key of the work row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkSubject(String);

impl WorkSubject {
    /// Work about a request.
    pub fn request(id: RequestId) -> Self {
        Self(id.to_string())
    }

    /// Work about a run.
    pub fn run(id: &RunId) -> Self {
        Self(id.to_string())
    }

    /// Work about all targets together.
    pub fn targets() -> Self {
        Self("targets".to_owned())
    }

    /// Work about the owner row of a database.
    pub fn database(server: &str, name: &DatabaseName) -> Self {
        Self(format!("{server}/{name}"))
    }

    /// Server and name of the owner row that this work is about; `None` when it is about something else.
    pub fn to_database(&self) -> Option<(&str, DatabaseName)> {
        // A database's name has no slash; a server's may.
        let (server, name) = self.0.rsplit_once('/')?;
        Some((server, DatabaseName::parse(name).ok()?))
    }

    /// Takes the text back from storage.
    pub fn from_storage(text: String) -> Self {
        Self(text)
    }

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A worker's hold on one work row, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What has to be done.
    pub kind: WorkKind,
    /// About what.
    pub subject: WorkSubject,
    /// Who holds it.
    pub worker: WorkerId,
    /// Grows with every lease of any row: a commit names it as a guard, so that a worker which lost its lease can't write.
    pub fence: u64,
    /// How often the row was leased, this time included.
    pub attempts: u32,
    /// How long the hold lasts from the moment it was taken.
    pub lasts: Millis,
    /// Until when it lasts, by the database's clock.
    pub until: Timestamp,
}

/// When work is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// So long after now, by the database's clock.
    After(Millis),
}

/// Leases due work.
#[async_trait]
pub trait WorkQueue: Send + Sync {
    /// Leases up to `at_most` due rows of these kinds, by the database's clock, each with a fence higher than any before. Leasing changes
    /// no domain state. Rows whose lease ran out are due again.
    async fn claim(
        &self,
        worker: WorkerId,
        kinds: &[WorkKind],
        at_most: u32,
    ) -> Result<Vec<Lease>, StoreError>;

    /// Prolongs a lease by its own length. `Stale` when it is no longer held.
    async fn extend(&self, lease: &Lease) -> Result<Lease, StoreError>;

    /// Gives a row back, due then. `Stale` when it is no longer held.
    async fn release(&self, lease: &Lease, due: Due) -> Result<(), StoreError>;
}
