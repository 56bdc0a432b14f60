//! An agent or a person withdraws a request that has not begun.

use countersign_approvals::CancelledBy;
use countersign_kernel::{RedactedText, RequestId, RunId};

use super::{DecisionError, DecisionReply, draft_by, load};
use crate::call_tool::agent_of;
use crate::commit::Draft;
use crate::error::ServiceError;
use crate::port::RequestSnapshot;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Who withdraws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelBy {
    /// The agent, which can withdraw requests of its own run only.
    Agent(RunId),
    /// A person or service of the staff side.
    Staff(Identity),
}

/// Withdraws a request.
///
/// # Errors
/// There is no such request (of this run), or it has begun or is over.
pub async fn cancel_request(
    services: &Services,
    id: RequestId,
    reason: Option<RedactedText>,
    by: &CancelBy,
) -> Result<DecisionReply, DecisionError> {
    for _ in 0..ATTEMPTS {
        let run = load(services, id).await?.run.facts.id;
        let _turn = services.turn_of(&run).await;
        let snapshot = load(services, id).await?;
        let (cancelled_by, mut draft) = open_draft(services, &snapshot, by).await?;
        let transition = snapshot.request.cancel(cancelled_by, reason.clone(), snapshot.now)?;
        let request = transition.after().clone();
        draft.record(transition).map_err(ServiceError::from)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(DecisionReply { request, repeated: false });
        }
    }
    Err(busy(id).into())
}

async fn open_draft<'s>(
    services: &'s Services,
    snapshot: &RequestSnapshot,
    by: &CancelBy,
) -> Result<(CancelledBy, Draft<'s>), DecisionError> {
    match by {
        CancelBy::Agent(run) if *run != snapshot.request.facts.run => {
            Err(DecisionError::Unknown(snapshot.request.facts.id))
        }
        CancelBy::Agent(_) => {
            let policy = snapshot.policy.map(|stamp| stamp.digest);
            let context = services.context_of_role(agent_of(&snapshot.run), snapshot.now, policy);
            Ok((CancelledBy::Agent, Draft::about(context, &snapshot.run)))
        }
        CancelBy::Staff(identity) => {
            let draft = draft_by(services, snapshot, identity).await?;
            Ok((CancelledBy::Staff(identity.principal.clone()), draft))
        }
    }
}
