//! `/runs`: agents' runs, for staff to see.

use axum::Json;
use axum::extract::{Path, State};
use countersign_kernel::RunId;
use countersign_usecases::look;
use countersign_usecases::paging;
use countersign_usecases::port::{EventCursor, EventFilter, RunCursor, RunFilter};
use countersign_usecases::runs::RunCommandError;
use countersign_waitstate::RunStatus;

use super::Api;
use super::approvals::{MAX_PAGE, PAGE, all_of_run_after, unreadable};
use super::dto::event::{Event, EventPage};
use super::dto::run::{Run, RunDetail, RunPage};
use super::gate::Staff;
use super::problem::{Answer, Problem};
use super::query::{Fields, Sent};

/// List runs, newest first
///
/// Finished ones included, unless `status` says otherwise.
#[utoipa::path(get, path = "/runs", tag = "runs", params(
    ("status" = Option<Vec<super::dto::words::RunStatus>>, Query, style = Form, explode, description = "In any of these states; may come several times."),
    ("project" = Option<String>, Query, description = "Of this project."),
    ("agent_key" = Option<String>, Query, description = "Of this agent."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most; 100 when nothing is said."),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, of this very list and filter."),
), responses((status = 200, description = "One page.", body = RunPage)))]
pub(super) async fn list_runs(State(api): State<Api>, _staff: Staff, sent: Sent) -> Answer<Json<RunPage>> {
    let mut fields = Fields::of(sent, &["project", "agent_key", "limit", "cursor"], &["status"]);
    let filter = RunFilter {
        statuses: fields.choices("status", &RunStatus::ALL, RunStatus::as_str),
        project: fields.name("project"),
        agent_key: fields.name("agent_key"),
    };
    let scope = format!("rest runs {filter:?}");
    let after: Option<RunCursor> = fields.cursor(&scope);
    let limit = fields.limit(PAGE, MAX_PAGE);
    fields.finish(Some(()))?;
    let found = api.services.queries().list_runs(&filter, after.as_ref(), limit).await.map_err(unreadable)?;
    Ok(Json(RunPage {
        runs: found.runs.iter().map(Run::from).collect(),
        next_cursor: found.next.map(|next| paging::token(&scope, &next)),
    }))
}

/// Get one run with its waits, its first requests and what its agent has not read
///
/// A run may have thousands of requests: `request_counts` counts all of them, and `more_requests` leads to those that are not shown.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = String, Path, description = "The run.")),
    responses((status = 200, description = "The run.", body = RunDetail)))]
pub(super) async fn get_run(
    State(api): State<Api>,
    _staff: Staff,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer<Json<RunDetail>> {
    let mut fields = Fields::of(sent, &[], &[]);
    let id: Option<RunId> = fields.name_in_path(&id);
    let id = fields.finish(id)?;
    let view = look::look_at_run(&api.services, &id).await.map_err(unreadable)?;
    let view = view.ok_or_else(|| unknown(&id))?;
    let more = view.requests.next.map(|next| all_of_run_after(&id, next));
    Ok(Json(RunDetail::of(view, more)))
}

/// Read what happened to a run, in order
///
/// The last page has a cursor too: it leads to what is still to come.
#[utoipa::path(get, path = "/runs/{id}/timeline", tag = "runs", params(("id" = String, Path, description = "The run."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most; 100 when nothing is said."),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, of this very list and filter.")), responses((status = 200, description = "One page.", body = EventPage)))]
pub(super) async fn read_run_timeline(
    State(api): State<Api>,
    _staff: Staff,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer<Json<EventPage>> {
    let mut fields = Fields::of(sent, &["limit", "cursor"], &[]);
    let id: Option<RunId> = fields.name_in_path(&id);
    let scope = format!("rest timeline {id:?}");
    let after: Option<EventCursor> = fields.cursor(&scope);
    let limit = fields.limit(PAGE, MAX_PAGE);
    let id = fields.finish(id)?;
    let run = look::find_run(&api.services, &id).await.map_err(unreadable)?;
    run.ok_or_else(|| unknown(&id))?;
    let filter = EventFilter { run: Some(id), ..EventFilter::default() };
    let found =
        api.services.queries().list_events(&filter, after.as_ref(), limit).await.map_err(unreadable)?;
    Ok(Json(EventPage {
        events: found.events.into_iter().map(Event::from).collect(),
        next_cursor: found.next.map(|next| paging::token(&scope, &next)),
    }))
}

fn unknown(id: &RunId) -> Box<Problem> {
    Problem::of(&RunCommandError::Unknown(id.clone()))
}
