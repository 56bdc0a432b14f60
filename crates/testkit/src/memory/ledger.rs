//! The port [`Ledger`].

use async_trait::async_trait;
use countersign_audit::Pseudonym;
use countersign_kernel::{CommitId, DatabaseName, Digest, Principal, RequestId, RunId};
use countersign_usecases::commit::Commit;
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};
use countersign_usecases::record::{
    CallRecords, DatabaseRecords, EventRecord, OutcomeRecord, PolicyStampRecord, RequestBundle,
    RequestRecords, RunBundle, RunRecords, SealedRecord, Stamp, StepRecord, VoteRecord, WaitRecord,
};

use super::commit::{is_live, stale};
use super::tables::Tables;
use super::{CommitFault, MemoryStore};

#[async_trait]
impl Ledger for MemoryStore {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        let tables = self.reach()?;
        CallSnapshot::from_records(CallRecords {
            now: Stamp(self.clock().now()),
            policy: tables.active_policy(),
            run: tables.run_bundle(run.as_str()),
            existing: tables.earlier_call(run, lookup),
        })
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        let tables = self.reach()?;
        let Some(request) = tables.request_bundle(&id.to_string()) else {
            return Ok(None);
        };
        let run_id = request.request.run_id.clone();
        let Some(run) = tables.run_bundle(&run_id) else {
            let message = format!("request `{id}` belongs to run `{run_id}`, which is not there");
            return Err(StoreError::Refused { message });
        };
        let records = RequestRecords {
            now: Stamp(self.clock().now()),
            policy: tables.active_policy(),
            steps: tables.steps_of(&request.request.request_id),
            sealed: tables.sealed_of(&request.request.request_id),
            request,
            run,
        };
        RequestSnapshot::from_records(records).map(Some)
    }

    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError> {
        let tables = self.reach()?;
        let unread = tables.outcomes_of(id.as_str()).into_iter();
        RunSnapshot::from_records(RunRecords {
            now: Stamp(self.clock().now()),
            policy: tables.active_policy(),
            run: tables.run_bundle(id.as_str()),
            unread: unread.filter(|outcome| outcome.acknowledged_at.is_none()).collect(),
        })
    }

    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError> {
        let tables = self.reach()?;
        DatabaseSnapshot::from_records(DatabaseRecords {
            now: Stamp(self.clock().now()),
            policy: tables.active_policy(),
            owner: tables.databases.get(&(server.to_owned(), name.to_string())).cloned(),
        })
    }

    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError> {
        let tables = self.reach()?;
        let wanted = digest.map(|digest| digest.to_string());
        let mut latest_first = tables.policies.values().rev();
        let found = latest_first.find(|row| wanted.as_ref().is_none_or(|digest| row.digest == *digest));
        found.cloned().map(TryInto::try_into).transpose()
    }

    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError> {
        let tables = self.reach()?;
        let row = tables.principals.get(&principal.to_string());
        row.map(|row| row.pseudonym.parse().map_err(|error| damaged(principal, error))).transpose()
    }

    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError> {
        let tables = self.reach()?;
        let plan = plan.to_string();
        Ok(tables.events_of(&request.to_string()).any(|event| {
            event.event_type == "approval.approved"
                && event.plan_digest.as_ref() == Some(&plan)
                && tables.inbox.contains(&event.event_id)
        }))
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let mut tables = self.reach()?;
        let fault = self.faults().commits.pop_front();
        match fault {
            Some(CommitFault::Stale) => return Err(stale("fault", commit.id().to_string())),
            Some(CommitFault::Unavailable) => {
                return Err(StoreError::Unavailable { message: "the test made this commit fail".to_owned() });
            }
            Some(CommitFault::UnknownNotWritten) => return Err(lost()),
            Some(CommitFault::UnknownWritten) | None => {}
        }
        tables.commit(commit.records(), self.clock().now())?;
        if fault.is_some() { Err(lost()) } else { Ok(()) }
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        Ok(self.reach()?.commits.contains(&id))
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        let mut tables = self.reach()?;
        let Some(mut row) = tables.runs.get(&run.to_string()).filter(|row| is_live(row)).cloned() else {
            return Ok(false);
        };
        row.last_heartbeat_at = row.last_heartbeat_at.max(Some(Stamp(self.clock().now())));
        tables.runs.put(run.to_string(), row);
        tables.keep();
        Ok(true)
    }
}

