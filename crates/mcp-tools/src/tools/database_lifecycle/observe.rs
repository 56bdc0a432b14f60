//! Looks at the database, at who owns it, and at whether our own credentials could change it.

use countersign_kernel::{Environment, ProjectKey, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::credentials::{self, Credentials, RoleThere};
use super::input::{Action, DatabaseInput};
use crate::call::Call;
use crate::ports::{
    Access, DatabaseRegister, DatabaseSeen, DatabaseServer, DatabaseServers, OwnedDatabase, OwnedState,
    TargetError,
};
use crate::tool::Observation;
use crate::tools::answers::{Refused, seen_or_not};
use crate::tools::kubernetes_key::{KubernetesSeen, Side};

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
    /// The login role of the database's name, where the call is about one.
    #[serde(default)]
    pub(super) role: Option<RoleThere>,
    /// The Secret that a password is to go into.
    #[serde(default)]
    pub(super) secret: Option<KubernetesSeen>,
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

const VERSION: u32 = 2;

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
        Err(error) => return Observation::CouldNotLook { why: error.to_string() },
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
            serde_json::to_value(Seen { version: VERSION, answer }).map_err(|error| error.to_string())
        }
        Err(why) => Err(why),
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
) -> Result<Answer, String> {
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
    let owner = match register.find_owner(server.name(), &input.database).await {
        Ok(owner) => owner.map(Owner::from),
        Err(error) => return refused(error),
    };
    let database = match server.look(&input.database).await {
        Ok(database) => database.map(There::from),
        Err(error) => return refused(error),
    };
    let role = match credentials::look_at_role(server, input, owner.as_ref()).await? {
        Side::There(role) => role,
        Side::Refused(refused) => return Ok(Answer::Refused(refused)),
    };
    let secret = match credentials::look_at_secret(credentials, input).await? {
        Side::There(secret) => secret,
        Side::Refused(refused) => return Ok(Answer::Refused(refused)),
    };
    let (server, quarantine_days) = (server.name().to_owned(), server.quarantine_days());
    Ok(Answer::Looked(Box::new(Looked { server, quarantine_days, database, owner, role, secret })))
}

/// Creating and renaming need the right to create databases; describing and dropping one's own don't.
fn needs_access(action: Action) -> bool {
    match action {
        Action::Create | Action::Quarantine => true,
        Action::Drop | Action::Describe => false,
    }
}
