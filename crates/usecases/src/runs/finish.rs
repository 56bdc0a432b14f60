//! The platform ends a run. Its token is dead at once; its open requests are settled by the work that follows.

use countersign_kernel::RunId;
use countersign_waitstate::{FinishReason, Run};

use super::{RunCommandError, known, platform};
use crate::commit::{Draft, Mark};
use crate::error::ServiceError;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Begins the end of a run. Ending one that is ending or over already changes nothing.
///
/// # Errors
/// The run is unknown.
pub async fn finish_run(
    services: &Services,
    id: &RunId,
    reason: FinishReason,
    by: &Identity,
) -> Result<Run, RunCommandError> {
    let _turn = services.turn_of(id).await;
    for _ in 0..ATTEMPTS {
        let snapshot = services.ports.ledger.load_run(id).await.map_err(ServiceError::from)?;
        let run = known(snapshot.run, id)?;
        if !run.is_live() {
            return Ok(run);
        }
        let transition = run.begin_end(reason, snapshot.now)?;
        let after = transition.after().clone();
        let policy = snapshot.policy.map(|stamp| stamp.digest);
        let context = services.context_of_person(platform(by), &by.principal, snapshot.now, policy).await?;
        let mut draft = Draft::about(context, &run);
        draft.record_run(transition).map_err(ServiceError::from)?;
        for outcome in &snapshot.unread {
            draft.mark_outcome(outcome, Mark::Undeliverable);
        }
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(after);
        }
    }
    Err(busy(id).into())
}
