//! Conditions, checked with the host's clock inside the transaction.

use countersign_kernel::Timestamp;
use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query_scalar};

use crate::error::{stale, store_error};
use crate::prepared::Guards;

pub(super) async fn check(
    connection: &mut SqliteConnection,
    guards: &Guards,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(deadline) = guards.not_after.filter(|deadline| now >= *deadline) {
        return Err(stale("not_after", deadline.to_string()));
    }
    if !guards.live_runs.is_empty() {
        let runs = guards.live_runs.array();
        let dead = query_scalar!(
            r#"SELECT CAST(guard.value AS TEXT) AS "run_id!: String" FROM json_each(?1) AS guard
            WHERE NOT EXISTS (SELECT 1 FROM agent_sessions AS run
                WHERE run.run_id = guard.value AND run.status IN ('running', 'waiting'))
            LIMIT 1"#,
            runs,
        );
        if let Some(run_id) = dead.fetch_optional(&mut *connection).await.map_err(store_error)? {
            return Err(stale("run_live", run_id));
        }
    }
    if !guards.fences.is_empty() {
        let (fences, now) = (guards.fences.array(), now.to_string());
        let lost = query_scalar!(
            r#"SELECT (guard.value->>0) || ' ' || (guard.value->>1) AS "work!: String" FROM json_each(?1) AS guard
            WHERE NOT EXISTS (SELECT 1 FROM work_items AS work
                WHERE work.kind = guard.value->>0 AND work.subject = guard.value->>1
                    AND work.fence = guard.value->>2 AND work.leased_until > ?2)
            LIMIT 1"#,
            fences,
            now,
        );
        if let Some(work) = lost.fetch_optional(&mut *connection).await.map_err(store_error)? {
            return Err(stale("fence", work));
        }
    }
    if !guards.databases.is_empty() {
        let databases = guards.databases.array();
        let moved = query_scalar!(
            r#"SELECT CAST(guard.value->>1 AS TEXT) AS "database_name!: String" FROM json_each(?1) AS guard
            WHERE NOT EXISTS (SELECT 1 FROM project_databases AS owned
                WHERE owned.server = guard.value->>0 AND owned.database_name = guard.value->>1
                    AND owned.state = guard.value->>2)
            LIMIT 1"#,
            databases,
        );
        if let Some(name) = moved.fetch_optional(&mut *connection).await.map_err(store_error)? {
            return Err(stale("database_is", name));
        }
    }
    Ok(())
}
