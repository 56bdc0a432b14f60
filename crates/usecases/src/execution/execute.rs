//! One lease of `Execute` work: from wherever the request stands as far as it goes.

use countersign_approvals::State;

use super::{Turn, advance, begin, drop_work, subject_request};
use crate::error::ServiceError;
use crate::port::{Lease, StoreError};
use crate::services::{ATTEMPTS, Services};

/// Executes a request under a lease.
///
/// # Errors
/// Storage can't be reached, or a stored document can't be read; the lease runs out and the work is due again.
pub async fn execute(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    let Some(id) = subject_request(&lease.subject) else {
        return Err(ServiceError::Defect(format!("work about `{}`, which is no request", lease.subject)));
    };
    let mut lease = lease.clone();
    let mut fresh = None;
    for _ in 0..ATTEMPTS {
        let Some(snapshot) = services.ports.ledger.load_request(id).await? else { return Ok(Turn::Over) };
        let turn = match &snapshot.request.state {
            State::Approved { .. } => begin::begin(services, &snapshot, &lease, &mut fresh).await?,
            State::Applying { .. } => {
                match services.ports.work.extend(&lease).await {
                    Ok(extended) => lease = extended,
                    // Another worker holds the row now: this one must not touch the target any more.
                    Err(StoreError::Stale { .. }) => return Ok(Turn::Over),
                    Err(error) => return Err(error.into()),
                }
                advance::advance(services, &snapshot, &lease, &mut fresh).await?
            }
            State::Requested { .. } | State::Unknown { .. } | State::Settled(_) => {
                drop_work(services, &snapshot, &lease).await?
            }
        };
        match turn {
            Turn::GoOn => {}
            Turn::Over | Turn::Later(_) => return Ok(turn),
        }
    }
    Ok(super::Turn::Later(super::backoff(1)))
}
