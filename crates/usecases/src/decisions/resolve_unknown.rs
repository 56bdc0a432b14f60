//! A person settles a request whose effect could not be known.

use countersign_approvals::{ActionRequest, Progress, SettledBy, StateName, StepState, Verdict};
use countersign_audit::EventType;
use countersign_kernel::{RedactedText, Timestamp};
use serde_json::json;

use super::{DecisionError, DecisionReply, Target, draft_by};
use crate::error::ServiceError;
use crate::execution::{ownership, stored};
use crate::look::get_request;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Settles an `unknown` request by a person's word. The same word of the same person again changes nothing.
///
/// # Errors
/// There is no such request, it is at another version than the one looked at, or nothing is unknown about it.
pub async fn resolve_unknown(
    services: &Services,
    target: impl Into<Target>,
    verdict: Verdict,
    reason: &RedactedText,
    by: &Identity,
) -> Result<DecisionReply, DecisionError> {
    let target = target.into();
    let id = target.id;
    for _ in 0..ATTEMPTS {
        let run = get_request(services, id).await?.run.facts.id;
        let _turn = services.turn_of(&run).await;
        let snapshot = get_request(services, id).await?;
        if said_before(services, &snapshot.request, verdict, by).await? {
            return Ok(DecisionReply::repeated(&snapshot));
        }
        let settled_by = SettledBy::Person { by: by.principal.clone(), reason: reason.clone() };
        let progress = without_doubt(&snapshot.progress, verdict, snapshot.now);
        let settled = snapshot.request.settle_unknown(verdict, settled_by, &progress, snapshot.now);
        let transition = settled.map_err(|error| target.refusal(&snapshot.request, error))?;
        target.check(&snapshot.request)?;
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
            return Ok(DecisionReply::changed(&snapshot, request));
        }
    }
    Err(busy(id).into())
}

/// Whether this person had settled it by this very word: a request keeps how it ended, and its event who said so.
async fn said_before(
    services: &Services,
    request: &ActionRequest,
    verdict: Verdict,
    by: &Identity,
) -> Result<bool, ServiceError> {
    let event_type = match (verdict, request.state.name()) {
        (Verdict::Applied, StateName::Applied) => EventType::ApprovalApplied,
        (Verdict::Failed, StateName::Failed) => EventType::ApprovalFailed,
        (
            Verdict::Applied | Verdict::Failed,
            StateName::Requested
            | StateName::Approved
            | StateName::Applying
            | StateName::Unknown
            | StateName::Applied
            | StateName::Answered
            | StateName::Denied
            | StateName::Expired
            | StateName::Cancelled
            | StateName::Failed,
        ) => return Ok(false),
    };
    let told = services.queries().find_newest_event(request.facts.id, event_type).await?;
    Ok(told.is_some_and(|event| {
        event.detail["settled_by"] == "person" && event.detail["by"] == by.principal.as_str()
    }))
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
