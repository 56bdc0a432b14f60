//! Whether a database is still as it was left: there under its name and with our mark, kept under the other name, or gone.

use std::sync::Arc;

use countersign_kernel::DatabaseName;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::plan::{Ownership, OwnershipChange};
use crate::ports::{
    DatabaseRegister, DatabaseSeen, DatabaseServer, DatabaseServers, OwnedState, TargetError,
};
use crate::tools::answers::scrub;
use crate::watch::{Deviation, DoneStep, Inspection};

/// What every receipt of this tool's writes holds.
#[derive(Deserialize)]
struct Left {
    id: String,
}

pub(super) async fn inspect(
    servers: &dyn DatabaseServers,
    register: &dyn DatabaseRegister,
    done: &DoneStep<'_>,
) -> Inspection {
    let Some((server, ownership, left)) = left_behind(servers, done) else { return Inspection::NotWatched };
    let compared = match &ownership.change {
        OwnershipChange::Reserve => created(&*server, ownership, &left, done).await,
        OwnershipChange::Quarantine(quarantine) => {
            quarantined(&*server, register, ownership, &quarantine.kept_as, &left).await
        }
        OwnershipChange::Release => freed(&*server, ownership, &left).await,
    };
    compared.unwrap_or_else(|error| Inspection::CouldNotLook { why: scrub(&error.to_string(), None) })
}

fn left_behind<'a>(
    servers: &dyn DatabaseServers,
    done: &DoneStep<'a>,
) -> Option<(Arc<dyn DatabaseServer>, &'a Ownership, Left)> {
    let ownership = done.plan.ownership.as_ref()?;
    let target = format!("database:{}/{}", ownership.server, ownership.database);
    if done.step.target != target {
        return None;
    }
    // A server that is configured under another name now is not the one that was written to.
    let server = servers.find_server(&ownership.environment)?;
    let left = Left::deserialize(done.receipt).ok()?;
    (server.name() == ownership.server).then_some((server, ownership, left))
}

async fn created(
    server: &dyn DatabaseServer,
    ownership: &Ownership,
    left: &Left,
    done: &DoneStep<'_>,
) -> Result<Inspection, TargetError> {
    let was = json!({"database": ownership.database.as_str(), "id": left.id});
    let Some(seen) = server.look(&ownership.database).await? else {
        return Ok(Inspection::changed(Deviation::Removed, was, json!({"database": false})));
    };
    if seen.id != left.id {
        return Ok(Inspection::changed(Deviation::Replaced, was, other(&seen)));
    }
    if seen.created_by != Some(done.request) {
        return Ok(Inspection::changed(Deviation::Unmarked, was, other(&seen)));
    }
    Ok(Inspection::AsLeft)
}

/// What staff had restored, or what was dropped at the end of its retention, did not bypass anybody: the owner rows say so.
async fn quarantined(
    server: &dyn DatabaseServer,
    register: &dyn DatabaseRegister,
    ownership: &Ownership,
    kept_as: &DatabaseName,
    left: &Left,
) -> Result<Inspection, TargetError> {
    match register.find_owner(server.name(), kept_as).await?.map(|owner| owner.state) {
        Some(OwnedState::Quarantined) => {}
        Some(OwnedState::Restoring | OwnedState::Purging | OwnedState::Reserved | OwnedState::Active) => {
            return Ok(Inspection::NotWatched);
        }
        None => {
            return match register.find_owner(server.name(), &ownership.database).await? {
                Some(_) => Ok(Inspection::NotWatched),
                None => freed(server, ownership, left).await,
            };
        }
    }
    let was = json!({"database": kept_as.as_str(), "id": left.id});
    match server.look(kept_as).await? {
        None => return Ok(Inspection::changed(Deviation::Removed, was, json!({"database": false}))),
        Some(seen) if seen.id != left.id => {
            return Ok(Inspection::changed(Deviation::Replaced, was, other(&seen)));
        }
        Some(_) => {}
    }
    freed(server, ownership, left).await
}

async fn freed(
    server: &dyn DatabaseServer,
    ownership: &Ownership,
    left: &Left,
) -> Result<Inspection, TargetError> {
    let was = json!({"database": false, "id": left.id});
    Ok(match server.look(&ownership.database).await? {
        None => Inspection::AsLeft,
        Some(seen) => Inspection::changed(Deviation::Unowned, was, other(&seen)),
    })
}

fn other(seen: &DatabaseSeen) -> Value {
    json!({"id": seen.id, "created_by": seen.created_by.map(|request| request.to_string())})
}
