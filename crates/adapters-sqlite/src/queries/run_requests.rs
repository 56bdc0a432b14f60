//! The requests of one run: what its page shows of them, and what its agent still has to hear of.

use countersign_approvals::ActionRequest;
use countersign_kernel::RunId;
use countersign_usecases::port::{RequestCursor, RunRequest, RunRequestPage, StateCount, StoreError};
use countersign_usecases::record::{OutcomeRecord, RunRequestRecord, StateCountRecord};
use countersign_waitstate::Outcome;
use sqlx::{query, query_as, query_scalar};

use crate::error::store_error;
use crate::ledger::{OUTCOMES, REQUESTS, read_request};
use crate::store::SqliteStore;

pub(super) async fn list(
    store: &SqliteStore,
    run: &RunId,
    after: Option<RequestCursor>,
    limit: u32,
) -> Result<RunRequestPage, StoreError> {
    let run = run.as_str();
    let (after_at, after_id) = match after {
        Some(RequestCursor { requested_at, id }) => (requested_at.to_string(), id.to_string()),
        None => (String::new(), String::new()),
    };
    let limit = limit.clamp(1, 500);
    let one_more = limit + 1;
    let rows = query_scalar!(
        r#"SELECT json_object('request_id', request.request_id, 'tool', request.tool, 'action', request.action,
            'environment', request.environment, 'state', request.state, 'requested_at', request.requested_at,
            'outcome', (SELECT json(outcome.record) FROM run_outcomes_json AS outcome
                WHERE outcome.run_id = request.run_id AND outcome.request_id = request.request_id)) AS "record!: String"
        FROM mcp_action_requests AS request
        WHERE request.run_id = ?1 AND (request.requested_at, request.request_id) > (?2, ?3)
        ORDER BY request.requested_at, request.request_id LIMIT ?4"#,
        run,
        after_at,
        after_id,
        one_more,
    )
    .fetch_all(store.readers())
    .await
    .map_err(store_error)?;
    let whole = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > whole;
    let requests = rows.iter().take(whole).map(|row| shown(row)).collect::<Result<Vec<_>, StoreError>>()?;
    let last = requests.last().filter(|_| more);
    let next = last.map(|last| RequestCursor { requested_at: last.requested_at, id: last.id });
    Ok(RunRequestPage { requests, next })
}

pub(super) async fn count(store: &SqliteStore, run: &RunId) -> Result<Vec<StateCount>, StoreError> {
    let id = run.as_str();
    let rows = query_as!(
        StateCountRecord,
        r#"SELECT state, count(*) AS "count!: i64" FROM mcp_action_requests WHERE run_id = ?1 GROUP BY state"#,
        id,
    )
    .fetch_all(store.readers())
    .await
    .map_err(store_error)?;
    StateCountRecord::read_all(id, &rows)
}

pub(super) async fn list_unread(
    store: &SqliteStore,
    run: &RunId,
    limit: u32,
) -> Result<Vec<RunRequest>, StoreError> {
    let run = run.as_str();
    let limit = limit.clamp(1, 500);
    let rows = query_scalar!(
        r#"SELECT json_object('request_id', request.request_id, 'tool', request.tool, 'action', request.action,
            'environment', request.environment, 'state', request.state, 'requested_at', request.requested_at,
            'outcome', json(outcome.record)) AS "record!: String"
        FROM run_outcomes_json AS outcome JOIN mcp_action_requests AS request USING (request_id)
        WHERE outcome.run_id = ?1 AND outcome.acknowledged_at IS NULL
        ORDER BY outcome.created_at, outcome.request_id LIMIT ?2"#,
        run,
        limit,
    )
    .fetch_all(store.readers())
    .await
    .map_err(store_error)?;
    rows.iter().map(|row| shown(row)).collect()
}

pub(super) async fn list_awaited(
    store: &SqliteStore,
    run: &RunId,
) -> Result<Vec<(ActionRequest, Option<Outcome>)>, StoreError> {
    let run = run.as_str();
    let rows = query!(
        r#"SELECT request.record AS "request!: String",
            (SELECT json_group_array(json(vote.record) ORDER BY vote.voted_at, vote.principal)
                FROM approval_votes_json AS vote WHERE vote.request_id = request.request_id) AS "votes!: String",
            outcome.record AS "outcome?: String"
        FROM mcp_action_requests_json AS request
        LEFT JOIN run_outcomes_json AS outcome
            ON outcome.run_id = request.run_id AND outcome.request_id = request.request_id
        WHERE request.run_id = ?1 AND outcome.acknowledged_at IS NULL
        ORDER BY request.requested_at, request.request_id"#,
        run,
    )
    .fetch_all(store.readers())
    .await
    .map_err(store_error)?;
    let mut awaited = Vec::with_capacity(rows.len());
    for row in rows {
        let outcome =
            row.outcome.map(|text| OUTCOMES.read::<OutcomeRecord>(&text)?.try_into()).transpose()?;
        if let Some(bundle) = read_request(Some(&row.request), &row.votes)? {
            awaited.push((bundle.try_into()?, outcome));
        }
    }
    Ok(awaited)
}

fn shown(record: &str) -> Result<RunRequest, StoreError> {
    REQUESTS.read::<RunRequestRecord>(record)?.try_into()
}
