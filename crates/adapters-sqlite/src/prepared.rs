//! A commit made ready for statements, on the caller's task: the writer's time is everybody's.
//!
//! Rows are kept table by table, so that several commits become one by putting their rows together.

use std::collections::{HashMap, HashSet};

use countersign_kernel::Timestamp;
use countersign_usecases::commit::{CommitRecords, DatabaseWrite, Guard, Mark, Versioned, WorkWrite};
use countersign_usecases::port::StoreError;
use serde::Serialize;

use crate::rows::Rows;

/// What is checked before anything is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    /// The earliest of the deadlines.
    pub(crate) not_after: Option<Timestamp>,
    /// Ids of runs that must be live.
    pub(crate) live_runs: Rows,
    /// `[kind, subject, fence]` of leases that must be held.
    pub(crate) fences: Rows,
    /// `[server, database_name, state]` of owner rows.
    pub(crate) databases: Rows,
}

/// One write to `project_databases`; these are done in their order.
#[derive(Clone, Debug)]
pub(crate) enum DatabaseRows {
    Insert(Rows),
    Update(Rows),
    /// `[server, database_name]`.
    Remove(Rows),
}

/// The rows of one commit, or of several that touch no row in common. Updates are `[expected version, record]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) ids: Rows,
    pub(crate) guards: Guards,
    pub(crate) new_runs: Rows,
    pub(crate) runs: Rows,
    /// Updates that give up their intent, or had none; they go first.
    pub(crate) closed_requests: Rows,
    /// Updates that keep or take an intent.
    pub(crate) open_requests: Rows,
    pub(crate) new_requests: Rows,
    pub(crate) search: Rows,
    pub(crate) waits: Rows,
    pub(crate) votes: Rows,
    pub(crate) call_keys: Rows,
    pub(crate) steps: Rows,
    pub(crate) sealed: Rows,
    pub(crate) erased_requests: Rows,
    pub(crate) outcomes: Rows,
    /// `[run_id, request_id, at]`.
    pub(crate) acknowledged: Rows,
    /// `[run_id, request_id, at]`.
    pub(crate) undeliverable: Rows,
    pub(crate) databases: Vec<DatabaseRows>,
    pub(crate) events: Rows,
    pub(crate) links: Rows,
    /// `[kind, subject]`; they go before what is scheduled.
    pub(crate) removed_work: Rows,
    /// `[kind, subject, due_at]`.
    pub(crate) scheduled_work: Rows,
    pub(crate) policies: Rows,
    pub(crate) principals: Rows,
    touched: Touched,
}

/// The rows a commit reads and writes, by name. Coarse where that costs nothing: all rows of one request count as one.
#[derive(Clone, Debug, Default)]
struct Touched {
    read: HashSet<String>,
    written: HashSet<String>,
}

impl Prepared {
    pub(crate) fn of(records: &CommitRecords) -> Result<Self, StoreError> {
        let (removed_work, scheduled_work) = work(&records.work)?;
        let (acknowledged, undeliverable) = marks(records)?;
        let (new_runs, runs) = versioned(records.runs.iter().collect())?;
        let (open, closed): (Vec<_>, Vec<_>) =
            records.requests.iter().partition(|write| write.row.open_intent || write.expected.is_none());
        let (new_requests, open_requests) = versioned(open)?;
        let (_, closed_requests) = versioned(closed)?;
        Ok(Self {
            ids: Rows::of(&[records.id.to_string()])?,
            guards: Guards::of(&records.guards)?,
            new_runs,
            runs,
            closed_requests,
            open_requests,
            new_requests,
            search: Rows::of(&records.search)?,
            waits: Rows::of(&records.waits)?,
            votes: Rows::of(&records.votes)?,
            call_keys: Rows::of(&records.call_keys)?,
            steps: Rows::of(&records.steps)?,
            sealed: Rows::of(&records.sealed)?,
            erased_requests: Rows::of(&records.erased_requests)?,
            outcomes: Rows::of(&records.outcomes)?,
            acknowledged,
            undeliverable,
            databases: records.databases.iter().map(DatabaseRows::of).collect::<Result<_, _>>()?,
            events: Rows::of(&records.events)?,
            links: Rows::of(&records.links)?,
            removed_work,
            scheduled_work,
            policies: Rows::of(&records.policies)?,
            principals: Rows::of(&records.principals)?,
            touched: Touched::of(records),
        })
    }

