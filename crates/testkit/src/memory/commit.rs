//! Writing one commit: the guards, then the rows of each table as [`CommitRecords`] says, then all of it or nothing.

use countersign_kernel::Timestamp;
use countersign_usecases::commit::{
    CommitRecords, DatabaseWrite, Guard, Mark, OutcomeMark, Versioned, WorkWrite,
};
use countersign_usecases::port::StoreError;
use countersign_usecases::record::{EventRecord, RequestRecord, RunRecord, StepRecord};

use super::tables::{InboxRow, IntentKey, Tables, WorkItem};

type Written = Result<(), StoreError>;

pub(super) fn stale(what: &'static str, id: impl Into<String>) -> StoreError {
    StoreError::Stale { what, id: id.into() }
}

impl Tables {
    /// Writes the commit, or takes back what it wrote and says why.
    pub(super) fn commit(&mut self, records: &CommitRecords, now: Timestamp) -> Written {
        if self.commits.contains(&records.id) {
            return Ok(());
        }
        let written = self.write(records, now);
        match &written {
            Ok(()) => self.keep(),
            Err(_) => self.roll_back(),
        }
        written
    }

    fn write(&mut self, records: &CommitRecords, now: Timestamp) -> Written {
        let CommitRecords {
            id,
            guards,
            runs,
            requests,
            search,
            waits,
            votes,
            call_keys,
            steps,
            sealed,
            erased_requests,
            outcomes,
            outcome_marks,
            databases,
            events,
            links,
            work,
            policies,
            principals,
        } = records;
        guards.iter().try_for_each(|guard| self.check(guard, now))?;
        self.commits.put(*id, now);
        runs.iter().try_for_each(|run| self.put_run(run))?;
        self.put_requests(requests)?;
        search.iter().for_each(|row| self.search.put(row.request_id.clone(), row.clone()));
        for wait in waits {
            self.waits.put((wait.run_id.clone(), wait.request_id.clone()), wait.clone());
        }
        for vote in votes {
            let key = (vote.request_id.clone(), vote.revision, vote.principal.clone());
            self.votes.put(key, vote.clone());
        }
        for taken in call_keys {
            let key = (taken.run_id.clone(), taken.tool.clone(), taken.key_hash.clone());
            insert(&mut self.call_keys, key, taken.clone(), "call_keys", &taken.key_hash)?;
        }
        self.put_steps(steps)?;
        for value in sealed {
            let key = (value.request_id.clone(), value.revision, value.purpose.clone());
            insert(&mut self.sealed, key, value.clone(), "sealed_values", &value.request_id)?;
        }
        erased_requests.iter().for_each(|request| self.erase(request));
        for outcome in outcomes {
            let key = (outcome.run_id.clone(), outcome.request_id.clone());
            insert(&mut self.outcomes, key, outcome.clone(), "run_outcomes", &outcome.request_id)?;
        }
        outcome_marks.iter().for_each(|mark| self.mark(mark));
        databases.iter().try_for_each(|write| self.put_database(write))?;
        events.iter().try_for_each(|event| self.put_event(event))?;
        links.iter().for_each(|link| self.links.put(link.clone(), ()));
        work.iter().for_each(|write| self.put_work(write));
        for policy in policies {
            let number = policy.number.to_string();
            insert(&mut self.policies, policy.number, policy.clone(), "policy_versions", &number)?;
        }
        for principal in principals {
            let key = principal.principal.clone();
            insert(&mut self.principals, key, principal.clone(), "principals", &principal.principal)?;
        }
        Ok(())
    }

    fn check(&self, guard: &Guard, now: Timestamp) -> Written {
        match guard {
            Guard::RunLive { run_id } => {
                let live = self.runs.get(run_id).is_some_and(is_live);
                live.then_some(()).ok_or_else(|| stale("run_live", run_id))
            }
            Guard::Fence { kind, subject, fence } => {
                let row = self.work.get(&(*kind, subject.clone()));
                let held = row.is_some_and(|row| row.fence == *fence && row.held_at(now).is_some());
                held.then_some(()).ok_or_else(|| stale("fence", format!("{} {subject}", kind.as_str())))
            }
            Guard::DatabaseIs { server, database_name, state } => {
                let row = self.databases.get(&(server.clone(), database_name.clone()));
                let same = row.is_some_and(|row| row.state == state.as_str());
                same.then_some(()).ok_or_else(|| stale("database_is", database_name))
            }
            Guard::NotAfter { deadline } => {
                (now < *deadline).then_some(()).ok_or_else(|| stale("not_after", deadline.to_string()))
            }
        }
    }

    fn put_run(&mut self, write: &Versioned<RunRecord>) -> Written {
        let row = &write.row;
        let stored = self.runs.get(&row.run_id);
        expect("agent_sessions", &row.run_id, write.expected, stored.map(|stored| stored.version))?;
        // A sign of life is never written through a commit: what is there stays, a new run has none.
        let last_heartbeat_at = stored.and_then(|stored| stored.last_heartbeat_at);
        self.runs.put(row.run_id.clone(), RunRecord { last_heartbeat_at, ..row.clone() });
        Ok(())
    }

