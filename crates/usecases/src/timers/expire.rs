//! Ending requests whose clock ran out: nobody decided in time, or approved ones that did not begin in time.

use countersign_approvals::{ActionRequest, StateError, Transition};
use countersign_kernel::{Actor, Timestamp};

use crate::commit::Draft;
use crate::error::ServiceError;
use crate::execution::{Turn, drop_work, fence_of, subject_request};
use crate::port::{Due, Lease};
use crate::services::{ATTEMPTS, Services, Written};

/// Ends a request nobody decided in time.
///
/// # Errors
/// Storage can't be reached.
pub async fn expire_decision(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    expire(services, lease, ActionRequest::expire_decision).await
}

/// Ends an approved request that did not begin in time.
///
/// # Errors
/// Storage can't be reached.
pub async fn expire_execution(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    expire(services, lease, ActionRequest::expire_execution).await
}

async fn expire(
    services: &Services,
    lease: &Lease,
    command: fn(&ActionRequest, Timestamp) -> Result<Transition, StateError>,
) -> Result<Turn, ServiceError> {
    let Some(id) = subject_request(&lease.subject) else {
        return Err(ServiceError::Defect(format!("work about `{}`, which is no request", lease.subject)));
    };
    for _ in 0..ATTEMPTS {
        let Some(snapshot) = services.ports.ledger.load_request(id).await? else { return Ok(Turn::Over) };
        let transition = match command(&snapshot.request, snapshot.now) {
            Ok(transition) => transition,
            Err(StateError::NotDue { until, .. }) => {
                return Ok(Turn::Later(Due::After(until.since(snapshot.now))));
            }
            Err(
                StateError::Settled { .. }
                | StateError::Approved { .. }
                | StateError::Executing { .. }
                | StateError::NotApproved { .. }
                | StateError::NotApplying { .. }
                | StateError::NotUnknown { .. }
                | StateError::TooLateToExecute { .. }
                | StateError::StepsLeft { .. },
            ) => return drop_work(services, &snapshot, lease).await,
        };
        let policy = snapshot.policy.map(|stamp| stamp.digest);
        let context = services.context_of_role(Actor::system("sweeper"), snapshot.now, policy);
        let mut draft = Draft::about(context, &snapshot.run);
        draft.guard(fence_of(lease));
        draft.record(transition)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(Turn::Over);
        }
    }
    Ok(Turn::Later(crate::execution::backoff(1)))
}
