//! Rows of `action_steps` and `sealed_values`.

use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query, query_scalar};

use super::refused;
use crate::error::store_error;
use crate::rows::Rows;

/// Steps, inserted or replaced. Those that give up their target come before those that take one: what counts is how it is in the end.
pub(super) async fn put(connection: &mut SqliteConnection, steps: &Rows) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let rows = steps.array();
    let written = query!(
        "INSERT INTO action_steps (request_id, revision, step_number, kind, target, state, intended_at, done_at, receipt, fence,
            attempts, quiet_until, failure_code, failure_message)
        SELECT value->>'request_id', value->>'revision', value->>'step_number', value->>'kind', value->>'target',
            value->>'state', value->>'intended_at', value->>'done_at', nullif(value->'receipt', 'null'), value->>'fence',
            value->>'attempts', value->>'quiet_until', value->>'failure_code', value->>'failure_message'
        FROM json_each(?1) WHERE true
        ORDER BY value->>'state' IN ('intended', 'undoing'), id
        ON CONFLICT (request_id, revision, step_number) DO UPDATE SET kind = excluded.kind, target = excluded.target,
            state = excluded.state, intended_at = excluded.intended_at, done_at = excluded.done_at, receipt = excluded.receipt,
            fence = excluded.fence, attempts = excluded.attempts, quiet_until = excluded.quiet_until,
            failure_code = excluded.failure_code, failure_message = excluded.failure_message",
        rows,
    );
    let Err(error) = written.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT stored.target AS "target!: String" FROM json_each(?1) AS new
        JOIN action_steps AS stored
            ON stored.target = new.value->>'target' AND stored.state IN ('intended', 'undoing')
            AND new.value->>'state' IN ('intended', 'undoing')
            AND (stored.request_id, stored.revision, stored.step_number)
                <> (new.value->>'request_id', new.value->>'revision', new.value->>'step_number')
        LIMIT 1"#,
        rows,
    );
    Err(refused(error, "action_steps", taken.fetch_optional(&mut *connection)).await)
}

pub(super) async fn insert_sealed(
    connection: &mut SqliteConnection,
    sealed: &Rows,
) -> Result<(), StoreError> {
    if sealed.is_empty() {
        return Ok(());
    }
    let rows = sealed.array();
    let inserted = query!(
        "INSERT INTO sealed_values (request_id, revision, purpose, master_key_id, wrapped_key, sealed_value, sealed_at)
        SELECT value->>'request_id', value->>'revision', value->>'purpose', value->>'master_key_id', value->>'wrapped_key',
            value->>'sealed_value', value->>'sealed_at'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT stored.request_id AS "request_id!: String" FROM json_each(?1) AS new
        JOIN sealed_values AS stored ON stored.request_id = new.value->>'request_id'
            AND stored.revision = new.value->>'revision' AND stored.purpose = new.value->>'purpose'
        LIMIT 1"#,
        rows,
    );
    Err(refused(error, "sealed_values", taken.fetch_optional(&mut *connection)).await)
}

pub(super) async fn erase_sealed(
    connection: &mut SqliteConnection,
    requests: &Rows,
) -> Result<(), StoreError> {
    if requests.is_empty() {
        return Ok(());
    }
    let rows = requests.array();
    query!("DELETE FROM sealed_values WHERE request_id IN (SELECT value FROM json_each(?1))", rows)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}
