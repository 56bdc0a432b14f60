//! Giving a quarantined database its name back: staff says so, a worker does it.

use countersign_kernel::{Actor, DatabaseName, RedactedText};
use countersign_mcp_tools::ports::{DatabaseSeen, OwnedState, TargetError, TargetErrorKind};
use serde_json::json;

use super::worker::{Held, drop_work, hold, subject};
use super::{DatabaseError, server_of};
use crate::commit::{DatabaseEvent, Draft, Guard};
use crate::error::ServiceError;
use crate::execution::{Turn, backoff};
use crate::port::{DatabaseSnapshot, Lease};
use crate::record::{Kept, OwnerRow};
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Has a quarantined database restored: reserves its old name and puts the work on the queue. Answers with the row as it is then, in state
/// `restoring`; it is `active` once the server has renamed the database.
///
/// # Errors
/// Nothing is kept under this name, its retention is over, its old name is taken, it isn't the database that was quarantined, or the
/// server can't be looked at. Nothing was changed then.
pub async fn restore_database(
    services: &Services,
    server: &str,
    kept_as: &DatabaseName,
    reason: &RedactedText,
    by: &Identity,
) -> Result<OwnerRow, DatabaseError> {
    for _ in 0..ATTEMPTS {
        let snapshot = load(services, server, kept_as).await?;
        let (row, kept) = restorable(&snapshot, server, kept_as)?;
        check_server(services, row, kept).await?;
        let old_name = load(services, server, &kept.original_name).await?;
        if old_name.owner.is_some() {
            return Err(name_taken(row, kept));
        }
        let actor = Actor::staff(&by.principal, by.proof);
        let policy = snapshot.policy.map(|stamp| stamp.digest);
        let context = services.context_of_person(actor, &by.principal, snapshot.now, policy).await?;
        let mut draft = Draft::new(context);
        draft.guard(Guard::NotAfter { deadline: kept.until });
        let event = DatabaseEvent::Restoring { reason };
        draft.record_database(row, kept, &event).map_err(ServiceError::from)?;
        if services.write(draft.finish()).await? == Written::Yes {
            let name = kept.original_name.clone();
            let state = OwnedState::Restoring;
            return Ok(OwnerRow { name, state, changed_at: snapshot.now, ..row.clone() });
        }
    }
    Err(busy(kept_as).into())
}

async fn load(
    services: &Services,
    server: &str,
    name: &DatabaseName,
) -> Result<DatabaseSnapshot, ServiceError> {
    Ok(services.ports.ledger.load_database(server, name).await?)
}

/// The row, if the register says that it can be restored.
fn restorable<'s>(
    snapshot: &'s DatabaseSnapshot,
    server: &str,
    kept_as: &DatabaseName,
) -> Result<(&'s OwnerRow, &'s Kept), DatabaseError> {
    let not_kept = || DatabaseError::NotKept { server: server.to_owned(), kept_as: kept_as.clone() };
    let row = snapshot.owner.as_ref().ok_or_else(not_kept)?;
    let kept = row.kept.as_ref().ok_or_else(not_kept)?;
    let over = || DatabaseError::RetentionOver { kept_as: kept_as.clone(), until: kept.until };
    match row.state {
        OwnedState::Quarantined if snapshot.now < kept.until => Ok((row, kept)),
        OwnedState::Quarantined | OwnedState::Purging => Err(over()),
        OwnedState::Reserved | OwnedState::Active | OwnedState::Restoring => Err(not_kept()),
    }
}

/// Whether the server has the database as it was kept, and the old name free.
async fn check_server(services: &Services, row: &OwnerRow, kept: &Kept) -> Result<(), DatabaseError> {
    let server = server_of(services, row).ok_or_else(|| DatabaseError::ServerGone {
        server: row.server.clone(),
        environment: row.environment.to_string(),
    })?;
    let same = |seen: &DatabaseSeen| seen.id == kept.database_id && seen.created_by == Some(row.request);
    if !server.look(&kept.kept_as).await?.as_ref().is_some_and(same) {
        return Err(DatabaseError::NotTheSame { server: row.server.clone(), kept_as: kept.kept_as.clone() });
    }
    match server.look(&kept.original_name).await? {
        None => Ok(()),
        Some(_) => Err(name_taken(row, kept)),
    }
}

