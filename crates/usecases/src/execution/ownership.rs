//! Who owns which database: owner rows change with the request's own commits.

use countersign_approvals::{ActionRequest, Verdict};
use countersign_kernel::Timestamp;
use countersign_mcp_tools::ports::OwnedState;
use countersign_mcp_tools::{Ownership, OwnershipChange, Plan};

use crate::commit::{DatabaseWrite, Draft};
use crate::error::ServiceError;
use crate::record::{DatabaseRecord, Stamp};

/// Reserves the name when `applying` commits: a taken one makes the commit stale, and the next look at the register says why.
pub(super) fn reserve(draft: &mut Draft<'_>, request: &ActionRequest, plan: &Plan, now: Timestamp) {
    if let Some(ownership) = &plan.ownership {
        match ownership.change {
            OwnershipChange::Reserve => {
                let row = row(ownership, request, OwnedState::Reserved, now);
                draft.write_database(DatabaseWrite::Insert(row));
            }
            OwnershipChange::Quarantine { .. } | OwnershipChange::Release => {}
        }
    }
}

/// Brings the owner row in line with how a request that had begun ended.
///
/// # Errors
/// The stored plan can't be read.
pub(crate) fn settle(
    draft: &mut Draft<'_>,
    request: &ActionRequest,
    verdict: Verdict,
) -> Result<(), ServiceError> {
    let plan = Plan::from_json(&request.proposal.plan)?;
    let Some(ownership) = &plan.ownership else { return Ok(()) };
    let now = draft.now();
    let remove = DatabaseWrite::Remove {
        server: ownership.server.clone(),
        database_name: ownership.database.to_string(),
    };
    match (&ownership.change, verdict) {
        (OwnershipChange::Reserve, Verdict::Applied) => {
            draft.write_database(DatabaseWrite::Update(row(ownership, request, OwnedState::Active, now)));
        }
        (OwnershipChange::Reserve, Verdict::Failed) | (OwnershipChange::Release, Verdict::Applied) => {
            draft.write_database(remove);
        }
        (OwnershipChange::Quarantine { kept_as }, Verdict::Applied) => {
            // The row follows the database to the name it is kept under, and the old name is free.
            let kept = DatabaseRecord {
                database_name: kept_as.to_string(),
                kept_as: Some(kept_as.to_string()),
                ..row(ownership, request, OwnedState::Quarantined, now)
            };
            draft.write_database(remove);
            draft.write_database(DatabaseWrite::Insert(kept));
        }
        (OwnershipChange::Quarantine { .. } | OwnershipChange::Release, Verdict::Failed) => {}
    }
    Ok(())
}

fn row(ownership: &Ownership, request: &ActionRequest, state: OwnedState, now: Timestamp) -> DatabaseRecord {
    DatabaseRecord {
        server: ownership.server.clone(),
        database_name: ownership.database.to_string(),
        project: request.facts.project.to_string(),
        environment: ownership.environment.to_string(),
        state: state.as_str().to_owned(),
        request_id: request.facts.id.to_string(),
        kept_as: None,
        changed_at: Stamp(now),
    }
}
