//! Rows of `flow_events`, `audit_inbox` and `links`.

use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query};

use crate::error::store_error;
use crate::rows::Rows;

/// Events and their log entries, in their order. An event id is random: one that is there already is a defect, not a race.
pub(super) async fn insert(connection: &mut SqliteConnection, events: &Rows) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let rows = events.array();
    query!(
        "INSERT INTO flow_events (event_id, at, event_type, actor_kind, actor_id, actor_proof, actor_pseudonym, run_id,
            request_id, correlation_id, project, policy_digest, plan_digest, detail, salt)
        SELECT value->>'event_id', value->>'at', value->>'event_type', value->>'actor_kind', value->>'actor_id',
            value->>'actor_proof', value->>'actor_pseudonym', value->>'run_id', value->>'request_id',
            value->>'correlation_id', value->>'project', value->>'policy_digest', value->>'plan_digest', value->'detail',
            value->>'salt'
        FROM json_each(?1) ORDER BY id",
        rows,
    )
    .execute(&mut *connection)
    .await
    .map_err(store_error)?;
    query!(
        "INSERT INTO audit_inbox (event_id, entry)
        SELECT value->>'event_id', value->>'entry' FROM json_each(?1) ORDER BY id",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Links, each once.
pub(super) async fn insert_links(connection: &mut SqliteConnection, links: &Rows) -> Result<(), StoreError> {
    if links.is_empty() {
        return Ok(());
    }
    let rows = links.array();
    query!(
        "INSERT INTO links (from_kind, from_id, to_kind, to_id)
        SELECT value->>'from_kind', value->>'from_id', value->>'to_kind', value->>'to_id' FROM json_each(?1) WHERE true
        ON CONFLICT DO NOTHING",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
