//! One PostgreSQL server that holds databases of projects.

use std::future::Future;
use std::str::FromStr;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Millis, RequestId};
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseSeen, DatabaseServer, TargetError, TargetErrorKind,
};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tokio::time::timeout;

use super::error::{asking, connecting};

/// What our comment on a database begins with; the request's id follows.
const MARK: &str = "countersign request ";

/// What our comment ends with on a database that only its own role may connect to: a restored one gets back what it had.
const PRIVATE: &str = " private";

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

    async fn session(&self, database: &str) -> Result<Session, TargetError> {
        let target = self.target(database);
        let connected = timeout(self.options.connect_timeout.to_std(), self.connect.connect()).await;
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
}

/// One connection for one operation.
struct Session {
    connection: PgConnection,
    target: String,
    patience: Millis,
}

struct Found {
    id: String,
    comment: Option<String>,
    owned: bool,
}

impl Session {
    async fn answer<T>(
        target: &str,
        patience: Millis,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, TargetError> {
        match timeout(patience.to_std(), asked).await {
            Ok(answer) => answer.map_err(|error| asking(target.to_owned(), &error)),
            Err(_) => Err(TargetError {
                kind: TargetErrorKind::NoAnswer,
                target: target.to_owned(),
                message: "no answer in time".to_owned(),
            }),
        }
    }

    /// Sends statements made of checked names and fixed words only.
    async fn run(&mut self, sql: String) -> Result<(), TargetError> {
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
        Self::answer(&self.target, self.patience, asked).await.map(|_| ())
    }

    async fn find(&mut self, database: &str) -> Result<Option<Found>, TargetError> {
        let asked = sqlx::query(
            "SELECT oid::text, shobj_description(oid, 'pg_database'), pg_has_role(datdba, 'USAGE')
             FROM pg_database WHERE datname = $1",
        )
        .bind(database)
        .fetch_optional(&mut self.connection);
        let row = Self::answer(&self.target, self.patience, asked).await?;
        let found = row
            .map(|row| Ok(Found { id: row.try_get(0)?, comment: row.try_get(1)?, owned: row.try_get(2)? }));
        found.transpose().map_err(|error: sqlx::Error| asking(self.target.clone(), &error))
    }

    /// The database of this name, if it is still the expected one.
    async fn expect(&mut self, database: &DatabaseName, id: &str) -> Result<(), TargetError> {
        match self.find(database.as_str()).await? {
            None => Err(self.failed(TargetErrorKind::NotFound, "there is no such database")),
            Some(found) if found.id == id => Ok(()),
            Some(_) => Err(self.failed(TargetErrorKind::Conflict, "it is another database of the same name")),
        }
    }

    /// Gives the prepared database its name. One statement: there is never an unmarked database of that name.
    async fn publish(
        &mut self,
        prepared: &str,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<(), TargetError> {
        match self.run(format!(r#"ALTER DATABASE "{prepared}" RENAME TO "{database}""#)).await {
            // Another executor of this very request was faster; whether it is ours stands in the mark.
            Err(error) if error.kind == TargetErrorKind::NotFound => {
                let found = self.find(database.as_str()).await?;
                let ours = found.is_some_and(|found| mark_of(found.comment.as_deref()) == Some(request));
                if ours { Ok(()) } else { Err(error) }
            }
            Err(error) if error.kind == TargetErrorKind::Conflict => {
                // The name was taken meanwhile: what was prepared for it must not stay.
                self.run(format!(r#"DROP DATABASE IF EXISTS "{prepared}""#)).await?;
                Err(error)
            }
            renamed => renamed,
        }
    }

    /// Renames and closes the database in one transaction, which is taken back when it was not the expected one.
    async fn rename_closed(
        &mut self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<(), TargetError> {
        self.run(format!(
            r#"BEGIN; ALTER DATABASE "{database}" RENAME TO "{kept_as}"; REVOKE CONNECT ON DATABASE "{kept_as}" FROM PUBLIC"#
        ))
        .await?;
        let kept = self.find(kept_as.as_str()).await?;
        if kept.is_none_or(|kept| kept.id != expected_id) {
            self.run("ROLLBACK".to_owned()).await?;
            return Err(self.failed(TargetErrorKind::Conflict, "it is another database of the same name"));
        }
        self.run("COMMIT".to_owned()).await
    }

    /// Renames and opens the database in one transaction, which is taken back when it was not the expected one.
    async fn rename_opened(
        &mut self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<(), TargetError> {
        self.run(format!(
            r#"BEGIN; ALTER DATABASE "{kept_as}" RENAME TO "{database}"; ALTER DATABASE "{database}" ALLOW_CONNECTIONS true"#
        ))
        .await?;
        match self.find(database.as_str()).await? {
            Some(found) if found.id == expected_id => {
                if !is_private(found.comment.as_deref()) {
                    self.run(format!(r#"GRANT CONNECT ON DATABASE "{database}" TO PUBLIC"#)).await?;
                }
                self.run("COMMIT".to_owned()).await
            }
            Some(_) | None => {
                self.run("ROLLBACK".to_owned()).await?;
                Err(self.failed(TargetErrorKind::Conflict, "it is another database of the same name"))
            }
        }
    }

    fn failed(&self, kind: TargetErrorKind, message: &str) -> TargetError {
        TargetError { kind, target: self.target.clone(), message: message.to_owned() }
    }
}

#[async_trait]
impl DatabaseServer for PgDatabaseServer {
    fn name(&self) -> &str {
        &self.name
    }

    fn quarantine_days(&self) -> u32 {
        self.options.quarantine_days
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

    async fn access(&self) -> Result<Access, TargetError> {
        let mut session = self.session("*").await?;
        let asked = sqlx::query(
            "SELECT rolcreatedb OR rolsuper, rolname::text FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(&mut session.connection);
        let row = Session::answer(&session.target, session.patience, asked).await?;
        let read = || Ok((row.try_get::<bool, _>(0)?, row.try_get::<String, _>(1)?));
        let (allowed, role) = read().map_err(|error: sqlx::Error| asking(self.target("*"), &error))?;
        let why = || format!("role `{role}` of server `{}` has no CREATEDB", self.name);
        Ok(if allowed { Access::Allowed } else { Access::Refused { why: why() } })
    }

    /// A database can't be created and marked in one step. It is made under a name of its own that tells the request, marked, and only
    /// then given its name. Whatever ends in between, a repetition goes on from there, and nothing unmarked ever has the name.
    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        let mut session = self.session(database.as_str()).await?;
        if session.find(database.as_str()).await?.is_some() {
            return Err(session.failed(TargetErrorKind::Conflict, "there is a database of this name"));
        }
        let prepared = format!("countersign_new_{}", request.as_uuid().simple());
        match session.find(&prepared).await? {
            None => {
                let created = session.run(format!(r#"CREATE DATABASE "{prepared}""#)).await;
                // Another executor of this very request may just have made it.
                let made = match &created {
                    Err(error) if error.kind == TargetErrorKind::Conflict => {
                        session.find(&prepared).await?.is_some()
                    }
                    Ok(()) | Err(_) => false,
                };
                if !made {
                    created?;
                }
            }
            Some(found) if found.owned => {}
            Some(_) => {
                let message = format!("database `{prepared}` belongs to somebody else");
                return Err(session.failed(TargetErrorKind::Conflict, &message));
            }
        }
        match session.run(format!(r#"COMMENT ON DATABASE "{prepared}" IS '{MARK}{request}'"#)).await {
            // Renamed meanwhile by another executor of this request: marked, then.
            Err(error) if error.kind == TargetErrorKind::NotFound => {}
            marked => marked?,
        }
        session.publish(&prepared, database, request).await?;
        match session.find(database.as_str()).await? {
            Some(found) => Ok(DatabaseReceipt { id: found.id }),
            None => Err(session.failed(TargetErrorKind::Broken, "it is gone right after it was created")),
        }
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

fn mark_of(comment: Option<&str>) -> Option<RequestId> {
    let marked = comment?.strip_prefix(MARK)?;
    marked.strip_suffix(PRIVATE).unwrap_or(marked).parse().ok()
}

/// Whether our comment says that the database was never open to everybody.
fn is_private(comment: Option<&str>) -> bool {
    mark_of(comment).is_some() && comment.is_some_and(|comment| comment.ends_with(PRIVATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_ours_only_in_its_one_form() {
        let id = "018f5a3c-1111-7000-8000-000000000001";
        assert_eq!(mark_of(Some(&format!("{MARK}{id}"))).map(|id| id.to_string()).as_deref(), Some(id));
        let private = format!("{MARK}{id}{PRIVATE}");
        assert_eq!(mark_of(Some(&private)).map(|id| id.to_string()).as_deref(), Some(id));
        assert!(is_private(Some(&private)) && !is_private(Some(&format!("{MARK}{id}"))));
        assert!(!is_private(Some("somebody's private")) && !is_private(None));
        assert_eq!(mark_of(Some(id)), None);
        assert_eq!(mark_of(Some("countersign request soon")), None);
        assert_eq!(mark_of(None), None);
    }

    #[test]
    fn the_url_is_never_shown() {
        let url = "postgres://admin:hunter2@localhost/postgres";
        let server = PgDatabaseServer::new("main", url, DatabaseServerOptions::default()).unwrap();
        assert_eq!(format!("{server:?}"), "PgDatabaseServer { name: \"main\", .. }");
    }
}
