//! Rows of `commits`, `project_databases`, `policy_versions` and `principals`.

use countersign_kernel::Timestamp;
use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query, query_scalar};

use super::refused;
use crate::error::store_error;
use crate::prepared::DatabaseRows;
use crate::rows::Rows;

/// Keeps the ids; `false` when one of them is there already.
pub(super) async fn insert_commits(
    connection: &mut SqliteConnection,
    ids: &Rows,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (rows, now) = (ids.array(), now.to_string());
    let inserted = query!(
        "INSERT INTO commits (commit_id, committed_at) SELECT value, ?2 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
        rows,
        now,
    );
    Ok(inserted.execute(connection).await.map_err(store_error)?.rows_affected() == ids.count())
}

pub(super) async fn write_database(
    connection: &mut SqliteConnection,
    write: &DatabaseRows,
) -> Result<(), StoreError> {
    match write {
        DatabaseRows::Insert(row) => insert_database(connection, &row.array()).await,
        DatabaseRows::Update(row) => update_database(connection, &row.array()).await,
        DatabaseRows::Remove(key) => remove_database(connection, &key.array()).await,
    }
}

async fn insert_database(connection: &mut SqliteConnection, rows: &str) -> Result<(), StoreError> {
    let inserted = query!(
        "INSERT INTO project_databases (server, database_name, project, environment, state, request_id, kept_as,
            original_name, database_id, keep_until, changed_at)
        SELECT value->>'server', value->>'database_name', value->>'project', value->>'environment', value->>'state',
            value->>'request_id', value->>'kept_as', value->>'original_name', value->>'database_id',
            value->>'keep_until', value->>'changed_at'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT stored.database_name AS "database_name!: String" FROM json_each(?1) AS new
        JOIN project_databases AS stored
            ON stored.server = new.value->>'server' AND stored.database_name = new.value->>'database_name'
        LIMIT 1"#,
        rows,
    );
    Err(refused(error, "project_databases", taken.fetch_optional(&mut *connection)).await)
}

async fn update_database(connection: &mut SqliteConnection, rows: &str) -> Result<(), StoreError> {
    query!(
        "UPDATE project_databases SET project = new.value->>'project', environment = new.value->>'environment',
            state = new.value->>'state', request_id = new.value->>'request_id', kept_as = new.value->>'kept_as',
            original_name = new.value->>'original_name', database_id = new.value->>'database_id',
            keep_until = new.value->>'keep_until', changed_at = new.value->>'changed_at'
        FROM json_each(?1) AS new
        WHERE project_databases.server = new.value->>'server'
            AND project_databases.database_name = new.value->>'database_name'",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// `[server, database_name]`.
async fn remove_database(connection: &mut SqliteConnection, rows: &str) -> Result<(), StoreError> {
    query!(
        "DELETE FROM project_databases
        WHERE (server, database_name) IN (SELECT value->>0, value->>1 FROM json_each(?1))",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn insert_policies(
    connection: &mut SqliteConnection,
    policies: &Rows,
) -> Result<(), StoreError> {
    if policies.is_empty() {
        return Ok(());
    }
    let rows = policies.array();
    let inserted = query!(
        "INSERT INTO policy_versions (number, digest, text, activated_at, activated_by)
        SELECT value->>'number', value->>'digest', value->>'text', value->>'activated_at', value->>'activated_by'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT CAST(number AS TEXT) AS "number!: String" FROM policy_versions
        WHERE number IN (SELECT value->>'number' FROM json_each(?1)) LIMIT 1"#,
        rows,
    );
    Err(refused(error, "policy_versions", taken.fetch_optional(&mut *connection)).await)
}

pub(super) async fn insert_principals(
    connection: &mut SqliteConnection,
    principals: &Rows,
) -> Result<(), StoreError> {
    if principals.is_empty() {
        return Ok(());
    }
    let rows = principals.array();
    let inserted = query!(
        "INSERT INTO principals (principal, pseudonym, first_seen_at)
        SELECT value->>'principal', value->>'pseudonym', value->>'first_seen_at' FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT principal AS "principal!: String" FROM principals
        WHERE principal IN (SELECT value->>'principal' FROM json_each(?1)) LIMIT 1"#,
        rows,
    );
    Err(refused(error, "principals", taken.fetch_optional(&mut *connection)).await)
}
