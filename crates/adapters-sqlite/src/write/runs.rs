//! Rows of `agent_sessions`, `run_waits` and `run_outcomes`.

use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query, query_scalar};

use super::refused;
use crate::clock::HostClock;
use crate::error::{stale, store_error};
use crate::rows::Rows;

/// New runs. They have no sign of life yet.
pub(super) async fn insert(connection: &mut SqliteConnection, runs: &Rows) -> Result<(), StoreError> {
    if runs.is_empty() {
        return Ok(());
    }
    let rows = runs.array();
    let inserted = query!(
        "INSERT INTO agent_sessions (run_id, agent_key, run_label, runtime_mode, project, repository, namespace, issue_number,
            pr_number, launched_by, budget_ms, status, finish_reason, registered_at, deadline_at, budget_left_ms, waiting_since,
            ending_at, finished_at, wait_state, wait_reason, timeout_guard_disabled, refusals_opened_at, refusals_recorded,
            refusals_suppressed, idle_calls_opened_at, idle_calls_recorded, idle_calls_suppressed, version)
        SELECT value->>'run_id', value->>'agent_key', value->>'run_label', value->>'runtime_mode', value->>'project',
            value->>'repository', value->>'namespace', value->>'issue_number', value->>'pr_number', value->>'launched_by',
            value->>'budget_ms', value->>'status', value->>'finish_reason', value->>'registered_at', value->>'deadline_at',
            value->>'budget_left_ms', value->>'waiting_since', value->>'ending_at', value->>'finished_at', value->>'wait_state',
            value->>'wait_reason', value->>'timeout_guard_disabled', value->>'refusals_opened_at', value->>'refusals_recorded',
            value->>'refusals_suppressed', value->>'idle_calls_opened_at', value->>'idle_calls_recorded',
            value->>'idle_calls_suppressed', value->>'version'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT run_id AS "run_id!: String" FROM agent_sessions
        WHERE run_id IN (SELECT value->>'run_id' FROM json_each(?1)) LIMIT 1"#,
        rows,
    );
    Err(refused(error, "agent_sessions", taken.fetch_optional(&mut *connection)).await)
}

