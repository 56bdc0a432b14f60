//! `/trace`: everything connected with one thing.

use axum::Json;
use axum::extract::State;
use countersign_kernel::RunId;
use countersign_usecases::look::{self, Liveness, Numbered, TraceFrom};

use super::Api;
use super::approvals::unreadable;
use super::dto::Link;
use super::dto::approval::ApprovalSummary;
use super::dto::event::Event;
use super::dto::run::{Run, Trace};
use super::gate::Staff;
use super::problem::{Answer, Place, Problem};
use super::query::{Fields, Sent};

pub(crate) const KINDS: [&str; 4] = ["issue", "pr", "run", "request"];

/// Trace an issue, a pull request, a run or a request
///
/// Exactly one of the parameters. An issue or pull request nobody linked leads nowhere, which is no error.
#[utoipa::path(get, path = "/trace", tag = "runs", params(
    ("issue" = Option<String>, Query, description = "An issue, `owner/name#number`."),
    ("pr" = Option<String>, Query, description = "A pull request, `owner/name#number`."),
    ("run" = Option<String>, Query, description = "A run."),
    ("request" = Option<String>, Query, format = "uuid", description = "A request."),
), responses((status = 200, description = "What is connected with it.", body = Trace)))]
pub(super) async fn read_trace(State(api): State<Api>, _staff: Staff, sent: Sent) -> Answer<Json<Trace>> {
    let mut fields = Fields::of(sent, &KINDS, &[]);
    let from = begin(&mut fields);
    let from = fields.finish(from)?;
    let found = look::trace(&api.services, &from).await.map_err(|error| Problem::of(&error))?;
    let now = api.services.queries().ping().await.map_err(unreadable)?;
    let silent_after = api.settings.requester_silent_after;
    let heartbeat = |run: &RunId| {
        found.runs.iter().find(|other| other.facts.id == *run).and_then(|run| run.last_heartbeat_at)
    };
    let requests = found.requests.iter().map(|request| {
        let last_heartbeat = heartbeat(&request.facts.run);
        ApprovalSummary::of(request, Liveness { last_heartbeat, now, silent_after })
    });
    Ok(Json(Trace {
        runs: found.runs.iter().map(Run::from).collect(),
        requests: requests.collect(),
        complete: found.complete,
        links: found.links.into_iter().map(Link::from).collect(),
        events: found.events.into_iter().map(Event::from).collect(),
    }))
}

/// Where a trace begins: exactly one of its parameters.
pub(crate) fn begin(fields: &mut Fields) -> Option<TraceFrom> {
    let given: Vec<&str> = KINDS.into_iter().filter(|kind| fields.text(kind).is_some()).collect();
    let [kind] = given[..] else {
        let rule = "exactly one of `issue`, `pr`, `run` and `request` is required";
        fields.violate(Place::Query, given.last().unwrap_or(&"issue"), rule);
        return None;
    };
    match kind {
        "issue" => numbered(fields, kind).map(TraceFrom::Issue),
        "pr" => numbered(fields, kind).map(TraceFrom::PullRequest),
        "run" => fields.name(kind).map(TraceFrom::Run),
        _ => fields.request(kind).map(TraceFrom::Request),
    }
}

fn numbered(fields: &mut Fields, kind: &str) -> Option<Numbered> {
    let parsed = fields.text(kind)?.parse::<Numbered>();
    parsed.map_err(|error| fields.violate(Place::Query, kind, error.to_string())).ok()
}
