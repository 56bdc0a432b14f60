//! `/events`: the audited facts, in the order in which they became visible.

use axum::Json;
use axum::extract::State;
use countersign_usecases::paging;
use countersign_usecases::port::{EventCursor, EventFilter, Order};

use super::Api;
use super::approvals::{MAX_PAGE, PAGE, unreadable};
use super::dto::event::{Event, EventPage};
use super::gate::Staff;
use super::problem::{Answer, Place};
use super::query::{Fields, Sent};

const MAX_PREFIX: usize = 64;

/// List audited facts, in the order in which they became visible, or backwards
///
/// Oldest first, the last page has a cursor too: it leads to what is still to come.
#[utoipa::path(get, path = "/events", tag = "events", params(
    ("run" = Option<String>, Query, description = "Of this run."),
    ("request" = Option<String>, Query, format = "uuid", description = "Of this request."),
    ("project" = Option<String>, Query, description = "Of this project."),
    ("type" = Option<String>, Query, max_length = 64, pattern = "^[a-z._]*$", description = "Of types that begin so, such as `approval.`."),
    ("order" = Option<super::dto::words::ListOrder>, Query, description = "Which come first; the oldest when nothing is said."),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most; 100 when nothing is said."),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, of this very list and filter."),
), responses((status = 200, description = "One page.", body = EventPage)))]
pub(super) async fn list_events(
    State(api): State<Api>,
    _staff: Staff,
    sent: Sent,
) -> Answer<Json<EventPage>> {
    let once = ["run", "request", "project", "type", "order", "limit", "cursor"];
    let mut fields = Fields::of(sent, &once, &[]);
    let filter = EventFilter { order: fields.order(Order::OldestFirst), ..event_filter(&mut fields) };
    let scope = format!("rest events {filter:?}");
    let after: Option<EventCursor> = fields.cursor(&scope);
    let limit = fields.limit(PAGE, MAX_PAGE);
    fields.finish(Some(()))?;
    let found =
        api.services.queries().list_events(&filter, after.as_ref(), limit).await.map_err(unreadable)?;
    let next =
        found.next.filter(|_| filter.order == Order::OldestFirst || found.events.len() >= limit as usize);
    Ok(Json(EventPage {
        events: found.events.into_iter().map(Event::from).collect(),
        next_cursor: next.map(|next| paging::token(&scope, &next)),
    }))
}

/// The parameters that narrow a list of events, and the stream, oldest first.
pub(crate) fn event_filter(fields: &mut Fields) -> EventFilter {
    EventFilter {
        run: fields.name("run"),
        request: fields.request("request"),
        project: fields.name("project"),
        type_prefix: type_prefix(fields),
        order: Order::default(),
    }
}

fn type_prefix(fields: &mut Fields) -> Option<String> {
    let prefix = fields.text("type")?;
    let good = prefix.len() <= MAX_PREFIX
        && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'));
    if !good {
        fields.violate(Place::Query, "type", "must be at most 64 of `a-z . _`");
    }
    Some(prefix)
}
