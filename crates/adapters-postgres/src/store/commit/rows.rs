//! The rows of a commit as write.sql takes them.
//!
//! One statement writes all tables and sees the database as it was before it, so that nothing it writes can depend on what it writes
//! elsewhere. What a commit says about one row in several places is therefore put together here.

use std::collections::BTreeMap;

use countersign_usecases::commit::{CommitRecords, DatabaseWrite, Mark, OutcomeMark, Versioned, WorkWrite};
use countersign_usecases::record::{
    CallKeyRecord, DatabaseRecord, EventRecord, LinkRecord, OutcomeRecord, PolicyRecord, PrincipalRecord,
    RequestRecord, RunRecord, SealedRecord, SearchRecord, Stamp, StepRecord, VoteRecord, WaitRecord,
};
use serde::Serialize;

/// An array for each table; arrays without rows are left out.
#[derive(Serialize)]
pub(super) struct Rows<'c> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs_new: Vec<&'c RunRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs_changed: Vec<&'c RunRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests_new: Vec<&'c RequestRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests_changed: Vec<&'c RequestRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    search: Vec<&'c SearchRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waits: Vec<&'c WaitRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    votes: Vec<&'c VoteRecord>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    call_keys: &'c [CallKeyRecord],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<&'c StepRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sealed: Vec<&'c SealedRecord>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    erased: &'c [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outcomes: Vec<OutcomeRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<MarkRow<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    databases_new: Vec<&'c DatabaseRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    databases_changed: Vec<&'c DatabaseRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    databases_gone: Vec<DatabaseKey<'c>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'c [EventRecord],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    links: &'c [LinkRecord],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    work_due: Vec<WorkRow<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    work_anew: Vec<WorkRow<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    work_gone: Vec<WorkRow<'c>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    policies: &'c [PolicyRecord],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    principals: &'c [PrincipalRecord],
}

#[derive(Serialize)]
struct MarkRow<'c> {
    run_id: &'c str,
    request_id: &'c str,
    acknowledged_at: Option<Stamp>,
    undeliverable_at: Option<Stamp>,
}

#[derive(Serialize, Clone, Copy)]
struct DatabaseKey<'c> {
    server: &'c str,
    database_name: &'c str,
}

#[derive(Serialize)]
struct WorkRow<'c> {
    kind: &'static str,
    subject: &'c str,
    due_at: Option<Stamp>,
}

impl<'c> Rows<'c> {
    pub(super) fn of(records: &'c CommitRecords) -> Self {
        let (runs_new, runs_changed) = split(&records.runs);
        let (requests_new, mut requests_changed) = split(&records.requests);
        // What gives up a unique place comes before what takes one.
        requests_changed.sort_by_key(|row| row.open_intent);
        let mut steps = last(&records.steps, |row| (&row.request_id, row.revision, row.step_number));
        steps.sort_by_key(|row| row.holds_target());
        let erased = |row: &&SealedRecord| records.erased_requests.contains(&row.request_id);
        let mut rows = Self {
            runs_new,
            runs_changed,
            requests_new,
            requests_changed,
            search: last(&records.search, |row| &row.request_id),
            waits: last(&records.waits, |row| (&row.run_id, &row.request_id)),
            votes: last(&records.votes, |row| (&row.request_id, row.revision, &row.principal)),
            call_keys: &records.call_keys,
            steps,
            sealed: records.sealed.iter().filter(|row| !erased(row)).collect(),
            erased: &records.erased_requests,
            outcomes: records.outcomes.clone(),
            marks: Vec::new(),
            databases_new: Vec::new(),
            databases_changed: Vec::new(),
            databases_gone: Vec::new(),
            events: &records.events,
            links: &records.links,
            work_due: Vec::new(),
            work_anew: Vec::new(),
            work_gone: Vec::new(),
            policies: &records.policies,
            principals: &records.principals,
        };
        records.outcome_marks.iter().for_each(|mark| rows.mark(mark));
        rows.put_databases(&records.databases);
        rows.put_work(&records.work);
        rows
    }

    pub(super) fn changed_runs(&self) -> i64 {
        count(&self.runs_changed)
    }

    pub(super) fn changed_requests(&self) -> i64 {
        count(&self.requests_changed)
    }

