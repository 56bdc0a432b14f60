//! The fixed shape of what is stored: flat rows of plain values, one type per table, the same for every ledger.
//!
//! Domain types become rows here and rows become domain types here, in one place, so that the adapters of two databases and the
//! in-memory model can't disagree about it. A row that can't be read back names its table, column and key.
//!
//! Rows are plain on purpose: text, integers, booleans, JSON documents, points in time. An adapter moves them as JSON or binds them
//! column by column; names of members are names of columns.

pub mod event;
pub mod owner;
pub mod policy;
pub mod request;
pub mod run;
pub mod run_request;
pub mod sealed;
pub mod search;
pub mod session;
pub mod stamp;
pub mod statistics;
pub mod step;
pub(crate) mod transcript;

pub use event::{DeliveryRecord, EventRecord, LinkRecord, PrincipalRecord};
pub use owner::{Kept, OwnerRow};
pub use policy::{PolicyRecord, PolicyStampRecord};
pub use request::{CallKeyRecord, RequestBundle, RequestRecord, VoteRecord};
pub use run::{OutcomeRecord, RunBundle, RunRecord, WaitRecord};
pub use run_request::{RunRequestRecord, StateCountRecord};
pub use sealed::{DatabaseRecord, SealedRecord, WrappedKeyRecord};
pub use search::SearchRecord;
pub use session::{AttemptRecord, AttemptRecords, SessionRecord, SessionRecords};
pub use stamp::Stamp;
pub use statistics::{AskedRecord, DayRecord, StatisticsRecord};
pub use step::StepRecord;

use serde::{Deserialize, Serialize};

/// The rows of `Ledger::load_call`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallRecords {
    /// The database's time.
    pub now: Stamp,
    /// The active policy text.
    pub policy: Option<PolicyStampRecord>,
    /// The run with its open waits.
    pub run: Option<RunBundle>,
    /// The request an earlier call with the same key made; without a caller's key, the open one with the same intent.
    pub existing: Option<RequestBundle>,
}

/// The rows of `Ledger::load_request`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestRecords {
    /// The database's time.
    pub now: Stamp,
    /// The active policy text.
    pub policy: Option<PolicyStampRecord>,
    /// The request with the votes of all revisions.
    pub request: RequestBundle,
    /// Its run with its open waits.
    pub run: RunBundle,
    /// Its steps, of all revisions.
    pub steps: Vec<StepRecord>,
    /// Its sealed values, of all revisions.
    pub sealed: Vec<SealedRecord>,
}

/// The rows of `Ledger::load_database`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseRecords {
    /// The database's time.
    pub now: Stamp,
    /// The active policy text.
    pub policy: Option<PolicyStampRecord>,
    /// The owner row.
    pub owner: Option<DatabaseRecord>,
}

/// The rows of `Ledger::load_run`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecords {
    /// The database's time.
    pub now: Stamp,
    /// The active policy text.
    pub policy: Option<PolicyStampRecord>,
    /// The run with its open waits.
    pub run: Option<RunBundle>,
    /// Its outcomes not acknowledged yet.
    pub unread: Vec<OutcomeRecord>,
}
