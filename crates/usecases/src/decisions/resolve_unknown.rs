//! A person settles a request whose effect could not be known.

use countersign_approvals::{SettledBy, Verdict};
use countersign_kernel::{RedactedText, RequestId};

use super::{DecisionError, DecisionReply, draft_by, load};
use crate::error::ServiceError;
use crate::execution::ownership;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Settles an `unknown` request by a person's word.
///
/// # Errors
/// There is no such request, or nothing is unknown about it.
pub async fn resolve_unknown(
    services: &Services,
    id: RequestId,
    verdict: Verdict,
    reason: &RedactedText,
    by: &Identity,
) -> Result<DecisionReply, DecisionError> {
    for _ in 0..ATTEMPTS {
        let run = load(services, id).await?.run.facts.id;
        let _turn = services.turn_of(&run).await;
        let snapshot = load(services, id).await?;
        let settled_by = SettledBy::Person { by: by.principal.clone(), reason: reason.clone() };
        let transition =
            snapshot.request.settle_unknown(verdict, settled_by, &snapshot.progress, snapshot.now)?;
        let request = transition.after().clone();
        let mut draft = draft_by(services, &snapshot, by).await?;
        draft.record(transition).map_err(ServiceError::from)?;
        ownership::settle(&mut draft, &request, verdict)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(DecisionReply { request, repeated: false });
        }
    }
    Err(busy(id).into())
}
