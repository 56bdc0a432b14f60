//! Finds a database that somebody renamed by hand: by our mark and its owner row, never by a name alone.

use countersign_kernel::{DatabaseName, RequestId};

use super::input::reserved;
use crate::ports::{
    DatabaseRegister, DatabaseSeen, DatabaseServer, MarkedDatabase, OwnedDatabase, OwnedState, TargetError,
    TargetErrorKind,
};

/// Where a database is that isn't under its name.
pub(super) enum Elsewhere {
    /// Nothing on the server carries its mark, or there is no reason to look.
    Nowhere,
    /// It is called so now.
    Renamed {
        /// Its name now.
        now: DatabaseName,
        /// What it looks like.
        seen: DatabaseSeen,
    },
    /// These carry its mark, and none of them is it beyond doubt.
    InDoubt {
        /// Their names.
        names: Vec<String>,
    },
}

/// Looks for the database of an owner row under other names, unless it is under its own or not in use.
pub(super) async fn find(
    server: &dyn DatabaseServer,
    register: &dyn DatabaseRegister,
    name: &DatabaseName,
    row: Option<&OwnedDatabase>,
    there: Option<&DatabaseSeen>,
) -> Result<Elsewhere, TargetError> {
    let is_it = |row: &&OwnedDatabase| there.is_some_and(|seen| seen.created_by == Some(row.request));
    let Some(row) = row.filter(|row| row.state == OwnedState::Active && !is_it(row)) else {
        return Ok(Elsewhere::Nowhere);
    };
    let mut marked = server.list_marked().await?;
    marked.retain(|marked| marked.created_by == row.request && marked.name != name.as_str());
    match marked.as_slice() {
        [] => Ok(Elsewhere::Nowhere),
        [one] => look(server, register, one, row.request).await,
        several => {
            Ok(Elsewhere::InDoubt { names: several.iter().map(|marked| marked.name.clone()).collect() })
        }
    }
}

/// Whether the one database of this mark is beyond doubt the one of the row: the register must not give its name to anybody, nor may the
/// name be one that Countersign leaves alone or keeps databases under.
async fn look(
    server: &dyn DatabaseServer,
    register: &dyn DatabaseRegister,
    marked: &MarkedDatabase,
    request: RequestId,
) -> Result<Elsewhere, TargetError> {
    let in_doubt = || Elsewhere::InDoubt { names: vec![marked.name.clone()] };
    let Some(now) = DatabaseName::parse(&marked.name).ok().filter(|name| !reserved(name.as_str())) else {
        return Ok(in_doubt());
    };
    if register.find_owner(server.name(), &now).await?.is_some() {
        return Ok(in_doubt());
    }
    match server.look(&now).await? {
        Some(seen) if seen.id == marked.id && seen.created_by == Some(request) => {
            Ok(Elsewhere::Renamed { now, seen })
        }
        // Renamed again in between: a later look finds it.
        Some(_) | None => Err(TargetError {
            kind: TargetErrorKind::Unreachable,
            target: format!("database {}/{now}", server.name()),
            message: "it was renamed while it was looked at".to_owned(),
        }),
    }
}
