//! The register of databases that are ours.

use async_trait::async_trait;
use countersign_kernel::DatabaseName;
use countersign_mcp_tools::ports::{
    DatabaseRegister, OwnedDatabase, OwnedState, TargetError, TargetErrorKind,
};
use countersign_usecases::record::DatabaseRecord;

use super::MemoryStore;

#[async_trait]
impl DatabaseRegister for MemoryStore {
    async fn find_owner(
        &self,
        server: &str,
        database: &DatabaseName,
    ) -> Result<Option<OwnedDatabase>, TargetError> {
        let tables =
            self.reach().map_err(|error| failed(TargetErrorKind::Unreachable, &error.to_string()))?;
        tables.databases.get(&(server.to_owned(), database.to_string())).map(owned).transpose()
    }

    async fn list_owners(&self, server: &str) -> Result<Vec<(DatabaseName, OwnedDatabase)>, TargetError> {
        let tables =
            self.reach().map_err(|error| failed(TargetErrorKind::Unreachable, &error.to_string()))?;
        let rows = tables.databases.values().filter(|row| row.server == server);
        rows.map(|row| {
            let name = row.database_name.parse().map_err(|_| bad(row, "name"))?;
            Ok((name, owned(row)?))
        })
        .collect()
    }
}

fn bad(row: &DatabaseRecord, column: &str) -> TargetError {
    failed(TargetErrorKind::Broken, &format!("`{}` has no valid {column}", row.database_name))
}

fn owned(row: &DatabaseRecord) -> Result<OwnedDatabase, TargetError> {
    let bad = |column: &str| bad(row, column);
    Ok(OwnedDatabase {
        project: row.project.parse().map_err(|_| bad("project"))?,
        environment: row.environment.parse().map_err(|_| bad("environment"))?,
        state: OwnedState::find(&row.state).ok_or_else(|| bad("state"))?,
        request: row.request_id.parse().map_err(|_| bad("request_id"))?,
    })
}

fn failed(kind: TargetErrorKind, message: &str) -> TargetError {
    TargetError { kind, target: "table project_databases".to_owned(), message: message.to_owned() }
}
