//! Login roles of a server that holds databases. The role of a database has the database's name.

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, RequestId};

use super::database::DatabaseReceipt;
use super::error::{Access, TargetError};
use crate::secret::SecretValue;

/// What a role looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSeen {
    /// What identifies this very role, not its name: the oid in PostgreSQL.
    pub id: String,
    /// The request our comment names, if the role carries one.
    pub created_by: Option<RequestId>,
    /// Whether anything but the database of its name depends on it: such a role can't be dropped with that database.
    pub used_elsewhere: bool,
}

/// What making a role left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleReceipt {
    /// What identifies the role.
    pub id: String,
}

/// Roles that log in with a password, each for the database of its name.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait LoginRoles: Send + Sync {
    /// Whether our credentials may make and drop roles.
    async fn role_access(&self) -> Result<Access, TargetError>;

    /// The role of this name, if there is one.
    async fn look_at_role(&self, role: &DatabaseName) -> Result<Option<RoleSeen>, TargetError>;

    /// Makes the role, all at once with its password and the mark of the request. One that exists is `Conflict`, whosever it is. What
    /// reaches the server verifies the password and doesn't tell it.
    async fn create_role(
        &self,
        role: &DatabaseName,
        password: &SecretValue,
        request: RequestId,
    ) -> Result<RoleReceipt, TargetError>;

    /// Creates a database as [`DatabaseServer::create`](super::DatabaseServer::create) does, to which nobody but the role of its name may
    /// connect. It has the name and the mark only when the role has all its rights.
    async fn create_private(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError>;

    /// Drops the role, with what was prepared for its database and never got the name. `NotFound` when there is no such role; `Conflict`
    /// when it doesn't carry the mark of this request, or something still depends on it.
    async fn drop_role(&self, role: &DatabaseName, request: RequestId) -> Result<(), TargetError>;
}