/// Runs as `[expected version, record]`. The sign of life of the stored row stays.
pub(super) async fn update(connection: &mut SqliteConnection, runs: &Rows) -> Result<(), StoreError> {
    if runs.is_empty() {
        return Ok(());
    }
    let rows = runs.array();
    let moved = query_scalar!(
        r#"SELECT value->>'$[1].run_id' AS "run_id!: String" FROM json_each(?1) AS new
        WHERE NOT EXISTS (SELECT 1 FROM agent_sessions AS run
            WHERE run.run_id = new.value->>'$[1].run_id' AND run.version = new.value->>0)
        LIMIT 1"#,
        rows,
    );
    if let Some(run_id) = moved.fetch_optional(&mut *connection).await.map_err(store_error)? {
        return Err(stale("agent_sessions", run_id));
    }
    query!(
        "UPDATE agent_sessions SET
            agent_key = new.row->>'agent_key', run_label = new.row->>'run_label', runtime_mode = new.row->>'runtime_mode',
            project = new.row->>'project', repository = new.row->>'repository', namespace = new.row->>'namespace',
            issue_number = new.row->>'issue_number', pr_number = new.row->>'pr_number', launched_by = new.row->>'launched_by',
            budget_ms = new.row->>'budget_ms', status = new.row->>'status', finish_reason = new.row->>'finish_reason',
            registered_at = new.row->>'registered_at', deadline_at = new.row->>'deadline_at',
            budget_left_ms = new.row->>'budget_left_ms', waiting_since = new.row->>'waiting_since',
            ending_at = new.row->>'ending_at', finished_at = new.row->>'finished_at', wait_state = new.row->>'wait_state',
            wait_reason = new.row->>'wait_reason', timeout_guard_disabled = new.row->>'timeout_guard_disabled',
            refusals_opened_at = new.row->>'refusals_opened_at', refusals_recorded = new.row->>'refusals_recorded',
            refusals_suppressed = new.row->>'refusals_suppressed', idle_calls_opened_at = new.row->>'idle_calls_opened_at',
            idle_calls_recorded = new.row->>'idle_calls_recorded', idle_calls_suppressed = new.row->>'idle_calls_suppressed',
            version = new.row->>'version'
        FROM (SELECT value->1 AS row FROM json_each(?1)) AS new
        WHERE agent_sessions.run_id = new.row->>'run_id'",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// A sign of life of a live run: the greater of the stored time and now.
pub(crate) async fn heartbeat(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    run: &str,
) -> Result<bool, StoreError> {
    let now = clock.now().to_string();
    let updated = query!(
        "UPDATE agent_sessions SET last_heartbeat_at = max(coalesce(last_heartbeat_at, ''), ?2)
        WHERE run_id = ?1 AND status IN ('running', 'waiting')",
        run,
        now,
    );
    Ok(updated.execute(connection).await.map_err(store_error)?.rows_affected() == 1)
}

pub(super) async fn put_waits(connection: &mut SqliteConnection, waits: &Rows) -> Result<(), StoreError> {
    if waits.is_empty() {
        return Ok(());
    }
    let rows = waits.array();
    query!(
        "INSERT INTO run_waits (run_id, request_id, reason, wait_state, opened_at, closed_at)
        SELECT value->>'run_id', value->>'request_id', value->>'reason', value->>'wait_state', value->>'opened_at',
            value->>'closed_at'
        FROM json_each(?1) WHERE true
        ON CONFLICT (run_id, request_id) DO UPDATE SET reason = excluded.reason, wait_state = excluded.wait_state,
            opened_at = excluded.opened_at, closed_at = excluded.closed_at",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn insert_outcomes(
    connection: &mut SqliteConnection,
    outcomes: &Rows,
) -> Result<(), StoreError> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let rows = outcomes.array();
    let inserted = query!(
        "INSERT INTO run_outcomes (run_id, request_id, status, next_action, detail, created_at, acknowledged_at, undeliverable_at)
        SELECT value->>'run_id', value->>'request_id', value->>'status', value->>'next_action', value->'detail',
            value->>'created_at', value->>'acknowledged_at', value->>'undeliverable_at'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT stored.request_id AS "request_id!: String" FROM json_each(?1) AS new
        JOIN run_outcomes AS stored
            ON stored.run_id = new.value->>'run_id' AND stored.request_id = new.value->>'request_id'
        LIMIT 1"#,
        rows,
    );
    Err(refused(error, "run_outcomes", taken.fetch_optional(&mut *connection)).await)
}

/// `[run_id, request_id, at]`. An earlier mark stays.
pub(super) async fn mark_acknowledged(
    connection: &mut SqliteConnection,
    marks: &Rows,
) -> Result<(), StoreError> {
    if marks.is_empty() {
        return Ok(());
    }
    let rows = marks.array();
    query!(
        "UPDATE run_outcomes SET acknowledged_at = mark.value->>2 FROM json_each(?1) AS mark
        WHERE run_outcomes.run_id = mark.value->>0 AND run_outcomes.request_id = mark.value->>1 AND acknowledged_at IS NULL",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// `[run_id, request_id, at]`. An earlier mark stays.
pub(super) async fn mark_undeliverable(
    connection: &mut SqliteConnection,
    marks: &Rows,
) -> Result<(), StoreError> {
    if marks.is_empty() {
        return Ok(());
    }
    let rows = marks.array();
    query!(
        "UPDATE run_outcomes SET undeliverable_at = mark.value->>2 FROM json_each(?1) AS mark
        WHERE run_outcomes.run_id = mark.value->>0 AND run_outcomes.request_id = mark.value->>1 AND undeliverable_at IS NULL",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
