//! `/stream`: what happens, as it happens, as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Each message says that something happened and to what; whoever wants to know more asks for it. Nothing is skipped: a client that comes
//! back with `Last-Event-ID` gets what it missed. What it had already may come again after a broken connection, with the same event id.
//!
//! Everybody on the staff side may follow, but the whole log is for those who may list events. So a stream goes on from places it gave out,
//! and nobody can make one up to have the log read to them from its beginning; and what is about no run and no request is told to those only
//! who could list it.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive};
use axum::response::{IntoResponse as _, Response, Sse};
use countersign_kernel::Fault;
use countersign_usecases::ServiceError;
use countersign_usecases::access::{Holder, Operation, Seat};
use countersign_usecases::paging;
use countersign_usecases::port::{EventCursor, EventFilter};
use countersign_usecases::record::EventRecord;
use tokio::sync::mpsc;
use tokio::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument as _;

use super::Api;
use super::approvals::unreadable;
use super::dto::change::Change;
use super::events::event_filter;
use super::gate::Staff;
use super::problem::{Answer, Place, Problem};
use super::pulse::{Newest, changed};
use super::query::{CURSOR_RULE, Fields, Sent};

/// How many messages a slow client may be behind before its stream waits for it.
const BUFFERED: usize = 64;

/// Events read at once.
const PAGE: u32 = 500;

/// How often a stream without news says that it is there, so that proxies and clients don't take it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long clients are to wait before they come back.
const RETRY: Duration = Duration::from_secs(1);

/// Follow what happens, as it happens
///
/// Server-sent events. The first message, `ready`, has the place where the stream begins as its `id`; each `change` says what happened, when,
/// and to which run and request. A client that comes back with `Last-Event-ID` (or `cursor`) goes on from there. The server ends a stream
/// after some minutes, so that whoever has lost their rights loses their streams: come back then. What is about no run and no request, such
/// as a new policy, is told to those who may list events.
#[utoipa::path(get, path = "/stream", tag = "events", params(
    ("run" = Option<String>, Query, description = "Of this run."),
    ("request" = Option<String>, Query, format = "uuid", description = "Of this request."),
    ("project" = Option<String>, Query, description = "Of this project."),
    ("type" = Option<String>, Query, max_length = 64, pattern = "^[a-z._]*$", description = "Of types that begin so, such as `approval.`."),
    ("cursor" = Option<String>, Query, description = "The `id` of a message of this very stream and filter; `Last-Event-ID` goes before it."),
    ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last message that had one. Without it, and without `cursor`, the stream begins now."),
), responses((status = 200, description = "The stream.", body = String, content_type = "text/event-stream")))]
pub(super) async fn follow_changes(
    State(api): State<Api>,
    staff: Staff,
    sent: Sent,
    headers: HeaderMap,
) -> Answer<Response> {
    let mut fields = Fields::of(sent, &["run", "request", "project", "type", "cursor"], &[]);
    let filter = event_filter(&mut fields);
    let scope = scope_of(&filter);
    let given = cursor(&api, &mut fields, &scope);
    let last = last_event_id(&api, &mut fields, &headers, &scope);
    fields.finish(Some(()))?;
    let seat = api.seats.take(Holder::Principal(staff.identity().principal.clone()));
    let seat = seat.map_err(|error| Problem::of(&error))?;
    let from = match last.or(given) {
        Some(spot) => spot,
        None => now(&api, &scope).await?,
    };
    // A place that the store didn't give out is refused before the stream begins.
    api.services.queries().list_events(&filter, Some(&from.place), 1).await.map_err(unreadable)?;
    let everything = staff.bearer().may(Operation::ListEvents);
    let (sender, messages) = mpsc::channel(BUFFERED);
    let follower = Follower { api: api.clone(), filter, everything, scope, at: from, sender, _seat: seat };
    tokio::spawn(follower.follow().in_current_span());
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("still here");
    Ok(Sse::new(ReceiverStream::new(messages)).keep_alive(keep_alive).into_response())
}

/// Where a page that is made now goes on, so that it hears of everything after what it shows.
pub(crate) async fn place_now(api: &Api) -> Answer<String> {
    Ok(now(api, &scope_of(&EventFilter::default())).await?.token)
}

/// What a place belongs to.
fn scope_of(filter: &EventFilter) -> String {
    format!("rest stream {filter:?}")
}

/// A place in a stream, as we gave it out.
struct Spot {
    place: EventCursor,
    token: String,
}

