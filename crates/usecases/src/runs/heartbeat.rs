//! An agent says that its run is alive.

use countersign_kernel::RunId;
use countersign_waitstate::RunError;

use super::RunCommandError;
use crate::error::ServiceError;
use crate::services::Services;

/// Notes a sign of life, by the database's clock.
///
/// # Errors
/// The run is unknown or has ended.
pub async fn heartbeat(services: &Services, id: &RunId) -> Result<(), RunCommandError> {
    let live = services.ports.ledger.heartbeat(id).await.map_err(ServiceError::from)?;
    if live { Ok(()) } else { Err(RunError::Ended { id: id.clone() }.into()) }
}
