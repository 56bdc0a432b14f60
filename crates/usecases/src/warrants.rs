//! The warrant issuer until the transparency log exists: it sees only that the approval is in the audit inbox.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{Digest, RequestId};

use crate::port::{Ledger, Warrant, WarrantError, WarrantIssuer};

/// Issues warrants on the word of the database alone. Readiness and doctor say so.
pub struct Unlogged {
    ledger: Arc<dyn Ledger>,
}

impl Unlogged {
    /// An issuer that reads this ledger.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger }
    }
}

#[async_trait]
impl WarrantIssuer for Unlogged {
    async fn issue(&self, request: RequestId, plan_digest: Digest) -> Result<Warrant, WarrantError> {
        if self.ledger.approval_on_record(request, plan_digest).await? {
            Ok(Warrant { request, plan_digest, proof: self.standing() })
        } else {
            Err(WarrantError::NotOnRecord { request, plan: plan_digest })
        }
    }

    fn standing(&self) -> &'static str {
        "unlogged"
    }
}
