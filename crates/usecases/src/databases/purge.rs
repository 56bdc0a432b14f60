//! Dropping a quarantined database for good when its retention is over, and the login role that was made with it.

use countersign_mcp_tools::ports::{OwnedState, TargetErrorKind};
use serde_json::json;

use super::worker::{Held, drop_work, hold, subject};
use crate::commit::DatabaseEvent;
use crate::error::ServiceError;
use crate::execution::{Turn, backoff};
use crate::port::{Due, Lease};
use crate::services::{ATTEMPTS, Services};

/// Purges under a lease of `Purge` work. The intention is committed first; then the database is dropped if it is still the very one that
/// was quarantined, and left alone if it isn't.
///
/// # Errors
/// Storage can't be reached.
pub async fn purge(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    let (server, name) = subject(lease)?;
    for _ in 0..ATTEMPTS {
        let snapshot = services.ports.ledger.load_database(server, &name).await?;
        let held = match hold(services, lease, &snapshot) {
            Ok(held) => held,
            Err(Some(due)) => return Ok(Turn::Later(due)),
            Err(None) => return drop_work(services, &snapshot, lease).await,
        };
        let turn = match held.row.state {
            OwnedState::Quarantined if snapshot.now < held.kept.until => {
                return Ok(Turn::Later(Due::After(held.kept.until.since(snapshot.now))));
            }
            OwnedState::Quarantined => held.record(&DatabaseEvent::Purging, Turn::GoOn).await?,
            OwnedState::Purging => drop_it(&held).await?,
            OwnedState::Reserved | OwnedState::Active | OwnedState::Restoring => {
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

async fn drop_it(held: &Held<'_>) -> Result<Turn, ServiceError> {
    let kept = held.kept;
    let mut evidence = match held.server.look(&kept.kept_as).await {
        Err(error) => return Ok(held.not_seen(&error)),
        // Our own drop, the answer to which was lost, or somebody else's: either way there is nothing left to drop.
        Ok(None) => json!({"found": "gone"}),
        Ok(Some(seen)) if !held.is_it(&seen) => {
            let reason =
                format!("what is called `{}` is not the database that was quarantined", kept.kept_as);
            return held.keep("database_not_ours", &reason).await;
        }
        Ok(Some(_)) => match held.server.drop_database(&kept.kept_as, &kept.database_id).await {
            Ok(receipt) => json!({"dropped": receipt.id}),
            Err(error) => return Ok(held.again(&error)),
        },
    };
    match drop_role(held).await {
        Ok(Some(role)) => evidence["role"] = json!(role),
        Ok(None) => {}
        Err(turn) => return Ok(turn),
    }
    held.record(&DatabaseEvent::Purged { evidence }, Turn::Over).await
}

/// The login role that was made with the database goes after it; the name it was made under is the database's old one. `Err` says when to
/// come back.
async fn drop_role(held: &Held<'_>) -> Result<Option<&'static str>, Turn> {
    let Some(roles) = held.server.roles() else { return Ok(None) };
    let (role, request) = (&held.kept.original_name, held.row.request);
    match roles.look_at_role(role).await {
        Err(error) => return Err(held.not_seen(&error)),
        Ok(Some(seen)) if seen.created_by == Some(request) => {}
        Ok(Some(_) | None) => return Ok(None),
    }
    match roles.drop_role(role, request).await {
        Ok(()) => Ok(Some("dropped")),
        Err(error) if error.kind == TargetErrorKind::NotFound => Ok(Some("gone")),
        // Something else on the server depends on it: nothing that waiting would change.
        Err(error) if error.kind == TargetErrorKind::Conflict => {
            tracing::warn!(server = held.row.server, %role, %error, "the login role of a purged database stays");
            Ok(Some("stays"))
        }
        Err(error) => Err(held.again(&error)),
    }
}