impl Spot {
    fn of(api: &Api, scope: &str, place: EventCursor) -> Result<Self, ServiceError> {
        Ok(Self { token: paging::sealed_token(&api.services, scope, &place)?, place })
    }

    /// The place that came back; none when we gave out no such one for this stream.
    fn read(api: &Api, scope: &str, token: &str) -> Option<Self> {
        let place = paging::read_sealed_token(&api.services, scope, token)?;
        Some(Self { place, token: token.to_owned() })
    }
}

/// The place after everything there is.
async fn now(api: &Api, scope: &str) -> Answer<Spot> {
    let newest = api.services.queries().newest_event().await.map_err(unreadable)?;
    Spot::of(api, scope, newest).map_err(|error| Problem::of(&error))
}

/// Where a client says that it goes on.
fn cursor(api: &Api, fields: &mut Fields, scope: &str) -> Option<Spot> {
    let spot = Spot::read(api, scope, &fields.text("cursor")?);
    if spot.is_none() {
        fields.violate(Place::Query, "cursor", CURSOR_RULE);
    }
    spot
}

/// Where a client that comes back left off. An empty value is none: clients send it when no message had an id.
fn last_event_id(api: &Api, fields: &mut Fields, headers: &HeaderMap, scope: &str) -> Option<Spot> {
    let value = headers.get("last-event-id").filter(|value| !value.is_empty())?;
    let spot = value.to_str().ok().and_then(|text| Spot::read(api, scope, text));
    if spot.is_none() {
        fields.violate(Place::Header, "Last-Event-ID", CURSOR_RULE);
    }
    spot
}

/// The stream is over; there is nothing more to do for it.
struct Over;

/// The sending end of one stream.
struct Follower {
    api: Api,
    filter: EventFilter,
    /// Whether its reader may list events, and so hears of what is about no run and no request.
    everything: bool,
    scope: String,
    at: Spot,
    sender: mpsc::Sender<Result<sse::Event, Infallible>>,
    /// Given back when the stream is over.
    _seat: Seat,
}

impl Follower {
    /// Tells until the time is up, the server stops, or the client is gone. A client that doesn't read, and a store that doesn't answer, keep
    /// no stream from ending.
    async fn follow(self) {
        let over = self.api.stream_is_over();
        tokio::select! {
            () = over => {}
            // However it ended, the client knows by now, and comes back.
            _ = self.tell() => {}
        }
    }

    async fn tell(mut self) -> Result<(), Over> {
        let ready = sse::Event::default().event("ready").retry(RETRY).data("{}");
        self.send(ready.id(&self.at.token)).await?;
        let mut newest = self.api.pulse.newest();
        loop {
            self.news().await?;
            tokio::select! {
                () = self.sender.closed() => return Err(Over),
                () = moved(&mut newest, &self.at.place) => {}
            }
        }
    }

    /// Sends what has happened since.
    async fn news(&mut self) -> Result<(), Over> {
        loop {
            let queries = self.api.services.queries();
            let page = match queries.list_events(&self.filter, Some(&self.at.place), PAGE).await {
                Ok(page) => page,
                Err(error) => return Err(lost(&ServiceError::from(error))),
            };
            let full = u32::try_from(page.events.len()) == Ok(PAGE);
            if let Some(next) = page.next {
                self.at = Spot::of(&self.api, &self.scope, next).map_err(|error| lost(&error))?;
            }
            let told: Vec<_> = page.events.iter().filter(|event| self.tells(event)).collect();
            let last = told.len().saturating_sub(1);
            for (place, event) in told.into_iter().enumerate() {
                let message = sse::Event::default().event("change").data(Change::from(event).to_json());
                // Where to go on is known for a page as a whole: only its last message has an id.
                self.send(if place == last { message.id(&self.at.token) } else { message }).await?;
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Whether the reader may hear of this.
    fn tells(&self, event: &EventRecord) -> bool {
        self.everything || event.run_id.is_some() || event.request_id.is_some()
    }

    async fn send(&self, message: sse::Event) -> Result<(), Over> {
        self.sender.send(Ok(message)).await.map_err(|_| Over)
    }
}

fn lost(error: &ServiceError) -> Over {
    tracing::warn!(code = error.code(), %error, "a stream ends because it can't be read on");
    Over
}

/// Waits until there may be something after this place.
async fn moved(newest: &mut Newest, place: &EventCursor) {
    loop {
        changed(newest).await;
        if newest.borrow_and_update().as_ref() != Some(place) {
            return;
        }
    }
}
