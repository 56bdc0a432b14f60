//! One PostgreSQL server that holds databases of projects.

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Millis, RequestId};
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseSeen, DatabaseServer, LoginRoles, MarkedDatabase, TargetError,
    TargetErrorKind,
};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tokio::time::timeout;

use super::error::{asking, connecting};
use super::roles;
use super::session::{MARK, PRIVATE, Session, mark_of};

/// How a target server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseServerOptions {
    /// How long connecting may take.
    pub connect_timeout: Millis,
    /// How long one statement may take. Creating a database copies its template.
    pub statement_timeout: Millis,
    /// How many days a quarantined database is kept.
    pub quarantine_days: u32,
}

impl Default for DatabaseServerOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Millis::from_secs(5),
            statement_timeout: Millis::from_secs(60),
            quarantine_days: 7,
        }
    }
}

/// The URL of a target server can't be used.
#[derive(Debug, thiserror::Error)]
#[error("database server `{name}` has no usable URL: {message}")]
pub struct ServerUrlError {
    name: String,
    message: String,
}

/// Who may connect to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Every role of the server, as PostgreSQL has it by default.
    Everybody,
    /// The login role that has the database's name.
    ItsRole,
}

/// One server, by its configured name. Nothing is connected before something is asked.
#[derive(Clone)]
pub struct PgDatabaseServer {
    name: String,
    connect: PgConnectOptions,
    options: DatabaseServerOptions,
}