fn name_taken(row: &OwnerRow, kept: &Kept) -> DatabaseError {
    DatabaseError::NameTaken { server: row.server.clone(), name: kept.original_name.clone() }
}

/// Restores under a lease of `Restore` work. That it shall be done is on the record; so it is looked for first, and done only where it
/// certainly was not.
///
/// # Errors
/// Storage can't be reached.
pub async fn restore(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    let (server, name) = subject(lease)?;
    for _ in 0..ATTEMPTS {
        let snapshot = services.ports.ledger.load_database(server, &name).await?;
        let held = match hold(services, lease, &snapshot) {
            Ok(held) => held,
            Err(Some(due)) => return Ok(Turn::Later(due)),
            Err(None) => return drop_work(services, &snapshot, lease).await,
        };
        let turn = match held.row.state {
            OwnedState::Restoring => rename_back(&held).await?,
            OwnedState::Reserved | OwnedState::Active | OwnedState::Quarantined | OwnedState::Purging => {
                return drop_work(services, &snapshot, lease).await;
            }
        };
        match turn {
            Turn::GoOn => {}
            Turn::Over | Turn::Later(_) => return Ok(turn),
        }
    }
    Ok(Turn::Later(backoff(1)))
}

async fn rename_back(held: &Held<'_>) -> Result<Turn, ServiceError> {
    let kept = held.kept;
    let (old_name, kept_name) =
        match (held.server.look(&kept.original_name).await, held.server.look(&kept.kept_as).await) {
            (Ok(old_name), Ok(kept_name)) => (old_name, kept_name),
            (Err(error), Ok(_) | Err(_)) | (Ok(_), Err(error)) => return Ok(held.not_seen(&error)),
        };
    let is_it = |seen: &Option<DatabaseSeen>| seen.as_ref().is_some_and(|seen| held.is_it(seen));
    match (is_it(&old_name), is_it(&kept_name)) {
        (true, false) => {
            let evidence = json!({"found": kept.original_name.as_str()});
            return held.record(&DatabaseEvent::Restored { evidence }, Turn::Over).await;
        }
        (false, true) if old_name.is_some() => {
            let reason = format!("the name `{}` belongs to another database by now", kept.original_name);
            return held.keep("database_name_taken", &reason).await;
        }
        (false, false) => {
            let reason =
                format!("what is called `{}` is not the database that was quarantined", kept.kept_as);
            return held.keep("database_not_ours", &reason).await;
        }
        // To be renamed; or killed between the two names, as a file can be.
        (true | false, true) => {}
    }
    match held.server.restore(&kept.kept_as, &kept.original_name, &kept.database_id).await {
        Ok(receipt) => {
            let evidence = json!({"renamed": receipt.id});
            held.record(&DatabaseEvent::Restored { evidence }, Turn::Over).await
        }
        Err(error) => failed(held, &error).await,
    }
}

async fn failed(held: &Held<'_>, error: &TargetError) -> Result<Turn, ServiceError> {
    match error.kind {
        TargetErrorKind::Unreachable
        | TargetErrorKind::NoAnswer
        | TargetErrorKind::RateLimited { .. }
        | TargetErrorKind::Broken => Ok(held.again(error)),
        // The one who asked gets to know by the event, and can ask again when our rights are repaired. An earlier attempt whose answer
        // was lost can't have arrived since: it would have given the database its name, and this one would have found nothing to rename.
        TargetErrorKind::Unauthorized
        | TargetErrorKind::Forbidden
        | TargetErrorKind::Fenced
        | TargetErrorKind::QuotaExceeded
        | TargetErrorKind::Invalid => held.keep(error.kind.code(), &error.to_string()).await,
        // The names are not as they were a moment ago: an earlier attempt may have arrived. Looking again tells.
        TargetErrorKind::NotFound | TargetErrorKind::Conflict => {
            Ok(Turn::Later(backoff(held.lease.attempts)))
        }
    }
}
