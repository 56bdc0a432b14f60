//! Before and after every commit.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_audit::Pseudonym;
use countersign_kernel::{CommitId, DatabaseName, Digest, Principal, RequestId, RunId};
use countersign_usecases::commit::{Commit, CommitRecords, WorkWrite};
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};

use super::CrashPoints;

/// A ledger with a point before and after each commit. Loads change nothing, so there is nothing to lose between them.
pub struct CrashLedger {
    inner: Arc<dyn Ledger>,
    points: Arc<CrashPoints>,
}

impl CrashLedger {
    /// Around this ledger.
    pub fn new(inner: Arc<dyn Ledger>, points: Arc<CrashPoints>) -> Self {
        Self { inner, points }
    }
}

/// What a commit does: its events and steps, or the work it changes.
fn name_of(records: &CommitRecords) -> String {
    let events = records.events.iter().map(|event| event.event_type.clone());
    let steps = records.steps.iter().map(|step| format!("step{}.{}", step.step_number, step.state));
    let mut parts: Vec<String> = events.chain(steps).collect();
    if parts.is_empty() {
        parts.extend(records.work.iter().map(|work| match work {
            WorkWrite::Schedule { kind, .. } => format!("schedule.{}", kind.as_str()),
            WorkWrite::Remove { kind, .. } => format!("remove.{}", kind.as_str()),
        }));
    }
    parts.join("+")
}

#[async_trait]
impl Ledger for CrashLedger {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        self.inner.load_call(run, lookup).await
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        self.inner.load_request(id).await
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
        self.inner.approval_on_record(request, plan).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let name = name_of(commit.records());
        self.points.pass(&format!("commit({name}).before"));
        let written = self.inner.commit(commit).await;
        self.points.pass(&format!("commit({name}).after"));
        written
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        self.inner.find_commit(id).await
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        self.inner.heartbeat(run).await
    }
}
