//! All tables, and the two unique indexes that are not keys.

use countersign_kernel::{CommitId, Timestamp, WorkerId};
use countersign_usecases::port::{WorkKind, WorkSubject};
use countersign_usecases::record::{
    AttemptRecord, CallKeyRecord, DatabaseRecord, EventRecord, LinkRecord, OutcomeRecord, PolicyRecord,
    PrincipalRecord, RequestRecord, RunRecord, SealedRecord, SearchRecord, SessionRecord, Stamp, StepRecord,
    VoteRecord, WaitRecord,
};

use super::table::{Journal, Table};

/// A row of `work_items`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WorkItem {
    pub(super) due_at: Timestamp,
    pub(super) attempts: u32,
    /// The fence of the last lease; 0 before the first.
    pub(super) fence: u64,
    pub(super) held: Option<Hold>,
}

/// Who holds a work row, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) worker: WorkerId,
    pub(super) until: Timestamp,
}

impl WorkItem {
    pub(super) fn held_at(&self, now: Timestamp) -> Option<Hold> {
        self.held.filter(|hold| now < hold.until)
    }
}

/// A row of `audit_inbox`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InboxRow {
    pub(super) at: Stamp,
    pub(super) entry: String,
}

pub(super) type WorkKey = (WorkKind, WorkSubject);

/// `(run_id, tool, action, intent_digest)` of an open request without a caller's key.
pub(super) type IntentKey = (String, String, String, String);

#[derive(Default)]
pub(super) struct Tables {
    pub(super) commits: Table<CommitId, Timestamp>,
    pub(super) runs: Table<String, RunRecord>,
    pub(super) requests: Table<String, RequestRecord>,
    pub(super) search: Table<String, SearchRecord>,
    pub(super) open_intents: Table<IntentKey, String>,
    pub(super) waits: Table<(String, String), WaitRecord>,
    pub(super) votes: Table<(String, i64, String), VoteRecord>,
    pub(super) call_keys: Table<(String, String, String), CallKeyRecord>,
    pub(super) steps: Table<(String, i64, i64), StepRecord>,
    pub(super) active_targets: Table<String, (String, i64, i64)>,
    pub(super) sealed: Table<(String, i64, String), SealedRecord>,
    pub(super) outcomes: Table<(String, String), OutcomeRecord>,
    pub(super) databases: Table<(String, String), DatabaseRecord>,
    pub(super) events: Table<u64, EventRecord>,
    pub(super) event_places: Table<String, u64>,
    pub(super) request_events: Table<(String, u64), ()>,
    pub(super) inbox: Table<String, InboxRow>,
    pub(super) links: Table<LinkRecord, ()>,
    pub(super) work: Table<WorkKey, WorkItem>,
    pub(super) policies: Table<i64, PolicyRecord>,
    pub(super) principals: Table<String, PrincipalRecord>,
    pub(super) sessions: Table<String, SessionRecord>,
    pub(super) attempts: Table<String, AttemptRecord>,
    /// The highest fence given out; not journaled, because a fence is never given out twice.
    pub(super) last_fence: u64,
}

impl Tables {
    pub(super) fn keep(&mut self) {
        self.journals().into_iter().for_each(Journal::keep);
    }

    pub(super) fn roll_back(&mut self) {
        self.journals().into_iter().for_each(Journal::roll_back);
    }

    /// All tables: taken apart by name, so that a new one can't be forgotten.
    fn journals(&mut self) -> [&mut dyn Journal; 23] {
        let Self {
            commits,
            runs,
            requests,
            search,
            open_intents,
            waits,
            votes,
            call_keys,
            steps,
            active_targets,
            sealed,
            outcomes,
            databases,
            events,
            event_places,
            request_events,
            inbox,
            links,
            work,
            policies,
            principals,
            sessions,
            attempts,
            last_fence: _,
        } = self;
        [
            commits,
            runs,
            requests,
            search,
            open_intents,
            waits,
            votes,
            call_keys,
            steps,
            active_targets,
            sealed,
            outcomes,
            databases,
            events,
            event_places,
            request_events,
            inbox,
            links,
            work,
            policies,
            principals,
            sessions,
            attempts,
        ]
    }
}
