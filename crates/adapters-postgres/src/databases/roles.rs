//! Login roles of a target server, each for the database of its name.
//!
//! The password never leaves this process: what is sent is its SCRAM verifier, which a server stores as it is.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, RequestId};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseServer as _, LoginRoles, RoleReceipt, RoleSeen, TargetError,
    TargetErrorKind,
};
use postgres_protocol::password::scram_sha_256;
use sqlx::Row as _;

use super::error::asking;
use super::server::{Audience, PgDatabaseServer, prepared_name};
use super::session::{MARK, Session, mark_of};

impl PgDatabaseServer {
    fn role_target(&self, role: &str) -> String {
        format!("role {}/{role}", self.name())
    }

    /// A session in the maintenance database, about a role.
    async fn role_session(&self, role: &str) -> Result<Session, TargetError> {
        let mut session = self.session(role).await?;
        session.target = self.role_target(role);
        Ok(session)
    }
}

#[async_trait]
impl LoginRoles for PgDatabaseServer {
    async fn role_access(&self) -> Result<Access, TargetError> {
        self.ask_right("rolcreaterole", "CREATEROLE").await
    }

    async fn look_at_role(&self, role: &DatabaseName) -> Result<Option<RoleSeen>, TargetError> {
        let mut session = self.role_session(role.as_str()).await?;
        // What depends on a role is known server-wide: grants on a database, and what is inside one.
        let asked = sqlx::query(
            "SELECT r.oid::text, shobj_description(r.oid, 'pg_authid'), EXISTS (
                 SELECT FROM pg_shdepend AS s
                 WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
                   AND s.dbid IS DISTINCT FROM d.oid
                   AND NOT (s.classid = 'pg_database'::regclass AND s.objid IS NOT DISTINCT FROM d.oid))
             FROM pg_roles AS r LEFT JOIN pg_database AS d ON d.datname = r.rolname WHERE r.rolname = $1",
        )
        .bind(role.as_str())
        .fetch_optional(&mut session.connection);
        let row = Session::answer(&session.target, session.patience, asked).await?;
        let seen = row.map(|row| {
            let comment: Option<String> = row.try_get(1)?;
            let created_by = mark_of(comment.as_deref());
            Ok(RoleSeen { id: row.try_get(0)?, created_by, used_elsewhere: row.try_get(2)? })
        });
        seen.transpose().map_err(|error: sqlx::Error| asking(session.target, &error))
    }

    async fn create_role(
        &self,
        role: &DatabaseName,
        password: &SecretValue,
        request: RequestId,
    ) -> Result<RoleReceipt, TargetError> {
        let mut session = self.role_session(role.as_str()).await?;
        // Base64 and fixed words: nothing in it has to be quoted.
        let verifier = scram_sha_256(password.expose());
        session
            .run(format!(
                r#"BEGIN; CREATE ROLE "{role}" LOGIN PASSWORD '{verifier}'; COMMENT ON ROLE "{role}" IS '{MARK}{request}'; COMMIT"#
            ))
            .await?;
        match session.find_role(role).await? {
            Some(found) => Ok(RoleReceipt { id: found.id }),
            None => Err(session.failed(TargetErrorKind::Broken, "it is gone right after it was created")),
        }
    }

    async fn create_private(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.create_for(Audience::ItsRole, database, request).await
    }

    /// The mark is compared right before, in the same transaction: the statement itself knows names only.
    async fn drop_role(&self, role: &DatabaseName, request: RequestId) -> Result<(), TargetError> {
        let mut session = self.role_session(role.as_str()).await?;
        let prepared = prepared_name(request);
        if session.find(&prepared).await?.is_some_and(|found| found.owned) {
            session.run(format!(r#"DROP DATABASE IF EXISTS "{prepared}" WITH (FORCE)"#)).await?;
        }
        session.run("BEGIN".to_owned()).await?;
        match session.find_role(role).await? {
            None => return Err(session.failed(TargetErrorKind::NotFound, "there is no such role")),
            Some(found) if found.created_by == Some(request) => {}
            Some(_) => {
                let message = format!("it doesn't carry the mark of request {request}");
                return Err(session.failed(TargetErrorKind::Conflict, &message));
            }
        }
        session.run(format!(r#"DROP ROLE "{role}"; COMMIT"#)).await
    }
}

/// A role by its name.
struct FoundRole {
    id: String,
    created_by: Option<RequestId>,
}

impl Session {
    async fn find_role(&mut self, role: &DatabaseName) -> Result<Option<FoundRole>, TargetError> {
        let asked = sqlx::query(
            "SELECT oid::text, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1",
        )
        .bind(role.as_str())
        .fetch_optional(&mut self.connection);
        let row = Self::answer(&self.target, self.patience, asked).await?;
        let found = row.map(|row| {
            let comment: Option<String> = row.try_get(1)?;
            Ok(FoundRole { id: row.try_get(0)?, created_by: mark_of(comment.as_deref()) })
        });
        found.transpose().map_err(|error: sqlx::Error| asking(self.target.clone(), &error))
    }
}

/// The login roles of this server.
pub(super) fn of(server: &PgDatabaseServer) -> Arc<dyn LoginRoles> {
    Arc::new(server.clone())
}