    /// First all intents that this commit gives up, then those that it takes: what counts is how it is in the end.
    fn put_requests(&mut self, writes: &[Versioned<RequestRecord>]) -> Written {
        for Versioned { expected, row } in writes {
            let stored = self.requests.get(&row.request_id).cloned();
            let version = stored.as_ref().map(|stored| stored.version);
            expect("mcp_action_requests", &row.request_id, *expected, version)?;
            if let Some(stored) = stored.filter(|stored| stored.open_intent) {
                self.open_intents.remove(&intent_key(&stored));
            }
            self.requests.put(row.request_id.clone(), row.clone());
        }
        for row in writes.iter().map(|write| &write.row).filter(|row| row.open_intent) {
            let key = intent_key(row);
            insert(
                &mut self.open_intents,
                key,
                row.request_id.clone(),
                "mcp_action_requests",
                &row.request_id,
            )?;
        }
        Ok(())
    }

    /// At most one step may be taken, or taken back, against one target.
    fn put_steps(&mut self, steps: &[StepRecord]) -> Written {
        let key = |step: &StepRecord| (step.request_id.clone(), step.revision, step.step_number);
        for step in steps {
            if let Some(stored) = self.steps.get(&key(step)).filter(|stored| stored.holds_target()) {
                let target = stored.target.clone();
                self.active_targets.remove(&target);
            }
            self.steps.put(key(step), step.clone());
        }
        for step in steps.iter().filter(|step| step.holds_target()) {
            insert(&mut self.active_targets, step.target.clone(), key(step), "action_steps", &step.target)?;
        }
        Ok(())
    }

    fn erase(&mut self, request: &str) {
        let from = (request.to_owned(), i64::MIN, String::new());
        let keys: Vec<_> = self
            .sealed
            .range(from..)
            .map(|(key, _)| key.clone())
            .take_while(|(request_id, _, _)| request_id == request)
            .collect();
        keys.iter().for_each(|key| self.sealed.remove(key));
    }

    fn mark(&mut self, mark: &OutcomeMark) {
        let key = (mark.run_id.clone(), mark.request_id.clone());
        let Some(mut outcome) = self.outcomes.get(&key).cloned() else {
            return;
        };
        let place = match mark.mark {
            Mark::Acknowledged => &mut outcome.acknowledged_at,
            Mark::Undeliverable => &mut outcome.undeliverable_at,
        };
        place.get_or_insert(mark.at);
        self.outcomes.put(key, outcome);
    }

    fn put_database(&mut self, write: &DatabaseWrite) -> Written {
        match write {
            DatabaseWrite::Insert(row) => {
                let key = (row.server.clone(), row.database_name.clone());
                insert(&mut self.databases, key, row.clone(), "project_databases", &row.database_name)
            }
            DatabaseWrite::Update(row) => {
                let key = (row.server.clone(), row.database_name.clone());
                if self.databases.contains(&key) {
                    self.databases.put(key, row.clone());
                }
                Ok(())
            }
            DatabaseWrite::Remove { server, database_name } => {
                self.databases.remove(&(server.clone(), database_name.clone()));
                Ok(())
            }
        }
    }

    fn put_event(&mut self, event: &EventRecord) -> Written {
        if self.event_places.contains(&event.event_id) {
            let message = format!("event `{}` is there already", event.event_id);
            return Err(StoreError::Refused { message });
        }
        let place = self.events.last().map_or(1, |(last, _)| last + 1);
        self.event_places.put(event.event_id.clone(), place);
        if let Some(request) = &event.request_id {
            self.request_events.put((request.clone(), place), ());
        }
        self.inbox.put(event.event_id.clone(), InboxRow { at: event.at, entry: event.entry.clone() });
        self.events.put(place, EventRecord { entry: String::new(), ..event.clone() });
        Ok(())
    }

    fn put_work(&mut self, write: &WorkWrite) {
        match write {
            WorkWrite::Schedule { kind, subject, due_at } => {
                let key = (*kind, subject.clone());
                let item = match self.work.get(&key) {
                    Some(stored) => WorkItem { due_at: due_at.0, attempts: 0, ..stored.clone() },
                    None => WorkItem { due_at: due_at.0, attempts: 0, fence: 0, held: None },
                };
                self.work.put(key, item);
            }
            WorkWrite::Remove { kind, subject } => self.work.remove(&(*kind, subject.clone())),
        }
    }
}

pub(super) fn is_live(run: &RunRecord) -> bool {
    matches!(run.status.as_str(), "running" | "waiting")
}

pub(super) fn intent_key(row: &RequestRecord) -> IntentKey {
    (row.run_id.clone(), row.tool.clone(), row.action.clone(), row.intent_digest.clone())
}

fn expect(what: &'static str, id: &str, expected: Option<u64>, stored: Option<i64>) -> Written {
    let stored = stored.map(|version| u64::try_from(version).unwrap_or_default());
    if expected == stored { Ok(()) } else { Err(stale(what, id)) }
}

fn insert<K: Ord + Clone, V>(
    table: &mut super::table::Table<K, V>,
    key: K,
    row: V,
    what: &'static str,
    id: &str,
) -> Written {
    if table.contains(&key) {
        return Err(stale(what, id));
    }
    table.put(key, row);
    Ok(())
}
