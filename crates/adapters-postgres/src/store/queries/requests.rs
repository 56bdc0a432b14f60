//! Requests, their votes and steps.

use countersign_approvals::{ActionRequest, StateName};
use countersign_kernel::{GroupName, RequestId, Timestamp};
use countersign_usecases::port::{
    Order, RequestCursor, RequestFilter, RequestPage, RequestStatus, StoreError,
};
use countersign_usecases::record::{RequestBundle, Stamp, StepRecord, VoteRecord};
use serde::Deserialize;
use sqlx::PgPool;

use super::page_size;
use crate::error::{read, store_error};

pub(super) const TABLE: &str = "mcp_action_requests";

#[derive(Deserialize)]
pub(super) struct Listed {
    bundle: RequestBundle,
    last_heartbeat_at: Option<Stamp>,
}

impl Listed {
    pub(super) fn read(self) -> Result<(ActionRequest, Option<Timestamp>), StoreError> {
        Ok((self.bundle.try_into()?, self.last_heartbeat_at.map(|stamp| stamp.0)))
    }
}

/// A filter, but for its words, and where to begin, as statements take them.
pub(super) struct Wanted<'f> {
    pub(super) states: Vec<&'static str>,
    pub(super) project: Option<&'f str>,
    pub(super) environment: Option<&'f str>,
    pub(super) tool: Option<&'f str>,
    pub(super) run: Option<&'f str>,
    pub(super) deciders: Vec<&'f str>,
    pub(super) after_at: Option<String>,
    pub(super) after_id: Option<String>,
    pub(super) newest_first: bool,
}

impl<'f> Wanted<'f> {
    pub(super) fn of(filter: &'f RequestFilter, after: Option<RequestCursor>) -> Self {
        let RequestFilter { states, project, environment, tool, run, deciders, search: _, order } = filter;
        let states = if states.is_empty() { &StateName::ALL[..] } else { states };
        Self {
            states: states.iter().map(|state| state.as_str()).collect(),
            project: project.as_ref().map(|project| project.as_str()),
            environment: environment.as_ref().map(|environment| environment.as_str()),
            tool: tool.as_ref().map(|tool| tool.as_str()),
            run: run.as_ref().map(|run| run.as_str()),
            deciders: deciders.iter().map(GroupName::as_str).collect(),
            after_at: after.map(|cursor| cursor.requested_at.to_string()),
            after_id: after.map(|cursor| cursor.id.to_string()),
            newest_first: match order {
                Order::OldestFirst => false,
                Order::NewestFirst => true,
            },
        }
    }
}

pub(super) async fn list(pool: &PgPool, wanted: Wanted<'_>, size: i64) -> Result<RequestPage, StoreError> {
    let Wanted { states, project, environment, tool, run, deciders, after_at, after_id, newest_first } =
        wanted;
    let documents = sqlx::query_file_scalar!(
        "src/store/queries/list_requests.sql",
        &states as &[&str],
        project,
        environment,
        tool,
        run,
        after_at,
        after_id,
        size + 1,
        newest_first,
        &deciders as &[&str]
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?;
    page(&documents, size)
}

/// The page that these documents hold, of which there is one more than it takes when there is more.
pub(super) fn page(documents: &[String], size: i64) -> Result<RequestPage, StoreError> {
    let listed = documents.iter().map(|document| read(document, TABLE, "of a page"));
    cut(listed.collect::<Result<_, _>>()?, size)
}

/// The page that these requests make, of which there is one more than it takes when there is more.
pub(super) fn cut(listed: Vec<Listed>, size: i64) -> Result<RequestPage, StoreError> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = listed.len() > size;
    let requests: Vec<_> = listed.into_iter().take(size).map(Listed::read).collect::<Result<_, _>>()?;
    let next = requests
        .last()
        .filter(|_| more)
        .map(|(request, _)| RequestCursor { requested_at: request.facts.requested_at, id: request.facts.id });
    Ok(RequestPage { requests, next })
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
               SELECT * FROM action_steps WHERE target COLLATE "C" = $1 AND state <> 'not_done'
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
    let document =
        sqlx::query_file_scalar!("src/store/queries/list_newest_steps.sql", after, page_size(limit, 500))
            .fetch_one(pool)
            .await
            .map_err(store_error)?;
    read(&document, "action_steps", "of a page")
}
