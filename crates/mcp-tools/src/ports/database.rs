//! Databases as targets, and the register of which of them are ours.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Environment, ProjectKey, RequestId};

use super::error::{Access, TargetError};
use super::roles::LoginRoles;

/// What a database looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSeen {
    /// What identifies this very database, not its name: the oid in PostgreSQL, the file's id in SQLite.
    pub id: String,
    /// The request our comment names, if the database carries one.
    pub created_by: Option<RequestId>,
    /// Size on disk in bytes.
    pub size_bytes: u64,
    /// Connections open now.
    pub connections: u32,
}

/// A database that carries our mark, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedDatabase {
    /// Its name now. One given by hand need not be a [`DatabaseName`].
    pub name: String,
    /// What identifies this very database, as in [`DatabaseSeen::id`].
    pub id: String,
    /// The request its mark names.
    pub created_by: RequestId,
}

/// What a write left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReceipt {
    /// What identifies the database that was created, renamed or dropped.
    pub id: String,
}

/// One server that holds databases.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait DatabaseServer: Send + Sync {
    /// The configured name, as owner rows know it.
    fn name(&self) -> &str;

    /// How many days a quarantined database is kept before it is dropped for good.
    fn quarantine_days(&self) -> u32;

    /// Its login roles; `None` when it has nothing of the kind.
    fn roles(&self) -> Option<Arc<dyn LoginRoles>>;

    /// The database of this name, if there is one.
    async fn look(&self, database: &DatabaseName) -> Result<Option<DatabaseSeen>, TargetError>;

    /// Every database that carries our mark. One that [`Self::create`] has not given its name yet is none.
    async fn list_marked(&self) -> Result<Vec<MarkedDatabase>, TargetError>;

    /// Whether our credentials may create databases.
    async fn access(&self) -> Result<Access, TargetError>;

    /// Creates the database and marks it with the request. One that exists is `Conflict`, whosever it is.
    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError>;

    /// Renames the database, revokes connecting and ends its connections. `expected_id` must still match, else `Conflict`.
    async fn quarantine(
        &self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError>;

    /// Gives a quarantined database its name back and opens it to connections, as it was before it was quarantined. `expected_id` must
    /// still match and the name be free, else `Conflict`.
    async fn restore(
        &self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError>;

    /// Drops the database for good. `expected_id` must still match, else `Conflict`.
    async fn drop_database(
        &self,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError>;
}

/// Which server serves which environment.
pub trait DatabaseServers: Send + Sync {
    /// The server configured for the environment.
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>>;

    /// Every configured server once, however many environments it serves.
    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>>;
}

/// What an owner row says of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedDatabase {
    /// The project that owns it.
    pub project: ProjectKey,
    /// The environment it was created for.
    pub environment: Environment,
    /// Where it is in its life.
    pub state: OwnedState,
    /// The request that created it.
    pub request: RequestId,
}

/// Where an owned database is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnedState {
    /// A request that is being applied has reserved the name.
    Reserved,
    /// It is there and ours.
    Active,
    /// It is kept under another name.
    Quarantined,
    /// A member of staff has it restored: it is being given its name back.
    Restoring,
    /// Its retention is over: it is being dropped for good.
    Purging,
}

impl OwnedState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Reserved, Self::Active, Self::Quarantined, Self::Restoring, Self::Purging];

    /// The state of this spelling.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Active => "active",
            Self::Quarantined => "quarantined",
            Self::Restoring => "restoring",
            Self::Purging => "purging",
        }
    }
}

/// The register of owner rows (`project_databases`), read-only; rows change only with a request's own commits.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait DatabaseRegister: Send + Sync {
    /// The owner row of a database, if there is one.
    async fn find_owner(
        &self,
        server: &str,
        database: &DatabaseName,
    ) -> Result<Option<OwnedDatabase>, TargetError>;

    /// All owner rows of a server with the names they are found by, as of one moment.
    async fn list_owners(&self, server: &str) -> Result<Vec<(DatabaseName, OwnedDatabase)>, TargetError>;
}
