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
        let row = sqlx::query!(
            "SELECT project, environment, state, request_id FROM project_databases
             WHERE server = $1 AND database_name = $2",
            server,
            database.as_str()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| failed(TargetErrorKind::Unreachable, error.to_string()))?;
        let Some(row) = row else { return Ok(None) };
        let bad = |column: &str| {
            failed(TargetErrorKind::Broken, format!("`{server}/{database}` has no valid {column}"))
        };
        Ok(Some(OwnedDatabase {
            project: row.project.parse().map_err(|_| bad("project"))?,
            environment: row.environment.parse().map_err(|_| bad("environment"))?,
            state: OwnedState::find(&row.state).ok_or_else(|| bad("state"))?,
            request: row.request_id.parse().map_err(|_| bad("request_id"))?,
        }))
    }
}

fn failed(kind: TargetErrorKind, message: String) -> TargetError {
    TargetError { kind, target: "table project_databases".to_owned(), message }
}
