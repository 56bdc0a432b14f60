//! Rows of `mcp_action_requests`, `request_words`, `approval_votes` and `call_keys`.

use countersign_usecases::port::StoreError;
use sqlx::{SqliteConnection, query, query_scalar};

use super::refused;
use crate::error::{stale, store_error};
use crate::rows::Rows;

pub(super) async fn insert(connection: &mut SqliteConnection, requests: &Rows) -> Result<(), StoreError> {
    if requests.is_empty() {
        return Ok(());
    }
    let rows = requests.array();
    let inserted = query!(
        "INSERT INTO mcp_action_requests (request_id, correlation_id, run_id, project, agent_key, launched_by, tool, action,
            environment, intent_digest, call_key_hash, open_intent, requested_at, revision, payload_snapshot, target_snapshot,
            plan_digest, policy_digest, terms, state, decide_by, execute_by, state_at, state_detail, version)
        SELECT value->>'request_id', value->>'correlation_id', value->>'run_id', value->>'project', value->>'agent_key',
            value->>'launched_by', value->>'tool', value->>'action', value->>'environment', value->>'intent_digest',
            value->>'call_key_hash', value->>'open_intent', value->>'requested_at', value->>'revision',
            value->'payload_snapshot', value->'target_snapshot', value->>'plan_digest', value->>'policy_digest', value->'terms',
            value->>'state', value->>'decide_by', value->>'execute_by', value->>'state_at', value->'state_detail',
            value->>'version'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    Err(refused(error, "mcp_action_requests", find_taken(connection, &rows)).await)
}

/// The first of these requests whose id, or whose intent, is taken.
async fn find_taken(connection: &mut SqliteConnection, rows: &str) -> Result<Option<String>, sqlx::Error> {
    query_scalar!(
        r#"SELECT new.value->>'request_id' AS "request_id!: String" FROM json_each(?1) AS new
        JOIN mcp_action_requests AS stored
            ON stored.request_id = new.value->>'request_id'
            OR (stored.open_intent = 1 AND new.value->>'open_intent' AND stored.run_id = new.value->>'run_id'
                AND stored.tool = new.value->>'tool' AND stored.action = new.value->>'action'
                AND stored.intent_digest = new.value->>'intent_digest')
        LIMIT 1"#,
        rows,
    )
    .fetch_optional(connection)
    .await
}

/// Requests as `[expected version, record]`.
pub(super) async fn update(connection: &mut SqliteConnection, requests: &Rows) -> Result<(), StoreError> {
    if requests.is_empty() {
        return Ok(());
    }
    let rows = requests.array();
    let moved = query_scalar!(
        r#"SELECT value->>'$[1].request_id' AS "request_id!: String" FROM json_each(?1) AS new
        WHERE NOT EXISTS (SELECT 1 FROM mcp_action_requests AS request
            WHERE request.request_id = new.value->>'$[1].request_id' AND request.version = new.value->>0)
        LIMIT 1"#,
        rows,
    );
    if let Some(request_id) = moved.fetch_optional(&mut *connection).await.map_err(store_error)? {
        return Err(stale("mcp_action_requests", request_id));
    }
    let updated = query!(
        "UPDATE mcp_action_requests SET
            correlation_id = new.row->>'correlation_id', run_id = new.row->>'run_id', project = new.row->>'project',
            agent_key = new.row->>'agent_key', launched_by = new.row->>'launched_by', tool = new.row->>'tool',
            action = new.row->>'action', environment = new.row->>'environment', intent_digest = new.row->>'intent_digest',
            call_key_hash = new.row->>'call_key_hash', open_intent = new.row->>'open_intent',
            requested_at = new.row->>'requested_at', revision = new.row->>'revision',
            payload_snapshot = new.row->'payload_snapshot', target_snapshot = new.row->'target_snapshot',
            plan_digest = new.row->>'plan_digest', policy_digest = new.row->>'policy_digest', terms = new.row->'terms',
            state = new.row->>'state', decide_by = new.row->>'decide_by', execute_by = new.row->>'execute_by',
            state_at = new.row->>'state_at', state_detail = new.row->'state_detail', version = new.row->>'version'
        FROM (SELECT value->1 AS row FROM json_each(?1)) AS new
        WHERE mcp_action_requests.request_id = new.row->>'request_id'",
        rows,
    );
    let Err(error) = updated.execute(&mut *connection).await else { return Ok(()) };
    // The only unique key an update can run into is the intent.
    let taking = query_scalar!(
        r#"SELECT new.value->>'$[1].request_id' AS "request_id!: String" FROM json_each(?1) AS new
        JOIN mcp_action_requests AS stored
            ON stored.open_intent = 1 AND new.value->>'$[1].open_intent' AND stored.run_id = new.value->>'$[1].run_id'
                AND stored.tool = new.value->>'$[1].tool' AND stored.action = new.value->>'$[1].action'
                AND stored.intent_digest = new.value->>'$[1].intent_digest'
                AND stored.request_id <> new.value->>'$[1].request_id'
        LIMIT 1"#,
        rows,
    );
    Err(refused(error, "mcp_action_requests", taking.fetch_optional(&mut *connection)).await)
}

