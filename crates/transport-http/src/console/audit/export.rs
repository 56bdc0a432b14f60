//! The record as a file: CSV (RFC 4180) or JSON Lines, read page by page while it is sent.
//!
//! It takes a place among the streams of whoever asks, and has as long as one: then, or when the server stops, it is cut short. A file that
//! was cut is seen to be, for the connection breaks off.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use countersign_kernel::visible_document;
use countersign_usecases::access::{Holder, Seat};
use countersign_usecases::port::{EventCursor, EventFilter};
use countersign_usecases::record::EventRecord;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument as _;

use crate::api::{Answer, Api, Fields, Problem, Sent, Staff, event_filter, unreadable};

/// Events read at once.
const PAGE: u32 = 500;

/// Pages that wait for a slow reader.
const AHEAD: usize = 2;

const COLUMNS: [&str; 13] = [
    "id",
    "at",
    "type",
    "actor_kind",
    "actor_id",
    "actor_proof",
    "run_id",
    "request_id",
    "correlation_id",
    "project",
    "plan_digest",
    "policy_digest",
    "detail",
];

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Format {
    Csv,
    JsonLines,
}

impl Format {
    const ALL: [Self; 2] = [Self::Csv, Self::JsonLines];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }

    fn head(self) -> String {
        match self {
            Self::Csv => format!("{}\r\n", COLUMNS.join(",")),
            Self::JsonLines => String::new(),
        }
    }

    fn line(self, event: &EventRecord) -> String {
        let detail = visible_document(&event.detail);
        match self {
            Self::Csv => csv(event, &detail.to_string()),
            Self::JsonLines => {
                let line = json!({
                    "id": event.event_id, "at": event.at.0.to_string(), "type": event.event_type,
                    "actor_kind": event.actor_kind, "actor_id": event.actor_id, "actor_proof": event.actor_proof,
                    "run_id": event.run_id, "request_id": event.request_id, "correlation_id": event.correlation_id,
                    "project": event.project, "plan_digest": event.plan_digest,
                    "policy_digest": event.policy_digest, "detail": detail,
                });
                format!("{line}\n")
            }
        }
    }
}

/// Everything the filter lets through and there is when the file is asked for.
pub(in crate::console) async fn export(State(api): State<Api>, staff: Staff, sent: Sent) -> Answer<Response> {
    let mut fields = Fields::of_page(sent, &["run", "request", "project", "type", "format"]);
    let format =
        fields.choices("format", &Format::ALL, Format::as_str).first().copied().unwrap_or(Format::Csv);
    let filter = event_filter(&mut fields);
    fields.finish(Some(()))?;
    let seat = api.seats().take(Holder::Principal(staff.identity().principal.clone()));
    let seat = seat.map_err(|error| Problem::of(&error))?;
    let last = api.services().queries().newest_event().await.map_err(unreadable)?;
    let (sender, parts) = mpsc::channel(AHEAD + 1);
    let end = End::of(&sender);
    tokio::spawn(Export { api, filter, format, last, sender, _seat: seat }.run(end).in_current_span());
    let name = format!("attachment; filename=\"countersign-events.{}\"", format.as_str());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(ReceiverStream::new(parts))).into_response())
}

type Part = Result<Bytes, std::io::Error>;

/// The end of a file: broken off, unless it is said to be whole. There is always room for it, however slow the reader is.
struct End(Option<mpsc::OwnedPermit<Part>>);

impl End {
    fn of(sender: &mpsc::Sender<Part>) -> Self {
        Self(sender.clone().try_reserve_owned().ok())
    }

    fn whole(mut self) {
        self.0 = None;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            tracing::info!("an export was cut short");
            permit.send(Err(std::io::Error::other("the export was cut short")));
        }
    }
}

/// Why a file isn't whole.
enum Cut {
    /// There is nobody to write for any more.
    Gone,
    /// The store can't be read.
    Unreadable,
}

impl From<mpsc::error::SendError<Part>> for Cut {
    fn from(_: mpsc::error::SendError<Part>) -> Self {
        Self::Gone
    }
}

/// A file on its way.
struct Export {
    api: Api,
    filter: EventFilter,
    format: Format,
    /// The place after the newest event when it was asked for.
    last: EventCursor,
    sender: mpsc::Sender<Part>,
    /// Given back when the file is over.
    _seat: Seat,
}

impl Export {
    async fn run(self, end: End) {
        let written = tokio::select! {
            () = self.api.stream_is_over() => return,
            written = self.write() => written,
        };
        match written {
            Ok(()) => end.whole(),
            Err(Cut::Gone | Cut::Unreadable) => {}
        }
    }

    async fn write(&self) -> Result<(), Cut> {
        self.sender.send(Ok(self.format.head().into())).await?;
        let mut after: Option<EventCursor> = None;
        loop {
            let queries = self.api.services().queries();
            let page = queries.list_events(&self.filter, after.as_ref(), PAGE).await.map_err(|error| {
                tracing::warn!(%error, "an export is cut short because the store can't be read");
                Cut::Unreadable
            })?;
            let lines: String = page.events.iter().map(|event| self.format.line(event)).collect();
            self.sender.send(Ok(lines.into())).await?;
            if page.events.len() < PAGE as usize || page.next.as_ref() == Some(&self.last) {
                return Ok(());
            }
            after = page.next;
        }
    }
}

fn csv(event: &EventRecord, detail: &str) -> String {
    let at = event.at.0.to_string();
    let maybe = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        event.event_id.clone(),
        at,
        event.event_type.clone(),
        event.actor_kind.clone(),
        event.actor_id.clone(),
        event.actor_proof.clone(),
        maybe(&event.run_id),
        maybe(&event.request_id),
        maybe(&event.correlation_id),
        maybe(&event.project),
        maybe(&event.plan_digest),
        maybe(&event.policy_digest),
        detail.to_owned(),
    ];
    let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell (RFC 4180, section 2). What a spreadsheet would take for a formula begins with an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn quoted(cell: &str) -> String {
    let harmless =
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() };
    format!("\"{}\"", harmless.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula_is_run() {
        assert_eq!(quoted("a \"b\",\r\nc"), "\"a \"\"b\"\",\r\nc\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert_eq!(quoted(formula), format!("\"'{formula}\""));
        }
    }
}