fn lost() -> StoreError {
    StoreError::Unknown { message: "the test cut the connection".to_owned() }
}

fn damaged(principal: &Principal, error: impl std::fmt::Display) -> StoreError {
    let (table, column) = ("principals", "pseudonym");
    StoreError::Corrupt { table, column, id: principal.to_string(), message: error.to_string() }
}

impl Tables {
    pub(super) fn active_policy(&self) -> Option<PolicyStampRecord> {
        let (_, row) = self.policies.last()?;
        Some(PolicyStampRecord { number: row.number, digest: row.digest.clone() })
    }

    pub(super) fn run_bundle(&self, id: &str) -> Option<RunBundle> {
        let run = self.runs.get(&id.to_owned())?.clone();
        let from = (id.to_owned(), String::new());
        let rows = self.waits.range(from..).map(|(_, row)| row).take_while(|row| row.run_id == id);
        let mut waits: Vec<WaitRecord> = rows.filter(|row| row.closed_at.is_none()).cloned().collect();
        waits.sort_by(|a, b| (a.opened_at, &a.request_id).cmp(&(b.opened_at, &b.request_id)));
        Some(RunBundle { run, waits })
    }

    pub(super) fn request_bundle(&self, id: &str) -> Option<RequestBundle> {
        let request = self.requests.get(&id.to_owned())?.clone();
        Some(RequestBundle { request, votes: self.votes_of(id) })
    }

    fn earlier_call(&self, run: &RunId, lookup: &CallLookup) -> Option<RequestBundle> {
        let (run, tool) = (run.to_string(), lookup.tool.to_string());
        let request = match &lookup.key_hash {
            Some(hash) => &self.call_keys.get(&(run, tool, hash.to_string()))?.request_id,
            None => {
                let key = (run, tool, lookup.action.to_string(), lookup.intent_digest.to_string());
                self.open_intents.get(&key)?
            }
        };
        self.request_bundle(request)
    }

    pub(super) fn votes_of(&self, request: &str) -> Vec<VoteRecord> {
        let from = (request.to_owned(), i64::MIN, String::new());
        let rows = self.votes.range(from..).map(|(_, row)| row);
        let mut votes: Vec<_> = rows.take_while(|row| row.request_id == request).cloned().collect();
        votes.sort_by_key(|vote| vote.voted_at);
        votes
    }

    pub(super) fn steps_of(&self, request: &str) -> Vec<StepRecord> {
        let rows = self.steps.range((request.to_owned(), i64::MIN, i64::MIN)..).map(|(_, row)| row);
        rows.take_while(|row| row.request_id == request).cloned().collect()
    }

    fn sealed_of(&self, request: &str) -> Vec<SealedRecord> {
        let rows = self.sealed.range((request.to_owned(), i64::MIN, String::new())..).map(|(_, row)| row);
        rows.take_while(|row| row.request_id == request).cloned().collect()
    }

    pub(super) fn outcomes_of(&self, run: &str) -> Vec<OutcomeRecord> {
        let rows = self.outcomes.range((run.to_owned(), String::new())..).map(|(_, row)| row);
        let mut outcomes: Vec<_> = rows.take_while(|row| row.run_id == run).cloned().collect();
        outcomes.sort_by(|a, b| (a.created_at, &a.request_id).cmp(&(b.created_at, &b.request_id)));
        outcomes
    }

    fn events_of<'a>(&'a self, request: &'a str) -> impl Iterator<Item = &'a EventRecord> + 'a {
        let places = self.request_events.range((request.to_owned(), 0)..).map(|(key, ())| key);
        places.take_while(move |(id, _)| id == request).filter_map(|(_, place)| self.events.get(place))
    }
}