    /// Takes in another commit, to be written in the same statements.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.guards.absorb(&other.guards);
        for (mine, theirs) in self.tables_mut().into_iter().zip(other.tables()) {
            mine.extend(theirs);
        }
        self.databases.extend(other.databases.iter().cloned());
        self.touched.read.extend(other.touched.read.iter().cloned());
        self.touched.written.extend(other.touched.written.iter().cloned());
    }

    /// Whether one of the two writes a row that the other reads or writes: such commits never share a transaction.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        let meets =
            |some: &HashSet<String>, others: &HashSet<String>| some.iter().any(|row| others.contains(row));
        let (mine, theirs) = (&self.touched, &other.touched);
        meets(&theirs.written, &mine.written)
            || meets(&theirs.written, &mine.read)
            || meets(&theirs.read, &mine.written)
    }

    /// Whether secrets are erased.
    pub(crate) fn erases(&self) -> bool {
        !self.erased_requests.is_empty()
    }

    fn tables(&self) -> [&Rows; 22] {
        [
            &self.ids,
            &self.new_runs,
            &self.runs,
            &self.closed_requests,
            &self.open_requests,
            &self.new_requests,
            &self.search,
            &self.waits,
            &self.votes,
            &self.call_keys,
            &self.steps,
            &self.sealed,
            &self.erased_requests,
            &self.outcomes,
            &self.acknowledged,
            &self.undeliverable,
            &self.events,
            &self.links,
            &self.removed_work,
            &self.scheduled_work,
            &self.policies,
            &self.principals,
        ]
    }

    /// In the order of `tables`; taken apart by name, so that a new one can't be forgotten.
    fn tables_mut(&mut self) -> [&mut Rows; 22] {
        let Self {
            ids,
            guards: _,
            new_runs,
            runs,
            closed_requests,
            open_requests,
            new_requests,
            search,
            waits,
            votes,
            call_keys,
            steps,
            sealed,
            erased_requests,
            outcomes,
            acknowledged,
            undeliverable,
            databases: _,
            events,
            links,
            removed_work,
            scheduled_work,
            policies,
            principals,
            touched: _,
        } = self;
        [
            ids,
            new_runs,
            runs,
            closed_requests,
            open_requests,
            new_requests,
            search,
            waits,
            votes,
            call_keys,
            steps,
            sealed,
            erased_requests,
            outcomes,
            acknowledged,
            undeliverable,
            events,
            links,
            removed_work,
            scheduled_work,
            policies,
            principals,
        ]
    }
}

impl Guards {
    fn of(guards: &[Guard]) -> Result<Self, StoreError> {
        let mut made = Self::default();
        for guard in guards {
            match guard {
                Guard::RunLive { run_id } => made.live_runs.push(run_id)?,
                Guard::Fence { kind, subject, fence } => {
                    made.fences.push(&(kind.as_str(), subject.as_str(), fence))?;
                }
                Guard::DatabaseIs { server, database_name, state } => {
                    made.databases.push(&(server, database_name, state.as_str()))?;
                }
                Guard::NotAfter { deadline } => made.not_after = earlier(made.not_after, Some(*deadline)),
            }
        }
        Ok(made)
    }

