//! `/approvals`: what staff see of requests, and what they do about them. Roles let in; policy says whose decision counts.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use countersign_approvals::StateName;
use countersign_kernel::{Fault, Kind, Language, RequestId, RunId};
use countersign_usecases::ServiceError;
use countersign_usecases::access::Role;
use countersign_usecases::decisions::{self, CancelBy, cancel_request, decide_request};
use countersign_usecases::look::{Liveness, get_request, look_at_request};
use countersign_usecases::paging;
use countersign_usecases::port::{Order, RequestCursor, RequestFilter, StoreError};

use super::bodies::{read_cancel, read_decision, read_verdict};
use super::command::Command;
use super::dto::approval::{Approval, ApprovalPage, ApprovalSummary};
use super::dto::decision::{Committed, Current};
use super::dto::request::{CancelRequest, DecisionRequest, ResolveUnknownRequest};
use super::etag;
use super::gate::Staff;
use super::problem::{Answer, Problem};
use super::query::{Fields, Sent, foreign_cursor};
use super::{Api, BASE, voice};

pub(super) const PAGE: u32 = 100;
pub(super) const MAX_PAGE: u32 = 500;

/// An answer with its entity tag.
pub(super) type Tagged<T> = ([(HeaderName, HeaderValue); 1], Json<T>);

/// List requests, oldest or newest first
///
/// Without `state` everything that waits for a person: what is `requested`, and what is `unknown`. A page of a search may hold fewer than
/// `limit`, even none, and lead on all the same: looking for rare combinations of common words goes through the list part by part.
#[utoipa::path(get, path = "/approvals", tag = "approvals", params(
    ("state" = Option<Vec<super::dto::words::RequestState>>, Query, style = Form, explode, description = "In any of these states; may come several times."),
    ("project" = Option<String>, Query, description = "Of this project."),
    ("environment" = Option<String>, Query, description = "In this environment."),
    ("tool" = Option<String>, Query, description = "Of this tool."),
    ("run" = Option<String>, Query, description = "Of this run."),
    ("q" = Option<String>, Query, max_length = 100, description = "Found by these words: each is the beginning of a word of the request, in any order and case. Its words are those of its id, run, project, agent, tool, action, environment and who launched the run, of the repository, issue and pull request the run had when it was opened, of the targets and facts of its plan, and of what the agent wrote. A word is letters and digits; everything else separates."),
    ("order" = Option<super::dto::words::ListOrder>, Query, description = "Which come first; the oldest when nothing is said."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most; 100 when nothing is said."),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, of this very list and filter."),
), responses((status = 200, description = "One page.", body = ApprovalPage)))]
pub(super) async fn list_approvals(
    State(api): State<Api>,
    _staff: Staff,
    sent: Sent,
) -> Answer<Json<ApprovalPage>> {
    let once = ["project", "environment", "tool", "run", "q", "order", "limit", "cursor"];
    let mut fields = Fields::of(sent, &once, &["state"]);
    let mut states = fields.choices("state", &StateName::ALL, StateName::as_str);
    if states.is_empty() {
        states = vec![StateName::Requested, StateName::Unknown];
    }
    let filter = RequestFilter {
        states,
        project: fields.name("project"),
        environment: fields.name("environment"),
        tool: fields.name("tool"),
        run: fields.name("run"),
        deciders: Vec::new(),
        search: fields.search("q"),
        order: fields.order(Order::OldestFirst),
    };
    let scope = scope(&filter);
    let after: Option<RequestCursor> = fields.cursor(&scope);
    let limit = fields.limit(PAGE, MAX_PAGE);
    fields.finish(Some(()))?;
    let queries = api.services.queries();
    let found = queries.list_requests(&filter, after, limit).await.map_err(unreadable)?;
    let now = queries.ping().await.map_err(unreadable)?;
    let silent_after = api.settings.requester_silent_after;
    let summary = |(request, last_heartbeat): &(_, _)| {
        ApprovalSummary::of(request, Liveness { last_heartbeat: *last_heartbeat, now, silent_after })
    };
    Ok(Json(ApprovalPage {
        approvals: found.requests.iter().map(summary).collect(),
        next_cursor: found.next.map(|next| paging::token(&scope, &next)),
    }))
}

/// What cursors of this list and filter belong to.
fn scope(filter: &RequestFilter) -> String {
    format!("rest approvals {filter:?}")
}

/// Where the list of all requests of a run goes on after this place.
pub(super) fn all_of_run_after(run: &RunId, place: RequestCursor) -> String {
    let states = StateName::ALL.to_vec();
    let filter = RequestFilter { states, run: Some(run.clone()), ..RequestFilter::default() };
    let states: String = filter.states.iter().map(|state| format!("&state={}", state.as_str())).collect();
    // Neither the id of a run nor a token has a character that a query would need escaped.
    format!("{BASE}/approvals?run={run}{states}&cursor={}", paging::token(&scope(&filter), &place))
}

