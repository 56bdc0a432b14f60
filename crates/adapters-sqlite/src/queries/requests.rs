//! Lists of requests.

use countersign_approvals::ActionRequest;
use countersign_kernel::{GroupName, Timestamp};
use countersign_usecases::port::{Order, RequestCursor, RequestFilter, RequestPage, StoreError};
use countersign_usecases::search::Search;
use sqlx::query_as;

use super::read_time;
use crate::error::store_error;
use crate::ledger::read_request;
use crate::store::SqliteStore;

/// Comes after the text of every time.
const AFTER_ALL: &str = "~";

struct Row {
    request: String,
    votes: String,
    last_heartbeat_at: Option<String>,
}

pub(super) async fn list(
    store: &SqliteStore,
    filter: &RequestFilter,
    after: Option<RequestCursor>,
    limit: u32,
) -> Result<RequestPage, StoreError> {
    let RequestFilter { states, project, environment, tool, run, deciders, search, order } = filter;
    let states = array(states.iter().map(|state| state.as_str()));
    let (project, tool) =
        (project.as_ref().map(|name| name.as_str()), tool.as_ref().map(|name| name.as_str()));
    let (environment, run) =
        (environment.as_ref().map(|name| name.as_str()), run.as_ref().map(|id| id.as_str()));
    let (after_at, after_id) = match (after, order) {
        (Some(RequestCursor { requested_at, id }), _) => (requested_at.to_string(), id.to_string()),
        (None, Order::OldestFirst) => (String::new(), String::new()),
        (None, Order::NewestFirst) => (AFTER_ALL.to_owned(), String::new()),
    };
    let deciders = array(deciders.iter().map(GroupName::as_str));
    let search = array(search.iter().flat_map(Search::words));
    let limit = limit.clamp(1, 500);
    let one_more = limit + 1;
    // Each word has to be the beginning of one of the request's; nothing that begins so comes after it with the last sign there is.
    macro_rules! rows {
        ($beyond:tt, $direction:tt) => {
            query_as!(
                Row,
                r#"SELECT request.record AS "request!: String",
                    (SELECT json_group_array(json(vote.record) ORDER BY vote.voted_at, vote.principal)
                        FROM approval_votes_json AS vote WHERE vote.request_id = request.request_id) AS "votes!: String",
                    (SELECT run.last_heartbeat_at FROM agent_sessions AS run
                        WHERE run.run_id = request.run_id) AS "last_heartbeat_at: String"
                FROM mcp_action_requests_json AS request
                WHERE (request.requested_at, request.request_id) "# + $beyond + r#" (?1, ?2)
                    AND (?3 = '[]' OR request.state IN (SELECT value FROM json_each(?3)))
                    AND (?4 IS NULL OR request.project = ?4) AND (?5 IS NULL OR request.environment = ?5)
                    AND (?6 IS NULL OR request.tool = ?6) AND (?7 IS NULL OR request.run_id = ?7)
                    AND (?10 = '[]' OR EXISTS (SELECT 1 FROM json_each(request.record, '$.terms.deciders') AS asked
                        WHERE asked.value IN (SELECT value FROM json_each(?10))))
                    AND (?9 = '[]' OR request.request_id IN (
                        SELECT kept.request_id FROM json_each(?9) AS wanted JOIN request_words AS kept
                            ON kept.word >= wanted.value AND kept.word < wanted.value || char(1114111)
                        GROUP BY kept.request_id HAVING count(DISTINCT wanted.key) = json_array_length(?9)))
                ORDER BY request.requested_at "# + $direction + ", request.request_id " + $direction + " LIMIT ?8",
                after_at,
                after_id,
                states,
                project,
                environment,
                tool,
                run,
                one_more,
                search,
                deciders,
            )
            .fetch_all(store.readers())
            .await
        };
    }
    let rows = match order {
        Order::OldestFirst => rows!(">", "ASC"),
        Order::NewestFirst => rows!("<", "DESC"),
    };
    let rows = rows.map_err(store_error)?;
    let whole = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > whole;
    let requests: Vec<(ActionRequest, Option<Timestamp>)> = rows
        .into_iter()
        .take(whole)
        .filter_map(|row| request_of(&row.request, &row.votes, row.last_heartbeat_at.as_deref()).transpose())
        .collect::<Result<_, _>>()?;
    let next = requests
        .last()
        .filter(|_| more)
        .map(|(last, _)| RequestCursor { requested_at: last.facts.requested_at, id: last.facts.id });
    Ok(RequestPage { requests, next })
}

/// A list as statements take it, and unpack by `json_each`.
fn array<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    serde_json::json!(texts.collect::<Vec<_>>()).to_string()
}

fn request_of(
    request: &str,
    votes: &str,
    last_heartbeat_at: Option<&str>,
) -> Result<Option<(ActionRequest, Option<Timestamp>)>, StoreError> {
    let Some(bundle) = read_request(Some(request), votes)? else { return Ok(None) };
    let run_id = bundle.request.run_id.clone();
    let seen = last_heartbeat_at
        .map(|text| read_time("agent_sessions", "last_heartbeat_at", &run_id, text))
        .transpose()?;
    Ok(Some((bundle.try_into()?, seen)))
}
