//! The ledger: snapshots in, commits out.

use async_trait::async_trait;
use countersign_approvals::{ActionRequest, Progress};
use countersign_audit::Pseudonym;
use countersign_kernel::{
    ActionName, CommitId, DatabaseName, Digest, Principal, RequestId, RunId, Timestamp, ToolName,
};
use countersign_waitstate::{Outcome, Run};

use super::store_error::StoreError;
use crate::commit::Commit;
use crate::record::{CallRecords, DatabaseRecords, OwnerRow, RequestRecords, RunRecords, SealedRecord};

/// Which policy text is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyStamp {
    /// Its place in the history of texts, from 1.
    pub number: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A policy text as it was activated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// Number and digest.
    pub stamp: PolicyStamp,
    /// The text.
    pub text: String,
    /// When it was activated.
    pub activated_at: Timestamp,
}

/// By what an earlier call is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLookup {
    /// The tool.
    pub tool: ToolName,
    /// The action.
    pub action: ActionName,
    /// What is wanted.
    pub intent_digest: Digest,
    /// The hash of the caller's own key, if it gave one.
    pub key_hash: Option<Digest>,
}

/// An earlier call that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHit {
    /// The intent the key was first used with.
    pub intent_digest: Digest,
    /// Its request.
    pub request: ActionRequest,
}

/// All that a call needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSnapshot {
    /// The database's time.
    pub now: Timestamp,
    /// The active policy text.
    pub policy: Option<PolicyStamp>,
    /// The run.
    pub run: Option<Run>,
    /// The earlier call with the same key or, without one, the open request with the same intent.
    pub existing: Option<KeyHit>,
}

/// All that a decision or an execution needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSnapshot {
    /// The database's time.
    pub now: Timestamp,
    /// The active policy text.
    pub policy: Option<PolicyStamp>,
    /// The request.
    pub request: ActionRequest,
    /// Its run.
    pub run: Run,
    /// The steps of the current revision.
    pub progress: Progress,
    /// The sealed secret values of the current revision.
    pub sealed: Vec<SealedRecord>,
}

/// All that a command on a run needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSnapshot {
    /// The database's time.
    pub now: Timestamp,
    /// The active policy text.
    pub policy: Option<PolicyStamp>,
    /// The run.
    pub run: Option<Run>,
    /// Its outcomes not acknowledged yet.
    pub unread: Vec<Outcome>,
}

/// All that a command on a database of ours needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSnapshot {
    /// The database's time.
    pub now: Timestamp,
    /// The active policy text.
    pub policy: Option<PolicyStamp>,
    /// The owner row.
    pub owner: Option<OwnerRow>,
}

/// The doors to storage.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// All that a call needs, in one round trip.
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError>;

    /// All that a decision or an execution needs, in one round trip. `None` when there is no such request.
    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError>;

    /// All that a command on a run needs, in one round trip.
    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError>;

    /// The owner row of this name on this server, in one round trip.
    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError>;

    /// The policy text of this digest, latest activation first; the active one when no digest is given.
    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError>;

    /// The pseudonym of a principal that has acted before.
    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError>;

    /// Whether an `approval.approved` event of this request and plan is in the audit inbox or the log.
    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError>;

    /// Writes everything or nothing. MUST fail with `Stale` when an expected version moved or a guard doesn't hold.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// After [`StoreError::Unknown`]: was this commit written?
    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError>;

    /// A sign of life of a live run: the greater of the stored time and the database's. `false` when the run isn't live.
    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError>;
}

impl CallSnapshot {
    /// Reads the rows of one round trip.
    ///
    /// # Errors
    /// A row doesn't have the form it was written in.
    pub fn from_records(records: CallRecords) -> Result<Self, StoreError> {
        let policy = records.policy.map(TryInto::try_into).transpose()?;
        let run = records.run.map(TryInto::try_into).transpose()?;
        let existing = match records.existing {
            None => None,
            Some(bundle) => {
                let request: ActionRequest = bundle.try_into()?;
                let intent_digest = request.facts.intent_digest;
                Some(KeyHit { intent_digest, request })
            }
        };
        Ok(Self { now: records.now.0, policy, run, existing })
    }
}

impl RequestSnapshot {
    /// Reads the rows of one round trip.
    ///
    /// # Errors
    /// A row doesn't have the form it was written in.
    pub fn from_records(records: RequestRecords) -> Result<Self, StoreError> {
        let request: ActionRequest = records.request.try_into()?;
        let mut progress = Progress::default();
        for step in records.steps.into_iter().filter(|step| step.revision == i64::from(request.revision)) {
            progress.put(step.try_into()?);
        }
        let sealed = records
            .sealed
            .into_iter()
            .filter(|sealed| sealed.revision == i64::from(request.revision))
            .collect();
        Ok(Self {
            now: records.now.0,
            policy: records.policy.map(TryInto::try_into).transpose()?,
            run: records.run.try_into()?,
            request,
            progress,
            sealed,
        })
    }
}

impl DatabaseSnapshot {
    /// Reads the rows of one round trip.
    ///
    /// # Errors
    /// A row doesn't have the form it was written in.
    pub fn from_records(records: DatabaseRecords) -> Result<Self, StoreError> {
        Ok(Self {
            now: records.now.0,
            policy: records.policy.map(TryInto::try_into).transpose()?,
            owner: records.owner.map(TryInto::try_into).transpose()?,
        })
    }
}

impl RunSnapshot {
    /// Reads the rows of one round trip.
    ///
    /// # Errors
    /// A row doesn't have the form it was written in.
    pub fn from_records(records: RunRecords) -> Result<Self, StoreError> {
        Ok(Self {
            now: records.now.0,
            policy: records.policy.map(TryInto::try_into).transpose()?,
            run: records.run.map(TryInto::try_into).transpose()?,
            unread: records.unread.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}
