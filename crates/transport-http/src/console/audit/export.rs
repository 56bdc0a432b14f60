//! The record as a file: CSV (RFC 4180) or JSON Lines, read page by page while it is sent.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use countersign_kernel::visible_document;
use countersign_usecases::port::{EventCursor, EventFilter};
use countersign_usecases::record::EventRecord;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument as _;

use crate::api::{Answer, Api, Fields, Sent, Staff, event_filter, unreadable};

/// Events read at once.
const PAGE: u32 = 500;

/// Pages that wait for a slow reader.
const AHEAD: usize = 2;

const COLUMNS: [&str; 12] = [
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
                    "project": event.project, "plan_digest": event.plan_digest, "detail": detail,
                });
                format!("{line}\n")
            }
        }
    }
}

/// Everything the filter lets through and there is when the file is asked for.
pub(in crate::console) async fn export(
    State(api): State<Api>,
    _staff: Staff,
    sent: Sent,
) -> Answer<Response> {
    let mut fields = Fields::of_page(sent, &["run", "request", "project", "type", "format"]);
    let format =
        fields.choices("format", &Format::ALL, Format::as_str).first().copied().unwrap_or(Format::Csv);
    let filter = event_filter(&mut fields);
    fields.finish(Some(()))?;
    let last = api.services().queries().newest_event().await.map_err(unreadable)?;
    let (sender, parts) = mpsc::channel(AHEAD);
    let writing = async move {
        // Whoever stopped reading is gone.
        let _ = write(&api, &filter, format, &last, &sender).await;
    };
    tokio::spawn(writing.in_current_span());
    let name = format!("attachment; filename=\"countersign-events.{}\"", format.as_str());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(ReceiverStream::new(parts))).into_response())
}

type Part = Result<Bytes, std::io::Error>;

/// There is nobody to write for any more.
struct Gone;

impl From<mpsc::error::SendError<Part>> for Gone {
    fn from(_: mpsc::error::SendError<Part>) -> Self {
        Self
    }
}

async fn write(
    api: &Api,
    filter: &EventFilter,
    format: Format,
    last: &EventCursor,
    sender: &mpsc::Sender<Part>,
) -> Result<(), Gone> {
    sender.send(Ok(format.head().into())).await?;
    let mut after: Option<EventCursor> = None;
    loop {
        let page = match api.services().queries().list_events(filter, after.as_ref(), PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "an export was cut short because the store can't be read");
                // The connection is broken off: half a file must not look like a whole one.
                sender.send(Err(std::io::Error::other("the store can't be read"))).await?;
                return Ok(());
            }
        };
        let lines: String = page.events.iter().map(|event| format.line(event)).collect();
        sender.send(Ok(lines.into())).await?;
        if page.events.len() < PAGE as usize || page.next.as_ref() == Some(last) {
            return Ok(());
        }
        after = page.next;
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
