//! Who owns which database: owner rows change with the request's own commits.

use countersign_approvals::{ActionRequest, Verdict};
use countersign_kernel::{Millis, Timestamp};
use countersign_mcp_tools::ports::OwnedState;
use countersign_mcp_tools::{Ownership, OwnershipChange, Plan, Quarantine};

use crate::commit::{DatabaseWrite, Draft};
use crate::error::ServiceError;
use crate::port::{WorkKind, WorkSubject};
use crate::record::{DatabaseRecord, Kept, OwnerRow};

/// Reserves the name when `applying` commits: a taken one makes the commit stale, and the next look at the register says why.
pub(super) fn reserve(draft: &mut Draft<'_>, request: &ActionRequest, plan: &Plan, now: Timestamp) {
    if let Some(ownership) = &plan.ownership {
        match ownership.change {
            OwnershipChange::Reserve => {
                let row = row(ownership, request, OwnedState::Reserved, now);
                draft.write_database(DatabaseWrite::Insert(row));
            }
            OwnershipChange::Quarantine(_) | OwnershipChange::Release => {}
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
        (OwnershipChange::Quarantine(quarantine), Verdict::Applied) => {
            // The row follows the database to the name it is kept under, and the old name is free.
            let kept = kept_row(ownership, quarantine, request, now);
            let until = kept.kept.as_ref().map_or(now, |kept| kept.until);
            draft.write_database(remove);
            draft.write_database(DatabaseWrite::Insert(DatabaseRecord::from(&kept)));
            draft.schedule(WorkKind::Purge, WorkSubject::database(&kept.server, &kept.name), until);
        }
        (OwnershipChange::Quarantine(_) | OwnershipChange::Release, Verdict::Failed) => {}
    }
    Ok(())
}

fn row(ownership: &Ownership, request: &ActionRequest, state: OwnedState, now: Timestamp) -> DatabaseRecord {
    DatabaseRecord::from(&OwnerRow {
        server: ownership.server.clone(),
        name: ownership.database.clone(),
        project: request.facts.project.clone(),
        environment: ownership.environment.clone(),
        state,
        request: request.facts.id,
        kept: None,
        changed_at: now,
    })
}

/// Its request is the one that created it, whose mark it carries: by that it is known again when it is restored or purged.
fn kept_row(
    ownership: &Ownership,
    quarantine: &Quarantine,
    request: &ActionRequest,
    now: Timestamp,
) -> OwnerRow {
    OwnerRow {
        server: ownership.server.clone(),
        name: quarantine.kept_as.clone(),
        project: request.facts.project.clone(),
        environment: ownership.environment.clone(),
        state: OwnedState::Quarantined,
        request: quarantine.created_by,
        kept: Some(Kept {
            kept_as: quarantine.kept_as.clone(),
            original_name: ownership.database.clone(),
            database_id: quarantine.database_id.clone(),
            until: now.plus(Millis::from_days(u64::from(quarantine.days))),
        }),
        changed_at: now,
    }
}
