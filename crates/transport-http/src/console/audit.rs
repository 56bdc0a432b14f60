//! `/audit`: the record, narrowed and page by page, and as files.

mod export;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_audit::EventType;
use countersign_kernel::{EventId, visible_document};
use countersign_usecases::paging;
use countersign_usecases::port::{EventCursor, EventFilter, Order};
use countersign_usecases::record::EventRecord;
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::{address, pair, request_link, run_link, time};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, Sent, event_filter, stream_place, unreadable};

pub(super) use export::export;

/// Events on one page.
const MOST: u32 = 100;

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let mut fields = Fields::of_page(sent, &["run", "request", "project", "type", "order", "cursor"]);
    let filter = EventFilter { order: fields.order(Order::NewestFirst), ..event_filter(&mut fields) };
    let scope = format!("console audit {filter:?}");
    let after: Option<EventCursor> = fields.cursor(&scope);
    fields.finish(Some(()))?;
    // Later pages of the newest are a past that doesn't change.
    let follows = match (after.is_some(), filter.order) {
        (true, Order::NewestFirst) => None,
        (false, _) | (true, Order::OldestFirst) => Some(stream_place(&api).await?),
    };
    let page =
        api.services().queries().list_events(&filter, after.as_ref(), MOST).await.map_err(unreadable)?;
    let words = visitor.words();
    let next = page.next.as_ref().filter(|_| page.events.len() >= MOST as usize);
    let body = html! {
        (filters(words, &filter))
        p.actions {
            (other_order(words, &filter)) " · "
            a href=(export_address(&filter, "csv")) download { (words.export_csv()) } " · "
            a href=(export_address(&filter, "jsonl")) download { (words.export_jsonl()) }
        }
        div data-live="list" {
        @if page.events.is_empty() { div.empty { p.lead { (words.no_events()) } } } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.audit()) {
                table.record {
                    thead { tr { th scope="col" { (words.when()) } th scope="col" { (words.what()) } th scope="col" { (words.who()) } th scope="col" { (words.request()) } th scope="col" { (words.details()) } } }
                    tbody { @for event in &page.events { (row(words, event)) } }
                }
            }
        }
        p {
            @if after.is_some() { a href=(address("/audit", &query(&filter))) { (words.first_page()) } " " }
            @if let Some(next) = next { a.button rel="next" href=(next_page(&filter, &paging::token(&scope, next))) { (words.next_page()) } }
        }
        }
    };
    let title = words.audit().to_owned();
    Ok(layout::page(&Page { visitor: &visitor, section: Section::Audit, title, follows, body }))
}

/// `/audit/{id}`: one entry, under an address that stays.
pub(super) async fn entry(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer<Response> {
    Fields::of_page(sent, &[]).finish(Some(()))?;
    let found = match id.parse::<EventId>() {
        Ok(id) => api.services().queries().find_event(id).await.map_err(unreadable)?,
        Err(_) => None,
    };
    let event = found.ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND, &format!("/audit/{id}")))?;
    let words = visitor.words();
    let maybe = |name: &str, text: &Option<String>| {
        html! { @if let Some(text) = text { (pair(name, &html! { code { (text) } })) } }
    };
    let body = html! {
        dl.facts {
            (pair(words.what(), &html! { (words.event_named(&event.event_type)) " " code.small { (event.event_type) } }))
            (pair(words.when(), &time(event.at.0)))
            (pair(words.who(), &html! { (event.actor_id) " " span.small { (words.proved_by()) " " (words.proof(&event.actor_proof)) } }))
            @if let Some(id) = parsed(event.request_id.as_ref()) { (pair(words.request(), &request_link(id, &id.to_string()))) }
            @if let Some(id) = parsed(event.run_id.as_ref()) { (pair(words.run(), &run_link(&id))) }
            (maybe(words.project(), &event.project))
            (maybe(words.correlation(), &event.correlation_id))
            (maybe(words.plan_digest(), &event.plan_digest))
            (maybe(words.policy_digest(), &event.policy_digest))
        }
        h2 { (words.details()) }
        (detail(&event))
        p { a href="/audit" { (words.audit()) } }
    };
    let title = format!("{} {}", words.entry(), event.event_id);
    Ok(layout::page(&Page { visitor: &visitor, section: Section::Audit, title, follows: None, body }))
}

fn parsed<T: std::str::FromStr>(text: Option<&String>) -> Option<T> {
    text.and_then(|text| text.parse().ok())
}

fn row(words: Words, event: &EventRecord) -> Markup {
    html! {
        tr id={ "e-" (event.event_id) } {
            td { a href={ "/audit/" (event.event_id) } { (time(event.at.0)) } }
            td { (words.event_named(&event.event_type)) br; code.small { (event.event_type) } }
            td { (event.actor_id) br; span.small { (words.proved_by()) " " (words.proof(&event.actor_proof)) } }
            td { @if let Some(id) = parsed(event.request_id.as_ref()) { (request_link(id, words.request())) } }
            td { details { summary { (words.details()) } (detail(event)) } }
        }
    }
}

fn detail(event: &EventRecord) -> Markup {
    html! { pre { (serde_json::to_string_pretty(&visible_document(&event.detail)).unwrap_or_default()) } }
}

/// A link to the same list from its other end.
fn other_order(words: Words, filter: &EventFilter) -> Markup {
    let (order, name) = match filter.order {
        Order::OldestFirst => (Order::NewestFirst, words.newest_first()),
        Order::NewestFirst => (Order::OldestFirst, words.oldest_first()),
    };
    html! { a href=(address("/audit", &query(&EventFilter { order, ..filter.clone() }))) { (name) } }
}

fn next_page(filter: &EventFilter, cursor: &str) -> String {
    let mut pairs = query(filter);
    pairs.push(("cursor", cursor.to_owned()));
    address("/audit", &pairs)
}

fn export_address(filter: &EventFilter, format: &str) -> String {
    let mut pairs = narrowing(filter);
    pairs.push(("format", format.to_owned()));
    address("/audit/export", &pairs)
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
        details.filters open[!narrowing(filter).is_empty()] {
            summary { (words.filter()) }
            form method="get" action="/audit" {
                @for (name, label, value) in &fields {
                    label { (label) input name=(name) value=(value) autocomplete="off" list=[(*name == "type").then_some("types")]; }
                }
                datalist id="types" { @for kind in EventType::ALL { option value=(kind.as_str()) { (words.event(*kind)) } } }
                button { (words.show()) } " " a href="/audit" { (words.clear()) }
            }
        }
    }
}

/// The filter as a query; the order only where it is not the usual one.
fn query(filter: &EventFilter) -> Vec<(&'static str, String)> {
    let mut pairs = narrowing(filter);
    pairs.extend(match filter.order {
        Order::NewestFirst => None,
        Order::OldestFirst => Some(("order", filter.order.as_str().to_owned())),
    });
    pairs
}

fn narrowing(filter: &EventFilter) -> Vec<(&'static str, String)> {
    let EventFilter { run, request, project, type_prefix, order: _ } = filter;
    let mut pairs = Vec::new();
    pairs.extend(run.as_ref().map(|run| ("run", run.to_string())));
    pairs.extend(request.map(|id| ("request", id.to_string())));
    pairs.extend(project.as_ref().map(|project| ("project", project.to_string())));
    pairs.extend(type_prefix.clone().map(|prefix| ("type", prefix)));
    pairs
}