    fn absorb(&mut self, other: &Self) {
        let Self { not_after, live_runs, fences, databases } = other;
        self.not_after = earlier(self.not_after, *not_after);
        self.live_runs.extend(live_runs);
        self.fences.extend(fences);
        self.databases.extend(databases);
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

impl DatabaseRows {
    fn of(write: &DatabaseWrite) -> Result<Self, StoreError> {
        Ok(match write {
            DatabaseWrite::Insert(row) => Self::Insert(Rows::of(&[row])?),
            DatabaseWrite::Update(row) => Self::Update(Rows::of(&[row])?),
            DatabaseWrite::Remove { server, database_name } => {
                Self::Remove(Rows::of(&[(server, database_name)])?)
            }
        })
    }
}

/// What is inserted, and what is updated.
fn versioned<T: Serialize>(writes: Vec<&Versioned<T>>) -> Result<(Rows, Rows), StoreError> {
    let (mut new, mut updated) = (Rows::default(), Rows::default());
    for Versioned { expected, row } in writes {
        match expected {
            None => new.push(row)?,
            Some(version) => updated.push(&(version, row))?,
        }
    }
    Ok((new, updated))
}

fn marks(records: &CommitRecords) -> Result<(Rows, Rows), StoreError> {
    let (mut acknowledged, mut undeliverable) = (Rows::default(), Rows::default());
    for mark in &records.outcome_marks {
        let row = (&mark.run_id, &mark.request_id, mark.at);
        match mark.mark {
            Mark::Acknowledged => acknowledged.push(&row)?,
            Mark::Undeliverable => undeliverable.push(&row)?,
        }
    }
    Ok((acknowledged, undeliverable))
}

/// What a commit's writes to one work row come to in the end: a row that is removed and scheduled again begins anew.
fn work(writes: &[WorkWrite]) -> Result<(Rows, Rows), StoreError> {
    let (mut removed, mut scheduled) = (HashSet::new(), HashMap::new());
    for write in writes {
        match write {
            WorkWrite::Schedule { kind, subject, due_at } => {
                scheduled.insert((kind.as_str(), subject.as_str()), *due_at);
            }
            WorkWrite::Remove { kind, subject } => {
                let key = (kind.as_str(), subject.as_str());
                scheduled.remove(&key);
                removed.insert(key);
            }
        }
    }
    let (mut removed_rows, mut scheduled_rows) = (Rows::default(), Rows::default());
    removed.iter().try_for_each(|key| removed_rows.push(key))?;
    scheduled
        .iter()
        .try_for_each(|((kind, subject), due_at)| scheduled_rows.push(&(kind, subject, due_at)))?;
    Ok((removed_rows, scheduled_rows))
}

impl Touched {
    fn of(records: &CommitRecords) -> Self {
        let run = |id: &str| format!("run {id}");
        let request = |id: &str| format!("request {id}");
        let work = |kind: &str, subject: &str| format!("work {kind} {subject}");
        let database = |server: &str, name: &str| format!("database {server} {name}");
        let mut touched = Self::default();
        for guard in &records.guards {
            match guard {
                Guard::RunLive { run_id } => touched.read.insert(run(run_id)),
                Guard::Fence { kind, subject, .. } => {
                    touched.read.insert(work(kind.as_str(), subject.as_str()))
                }
                Guard::DatabaseIs { server, database_name, .. } => {
                    touched.read.insert(database(server, database_name))
                }
                Guard::NotAfter { .. } => false,
            };
        }
        let written = &mut touched.written;
        written.insert(format!("commit {}", records.id));
        written.extend(records.runs.iter().map(|write| run(&write.row.run_id)));
        written.extend(records.requests.iter().map(|write| request(&write.row.request_id)));
        written.extend(records.search.iter().map(|row| request(&row.request_id)));
        written.extend(records.waits.iter().map(|row| request(&row.request_id)));
        written.extend(records.votes.iter().map(|row| request(&row.request_id)));
        written.extend(
            records.call_keys.iter().map(|row| format!("key {} {} {}", row.run_id, row.tool, row.key_hash)),
        );
        written.extend(records.steps.iter().map(|row| request(&row.request_id)));
        written.extend(records.sealed.iter().map(|row| request(&row.request_id)));
        written.extend(records.erased_requests.iter().map(|id| request(id)));
        written.extend(records.outcomes.iter().map(|row| request(&row.request_id)));
        written.extend(records.outcome_marks.iter().map(|mark| request(&mark.request_id)));
        written.extend(records.databases.iter().map(|write| match write {
            DatabaseWrite::Insert(row) | DatabaseWrite::Update(row) => {
                database(&row.server, &row.database_name)
            }
            DatabaseWrite::Remove { server, database_name } => database(server, database_name),
        }));
        written.extend(records.work.iter().map(|write| match write {
            WorkWrite::Schedule { kind, subject, .. } | WorkWrite::Remove { kind, subject } => {
                work(kind.as_str(), subject.as_str())
            }
        }));
        written.extend(records.policies.iter().map(|row| format!("policy {}", row.number)));
        written.extend(records.principals.iter().map(|row| format!("principal {}", row.principal)));
        touched
    }
}
