//! One connection to a target server: what is asked on it, and the mark that tells our databases from others.

use std::future::Future;

use countersign_kernel::{DatabaseName, Millis, RequestId};
use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row};
use tokio::time::timeout;

use super::error::asking;

/// What our comment on a database begins with; the request's id follows.
pub(super) const MARK: &str = "countersign request ";

/// What our comment ends with on a database that only its own role may connect to: a restored one gets back what it had.
pub(super) const PRIVATE: &str = " private";

/// One connection for one operation.
pub(super) struct Session {
    pub(super) connection: PgConnection,
    pub(super) target: String,
    pub(super) patience: Millis,
}

pub(super) struct Found {
    pub(super) id: String,
    comment: Option<String>,
    pub(super) owned: bool,
}

impl Session {
    pub(super) async fn answer<T>(
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
    pub(super) async fn run(&mut self, sql: String) -> Result<(), TargetError> {
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
        Self::answer(&self.target, self.patience, asked).await.map(|_| ())
    }

    pub(super) async fn find(&mut self, database: &str) -> Result<Option<Found>, TargetError> {
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
    pub(super) async fn expect(&mut self, database: &DatabaseName, id: &str) -> Result<(), TargetError> {
        match self.find(database.as_str()).await? {
            None => Err(self.failed(TargetErrorKind::NotFound, "there is no such database")),
            Some(found) if found.id == id => Ok(()),
            Some(_) => Err(self.failed(TargetErrorKind::Conflict, "it is another database of the same name")),
        }
    }

    /// Makes the database under the name it is prepared under, unless an earlier attempt of the same request did.
    pub(super) async fn prepare(&mut self, prepared: &str) -> Result<(), TargetError> {
        match self.find(prepared).await? {
            None => {
                let created = self.run(format!(r#"CREATE DATABASE "{prepared}""#)).await;
                // Another executor of this very request may just have made it.
                let made = match &created {
                    Err(error) if error.kind == TargetErrorKind::Conflict => {
                        self.find(prepared).await?.is_some()
                    }
                    Ok(()) | Err(_) => false,
                };
                if made { Ok(()) } else { created }
            }
            Some(found) if found.owned => Ok(()),
            Some(_) => {
                let message = format!("database `{prepared}` belongs to somebody else");
                Err(self.failed(TargetErrorKind::Conflict, &message))
            }
        }
    }

    /// Lets nobody but this role connect to the database.
    pub(super) async fn open_to_role_only(
        &mut self,
        database: &str,
        role: &DatabaseName,
    ) -> Result<(), TargetError> {
        self.run(format!(
            r#"REVOKE ALL ON DATABASE "{database}" FROM PUBLIC; GRANT CONNECT, TEMPORARY, CREATE ON DATABASE "{database}" TO "{role}""#
        ))
        .await
    }

    /// Ends the connection in good order, so that the server knows at once.
    pub(super) async fn close(self) {
        // What was asked on it is answered; a connection that can't even be ended is gone.
        let _ = timeout(self.patience.to_std(), self.connection.close()).await;
    }

    /// Gives the prepared database its name. One statement: there is never an unmarked database of that name.
    pub(super) async fn publish(
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
    pub(super) async fn rename_closed(
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
    pub(super) async fn rename_opened(
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

    pub(super) fn failed(&self, kind: TargetErrorKind, message: &str) -> TargetError {
        TargetError { kind, target: self.target.clone(), message: message.to_owned() }
    }
}

pub(super) fn mark_of(comment: Option<&str>) -> Option<RequestId> {
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
}
