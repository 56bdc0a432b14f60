//! Runs and their outcomes.

use countersign_kernel::{RequestId, RunId};
use countersign_usecases::port::{RunCursor, RunFilter, RunPage, StoreError};
use countersign_usecases::record::{OutcomeRecord, RunBundle};
use countersign_waitstate::{Outcome, Run};
use sqlx::PgPool;

use super::page_size;
use crate::error::{read, store_error};

pub(super) async fn find(pool: &PgPool, id: &RunId) -> Result<Option<Run>, StoreError> {
    let document = sqlx::query_file_scalar!("src/store/queries/find_run.sql", id.as_str())
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    let bundle: Option<RunBundle> =
        document.map(|document| read(&document, "agent_sessions", id.as_str())).transpose()?;
    bundle.map(TryInto::try_into).transpose()
}

pub(super) async fn list(
    pool: &PgPool,
    filter: &RunFilter,
    after: Option<&RunCursor>,
    limit: u32,
) -> Result<RunPage, StoreError> {
    let RunFilter { statuses, project, agent_key } = filter;
    let statuses: Vec<String> = statuses.iter().map(|status| status.as_str().to_owned()).collect();
    let project = project.as_ref().map(|project| project.as_str());
    let agent_key = agent_key.as_ref().map(|agent| agent.as_str());
    let at = after.map(|cursor| cursor.registered_at.to_string());
    let id = after.map(|cursor| cursor.id.as_str());
    let size = page_size(limit, 500);
    let documents = sqlx::query_file_scalar!(
        "src/store/queries/list_runs.sql",
        &statuses,
        project,
        agent_key,
        at.as_deref(),
        id,
        size + 1
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?;
    let more = i64::try_from(documents.len()).unwrap_or(i64::MAX) > size;
    let kept = documents.iter().take(usize::try_from(size).unwrap_or(usize::MAX));
    let runs = kept.map(|document| run_of_page(document)).collect::<Result<Vec<Run>, StoreError>>()?;
    let last = runs.last().filter(|_| more);
    let next = last.map(|run| RunCursor { registered_at: run.registered_at, id: run.facts.id.clone() });
    Ok(RunPage { runs, next })
}

fn run_of_page(document: &str) -> Result<Run, StoreError> {
    let bundle: RunBundle = read(document, "agent_sessions", "of a page")?;
    bundle.try_into()
}

pub(super) async fn list_open(
    pool: &PgPool,
    after: Option<RunId>,
    limit: u32,
) -> Result<Vec<Run>, StoreError> {
    let after = after.as_ref().map(|run| run.as_str());
    let documents =
        sqlx::query_file_scalar!("src/store/queries/list_open_runs.sql", after, page_size(limit, 500))
            .fetch_all(pool)
            .await
            .map_err(store_error)?;
    documents.iter().map(|document| run_of_page(document)).collect()
}

pub(super) async fn find_outcome(
    pool: &PgPool,
    run: &RunId,
    request: RequestId,
) -> Result<Option<Outcome>, StoreError> {
    let request = request.to_string();
    let document = sqlx::query_scalar!(
        r#"SELECT row_to_json(o)::text AS "row!" FROM run_outcomes AS o WHERE o.run_id = $1 AND o.request_id = $2"#,
        run.as_str(),
        request
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?;
    let record: Option<OutcomeRecord> =
        document.map(|document| read(&document, "run_outcomes", &request)).transpose()?;
    record.map(TryInto::try_into).transpose()
}
