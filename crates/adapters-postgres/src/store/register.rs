//! The port [`DatabaseRegister`] of the tools: which databases are ours.

use async_trait::async_trait;
use countersign_kernel::DatabaseName;
use countersign_mcp_tools::ports::{
    DatabaseRegister, OwnedDatabase, OwnedState, TargetError, TargetErrorKind,
};

use super::PgStore;

#[async_trait]
impl DatabaseRegister for PgStore {
    async fn find_owner(
        &self,
        server: &str,
        database: &DatabaseName,
    ) -> Result<Option<OwnedDatabase>, TargetError> {
        let row = sqlx::query_as!(
            OwnerColumns,
            "SELECT database_name, project, environment, state, request_id FROM project_databases
             WHERE server = $1 AND database_name = $2",
            server,
            database.as_str()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| failed(TargetErrorKind::Unreachable, error.to_string()))?;
        Ok(row.map(|row| row.read(server)).transpose()?.map(|(_, owned)| owned))
    }

    async fn list_owners(&self, server: &str) -> Result<Vec<(DatabaseName, OwnedDatabase)>, TargetError> {
        let rows = sqlx::query_as!(
            OwnerColumns,
            "SELECT database_name, project, environment, state, request_id FROM project_databases
             WHERE server = $1 ORDER BY database_name",
            server
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| failed(TargetErrorKind::Unreachable, error.to_string()))?;
        rows.into_iter().map(|row| row.read(server)).collect()
    }
}

/// What a tool has to know of an owner row.
struct OwnerColumns {
    database_name: String,
    project: String,
    environment: String,
    state: String,
    request_id: String,
}

impl OwnerColumns {
    fn read(self, server: &str) -> Result<(DatabaseName, OwnedDatabase), TargetError> {
        let bad = |column: &str| {
            let name = &self.database_name;
            failed(TargetErrorKind::Broken, format!("`{server}/{name}` has no valid {column}"))
        };
        let owned = OwnedDatabase {
            project: self.project.parse().map_err(|_| bad("project"))?,
            environment: self.environment.parse().map_err(|_| bad("environment"))?,
            state: OwnedState::find(&self.state).ok_or_else(|| bad("state"))?,
            request: self.request_id.parse().map_err(|_| bad("request_id"))?,
        };
        Ok((self.database_name.parse().map_err(|_| bad("database_name"))?, owned))
    }
}

fn failed(kind: TargetErrorKind, message: String) -> TargetError {
    TargetError { kind, target: "table project_databases".to_owned(), message }
}
