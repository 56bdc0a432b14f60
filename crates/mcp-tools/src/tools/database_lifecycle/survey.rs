//! Databases that carry our mark and that the register doesn't give to the request of the mark: copies, what was brought back past us, what
//! was put in another's place, what an owner row was taken from.
//!
//! A database without a mark is none of our business here. One that was merely renamed has its owner row still, and is found by
//! inspecting what its request left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ports::{
    DatabaseRegister, DatabaseServer, DatabaseServers, MarkedDatabase, OwnedDatabase, TargetError,
};
use crate::tools::answers::scrub;
use crate::watch::{Deviation, Finding, Stray, Survey};

/// The owner rows of one server, by name.
type Owners = BTreeMap<String, OwnedDatabase>;

/// The marked databases of one server: those in order, and the others with what the register says of their names.
#[derive(Default)]
struct Sorted {
    in_order: Vec<MarkedDatabase>,
    strays: Vec<(MarkedDatabase, Value)>,
}

pub(super) async fn survey(servers: &dyn DatabaseServers, register: &dyn DatabaseRegister) -> Survey {
    let mut survey = Survey::default();
    let (mut known, mut strays) = (Vec::new(), Vec::new());
    for server in servers.list_servers() {
        match sorted(server.as_ref(), register).await {
            Ok(sorted) => {
                known.extend(sorted.in_order);
                strays.extend(sorted.strays.into_iter().map(|stray| (server.name().to_owned(), stray)));
            }
            Err(error) => survey.not_seen.push(scrub(&error.to_string(), None)),
        }
    }
    for (server, (marked, registered)) in strays {
        // One server may be configured under two names: then what is registered by one of them is in order, and the rest is told once.
        if !known.contains(&marked) {
            survey.strays.push(stray(&server, &marked, registered));
            known.push(marked);
        }
    }
    survey
}

async fn sorted(server: &dyn DatabaseServer, register: &dyn DatabaseRegister) -> Result<Sorted, TargetError> {
    let listed = server.list_marked().await?;
    if listed.is_empty() {
        return Ok(Sorted::default());
    }
    let owners = register.list_owners(server.name()).await?;
    let owners = owners.into_iter().map(|(name, row)| (name.to_string(), row)).collect();
    let mut sorted = Sorted::default();
    for marked in &listed {
        match registered_otherwise(marked, &listed, &owners) {
            Some(registered) => sorted.strays.push((marked.clone(), registered)),
            None => sorted.in_order.push(marked.clone()),
        }
    }
    if !sorted.strays.is_empty() {
        // Rows are written before a database is made and go after it is gone: what was dropped or renamed by us in between is not there
        // any more when it is looked for after the rows were read.
        let still = server.list_marked().await?;
        sorted.strays.retain(|(marked, _)| still.contains(marked));
    }
    Ok(sorted)
}

/// What the register says of the name of a database that it doesn't give to the request of its mark; `None` when all is in order.
fn registered_otherwise(
    marked: &MarkedDatabase,
    listed: &[MarkedDatabase],
    owners: &Owners,
) -> Option<Value> {
    match owners.get(&marked.name) {
        Some(row) if row.request == marked.created_by => None,
        Some(row) => Some(json!({"request": row.request.to_string(), "state": row.state.as_str()})),
        None if is_registered_elsewhere(marked, listed, owners) => None,
        None => Some(Value::Null),
    }
}

/// Whether a row of the mark's request stands for this database under another name: renamed by hand, or by us right now. It doesn't where
/// another database of the mark has that name: then this one is a copy.
fn is_registered_elsewhere(marked: &MarkedDatabase, listed: &[MarkedDatabase], owners: &Owners) -> bool {
    let rows = owners.iter().filter(|(_, row)| row.request == marked.created_by);
    let has = |name: &String| {
        listed.iter().any(|other| {
            other.name == *name && other.created_by == marked.created_by && other.id != marked.id
        })
    };
    rows.map(|(name, _)| name).any(|name| !has(name))
}

fn stray(server: &str, marked: &MarkedDatabase, registered: Value) -> Stray {
    Stray {
        target: format!("database:{server}/{}", marked.name),
        marked_by: marked.created_by,
        finding: Finding {
            deviation: Deviation::Unregistered,
            left: json!({"registered": registered}),
            seen: json!({"id": marked.id, "created_by": marked.created_by.to_string()}),
        },
    }
}
