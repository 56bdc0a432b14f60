//! The platform renews the token of a run that waits for long.

use countersign_kernel::RunId;
use countersign_waitstate::RunError;

use super::{RunCommandError, known};
use crate::error::ServiceError;
use crate::port::IssuedToken;
use crate::services::Services;

/// A new token for a live run. Earlier ones stay valid until they expire.
///
/// # Errors
/// The run is unknown or has ended.
pub async fn renew_run_token(services: &Services, id: &RunId) -> Result<IssuedToken, RunCommandError> {
    let snapshot = services.ports.ledger.load_run(id).await.map_err(ServiceError::from)?;
    let run = known(snapshot.run, id)?;
    if !run.is_live() {
        return Err(RunError::Ended { id: id.clone() }.into());
    }
    Ok(services.ports.tokens.issue(id, snapshot.now).map_err(ServiceError::from)?)
}
