//! An owner row of `project_databases`, typed.

use countersign_kernel::{DatabaseName, Environment, ProjectKey, RequestId, Timestamp};
use countersign_mcp_tools::ports::OwnedState;

use super::sealed::DatabaseRecord;
use super::stamp::{Row, Stamp};
use crate::port::StoreError;

/// Who owns a database and where it is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRow {
    /// The configured server's name.
    pub server: String,
    /// The name the row is found by: that of the database, and while it is kept the one it is kept under.
    pub name: DatabaseName,
    /// The project that owns it.
    pub project: ProjectKey,
    /// Its environment.
    pub environment: Environment,
    /// Where it is in its life.
    pub state: OwnedState,
    /// The request that created it, whose mark it carries.
    pub request: RequestId,
    /// What is known of it while it is kept: quarantined, being restored or purged.
    pub kept: Option<Kept>,
    /// When the row last changed.
    pub changed_at: Timestamp,
}

/// A database that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The name it is kept under.
    pub kept_as: DatabaseName,
    /// The name it had, and gets back when it is restored.
    pub original_name: DatabaseName,
    /// What identifies this very database on its server.
    pub database_id: String,
    /// Until when it can be restored.
    pub until: Timestamp,
}

impl TryFrom<DatabaseRecord> for OwnerRow {
    type Error = StoreError;

    fn try_from(record: DatabaseRecord) -> Result<Self, StoreError> {
        let id = format!("{}/{}", record.server, record.database_name);
        let row = Row { table: "project_databases", id: &id };
        let state = OwnedState::find(&record.state)
            .ok_or_else(|| row.corrupt("state", format!("`{}` is no state", record.state)))?;
        let kept = match (&record.kept_as, &record.original_name, &record.database_id, record.keep_until) {
            (Some(kept_as), Some(original_name), Some(database_id), Some(until)) => Some(Kept {
                kept_as: row.parse("kept_as", kept_as)?,
                original_name: row.parse("original_name", original_name)?,
                database_id: database_id.clone(),
                until: until.0,
            }),
            (None | Some(_), None | Some(_), None | Some(_), None | Some(_)) => None,
        };
        Ok(Self {
            name: row.parse("database_name", &record.database_name)?,
            project: row.parse("project", &record.project)?,
            environment: row.parse("environment", &record.environment)?,
            state,
            request: row.parse("request_id", &record.request_id)?,
            kept,
            changed_at: record.changed_at.0,
            server: record.server,
        })
    }
}

impl From<&OwnerRow> for DatabaseRecord {
    fn from(row: &OwnerRow) -> Self {
        let kept = row.kept.as_ref();
        Self {
            server: row.server.clone(),
            database_name: row.name.to_string(),
            project: row.project.to_string(),
            environment: row.environment.to_string(),
            state: row.state.as_str().to_owned(),
            request_id: row.request.to_string(),
            kept_as: kept.map(|kept| kept.kept_as.to_string()),
            original_name: kept.map(|kept| kept.original_name.to_string()),
            database_id: kept.map(|kept| kept.database_id.clone()),
            keep_until: kept.map(|kept| Stamp(kept.until)),
            changed_at: Stamp(row.changed_at),
        }
    }
}
