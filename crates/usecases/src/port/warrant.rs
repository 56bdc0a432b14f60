//! Warrants: the proof an executor needs before the first side effect.

use async_trait::async_trait;
use countersign_kernel::{Digest, RequestId};

use super::store_error::StoreError;

/// Proof that the approval of exactly this plan is on the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warrant {
    /// The request.
    pub request: RequestId,
    /// The plan that was approved.
    pub plan_digest: Digest,
    /// How it was proved. `unlogged` until the transparency log exists: only the audit inbox was seen.
    pub proof: &'static str,
}

/// No warrant is to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarrantError {
    /// There is no approval of this plan on the record.
    #[error("there is no recorded approval of plan `{plan}` for request `{request}`")]
    NotOnRecord {
        /// The request.
        request: RequestId,
        /// The plan.
        plan: Digest,
    },
    /// The record can't be read now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Issues warrants.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait WarrantIssuer: Send + Sync {
    /// The warrant for the approved plan of a request.
    async fn issue(&self, request: RequestId, plan_digest: Digest) -> Result<Warrant, WarrantError>;

    /// How warrants are proved, for readiness and doctor: `unlogged` or `logged`.
    fn standing(&self) -> &'static str;
}
