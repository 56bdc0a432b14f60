//! Looking at one request or run as the ledger has it: for transports that show it, and for gates that ask whether a run still lives.

use countersign_kernel::{RequestId, RunId};
use countersign_waitstate::{Run, RunError};

use crate::decisions::DecisionError;
use crate::error::ServiceError;
use crate::port::RequestSnapshot;
use crate::runs::RunCommandError;
use crate::services::Services;

/// A request with its run and the database's time.
///
/// # Errors
/// There is no such request.
pub async fn get_request(services: &Services, id: RequestId) -> Result<RequestSnapshot, DecisionError> {
    let snapshot = services.ports.ledger.load_request(id).await.map_err(ServiceError::from)?;
    snapshot.ok_or(DecisionError::Unknown(id))
}

/// A run that may still act.
///
/// # Errors
/// The run is unknown or has ended.
pub async fn get_live_run(services: &Services, id: &RunId) -> Result<Run, RunCommandError> {
    let snapshot = services.ports.ledger.load_run(id).await.map_err(ServiceError::from)?;
    let run = snapshot.run.ok_or_else(|| RunCommandError::Unknown(id.clone()))?;
    if !run.is_live() {
        return Err(RunError::Ended { id: id.clone() }.into());
    }
    Ok(run)
}
