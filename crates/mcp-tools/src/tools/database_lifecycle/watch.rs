//! Whether a database is still as it was left: there under its name and with our mark, kept under the other name, or gone; and whether what
//! came with it is.

use std::sync::Arc;

use countersign_kernel::DatabaseName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::Credentials;
use super::roles::{self, CREATE_ROLE};
use crate::plan::{Ownership, OwnershipChange};
use crate::ports::{
    DatabaseRegister, DatabaseSeen, DatabaseServer, DatabaseServers, OwnedState, TargetError,
};
use crate::tools::answers::could_not_look;
use crate::tools::kubernetes_key::{self, APPLY_KEY};
use crate::watch::{Deviation, DoneStep, Inspection};

/// What every receipt of this tool's writes holds.
#[derive(Deserialize)]
struct Left {
    id: String,
}

/// The key and the role that came with a database are compared while the database is in use: what becomes of them after it is for people.
pub(super) async fn inspect_credentials(
    servers: &dyn DatabaseServers,
    register: &dyn DatabaseRegister,
    credentials: Option<&Credentials>,
    done: &DoneStep<'_>,
) -> Inspection {
    let Some(ownership) = &done.plan.ownership else { return Inspection::NotWatched };
    let compared = match (done.step.kind.as_str(), credentials) {
        (APPLY_KEY, Some(Credentials { config, kubernetes })) => {
            kubernetes_key::watch::inspect(kubernetes.as_ref(), &config.field_manager, done).await
        }
        (CREATE_ROLE, _) => roles::inspect(servers, done).await,
        _ => return Inspection::NotWatched,
    };
    match &compared {
        Inspection::Changed { .. } => {}
        Inspection::NotWatched | Inspection::AsLeft | Inspection::CouldNotLook { .. } => return compared,
    }
    // Asked after the look, for rows follow effects.
    match register.find_owner(&ownership.server, &ownership.database).await {
        Ok(Some(row)) if row.state == OwnedState::Active && row.request == done.request => compared,
        Ok(_) => Inspection::NotWatched,
        Err(error) => could_not_look(&error),
    }
}

/// The register has the last word on what should be there: what left it by another way than a request's step (kept and let go, brought
/// back) is not compared any more.
pub(super) async fn inspect(
    servers: &dyn DatabaseServers,
    register: &dyn DatabaseRegister,
    done: &DoneStep<'_>,
) -> Inspection {
    let Some((server, ownership, left)) = left_behind(servers, done) else { return Inspection::NotWatched };
    let watched = Watched { server: &*server, register, ownership, left: &left };
    let compared = match &ownership.change {
        OwnershipChange::Reserve => watched.created(done).await,
        OwnershipChange::Quarantine(quarantine) => watched.quarantined(&quarantine.kept_as).await,
        OwnershipChange::Release => watched.freed().await,
    };
    compared.unwrap_or_else(|error| could_not_look(&error))
}

/// What one step left, with where to look.
struct Watched<'a> {
    server: &'a dyn DatabaseServer,
    register: &'a dyn DatabaseRegister,
    ownership: &'a Ownership,
    left: &'a Left,
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

impl Watched<'_> {
    /// Whether the register has the database under this name in this state. Asked after the look, for rows follow effects.
    async fn registered(&self, name: &DatabaseName, state: OwnedState) -> Result<bool, TargetError> {
        let row = self.register.find_owner(self.server.name(), name).await?;
        Ok(row.is_some_and(|row| row.state == state))
    }

    async fn created(&self, done: &DoneStep<'_>) -> Result<Inspection, TargetError> {
        let name = &self.ownership.database;
        let was = json!({"database": name.as_str(), "id": self.left.id});
        let (deviation, seen) = match self.server.look(name).await? {
            None => (Deviation::Removed, json!({"database": false})),
            Some(seen) if seen.id != self.left.id => (Deviation::Replaced, other(&seen)),
            Some(seen) if seen.created_by != Some(done.request) => (Deviation::Unmarked, other(&seen)),
            Some(_) => return Ok(Inspection::AsLeft),
        };
        if !self.registered(name, OwnedState::Active).await? {
            return Ok(Inspection::NotWatched);
        }
        Ok(Inspection::changed(deviation, was, seen))
    }

    async fn quarantined(&self, kept_as: &DatabaseName) -> Result<Inspection, TargetError> {
        let was = json!({"database": kept_as.as_str(), "id": self.left.id});
        let missing = match self.server.look(kept_as).await? {
            None => Some((Deviation::Removed, json!({"database": false}))),
            Some(seen) if seen.id != self.left.id => Some((Deviation::Replaced, other(&seen))),
            Some(_) => None,
        };
        match missing {
            Some((deviation, seen)) if self.registered(kept_as, OwnedState::Quarantined).await? => {
                Ok(Inspection::changed(deviation, was, seen))
            }
            Some(_) | None => self.freed().await,
        }
    }

    async fn freed(&self) -> Result<Inspection, TargetError> {
        let name = &self.ownership.database;
        let Some(seen) = self.server.look(name).await? else { return Ok(Inspection::AsLeft) };
        if self.register.find_owner(self.server.name(), name).await?.is_some() {
            return Ok(Inspection::NotWatched);
        }
        let was = json!({"database": false, "id": self.left.id});
        Ok(Inspection::changed(Deviation::Unowned, was, other(&seen)))
    }
}

fn other(seen: &DatabaseSeen) -> Value {
    json!({"id": seen.id, "created_by": seen.created_by.map(|request| request.to_string())})
}
