//! The requests of one run: what its page shows of them, and what its agent still has to hear of.

use countersign_approvals::{ActionRequest, StateName};
use countersign_kernel::RunId;
use countersign_usecases::port::{RequestCursor, RunRequest, RunRequestPage, StateCount, StoreError};
use countersign_usecases::record::{OutcomeRecord, RequestBundle, RunRequestRecord, StateCountRecord};
use countersign_waitstate::Outcome;
use serde::Deserialize;
use sqlx::PgPool;

use super::page_size;
use super::requests::TABLE;
use crate::error::{read, store_error};

#[derive(Deserialize)]
struct Awaited {
    bundle: RequestBundle,
    outcome: Option<OutcomeRecord>,
}

pub(super) async fn list(
    pool: &PgPool,
    run: &RunId,
    after: Option<RequestCursor>,
    limit: u32,
) -> Result<RunRequestPage, StoreError> {
    let at = after.map(|cursor| cursor.requested_at.to_string());
    let id = after.map(|cursor| cursor.id.to_string());
    let size = page_size(limit, 500);
    let documents = sqlx::query_file_scalar!(
        "src/store/queries/list_run_requests.sql",
        run.as_str(),
        &StateName::ALL.map(|state| state.as_str().to_owned()),
        at.as_deref(),
        id.as_deref(),
        size + 1
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?;
    let more = i64::try_from(documents.len()).unwrap_or(i64::MAX) > size;
    let kept = documents.iter().take(usize::try_from(size).unwrap_or(usize::MAX));
    let requests = kept.map(|document| shown(document)).collect::<Result<Vec<_>, StoreError>>()?;
    let last = requests.last().filter(|_| more);
    let next = last.map(|last| RequestCursor { requested_at: last.requested_at, id: last.id });
    Ok(RunRequestPage { requests, next })
}

pub(super) async fn count(pool: &PgPool, run: &RunId) -> Result<Vec<StateCount>, StoreError> {
    let rows = sqlx::query_as!(
        StateCountRecord,
        r#"SELECT state, count(*) AS "count!" FROM mcp_action_requests WHERE run_id = $1 GROUP BY state"#,
        run.as_str()
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?;
    StateCountRecord::read_all(run.as_str(), &rows)
}

pub(super) async fn list_unread(
    pool: &PgPool,
    run: &RunId,
    limit: u32,
) -> Result<Vec<RunRequest>, StoreError> {
    let size = page_size(limit, 500);
    let documents = sqlx::query_file_scalar!("src/store/queries/list_unread.sql", run.as_str(), size)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    documents.iter().map(|document| shown(document)).collect()
}

pub(super) async fn list_awaited(
    pool: &PgPool,
    run: &RunId,
) -> Result<Vec<(ActionRequest, Option<Outcome>)>, StoreError> {
    let documents = sqlx::query_file_scalar!("src/store/queries/list_awaited.sql", run.as_str())
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let awaited = |document: &String| {
        let Awaited { bundle, outcome } = read(document, TABLE, run.as_str())?;
        Ok((bundle.try_into()?, outcome.map(TryInto::try_into).transpose()?))
    };
    documents.iter().map(awaited).collect()
}

fn shown(document: &str) -> Result<RunRequest, StoreError> {
    let record: RunRequestRecord = read(document, TABLE, "of a run")?;
    record.try_into()
}