/// Get one request with everything a person decides on
#[utoipa::path(get, path = "/approvals/{id}", tag = "approvals", params(("id" = String, Path, format = "uuid", description = "The request.")),
    responses((status = 200, description = "The request.", body = Approval, headers(("ETag" = String, description = "Its version, as `If-Match` takes it.")))))]
pub(super) async fn get_approval(
    State(api): State<Api>,
    staff: Staff,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer<Tagged<Approval>> {
    let mut fields = Fields::of(sent, &[], &[]);
    let id = fields.request_in_path(&id);
    let id = fields.finish(id)?;
    let view =
        look_at_request(&api.services, id, staff.bearer()).await.map_err(|error| Problem::of(&error))?;
    let liveness = Liveness {
        last_heartbeat: view.snapshot.run.last_heartbeat_at,
        now: view.snapshot.now,
        silent_after: api.settings.requester_silent_after,
    };
    let tag = etag::header_of(&view.snapshot.request);
    Ok((tag, Json(Approval::of(view, liveness, api.services.tools(), Language::English))))
}

/// Approve or deny exactly the plan that was shown
///
/// Whoever came too late is told who decided what and when. The same decision of the same person again is `repeated`.
#[utoipa::path(post, path = "/approvals/{id}/decision", tag = "approvals", params(("id" = String, Path, format = "uuid", description = "The request.")),
    request_body = DecisionRequest,
    responses((status = 200, description = "It counts.", body = Committed, headers(("ETag" = String, description = "The version now.")))))]
pub(super) async fn decide_approval(command: Command) -> Answer<Tagged<Committed>> {
    let (asked, said) = command.read(read_decision)?;
    let decision = voice::decision(asked.api(), asked.target.id, said, asked.identity()).await;
    let decision = asked.or_refuse(decision).await?;
    let decided = decide_request(asked.services(), asked.target, &decision, asked.identity()).await;
    asked.committed(decided).await
}

/// Withdraw a request that has not begun
///
/// Whoever policy asks about it may, and every operator.
#[utoipa::path(post, path = "/approvals/{id}/cancel", tag = "approvals", params(("id" = String, Path, format = "uuid", description = "The request.")),
    request_body = CancelRequest,
    responses((status = 200, description = "It is withdrawn.", body = Committed, headers(("ETag" = String, description = "The version now.")))))]
pub(super) async fn cancel_approval(command: Command) -> Answer<Tagged<Committed>> {
    let (asked, reason) = command.read(read_cancel)?;
    let identity = asked.identity().clone();
    let by = if asked.staff().bearer().roles.contains(&Role::Operator) {
        CancelBy::Operator(identity)
    } else {
        CancelBy::Staff(identity)
    };
    let cancelled = cancel_request(asked.services(), asked.target, reason, &by).await;
    asked.committed(cancelled).await
}

/// Settle a request whose effect is unknown
///
/// On the word of a person who looked at the target. The write is never repeated.
#[utoipa::path(post, path = "/approvals/{id}/resolve-unknown", tag = "approvals", params(("id" = String, Path, format = "uuid", description = "The request.")),
    request_body = ResolveUnknownRequest,
    responses((status = 200, description = "It is settled.", body = Committed, headers(("ETag" = String, description = "The version now.")))))]
pub(super) async fn resolve_unknown(command: Command) -> Answer<Tagged<Committed>> {
    let (asked, (verdict, reason)) = command.read(read_verdict)?;
    let by = asked.identity();
    let resolved = decisions::resolve_unknown(asked.services(), asked.target, verdict, &reason, by).await;
    asked.committed(resolved).await
}

/// A refusal; what the state forbids comes with the request as it is.
pub(super) async fn refused(api: &Api, id: RequestId, error: &(dyn Fault + Sync)) -> Box<Problem> {
    let current = if error.kind() == Kind::Conflict { current(api, id).await } else { None };
    Problem::of(error).with_current(current)
}

/// The request as it is, for whoever came too late. That it can't be read doesn't change the refusal.
pub(super) async fn current(api: &Api, id: RequestId) -> Option<Current> {
    match get_request(&api.services, id).await {
        Ok(snapshot) => Some(Current::from(&snapshot.request)),
        Err(error) => {
            tracing::warn!(code = error.code(), "the present state of a request could not be read");
            None
        }
    }
}

/// Storage can't be read, or not from where it was asked to go on.
pub(crate) fn unreadable(error: StoreError) -> Box<Problem> {
    match error {
        StoreError::ForeignCursor { .. } => foreign_cursor(),
        StoreError::Stale { .. }
        | StoreError::Unknown { .. }
        | StoreError::Unavailable { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Refused { .. } => Problem::of(&ServiceError::from(error)),
    }
}
