//! Looks at the database, at who owns it, and at whether our own credentials could change it.

use countersign_kernel::{Environment, ProjectKey, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::credentials::{self, Credentials, RoleThere};
use super::input::{Action, DatabaseInput};
use super::renamed::{self, Elsewhere};
use crate::call::Call;
use crate::ports::{
    Access, DatabaseRegister, DatabaseSeen, DatabaseServer, DatabaseServers, OwnedDatabase, OwnedState,
    TargetError,
};
use crate::tool::{Observation, Unseen};
use crate::tools::answers::{Refused, seen_or_not};
use crate::tools::kubernetes_key::{KubernetesSeen, Side};
use crate::tools::unseen::unreadable;

/// What was seen, as it is kept in an observation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    version: u32,
    pub(super) answer: Answer,
}

/// The server's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It let us look.
    Looked(Box<Looked>),
    /// It refused.
    Refused(Refused),
}

/// One name on one server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Looked {
    pub(super) server: String,
    /// How many days the server keeps a quarantined database.
    pub(super) quarantine_days: u32,
    pub(super) database: Option<There>,
    pub(super) owner: Option<Owner>,
    /// Where the owner's database is when it isn't under its name.
    pub(super) elsewhere: Found,
    /// The login role of the database's name, where the call is about one.
    #[serde(default)]
    pub(super) role: Option<RoleThere>,
    /// The Secret that a password is to go into.
    #[serde(default)]
    pub(super) secret: Option<KubernetesSeen>,
}

/// What became of a database that isn't under its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Found {
    /// It was not found, or not looked for.
    Nowhere,
    /// It has another name.
    Renamed { now: String, there: There },
    /// These carry its mark, and none of them is it beyond doubt.
    InDoubt { names: Vec<String> },
}

/// A database that is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct There {
    pub(super) id: String,
    pub(super) created_by: Option<String>,
    pub(super) size_bytes: u64,
    pub(super) connections: u32,
}

/// An owner row.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Owner {
    project: String,
    environment: String,
    pub(super) request: String,
    pub(super) state: State,
}

/// The state of an owner row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Reserved,
    Active,
    Quarantined,
    Restoring,
    Purging,
}

const VERSION: u32 = 3;

impl Seen {
    pub(super) fn read(stored: &Value) -> Option<Self> {
        Self::deserialize(stored).ok().filter(|seen| seen.version == VERSION)
    }
}

impl Owner {
    /// Whether the row gives the database to this project in this environment.
    pub(super) fn is(&self, project: &ProjectKey, environment: &Environment) -> bool {
        self.project == project.as_str() && self.environment == environment.as_str()
    }
}

impl There {
    /// Whether the database carries the mark of the request in the owner row: one of the same name made by anyone else doesn't.
    pub(super) fn is_marked_by(&self, owner: &Owner) -> bool {
        self.created_by.as_deref() == Some(owner.request.as_str())
    }
}

impl From<DatabaseSeen> for There {
    fn from(seen: DatabaseSeen) -> Self {
        let created_by = seen.created_by.as_ref().map(RequestId::to_string);
        Self { id: seen.id, created_by, size_bytes: seen.size_bytes, connections: seen.connections }
    }
}

impl From<Elsewhere> for Found {
    fn from(elsewhere: Elsewhere) -> Self {
        match elsewhere {
            Elsewhere::Nowhere => Self::Nowhere,
            Elsewhere::Renamed { now, seen } => Self::Renamed { now: now.to_string(), there: seen.into() },
            Elsewhere::InDoubt { names } => Self::InDoubt { names },
        }
    }
}

impl From<OwnedDatabase> for Owner {
    fn from(owned: OwnedDatabase) -> Self {
        Self {
            project: owned.project.to_string(),
            environment: owned.environment.to_string(),
            request: owned.request.to_string(),
            state: match owned.state {
                OwnedState::Reserved => State::Reserved,
                OwnedState::Active => State::Active,
                OwnedState::Quarantined => State::Quarantined,
                OwnedState::Restoring => State::Restoring,
                OwnedState::Purging => State::Purging,
            },
        }
    }
}

pub(super) async fn observe(
    servers: &dyn DatabaseServers,
    register: &dyn DatabaseRegister,
    credentials: Option<&Credentials>,
    call: &Call,
) -> Observation {
    let input = match DatabaseInput::of_call(call) {
        Ok(input) => input,
        Err(error) => return Observation::CouldNotLook { why: unreadable(&error) },
    };
    let answer = match servers.find_server(&input.environment) {
        None => {
            let message = format!("environment `{}` has no database server configured", input.environment);
            Ok(Answer::Refused(Refused::not_found(message)))
        }
        Some(server) => look(server.as_ref(), register, credentials, &input).await,
    };
    let seen = match answer {
        Ok(answer) => {
            serde_json::to_value(Seen { version: VERSION, answer }).map_err(|error| unreadable(&error))
        }
        Err(why) => Err(vec![why]),
    };
    match seen {
        Ok(seen) => Observation::Seen(seen),
        Err(why) => Observation::CouldNotLook { why },
    }
}

async fn look(
    server: &dyn DatabaseServer,
    register: &dyn DatabaseRegister,
    credentials: Option<&Credentials>,
    input: &DatabaseInput,
) -> Result<Answer, Unseen> {
    let refused = |error: TargetError| seen_or_not(&error).map(Answer::Refused);
    if needs_access(input.action) {
        match server.access().await {
            Ok(Access::Allowed) => {}
            Ok(Access::Refused { why }) => {
                let target = format!("database server `{}`", server.name());
                return Ok(Answer::Refused(Refused::access(&target, &why)));
            }
            Err(error) => return refused(error),
        }
    }
    let looked = match look_at(server, register, input).await {
        Ok(looked) => looked,
        Err(error) => return refused(error),
    };
    let role = match credentials::look_at_role(server, input, looked.owner.as_ref()).await? {
        Side::There(role) => role,
        Side::Refused(refused) => return Ok(Answer::Refused(refused)),
    };
    let secret = match credentials::look_at_secret(credentials, input).await? {
        Side::There(secret) => secret,
        Side::Refused(refused) => return Ok(Answer::Refused(refused)),
    };
    Ok(Answer::Looked(Box::new(Looked { role, secret, ..looked })))
}

/// The database and its owner row.
async fn look_at(
    server: &dyn DatabaseServer,
    register: &dyn DatabaseRegister,
    input: &DatabaseInput,
) -> Result<Looked, TargetError> {
    let name = &input.database;
    let row = register.find_owner(server.name(), name).await?;
    let database = server.look(name).await?;
    let sought = row.as_ref().filter(|_| acts_on_an_own_one(input.action));
    let elsewhere = renamed::find(server, register, name, sought, database.as_ref()).await?;
    Ok(Looked {
        server: server.name().to_owned(),
        quarantine_days: server.quarantine_days(),
        database: database.map(There::from),
        owner: row.map(Owner::from),
        elsewhere: elsewhere.into(),
        role: None,
        secret: None,
    })
}

/// What is deleted is looked for under other names. A name to create is taken or free, and what is described is looked for when that is
/// done.
fn acts_on_an_own_one(action: Action) -> bool {
    match action {
        Action::Quarantine | Action::Drop => true,
        Action::Create | Action::Describe => false,
    }
}

/// Creating and renaming need the right to create databases; describing and dropping one's own don't.
fn needs_access(action: Action) -> bool {
    match action {
        Action::Create | Action::Quarantine => true,
        Action::Drop | Action::Describe => false,
    }
}
