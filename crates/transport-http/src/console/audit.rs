//! `/audit`: the record, narrowed and page by page, and as files.

mod export;

use axum::extract::State;
use axum::response::Response;
use countersign_kernel::visible_document;
use countersign_usecases::paging;
use countersign_usecases::port::{EventCursor, EventFilter};
use countersign_usecases::record::EventRecord;
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::{encoded, request_link, time};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Sent, event_filter, unreadable};

pub(super) use export::export;

/// Events on one page.
const MOST: u32 = 100;

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let mut fields = Fields::of_page(sent, &["run", "request", "project", "type", "cursor"]);
    let filter = event_filter(&mut fields);
    let scope = format!("console audit {filter:?}");
    let after: Option<EventCursor> = fields.cursor(&scope);
    fields.finish(Some(()))?;
    let page =
        api.services().queries().list_events(&filter, after.as_ref(), MOST).await.map_err(unreadable)?;
    let words = visitor.words();
    let full = page.events.len() >= MOST as usize;
    let here = query(&filter);
    let body = html! {
        (filters(words, &filter))
        p.actions {
            a href={ "/audit/export?format=csv" (and(&here)) } download { (words.export_csv()) } " · "
            a href={ "/audit/export?format=jsonl" (and(&here)) } download { (words.export_jsonl()) }
        }
        @if page.events.is_empty() { div.empty { p.lead { (words.no_events()) } } } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.audit()) {
                table.record {
                    thead { tr { th scope="col" { (words.when()) } th scope="col" { (words.what()) } th scope="col" { (words.who()) } th scope="col" { (words.request()) } th scope="col" { (words.details()) } } }
                    tbody { @for event in &page.events { (row(words, event)) } }
                }
            }
        }
        p {
            @if after.is_some() { a href={ "/audit" (question(&here)) } { (words.first_page()) } " " }
            @if full && let Some(next) = &page.next {
                a.button rel="next" href={ "/audit?cursor=" (encoded(&paging::token(&scope, next))) (and(&here)) } { (words.next_page()) }
            }
        }
    };
    let title = words.audit().to_owned();
    Ok(layout::page(&Page { visitor: &visitor, section: Section::Audit, title, follows: None, body }))
}

fn row(words: Words, event: &EventRecord) -> Markup {
    html! {
        tr id={ "e-" (event.event_id) } {
            td { (time(event.at.0)) }
            td { (words.event_named(&event.event_type)) br; code.small { (event.event_type) } }
            td { (event.actor_id) br; span.small { (words.proved_by()) " " (event.actor_proof) } }
            td {
                @if let Some(id) = event.request_id.as_deref().and_then(|id| id.parse().ok()) {
                    (request_link(id, words.request())) " "
                    a href={ "/audit?request=" (id) "#e-" (event.event_id) } aria-label=(words.link_to_this()) { "#" }
                }
            }
            td { details { summary { (words.details()) } pre { (serde_json::to_string_pretty(&visible_document(&event.detail)).unwrap_or_default()) } } }
        }
    }
}

fn filters(words: Words, filter: &EventFilter) -> Markup {
    let text = |value: Option<String>| value.unwrap_or_default();
    let fields = [
        ("project", words.project(), text(filter.project.as_ref().map(ToString::to_string))),
        ("run", words.run(), text(filter.run.as_ref().map(ToString::to_string))),
        ("request", words.request(), text(filter.request.map(|id| id.to_string()))),
        ("type", words.event_type(), text(filter.type_prefix.clone())),
    ];
    html! {
        details.filters open[*filter != EventFilter::default()] {
            summary { (words.filter()) }
            form method="get" action="/audit" {
                @for (name, label, value) in &fields { label { (label) input name=(name) value=(value) autocomplete="off"; } }
                button { (words.show()) } " " a href="/audit" { (words.clear()) }
            }
        }
    }
}

/// The filter as a query, without a question mark.
fn query(filter: &EventFilter) -> String {
    let EventFilter { run, request, project, type_prefix } = filter;
    let mut pairs = Vec::new();
    pairs.extend(run.as_ref().map(|run| format!("run={}", encoded(run.as_str()))));
    pairs.extend(request.map(|id| format!("request={id}")));
    pairs.extend(project.as_ref().map(|project| format!("project={}", encoded(project.as_str()))));
    pairs.extend(type_prefix.as_ref().map(|prefix| format!("type={}", encoded(prefix))));
    pairs.join("&")
}

fn and(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("&{query}") }
}

fn question(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("?{query}") }
}
