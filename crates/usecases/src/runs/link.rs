//! The platform links a run to an issue or pull request it learned of later.

use countersign_kernel::RunId;
use countersign_waitstate::{Run, RunLinks};

use super::{RunCommandError, known, platform};
use crate::commit::Draft;
use crate::error::ServiceError;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Adds an issue or pull request. The same again changes nothing.
///
/// # Errors
/// The run is unknown, has ended, or is linked to another one already.
pub async fn link_run(
    services: &Services,
    id: &RunId,
    links: &RunLinks,
    by: &Identity,
) -> Result<Run, RunCommandError> {
    let _turn = services.turn_of(id).await;
    for _ in 0..ATTEMPTS {
        let snapshot = services.ports.ledger.load_run(id).await.map_err(ServiceError::from)?;
        let run = known(snapshot.run, id)?;
        let Some(transition) = run.link(links)? else { return Ok(run) };
        let after = transition.after().clone();
        let policy = snapshot.policy.map(|stamp| stamp.digest);
        let context = services.context_of_person(platform(by), &by.principal, snapshot.now, policy).await?;
        let mut draft = Draft::about(context, &run);
        draft.record_run(transition).map_err(ServiceError::from)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(after);
        }
    }
    Err(busy(id).into())
}