impl std::fmt::Debug for PgDatabaseServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL holds a password.
        f.debug_struct("PgDatabaseServer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PgDatabaseServer {
    /// The server of this name and URL. The URL names the maintenance database to connect to, such as `postgres`.
    ///
    /// # Errors
    /// The text is no PostgreSQL URL.
    pub fn new(name: &str, url: &str, options: DatabaseServerOptions) -> Result<Self, ServerUrlError> {
        let connect = PgConnectOptions::from_str(url)
            .map_err(|error| ServerUrlError { name: name.to_owned(), message: error.to_string() })?;
        let statement_timeout = options.statement_timeout.0.to_string();
        let connect = connect
            .application_name("countersign-databases")
            .options([("statement_timeout", statement_timeout.as_str()), ("lock_timeout", "10s")])
            .disable_statement_logging();
        Ok(Self { name: name.to_owned(), connect, options })
    }

    fn target(&self, database: &str) -> String {
        format!("database {}/{database}", self.name)
    }

    pub(super) async fn session(&self, database: &str) -> Result<Session, TargetError> {
        self.connected(&self.connect, self.target(database)).await
    }

    /// A session inside a database, where grants on its schemas are made.
    async fn session_in(&self, database: &str) -> Result<Session, TargetError> {
        self.connected(&self.connect.clone().database(database), self.target(database)).await
    }

    async fn connected(&self, options: &PgConnectOptions, target: String) -> Result<Session, TargetError> {
        let connected = timeout(self.options.connect_timeout.to_std(), options.connect()).await;
        let connection = match connected {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(connecting(target, &error)),
            Err(_) => {
                let message = "no connection in time".to_owned();
                return Err(TargetError { kind: TargetErrorKind::Unreachable, target, message });
            }
        };
        // The server ends a statement first; this is for one that no longer answers.
        let patience = self.options.statement_timeout.0.saturating_add(self.options.connect_timeout.0);
        Ok(Session { connection, target, patience: Millis(patience) })
    }

    /// Whether our own role has this right (a column of `pg_roles` and its name in SQL).
    pub(super) async fn ask_right(
        &self,
        column: &'static str,
        right: &'static str,
    ) -> Result<Access, TargetError> {
        let mut session = self.session("*").await?;
        let sql =
            format!("SELECT {column} OR rolsuper, rolname::text FROM pg_roles WHERE rolname = current_user");
        let asked = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut session.connection);
        let row = Session::answer(&session.target, session.patience, asked).await?;
        let read = || Ok((row.try_get::<bool, _>(0)?, row.try_get::<String, _>(1)?));
        let (allowed, role) = read().map_err(|error: sqlx::Error| asking(self.target("*"), &error))?;
        let why = || format!("role `{role}` of server `{}` has no {right}", self.name);
        Ok(if allowed { Access::Allowed } else { Access::Refused { why: why() } })
    }

    /// A database can't be created and marked in one step. It is made under a name of its own that tells the request, completed, and only
    /// then given its name. Whatever ends in between, a repetition goes on from there, and nothing unmarked ever has the name.
    pub(super) async fn create_for(
        &self,
        audience: Audience,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        let mut session = self.session(database.as_str()).await?;
        if session.find(database.as_str()).await?.is_some() {
            return Err(session.failed(TargetErrorKind::Conflict, "there is a database of this name"));
        }
        let prepared = prepared_name(request);
        session.prepare(&prepared).await?;
        match self.complete(&mut session, &prepared, audience, database, request).await {
            // Renamed meanwhile by another executor of this request: complete, then.
            Err(error) if error.kind == TargetErrorKind::NotFound => {}
            completed => completed?,
        }
        session.publish(&prepared, database, request).await?;
        match session.find(database.as_str()).await? {
            Some(found) => Ok(DatabaseReceipt { id: found.id }),
            None => Err(session.failed(TargetErrorKind::Broken, "it is gone right after it was created")),
        }
    }

    /// Gives the prepared database its rights and, last, its mark: a marked one is whole.
    async fn complete(
        &self,
        session: &mut Session,
        prepared: &str,
        audience: Audience,
        role: &DatabaseName,
        request: RequestId,
    ) -> Result<(), TargetError> {
        let private = match audience {
            Audience::Everybody => "",
            Audience::ItsRole => {
                session.open_to_role_only(prepared, role).await?;
                let mut inside = self.session_in(prepared).await?;
                inside.run(format!(r#"GRANT USAGE, CREATE ON SCHEMA public TO "{role}""#)).await?;
                // A database that somebody is connected to can't be renamed.
                inside.close().await;
                PRIVATE
            }
        };
        session.run(format!(r#"COMMENT ON DATABASE "{prepared}" IS '{MARK}{request}{private}'"#)).await
    }
}

/// The name under which the database of a request is prepared.
pub(super) fn prepared_name(request: RequestId) -> String {
    format!("countersign_new_{}", request.as_uuid().simple())
}

#[async_trait]
impl DatabaseServer for PgDatabaseServer {
    fn name(&self) -> &str {
        &self.name
    }

    fn quarantine_days(&self) -> u32 {
        self.options.quarantine_days
    }

    fn roles(&self) -> Option<Arc<dyn LoginRoles>> {
        Some(roles::of(self))
    }

    async fn look(&self, database: &DatabaseName) -> Result<Option<DatabaseSeen>, TargetError> {
        let mut session = self.session(database.as_str()).await?;
        // Size can be read by those who may connect; others see none.
        let asked = sqlx::query(
            "SELECT d.oid::text, shobj_description(d.oid, 'pg_database'),
                 CASE WHEN has_database_privilege(d.oid, 'CONNECT') THEN pg_database_size(d.oid) ELSE 0 END,
                 COALESCE((SELECT s.numbackends FROM pg_stat_database AS s WHERE s.datid = d.oid), 0)
             FROM pg_database AS d WHERE d.datname = $1",
        )
        .bind(database.as_str())
        .fetch_optional(&mut session.connection);
        let row = Session::answer(&session.target, session.patience, asked).await?;
        let seen = row.map(|row| {
            let comment: Option<String> = row.try_get(1)?;
            Ok(DatabaseSeen {
                id: row.try_get(0)?,
                created_by: mark_of(comment.as_deref()),
                size_bytes: u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0),
                connections: u32::try_from(row.try_get::<i32, _>(3)?).unwrap_or(0),
            })
        });
        seen.transpose().map_err(|error: sqlx::Error| asking(self.target(database.as_str()), &error))
    }

    async fn list_marked(&self) -> Result<Vec<MarkedDatabase>, TargetError> {
        let mut session = self.session("*").await?;
        let asked = sqlx::query(
            "SELECT d.datname::text, d.oid::text, shobj_description(d.oid, 'pg_database')
             FROM pg_database AS d WHERE starts_with(shobj_description(d.oid, 'pg_database'), $1) ORDER BY 1",
        )
        .bind(MARK)
        .fetch_all(&mut session.connection);
        let rows = Session::answer(&session.target, session.patience, asked).await?;
        let marked = rows.iter().filter_map(|row| marked(row).transpose());
        marked.collect::<Result<_, _>>().map_err(|error| asking(self.target("*"), &error))
    }

    async fn access(&self) -> Result<Access, TargetError> {
        self.ask_right("rolcreatedb", "CREATEDB").await
    }

    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.create_for(Audience::Everybody, database, request).await
    }

    async fn quarantine(
        &self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        let mut session = self.session(database.as_str()).await?;
        session.expect(database, expected_id).await?;
        if session.find(kept_as.as_str()).await?.is_some() {
            let message = format!("there is a database `{kept_as}` already");
            return Err(session.failed(TargetErrorKind::Conflict, &message));
        }
        // First nobody new, then nobody at all: a rename needs the database to itself.
        session.run(format!(r#"ALTER DATABASE "{database}" ALLOW_CONNECTIONS false"#)).await?;
        let asked = sqlx::query(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a
             JOIN pg_database AS d ON d.oid = a.datid WHERE d.datname = $1",
        )
        .bind(database.as_str())
        .fetch_all(&mut session.connection);
        let ended = Session::answer(&session.target, session.patience, asked).await.map(|_| ());
        let closed = match ended {
            Ok(()) => session.rename_closed(database, kept_as, expected_id).await,
            Err(error) => Err(error),
        };
        if let Err(error) = closed {
            if !matches!(error.kind, TargetErrorKind::NoAnswer) {
                // It stays in use under its name. What went wrong before is what the caller has to know.
                let reopen = format!(r#"ROLLBACK; ALTER DATABASE "{database}" ALLOW_CONNECTIONS true"#);
                if let Err(lost) = session.run(reopen).await {
                    tracing::warn!(error = %lost, "a database that was not quarantined could not be reopened");
                }
            }
            return Err(error);
        }
        Ok(DatabaseReceipt { id: expected_id.to_owned() })
    }

    async fn restore(
        &self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        let mut session = self.session(kept_as.as_str()).await?;
        session.expect(kept_as, expected_id).await?;
        session.rename_opened(kept_as, database, expected_id).await?;
        Ok(DatabaseReceipt { id: expected_id.to_owned() })
    }

    /// The id is compared right before: the statement itself knows names only.
    async fn drop_database(
        &self,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        let mut session = self.session(database.as_str()).await?;
        session.expect(database, expected_id).await?;
        session.run(format!(r#"DROP DATABASE "{database}" WITH (FORCE)"#)).await?;
        Ok(DatabaseReceipt { id: expected_id.to_owned() })
    }
}

fn marked(row: &PgRow) -> Result<Option<MarkedDatabase>, sqlx::Error> {
    let comment: Option<String> = row.try_get(2)?;
    let Some(created_by) = mark_of(comment.as_deref()) else { return Ok(None) };
    let (name, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    Ok((name != prepared_name(created_by)).then_some(MarkedDatabase { name, id, created_by }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_never_shown() {
        let url = "postgres://admin:hunter2@localhost/postgres";
        let server = PgDatabaseServer::new("main", url, DatabaseServerOptions::default()).unwrap();
        assert_eq!(format!("{server:?}"), "PgDatabaseServer { name: \"main\", .. }");
    }
}
