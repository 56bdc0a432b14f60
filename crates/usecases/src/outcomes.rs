//! What an agent asks after: the state of a request, its outcome, and that it has read it.

use countersign_kernel::{Fault, Kind, RequestId, RunId};
use countersign_waitstate::Outcome;

use crate::call_tool::{CallReply, CallStatus, reply_of};
use crate::commit::{Draft, Mark};
use crate::error::ServiceError;
use crate::services::{ATTEMPTS, Services, Written, busy};

/// A question about an outcome has no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// The run has no such request.
    #[error("run `{run}` has no request `{request}`")]
    Unknown {
        /// The run.
        run: RunId,
        /// The request.
        request: RequestId,
    },
    /// The request is not over yet: there is nothing to acknowledge.
    #[error("request `{request}` is {status}; there is no outcome to acknowledge yet")]
    NotSettled {
        /// The request.
        request: RequestId,
        /// Where it stands.
        status: &'static str,
    },
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for OutcomeError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } => Kind::NotFound,
            Self::NotSettled { .. } => Kind::Conflict,
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_request",
            Self::NotSettled { .. } => "not_settled",
            Self::Service(error) => error.code(),
        }
    }
}

/// Where a request of this run stands, and its outcome once there is one.
///
/// # Errors
/// The run has no such request.
pub async fn get_outcome(
    services: &Services,
    run: &RunId,
    request: RequestId,
) -> Result<CallReply, OutcomeError> {
    let snapshot = services.ports.ledger.load_request(request).await.map_err(ServiceError::from)?;
    let stored = snapshot
        .map(|snapshot| snapshot.request)
        .filter(|stored| stored.facts.run == *run)
        .ok_or_else(|| OutcomeError::Unknown { run: run.clone(), request })?;
    let outcome = services.ports.queries.find_outcome(run, request).await.map_err(ServiceError::from)?;
    Ok(reply_of(&stored, outcome.as_ref(), false))
}

/// The outcomes this run has not acknowledged, and the requests it still waits for, oldest first.
///
/// # Errors
/// Storage can't be read.
pub async fn list_outcomes(services: &Services, run: &RunId) -> Result<Vec<CallReply>, ServiceError> {
    let awaited = services.ports.queries.list_awaited(run).await?;
    Ok(awaited.iter().map(|(request, outcome)| reply_of(request, outcome.as_ref(), false)).collect())
}

/// Says that the agent has an outcome. The same again changes nothing.
///
/// # Errors
/// The run has no such request, or it is not over yet.
pub async fn acknowledge_outcome(
    services: &Services,
    run: &RunId,
    request: RequestId,
) -> Result<Outcome, OutcomeError> {
    for _ in 0..ATTEMPTS {
        let found = services.ports.queries.find_outcome(run, request).await.map_err(ServiceError::from)?;
        let Some(outcome) = found else {
            let reply = get_outcome(services, run, request).await?;
            return Err(OutcomeError::NotSettled { request, status: reply.status.as_str() });
        };
        if outcome.acknowledged_at.is_some() {
            return Ok(outcome);
        }
        let snapshot = services.ports.ledger.load_run(run).await.map_err(ServiceError::from)?;
        let Some(stored) = snapshot.run else {
            return Err(OutcomeError::Unknown { run: run.clone(), request });
        };
        let actor = crate::call_tool::agent_of(&stored);
        let context =
            services.context_of_role(actor, snapshot.now, snapshot.policy.map(|stamp| stamp.digest));
        let mut draft = Draft::about(context, &stored);
        draft.mark_outcome(&outcome, Mark::Acknowledged);
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(Outcome { acknowledged_at: Some(snapshot.now), ..outcome });
        }
    }
    Err(busy(request).into())
}

/// Whether a status is the last one a request can have.
pub fn is_over(status: CallStatus) -> bool {
    match status {
        CallStatus::ApprovalRequired | CallStatus::Executing | CallStatus::Unknown => false,
        CallStatus::Described | CallStatus::DryRun | CallStatus::Over(_) => true,
    }
}
