//! The register of databases that are ours: rows of `project_databases`, read-only here.

use async_trait::async_trait;
use countersign_kernel::DatabaseName;
use countersign_mcp_tools::ports::{
    DatabaseRegister, OwnedDatabase, OwnedState, TargetError, TargetErrorKind,
};
use countersign_usecases::port::StoreError;
use countersign_usecases::record::DatabaseRecord;
use sqlx::query_scalar;

use crate::error::store_error;
use crate::rows::Source;
use crate::store::SqliteStore;

pub(crate) const DATABASES: Source = Source { table: "project_databases", key: "database_name" };

#[async_trait]
impl DatabaseRegister for SqliteStore {
    async fn find_owner(
        &self,
        server: &str,
        database: &DatabaseName,
    ) -> Result<Option<OwnedDatabase>, TargetError> {
        let name = database.as_str();
        let found = query_scalar!(
            r#"SELECT record AS "record!: String" FROM project_databases_json WHERE server = ?1 AND database_name = ?2"#,
            server,
            name,
        );
        let found = found.fetch_optional(self.readers()).await;
        match found.map_err(store_error).map_err(|error| failed(&error))? {
            Some(text) => Ok(Some(owned(&DATABASES.read(&text).map_err(|error| failed(&error))?)?)),
            None => Ok(None),
        }
    }

    async fn list_owners(&self, server: &str) -> Result<Vec<(DatabaseName, OwnedDatabase)>, TargetError> {
        let rows = query_scalar!(
            r#"SELECT record AS "record!: String" FROM project_databases_json WHERE server = ?1 ORDER BY database_name"#,
            server,
        );
        let rows = rows.fetch_all(self.readers()).await;
        let rows = rows.map_err(store_error).map_err(|error| failed(&error))?;
        rows.iter().map(|text| named(&DATABASES.read(text).map_err(|error| failed(&error))?)).collect()
    }
}

fn named(row: &DatabaseRecord) -> Result<(DatabaseName, OwnedDatabase), TargetError> {
    let name = row.database_name.parse().map_err(|error| bad(row, "database_name", &error))?;
    Ok((name, owned(row)?))
}

fn bad(row: &DatabaseRecord, column: &'static str, error: &dyn std::fmt::Display) -> TargetError {
    let (table, id) = (DATABASES.table, row.database_name.clone());
    failed(&StoreError::Corrupt { table, column, id, message: error.to_string() })
}

fn owned(row: &DatabaseRecord) -> Result<OwnedDatabase, TargetError> {
    let bad = |column, error: &dyn std::fmt::Display| bad(row, column, error);
    let state = OwnedState::find(&row.state);
    Ok(OwnedDatabase {
        project: row.project.parse().map_err(|error| bad("project", &error))?,
        environment: row.environment.parse().map_err(|error| bad("environment", &error))?,
        state: state.ok_or_else(|| bad("state", &format!("`{}` is no state", row.state)))?,
        request: row.request_id.parse().map_err(|error| bad("request_id", &error))?,
    })
}

/// Reading writes nothing, so a store that can't be reached is as good as never asked.
fn failed(error: &StoreError) -> TargetError {
    let kind = match error {
        StoreError::Unavailable { .. } => TargetErrorKind::Unreachable,
        StoreError::Stale { .. }
        | StoreError::Unknown { .. }
        | StoreError::Corrupt { .. }
        | StoreError::ForeignCursor { .. }
        | StoreError::Refused { .. } => TargetErrorKind::Broken,
    };
    TargetError { kind, target: "table project_databases".to_owned(), message: error.to_string() }
}
