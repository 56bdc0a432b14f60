//! Faults of what is committed and loaded.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_audit::Pseudonym;
use countersign_kernel::{CommitId, DatabaseName, Digest, Environment, Principal, RequestId, RunId};
use countersign_mcp_tools::ports::DatabaseServers;
use countersign_mcp_tools::{Call, Plan};
use countersign_usecases::commit::{Commit, CommitRecords, DatabaseWrite, Guard};
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};
use countersign_usecases::record::Stamp;

use super::Plant;

/// A ledger with a fault.
pub struct PlantedLedger {
    inner: Arc<dyn Ledger>,
    plant: Plant,
    databases: Option<Arc<dyn DatabaseServers>>,
}

impl PlantedLedger {
    /// This fault in this ledger. The servers are what is written to ahead of time.
    pub fn new(inner: Arc<dyn Ledger>, plant: Plant, databases: Option<Arc<dyn DatabaseServers>>) -> Self {
        Self { inner, plant, databases }
    }

    /// Makes the databases that a commit only reserves.
    async fn write_ahead(&self, records: &CommitRecords) {
        for write in &records.databases {
            let DatabaseWrite::Insert(row) = write else { continue };
            let server = Environment::parse(&row.environment)
                .ok()
                .and_then(|environment| self.databases.as_ref()?.find_server(&environment));
            let names = (DatabaseName::parse(&row.database_name), row.request_id.parse::<RequestId>());
            if let (Some(server), (Ok(database), Ok(request))) = (server, names) {
                // What comes of it shows in the database itself.
                let _ = server.create(&database, request).await;
            }
        }
    }

    /// The versions that are stored now, expected ones or not.
    async fn newest_versions(&self, records: &mut CommitRecords) -> Result<(), StoreError> {
        for request in &mut records.requests {
            let Ok(id) = request.row.request_id.parse() else { continue };
            if let Some(stored) = self.inner.load_request(id).await? {
                request.expected = Some(stored.request.version);
            }
        }
        for run in &mut records.runs {
            let Ok(id) = run.row.run_id.parse() else { continue };
            if let Some(stored) = self.inner.load_run(&id).await?.run {
                run.expected = Some(stored.version);
            }
        }
        Ok(())
    }
}

/// Takes out of a commit what the fault is without.
fn spoil(plant: Plant, records: &mut CommitRecords) {
    let has =
        |records: &CommitRecords, name: &str| records.events.iter().any(|event| event.event_type == name);
    match plant {
        Plant::NoFence => records.guards.retain(|guard| match guard {
            Guard::Fence { .. } => false,
            Guard::RunLive { .. } | Guard::NotAfter { .. } | Guard::DatabaseIs { .. } => true,
        }),
        Plant::ForgetToErase => records.erased_requests.clear(),
        Plant::LoseAnEvent => records.events.retain(|event| event.event_type != "approval.applying"),
        Plant::LoseTheOutcome => records.outcomes.clear(),
        Plant::ResumeBeforeSettled if has(records, "approval.requested") => {
            for run in &mut records.runs {
                let row = &mut run.row;
                let left = u64::try_from(row.budget_left_ms.take().unwrap_or(0)).unwrap_or(0);
                let since = row.waiting_since.take().unwrap_or(row.registered_at);
                row.status = "running".to_owned();
                row.deadline_at = Some(Stamp(since.0.plus(countersign_kernel::Millis(left))));
                row.timeout_guard_disabled = false;
                (row.wait_state, row.wait_reason) = (None, None);
            }
            for wait in &mut records.waits {
                wait.closed_at = Some(wait.opened_at);
            }
        }
        Plant::FreshRandomOnRetry
        | Plant::FinishWithoutVersion
        | Plant::EffectBeforeCommit
        | Plant::AdoptForeignDatabase
        | Plant::SkipDigestCheck
        | Plant::ResumeBeforeSettled
        | Plant::RetryOnUnknown
        | Plant::IgnoreDrift
        | Plant::LeaseWithoutDeadline
        | Plant::SelfApproval
        | Plant::ClaimWithoutDoing
        | Plant::UndoWithoutDoing => {}
    }
}

/// The digest of what is stored, in the place of the one that was approved.
fn trusting(snapshot: &mut RequestSnapshot) {
    let proposal = &mut snapshot.request.proposal;
    if let (Ok(call), Ok(plan)) = (Call::from_json(&proposal.call), Plan::from_json(&proposal.plan))
        && let Ok(digest) = Digest::of_json(&plan.digest_input(&call, &proposal.terms))
    {
        proposal.plan_digest = digest;
    }
}

#[async_trait]
impl Ledger for PlantedLedger {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        self.inner.load_call(run, lookup).await
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        let mut loaded = self.inner.load_request(id).await?;
        if let Some(snapshot) = &mut loaded {
            if self.plant == Plant::SkipDigestCheck {
                trusting(snapshot);
            }
            if self.plant == Plant::SelfApproval
                && let Ok(nobody) = Principal::parse("service:planted:nobody")
            {
                snapshot.request.facts.launched_by = nobody;
            }
        }
        Ok(loaded)
    }

    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError> {
        self.inner.load_run(id).await
    }

    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError> {
        self.inner.load_database(server, name).await
    }

    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError> {
        self.inner.load_policy(digest).await
    }

    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError> {
        self.inner.find_pseudonym(principal).await
    }

    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError> {
        if self.plant == Plant::SkipDigestCheck {
            return Ok(true);
        }
        self.inner.approval_on_record(request, plan).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let mut records = commit.records().clone();
        spoil(self.plant, &mut records);
        if self.plant == Plant::EffectBeforeCommit {
            self.write_ahead(&records).await;
        }
        if self.plant == Plant::FinishWithoutVersion {
            self.newest_versions(&mut records).await?;
        }
        self.inner.commit(Commit::spoilt(records)).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        self.inner.find_commit(id).await
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        self.inner.heartbeat(run).await
    }
}