    fn mark(&mut self, mark: &'c OutcomeMark) {
        let is_new =
            |row: &&mut OutcomeRecord| row.run_id == mark.run_id && row.request_id == mark.request_id;
        let is_marked =
            |row: &&mut MarkRow<'_>| row.run_id == mark.run_id && row.request_id == mark.request_id;
        if let Some(row) = self.outcomes.iter_mut().find(is_new) {
            place(mark.mark, &mut row.acknowledged_at, &mut row.undeliverable_at).get_or_insert(mark.at);
        } else if let Some(row) = self.marks.iter_mut().find(is_marked) {
            place(mark.mark, &mut row.acknowledged_at, &mut row.undeliverable_at).get_or_insert(mark.at);
        } else {
            let (run_id, request_id) = (&mark.run_id, &mark.request_id);
            let mut row = MarkRow { run_id, request_id, acknowledged_at: None, undeliverable_at: None };
            *place(mark.mark, &mut row.acknowledged_at, &mut row.undeliverable_at) = Some(mark.at);
            self.marks.push(row);
        }
    }

    /// One row is written once: an insert or update that follows another write of the same row takes its place.
    fn put_databases(&mut self, writes: &'c [DatabaseWrite]) {
        for write in writes {
            let (server, database_name) = match write {
                DatabaseWrite::Insert(row) | DatabaseWrite::Update(row) => (&row.server, &row.database_name),
                DatabaseWrite::Remove { server, database_name } => (server, database_name),
            };
            let same = |row: &&DatabaseRecord| row.server == *server && row.database_name == *database_name;
            match write {
                DatabaseWrite::Insert(row) => self.databases_new.push(row),
                DatabaseWrite::Update(row) => match self.databases_new.iter_mut().find(|row| same(row)) {
                    Some(inserted) => *inserted = row,
                    None => {
                        self.databases_changed.retain(|row| !same(row));
                        self.databases_changed.push(row);
                    }
                },
                DatabaseWrite::Remove { .. } => {
                    self.databases_new.retain(|row| !same(row));
                    self.databases_changed.retain(|row| !same(row));
                    self.databases_gone.push(DatabaseKey { server, database_name });
                }
            }
        }
    }

    /// The last word on each row counts; one that is removed and scheduled again keeps nothing of what it was.
    fn put_work(&mut self, writes: &'c [WorkWrite]) {
        let mut ends: BTreeMap<(&'static str, &'c str), (bool, Option<Stamp>)> = BTreeMap::new();
        for write in writes {
            match write {
                WorkWrite::Schedule { kind, subject, due_at } => {
                    ends.entry((kind.as_str(), subject.as_str())).or_default().1 = Some(*due_at);
                }
                WorkWrite::Remove { kind, subject } => {
                    ends.insert((kind.as_str(), subject.as_str()), (true, None));
                }
            }
        }
        for ((kind, subject), (removed, due_at)) in ends {
            let rows = match (removed, due_at) {
                (_, None) => &mut self.work_gone,
                (false, Some(_)) => &mut self.work_due,
                (true, Some(_)) => &mut self.work_anew,
            };
            rows.push(WorkRow { kind, subject, due_at });
        }
    }
}

fn split<R>(rows: &[Versioned<R>]) -> (Vec<&R>, Vec<&R>) {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for Versioned { expected, row } in rows {
        if expected.is_none() { new.push(row) } else { changed.push(row) }
    }
    (new, changed)
}

/// The rows, the last of each key only.
fn last<'c, R, K: PartialEq>(rows: &'c [R], key: impl Fn(&'c R) -> K) -> Vec<&'c R> {
    let superseded = |index: usize, row| rows[index + 1..].iter().any(|later| key(later) == key(row));
    rows.iter().enumerate().filter(|(index, row)| !superseded(*index, *row)).map(|(_, row)| row).collect()
}

fn place<'r>(
    mark: Mark,
    acknowledged_at: &'r mut Option<Stamp>,
    undeliverable_at: &'r mut Option<Stamp>,
) -> &'r mut Option<Stamp> {
    match mark {
        Mark::Acknowledged => acknowledged_at,
        Mark::Undeliverable => undeliverable_at,
    }
}

fn count<R>(rows: &[R]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