/// The words of requests; those that a request had before are gone.
pub(super) async fn put_words(connection: &mut SqliteConnection, search: &Rows) -> Result<(), StoreError> {
    if search.is_empty() {
        return Ok(());
    }
    let rows = search.array();
    query!(
        "DELETE FROM request_words WHERE request_id IN (SELECT value->>'request_id' FROM json_each(?1))",
        rows,
    )
    .execute(&mut *connection)
    .await
    .map_err(store_error)?;
    query!(
        "INSERT INTO request_words (request_id, word)
        SELECT request.value->>'request_id', word.value
        FROM json_each(?1) AS request, json_each(request.value->'words') AS word",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn put_votes(connection: &mut SqliteConnection, votes: &Rows) -> Result<(), StoreError> {
    if votes.is_empty() {
        return Ok(());
    }
    let rows = votes.array();
    query!(
        "INSERT INTO approval_votes (request_id, revision, principal, choice, seen_digest, reason, input_mode, proof, voted_at,
            as_sole_owner, by_group, transcript)
        SELECT value->>'request_id', value->>'revision', value->>'principal', value->>'choice', value->>'seen_digest',
            value->>'reason', value->>'input_mode', value->>'proof', value->>'voted_at', value->>'as_sole_owner', value->>'by_group',
            value->>'transcript'
        FROM json_each(?1) WHERE true
        ON CONFLICT (request_id, revision, principal) DO UPDATE SET choice = excluded.choice,
            seen_digest = excluded.seen_digest, reason = excluded.reason, input_mode = excluded.input_mode,
            proof = excluded.proof, voted_at = excluded.voted_at, as_sole_owner = excluded.as_sole_owner,
            by_group = excluded.by_group, transcript = excluded.transcript",
        rows,
    )
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn insert_call_keys(
    connection: &mut SqliteConnection,
    keys: &Rows,
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows = keys.array();
    let inserted = query!(
        "INSERT INTO call_keys (run_id, tool, key_hash, intent_digest, request_id, created_at)
        SELECT value->>'run_id', value->>'tool', value->>'key_hash', value->>'intent_digest', value->>'request_id',
            value->>'created_at'
        FROM json_each(?1)",
        rows,
    );
    let Err(error) = inserted.execute(&mut *connection).await else { return Ok(()) };
    let taken = query_scalar!(
        r#"SELECT stored.key_hash AS "key_hash!: String" FROM json_each(?1) AS new
        JOIN call_keys AS stored ON stored.run_id = new.value->>'run_id' AND stored.tool = new.value->>'tool'
            AND stored.key_hash = new.value->>'key_hash'
        LIMIT 1"#,
        rows,
    );
    Err(refused(error, "call_keys", taken.fetch_optional(&mut *connection)).await)
}
