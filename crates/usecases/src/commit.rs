//! One commit: everything a use case decided, written atomically or not at all.
//!
//! A commit has one fixed shape, arrays of rows, so that a ledger can write many callers' commits in one transaction. States get into it
//! only through domain transitions, see [`draft`].

pub mod audit_note;
mod database_event;
pub mod draft;
mod outcome;
mod request_event;
mod run_event;

use countersign_kernel::{CommitId, Timestamp};
use countersign_mcp_tools::ports::OwnedState;

use crate::port::{WorkKind, WorkSubject};
use crate::record::{
    CallKeyRecord, DatabaseRecord, EventRecord, LinkRecord, OutcomeRecord, PolicyRecord, PrincipalRecord,
    RequestRecord, RunRecord, SealedRecord, SearchRecord, Stamp, StepRecord, VoteRecord, WaitRecord,
};

pub use audit_note::{CalledTool, NoteEvent};
pub use database_event::DatabaseEvent;
pub use draft::{Draft, DraftContext, DraftError};

/// A condition that is checked with the database's clock inside the transaction. One that doesn't hold drops the whole commit: `Stale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The run's status is `running` or `waiting`.
    RunLive {
        /// The run.
        run_id: String,
    },
    /// The work row is there and still leased with this fence.
    Fence {
        /// The row's kind.
        kind: WorkKind,
        /// The row's subject.
        subject: WorkSubject,
        /// The lease's fence.
        fence: u64,
    },
    /// The owner row is there and in this state.
    DatabaseIs {
        /// The configured server's name.
        server: String,
        /// The name the row is found by.
        database_name: String,
        /// The state.
        state: OwnedState,
    },
    /// The database's clock has not reached this time yet.
    NotAfter {
        /// The deadline.
        deadline: Timestamp,
    },
}

/// A row with the version it must still have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The version the stored row must have; `None` when there must be no row of this key yet.
    pub expected: Option<u64>,
    /// The row as it will be.
    pub row: T,
}

/// A change of an owner row in `project_databases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseWrite {
    /// There must be no row of this key: otherwise `Stale`.
    Insert(DatabaseRecord),
    /// The row of this key is replaced.
    Update(DatabaseRecord),
    /// The row of this key is removed; nothing happens when there is none.
    Remove {
        /// The configured server's name.
        server: String,
        /// The database.
        database_name: String,
    },
}

/// A mark on an outcome that is in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeMark {
    /// The run.
    pub run_id: String,
    /// The request.
    pub request_id: String,
    /// What is marked.
    pub mark: Mark,
    /// When. An earlier mark of the same kind stays.
    pub at: Stamp,
}

/// What can be marked on an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The agent has it: sets `acknowledged_at`.
    Acknowledged,
    /// The run ended with it unread: sets `undeliverable_at`.
    Undeliverable,
}

/// A change of a work row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkWrite {
    /// There will be a row of this key, due then; one that is there keeps its fence and lease, gets the new time and no attempts.
    Schedule {
        /// The kind.
        kind: WorkKind,
        /// The subject.
        subject: WorkSubject,
        /// When it is due.
        due_at: Stamp,
    },
    /// There will be no row of this key.
    Remove {
        /// The kind.
        kind: WorkKind,
        /// The subject.
        subject: WorkSubject,
    },
}

/// The rows of a commit, table by table. What each ledger has to do with them stands at each member; the contract suite checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRecords {
    /// The commit's id, kept in `commits` so that it can be looked up. A second commit of this id is a success that writes nothing.
    pub id: CommitId,
    /// Conditions; checked before anything is written.
    pub guards: Vec<Guard>,
    /// `agent_sessions`: inserted when `expected` is `None` (a taken key is `Stale`), else replaced where the version matches (else
    /// `Stale`). `last_heartbeat_at` of a stored row is kept.
    pub runs: Vec<Versioned<RunRecord>>,
    /// `mcp_action_requests`: as for runs. A second open request of one intent (`open_intent`) is `Stale`.
    pub requests: Vec<Versioned<RequestRecord>>,
    /// The words by which requests are found: inserted or replaced.
    pub search: Vec<SearchRecord>,
    /// `run_waits`: inserted or replaced.
    pub waits: Vec<WaitRecord>,
    /// `approval_votes`: inserted or replaced.
    pub votes: Vec<VoteRecord>,
    /// `call_keys`: inserted; a taken key is `Stale`.
    pub call_keys: Vec<CallKeyRecord>,
    /// `action_steps`: inserted or replaced. A second step that holds a target (`intended`, `undoing`) is `Stale`.
    pub steps: Vec<StepRecord>,
    /// `sealed_values`: inserted; a taken key is `Stale`.
    pub sealed: Vec<SealedRecord>,
    /// `sealed_values`: all rows of these requests are deleted.
    pub erased_requests: Vec<String>,
    /// `run_outcomes`: inserted; a taken key is `Stale`.
    pub outcomes: Vec<OutcomeRecord>,
    /// `run_outcomes`: marked where the row is there and not marked so yet.
    pub outcome_marks: Vec<OutcomeMark>,
    /// `project_databases`.
    pub databases: Vec<DatabaseWrite>,
    /// `flow_events` (without `entry`) and `audit_inbox` (`event_id`, `entry`): inserted.
    pub events: Vec<EventRecord>,
    /// `links`: inserted where not there yet.
    pub links: Vec<LinkRecord>,
    /// `work_items`, in this order.
    pub work: Vec<WorkWrite>,
    /// `policy_versions`: inserted; a taken number is `Stale`.
    pub policies: Vec<PolicyRecord>,
    /// `principals`: inserted; a taken key is `Stale`.
    pub principals: Vec<PrincipalRecord>,
}

/// One commit. Made by a [`Draft`] only.
#[must_use = "a commit changes nothing until a ledger has written it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    records: CommitRecords,
}

impl Commit {
    /// The commit's id.
    pub fn id(&self) -> CommitId {
        self.records.id
    }

    /// The rows, for a ledger.
    pub fn records(&self) -> &CommitRecords {
        &self.records
    }

    /// A commit of any rows, past all that a draft sees to: for the deliberate faults that show what the checks are good for.
    #[cfg(feature = "planted")]
    pub fn spoilt(records: CommitRecords) -> Self {
        Self { records }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let empty = CommitRecords::empty(self.records.id);
        let unguarded = CommitRecords { guards: Vec::new(), ..self.records.clone() };
        unguarded == empty
    }
}

impl CommitRecords {
    fn empty(id: CommitId) -> Self {
        Self {
            id,
            guards: Vec::new(),
            runs: Vec::new(),
            requests: Vec::new(),
            search: Vec::new(),
            waits: Vec::new(),
            votes: Vec::new(),
            call_keys: Vec::new(),
            steps: Vec::new(),
            sealed: Vec::new(),
            erased_requests: Vec::new(),
            outcomes: Vec::new(),
            outcome_marks: Vec::new(),
            databases: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            work: Vec::new(),
            policies: Vec::new(),
            principals: Vec::new(),
        }
    }
}
