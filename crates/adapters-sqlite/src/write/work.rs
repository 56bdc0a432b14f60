//! Rows of `work_items`, as commits write them. Leasing is in `work_queue`.

use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query};

use crate::error::store_error;
use crate::rows::Rows;

/// `[kind, subject]`.
pub(super) async fn remove(connection: &mut SqliteConnection, work: &Rows) -> Result<(), StoreError> {
    if work.is_empty() {
        return Ok(());
    }
    let rows = work.array();
    query!(
        "DELETE FROM work_items WHERE (kind, subject) IN (SELECT value->>0, value->>1 FROM json_each(?1))",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// `[kind, subject, due_at]`. A row that is there keeps its fence and lease.
pub(super) async fn schedule(connection: &mut SqliteConnection, work: &Rows) -> Result<(), StoreError> {
    if work.is_empty() {
        return Ok(());
    }
    let rows = work.array();
    query!(
        "INSERT INTO work_items (kind, subject, due_at)
        SELECT value->>0, value->>1, value->>2 FROM json_each(?1) WHERE true
        ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at, attempts = 0",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
