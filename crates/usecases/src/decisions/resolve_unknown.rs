//! A person settles a request whose effect could not be known.

use countersign_approvals::{Progress, SettledBy, StepState, Verdict};
use countersign_kernel::{RedactedText, RequestId, Timestamp};
use serde_json::json;

use super::{DecisionError, DecisionReply, draft_by, load};
use crate::error::ServiceError;
use crate::execution::{ownership, stored};
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
        let progress = without_doubt(&snapshot.progress, verdict, snapshot.now);
        let transition = snapshot.request.settle_unknown(verdict, settled_by, &progress, snapshot.now)?;
        let request = transition.after().clone();
        let mut draft = draft_by(services, &snapshot, by).await?;
        draft.record(transition).map_err(ServiceError::from)?;
        let (_, plan) = stored(&request)?;
        for step in &plan.steps {
            if let Some(progress) = progress.step(step.number) {
                draft.put_step(id, step, progress);
            }
        }
        ownership::settle(&mut draft, &request, verdict)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(DecisionReply { request, repeated: false });
        }
    }
    Err(busy(id).into())
}

/// The steps as the person's word settles them. A step left intended would keep its target from every later request.
fn without_doubt(progress: &Progress, verdict: Verdict, now: Timestamp) -> Progress {
    let mut settled = progress.clone();
    for step in &progress.0 {
        match (&step.state, verdict) {
            (StepState::Intended, Verdict::Applied) => {
                settled.put(step.done(json!({"settled_by": "person"}), step.fence, now));
            }
            (StepState::Intended, Verdict::Failed) => settled.put(step.not_done(step.fence)),
            (StepState::Undoing { .. }, Verdict::Applied) => settled.put(step.still_done(step.fence)),
            (StepState::Undoing { .. }, Verdict::Failed) => settled.put(step.undone(step.fence)),
            (StepState::NotDone | StepState::Done { .. } | StepState::Undone { .. }, _) => {}
        }
    }
    settled
}
