//! Looking at one request or run as the ledger has it: for transports that show it, and for gates that ask whether a run still lives.

mod approval;
mod run;
mod trace;
mod waiting;

pub use approval::{ApprovalView, Liveness, Standing, look_at_request};
pub use run::{MOST_LINKS, MOST_SHOWN, RunView, list_all_of_run, look_at_run};
pub use trace::{Numbered, ParseNumberedError, Trace, TraceError, TraceFrom, trace};
pub use waiting::{Listed, ListedPage, list_asked_of, list_for, look_at_each};

use countersign_approvals::ActionRequest;
use countersign_audit::EventType;
use countersign_kernel::{RequestId, RunId, Timestamp};
use countersign_mcp_tools::PlanChanges;
use countersign_waitstate::{Run, RunError};

use crate::decisions::DecisionError;
use crate::error::ServiceError;
use crate::port::{RequestSnapshot, StoreError};
use crate::record::EventRecord;
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

/// How a request came to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// When it was noticed that what was approved is not what would be done.
    pub noticed_at: Timestamp,
    /// What is different.
    pub changes: PlanChanges,
}

/// What is different between what a request proposes now and what was approved before. `None` for a first proposal, and where the event
/// that told it was erased.
///
/// # Errors
/// Storage can't be read, or the stored event can't.
pub async fn find_drift(services: &Services, request: &ActionRequest) -> Result<Option<Drift>, ServiceError> {
    if request.revision == 1 {
        return Ok(None);
    }
    let id = request.facts.id;
    let newest = services.ports.queries.find_newest_event(id, EventType::ApprovalDrifted).await?;
    // The request was loaded before: a later event belongs to what it proposes by now.
    let told = newest.filter(|event| event.detail["revision"] == request.revision);
    told.map(|event| {
        let changes = PlanChanges::from_json(&event.detail["changes"])?;
        Ok(Drift { noticed_at: event.at.0, changes })
    })
    .transpose()
}

/// A run as it is, without its requests.
///
/// # Errors
/// Storage can't be read.
pub async fn find_run(services: &Services, id: &RunId) -> Result<Option<Run>, StoreError> {
    services.queries().find_run(id).await
}

/// A run that may still act.
///
/// # Errors
/// The run is unknown or has ended.
pub async fn get_live_run(services: &Services, id: &RunId) -> Result<Run, RunCommandError> {
    let found = find_run(services, id).await.map_err(ServiceError::from)?;
    let run = found.ok_or_else(|| RunCommandError::Unknown(id.clone()))?;
    if !run.is_live() {
        return Err(RunError::Ended { id: id.clone() }.into());
    }
    Ok(run)
}

/// Whether a run may look otherwise since this event: for those who watch runs.
///
/// What is only counted on a run (its refusals, its calls that changed nothing) is not shown.
pub fn shows_on_run(event: &EventRecord) -> bool {
    // One that this server doesn't know yet was written by a newer one: better to look.
    event.event_type.parse().map_or(true, changes_run)
}

fn changes_run(event_type: EventType) -> bool {
    match event_type {
        EventType::RunRegistered
        | EventType::RunLinked
        | EventType::RunFinished
        | EventType::RunWaitPaused
        | EventType::RunWaitResumed
        // The wait goes on for another reason.
        | EventType::ApprovalApproved
        | EventType::ApprovalDrifted => true,
        EventType::ApprovalRequested
        | EventType::ApprovalReused
        | EventType::ApprovalVoted
        | EventType::ApprovalDenied
        | EventType::ApprovalAnswered
        | EventType::ApprovalExpired
        | EventType::ApprovalCancelled
        | EventType::ApprovalApplying
        | EventType::ApprovalApplied
        | EventType::ApprovalFailed
        | EventType::ApprovalUnknown
        | EventType::ApprovalReminded
        | EventType::ApprovalEscalated
        | EventType::McpToolCalled
        | EventType::McpToolApprovalPending
        | EventType::McpToolDryRun
        | EventType::McpToolSucceeded
        | EventType::McpToolFailed
        | EventType::McpToolRejected
        | EventType::DeliverySent
        | EventType::DeliveryFailed
        | EventType::DeliveryAbandoned
        | EventType::CallbackAccepted
        | EventType::CallbackDuplicate
        | EventType::CallbackStale
        | EventType::CallbackRejected
        | EventType::PolicyLoaded
        | EventType::PolicyRejected
        | EventType::DelegationGranted
        | EventType::DelegationEnded
        | EventType::DatabaseRestoring
        | EventType::DatabaseRestored
        | EventType::DatabasePurging
        | EventType::DatabasePurged
        | EventType::DatabaseKept
        | EventType::BypassDetected
        | EventType::AuditErased => false,
    }
}
