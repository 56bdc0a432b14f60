//! All rows at once, for assertions.

use countersign_kernel::{Timestamp, WorkerId};
use countersign_usecases::port::{WorkKind, WorkSubject};
use countersign_usecases::record::{
    CallKeyRecord, DatabaseRecord, EventRecord, LinkRecord, OutcomeRecord, PolicyRecord, PrincipalRecord,
    RequestRecord, RunRecord, SealedRecord, SearchRecord, StepRecord, VoteRecord, WaitRecord,
};

use super::table::Table;
use super::tables::Tables;

/// A row of `work_items`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkRow {
    /// What has to be done.
    pub kind: WorkKind,
    /// About what.
    pub subject: WorkSubject,
    /// When it is due.
    pub due_at: Timestamp,
    /// How often it was leased since it was scheduled.
    pub attempts: u32,
    /// The fence of the last lease; 0 before the first.
    pub fence: u64,
    /// Who took the last lease that was not given back, and until when it lasts.
    pub lease: Option<(WorkerId, Timestamp)>,
}

/// All rows of an in-memory ledger, each table in the order of its key, events in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members are the tables, see `CommitRecords`")]
pub struct Rows {
    pub runs: Vec<RunRecord>,
    pub requests: Vec<RequestRecord>,
    pub search: Vec<SearchRecord>,
    pub waits: Vec<WaitRecord>,
    pub votes: Vec<VoteRecord>,
    pub call_keys: Vec<CallKeyRecord>,
    pub steps: Vec<StepRecord>,
    pub sealed: Vec<SealedRecord>,
    pub outcomes: Vec<OutcomeRecord>,
    pub databases: Vec<DatabaseRecord>,
    pub events: Vec<EventRecord>,
    /// The entries of `audit_inbox`, by event id.
    pub inbox: Vec<(String, String)>,
    pub links: Vec<LinkRecord>,
    pub work: Vec<WorkRow>,
    pub policies: Vec<PolicyRecord>,
    pub principals: Vec<PrincipalRecord>,
}

impl Rows {
    pub(super) fn of(tables: &Tables) -> Self {
        Self {
            runs: all(&tables.runs),
            requests: all(&tables.requests),
            search: all(&tables.search),
            waits: all(&tables.waits),
            votes: all(&tables.votes),
            call_keys: all(&tables.call_keys),
            steps: all(&tables.steps),
            sealed: all(&tables.sealed),
            outcomes: all(&tables.outcomes),
            databases: all(&tables.databases),
            events: all(&tables.events),
            inbox: tables.inbox.iter().map(|(id, row)| (id.clone(), row.entry.clone())).collect(),
            links: tables.links.iter().map(|(link, ())| link.clone()).collect(),
            work: work(tables),
            policies: all(&tables.policies),
            principals: all(&tables.principals),
        }
    }

    /// The types of all events, in order.
    pub fn event_types(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.event_type.as_str()).collect()
    }

    /// The work row of this kind about this subject.
    pub fn work_of(&self, kind: WorkKind, subject: &WorkSubject) -> Option<&WorkRow> {
        self.work.iter().find(|row| row.kind == kind && row.subject == *subject)
    }
}

fn all<K: Ord + Clone, V: Clone>(table: &Table<K, V>) -> Vec<V> {
    table.values().cloned().collect()
}

fn work(tables: &Tables) -> Vec<WorkRow> {
    let row = |((kind, subject), item): (&super::tables::WorkKey, &super::tables::WorkItem)| WorkRow {
        kind: *kind,
        subject: subject.clone(),
        due_at: item.due_at,
        attempts: item.attempts,
        fence: item.fence,
        lease: item.held.map(|hold| (hold.worker, hold.until)),
    };
    tables.work.iter().map(row).collect()
}
