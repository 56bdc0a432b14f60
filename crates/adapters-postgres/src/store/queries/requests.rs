//! Requests, their votes and steps.

use countersign_approvals::{ActionRequest, StateName};
use countersign_kernel::{RequestId, Timestamp};
use countersign_usecases::port::{RequestCursor, RequestFilter, RequestPage, RequestStatus, StoreError};
use countersign_usecases::record::{RequestBundle, Stamp, StepRecord, VoteRecord};
use countersign_usecases::search::Search;
use serde::Deserialize;
use sqlx::PgPool;

use super::page_size;
use crate::error::{read, store_error};

pub(super) const TABLE: &str = "mcp_action_requests";

const SEARCH: &str = include_str!("search_requests.sql");
const SEARCH_OPEN: &str = include_str!("search_open_requests.sql");

#[derive(Deserialize)]
struct Listed {
    bundle: RequestBundle,
    last_heartbeat_at: Option<Stamp>,
}

pub(super) async fn list(
    pool: &PgPool,
    filter: &RequestFilter,
    after: Option<RequestCursor>,
    limit: u32,
) -> Result<RequestPage, StoreError> {
    let size = page_size(limit, 500);
    let documents = read_page(pool, filter, after, size + 1).await?;
    let more = i64::try_from(documents.len()).unwrap_or(i64::MAX) > size;
    let requests: Vec<(ActionRequest, Option<Timestamp>)> = documents
        .iter()
        .take(usize::try_from(size).unwrap_or(usize::MAX))
        .map(|document| {
            let listed: Listed = read(document, TABLE, "of a page")?;
            Ok((listed.bundle.try_into()?, listed.last_heartbeat_at.map(|stamp| stamp.0)))
        })
        .collect::<Result<_, StoreError>>()?;
    let next = requests
        .last()
        .filter(|_| more)
        .map(|(request, _)| RequestCursor { requested_at: request.facts.requested_at, id: request.facts.id });
    Ok(RequestPage { requests, next })
}

async fn read_page(
    pool: &PgPool,
    filter: &RequestFilter,
    after: Option<RequestCursor>,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let RequestFilter { states, project, environment, tool, run, search } = filter;
    let open = !states.is_empty() && states.iter().all(|state| is_open(*state));
    let states = if states.is_empty() { &StateName::ALL[..] } else { states };
    let states: Vec<String> = states.iter().map(|state| state.as_str().to_owned()).collect();
    let project = project.as_ref().map(|project| project.as_str());
    let environment = environment.as_ref().map(|environment| environment.as_str());
    let tool = tool.as_ref().map(|tool| tool.as_str());
    let run = run.as_ref().map(|run| run.as_str());
    let at = after.map(|cursor| cursor.requested_at.to_string());
    let id = after.map(|cursor| cursor.id.to_string());
    let (at, id) = (at.as_deref(), id.as_deref());
    let documents = if let Some(search) = search {
        // Planned anew each time, for these very words: what is good for a rare word is bad for a common one. The macros that check a
        // statement when it is compiled know only statements that are kept; the store's contract runs this one.
        let statement = if open { SEARCH_OPEN } else { SEARCH };
        sqlx::query_scalar(statement)
            .bind(&states)
            .bind(project)
            .bind(environment)
            .bind(tool)
            .bind(run)
            .bind(at)
            .bind(id)
            .bind(limit)
            .bind(words_of(search))
            .persistent(false)
            .fetch_all(pool)
            .await
    } else {
        sqlx::query_file_scalar!(
            "src/store/queries/list_requests.sql",
            &states,
            project,
            environment,
            tool,
            run,
            at,
            id,
            limit
        )
        .fetch_all(pool)
        .await
    };
    documents.map_err(store_error)
}

/// All words, each as the beginning of one. They are letters and digits, nothing that a query would read as a sign of its own.
fn words_of(search: &Search) -> String {
    search.words().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ")
}

fn is_open(state: StateName) -> bool {
    match state {
        StateName::Requested | StateName::Approved | StateName::Applying | StateName::Unknown => true,
        StateName::Applied
        | StateName::Answered
        | StateName::Denied
        | StateName::Expired
        | StateName::Cancelled
        | StateName::Failed => false,
    }
}

pub(super) async fn find_status(pool: &PgPool, id: RequestId) -> Result<Option<RequestStatus>, StoreError> {
    let id = id.to_string();
    let row = sqlx::query!("SELECT state, version FROM mcp_action_requests WHERE request_id = $1", id)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let corrupt = |column, message| StoreError::Corrupt { table: TABLE, column, id: id.clone(), message };
    Ok(Some(RequestStatus {
        state: row.state.parse().map_err(|_| corrupt("state", format!("`{}` is no state", row.state)))?,
        version: u64::try_from(row.version)
            .map_err(|_| corrupt("version", format!("{} is negative", row.version)))?,
    }))
}

pub(super) async fn list_votes(pool: &PgPool, id: RequestId) -> Result<Vec<VoteRecord>, StoreError> {
    let id = id.to_string();
    let document = sqlx::query_scalar!(
        r#"SELECT COALESCE(json_agg(v ORDER BY v.voted_at, v.revision, v.principal), '[]')::text AS "rows!"
           FROM approval_votes AS v WHERE v.request_id = $1"#,
        id
    )
    .fetch_one(pool)
    .await
    .map_err(store_error)?;
    read(&document, "approval_votes", &id)
}

pub(super) async fn list_steps(pool: &PgPool, id: RequestId) -> Result<Vec<StepRecord>, StoreError> {
    let id = id.to_string();
    let document = sqlx::query_scalar!(
        r#"SELECT COALESCE(json_agg(s ORDER BY s.revision, s.step_number), '[]')::text AS "rows!"
           FROM action_steps AS s WHERE s.request_id = $1"#,
        id
    )
    .fetch_one(pool)
    .await
    .map_err(store_error)?;
    read(&document, "action_steps", &id)
}

pub(super) async fn list_steps_on(
    pool: &PgPool,
    target: &str,
    limit: u32,
) -> Result<Vec<StepRecord>, StoreError> {
    let document = sqlx::query_scalar!(
        r#"SELECT COALESCE(json_agg(s ORDER BY s.intended_at DESC, s.request_id DESC, s.revision DESC), '[]')::text AS "rows!" FROM (
               SELECT * FROM action_steps WHERE target = $1 AND state <> 'not_done'
               ORDER BY intended_at DESC, request_id DESC, revision DESC LIMIT $2) AS s"#,
        target,
        page_size(limit, 500)
    )
    .fetch_one(pool)
    .await
    .map_err(store_error)?;
    read(&document, "action_steps", "of a target")
}

pub(super) async fn list_newest_steps(
    pool: &PgPool,
    after: &str,
    limit: u32,
) -> Result<Vec<StepRecord>, StoreError> {
    let document = sqlx::query_scalar!(
        r#"SELECT COALESCE(json_agg(s ORDER BY s.target COLLATE "C"), '[]')::text AS "rows!" FROM (
               SELECT DISTINCT ON (t.target COLLATE "C") t.* FROM action_steps AS t
               WHERE t.state <> 'not_done' AND t.target COLLATE "C" > $1
               ORDER BY t.target COLLATE "C", t.intended_at DESC, t.request_id DESC, t.revision DESC
               LIMIT $2) AS s"#,
        after,
        page_size(limit, 500)
    )
    .fetch_one(pool)
    .await
    .map_err(store_error)?;
    read(&document, "action_steps", "of a page")
}
