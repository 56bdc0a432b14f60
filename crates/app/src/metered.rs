//! The ledger, measured: a decorator, so that the core carries no metrics.
//!
//! - `countersign_loads_seconds{what}`: how long snapshots take.
//! - `countersign_commit_seconds`: how long commits take, whatever comes of them.
//! - `countersign_bypass_detected_total`: writes past Countersign that were put on the record.
//! - `countersign_commits_total{result}`: what came of them: `written`, `stale`, `unknown`, `unavailable`, `corrupt`, `refused`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use countersign_audit::{EventType, Pseudonym};
use countersign_kernel::{CommitId, DatabaseName, Digest, Principal, RequestId, RunId};
use countersign_usecases::commit::Commit;
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};

/// A ledger whose loads and commits are counted and timed.
pub struct MeteredLedger(Arc<dyn Ledger>);

impl MeteredLedger {
    /// Measures this ledger.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self(ledger)
    }
}

#[async_trait]
impl Ledger for MeteredLedger {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        timed("call", self.0.load_call(run, lookup)).await
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        timed("request", self.0.load_request(id)).await
    }

    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError> {
        timed("run", self.0.load_run(id)).await
    }

    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError> {
        timed("database", self.0.load_database(server, name)).await
    }

    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError> {
        timed("policy", self.0.load_policy(digest)).await
    }

    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError> {
        self.0.find_pseudonym(principal).await
    }

    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError> {
        self.0.approval_on_record(request, plan).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let findings = bypasses(&commit);
        let began = now();
        let written = self.0.commit(commit).await;
        metrics::histogram!("countersign_commit_seconds").record(began.elapsed().as_secs_f64());
        let result = match &written {
            Ok(()) => "written",
            Err(StoreError::Stale { .. }) => "stale",
            Err(StoreError::Unknown { .. }) => "unknown",
            Err(StoreError::Unavailable { .. }) => "unavailable",
            Err(StoreError::Corrupt { .. }) => "corrupt",
            Err(StoreError::ForeignCursor { .. } | StoreError::Refused { .. }) => "refused",
        };
        metrics::counter!("countersign_commits_total", "result" => result).increment(1);
        if written.is_ok() && findings > 0 {
            metrics::counter!("countersign_bypass_detected_total").increment(findings);
        }
        written
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        self.0.find_commit(id).await
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        self.0.heartbeat(run).await
    }
}

/// How many writes past Countersign a commit puts on the record.
fn bypasses(commit: &Commit) -> u64 {
    let name = EventType::BypassDetected.as_str();
    commit.records().events.iter().filter(|event| event.event_type == name).map(|_| 1_u64).sum()
}

async fn timed<T>(what: &'static str, load: impl Future<Output = T>) -> T {
    let began = now();
    let loaded = load.await;
    metrics::histogram!("countersign_loads_seconds", "what" => what).record(began.elapsed().as_secs_f64());
    loaded
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "app measures elapsed time")]
    Instant::now()
}
