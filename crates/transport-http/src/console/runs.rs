//! `/runs`: what agents are at, and how each of their runs went.

mod timeline;

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_approvals::StateName;
use countersign_kernel::{Millis, RunId, Timestamp, visible_document};
use countersign_usecases::look::{RunView, look_at_run};
use countersign_usecases::paging;
use countersign_usecases::port::{EventFilter, RequestFilter, RequestPage, RunCursor, RunFilter, RunRequest};
use countersign_usecases::runs::RunCommandError;
use countersign_waitstate::{Outcome, Run, RunState, RunStatus, Timer, Wait};
use maud::{Markup, html};

use super::latest::Latest;
use super::layout::{self, Page, Section};
use super::parts::{
    about_run, address, ago, asked_of, badge, connections, errand, pair, request_link, run_link, time,
};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, Sent, stream_place, unreadable};

/// Runs on one page.
const MOST: u32 = 100;

/// Open requests of a run whose deciders its page tells.
const MOST_WAITS: u32 = 20;

pub(super) async fn list(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let mut fields = Fields::of_page_with(sent, &["project", "agent_key", "cursor"], &["status"]);
    let filter = RunFilter {
        statuses: fields.choices("status", &RunStatus::ALL, RunStatus::as_str),
        project: fields.name("project"),
        agent_key: fields.name("agent_key"),
    };
    let scope = format!("console runs {filter:?}");
    let after: Option<RunCursor> = fields.cursor(&scope);
    fields.finish(Some(()))?;
    let follows = stream_place(&api).await?;
    let queries = api.services().queries();
    let page = queries.list_runs(&filter, after.as_ref(), MOST).await.map_err(unreadable)?;
    let now = queries.ping().await.map_err(unreadable)?;
    let words = visitor.words();
    let body = html! {
        (filters(words, &filter))
        div data-live="list" {
            @if page.runs.is_empty() {
                div.empty { p.lead { (if filter == RunFilter::default() { words.no_runs() } else { words.nothing_passes() }) } }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(words.runs()) {
                    table {
                        thead { tr {
                            th scope="col" { (words.run()) } th scope="col" { (words.state()) } th scope="col" { (words.agent()) }
                            th scope="col" { (words.project()) } th scope="col" { (words.registered_at()) } th scope="col" { (words.last_heartbeat()) }
                        } }
                        tbody { @for run in &page.runs { (row(words, run, now)) } }
                    }
                }
            }
            @if let Some(next) = page.next { p { a.button rel="next" href=(next_page(&filter, paging::token(&scope, &next))) { (words.next_page()) } } }
        }
    };
    let title = words.runs().to_owned();
    Ok(layout::page(&Page { visitor: &visitor, section: Section::Runs, title, follows: Some(follows), body }))
}

fn row(words: Words, run: &Run, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (run_link(&run.facts.id)) " " span.small { (run.facts.run_label) } }
            td { (status(words, run)) }
            td { (run.facts.agent_key) }
            td { (run.facts.project) }
            td { (ago(words, run.registered_at, now)) }
            td { @if let Some(at) = run.last_heartbeat_at { (ago(words, at, now)) } }
        }
    }
}

fn status(words: Words, run: &Run) -> Markup {
    let status = run.state.status();
    html! {
        span.badge data-state=(status.as_str()) { (words.run_status(status)) }
        @if let Some(wait) = run.waits.first() { " " (words.wait_reason(wait.reason)) }
    }
}

fn next_page(filter: &RunFilter, cursor: String) -> String {
    let mut pairs: Vec<_> =
        filter.statuses.iter().map(|status| ("status", status.as_str().to_owned())).collect();
    pairs.extend(filter.project.as_ref().map(|name| ("project", name.to_string())));
    pairs.extend(filter.agent_key.as_ref().map(|name| ("agent_key", name.to_string())));
    pairs.push(("cursor", cursor));
    address("/runs", &pairs)
}

fn filters(words: Words, filter: &RunFilter) -> Markup {
    let text = |value: Option<String>| value.unwrap_or_default();
    html! {
        details.filters open[*filter != RunFilter::default()] {
            summary { (words.filter()) }
            form method="get" action="/runs" {
                label { (words.project()) input name="project" value=(text(filter.project.as_ref().map(ToString::to_string))) autocomplete="off"; }
                label { (words.agent()) input name="agent_key" value=(text(filter.agent_key.as_ref().map(ToString::to_string))) autocomplete="off"; }
                fieldset {
                    legend { (words.state()) }
                    @for status in RunStatus::ALL {
                        label.check { input type="checkbox" name="status" value=(status.as_str()) checked[filter.statuses.contains(&status)]; " " (words.run_status(status)) }
                    }
                }
                button { (words.show()) } " " a href="/runs" { (words.clear()) }
            }
        }
    }
}

pub(super) async fn show(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer<Response> {
    let mut fields = Fields::of_page(sent, &[]);
    let id: Option<RunId> = fields.name_in_path(&id);
    let id = fields.finish(id)?;
    let follows = stream_place(&api).await?;
    let queries = api.services().queries();
    let past = Latest::read(queries, EventFilter { run: Some(id.clone()), ..EventFilter::default() });
    // What it waits for, with who is asked. A run waits for one thing, or for a few.
    let open = RequestFilter {
        states: vec![StateName::Requested],
        run: Some(id.clone()),
        ..RequestFilter::default()
    };
    let open = queries.list_requests(&open, None, MOST_WAITS);
    let (view, past, open, now) =
        tokio::try_join!(look_at_run(api.services(), &id), past, open, queries.ping()).map_err(unreadable)?;
    let view = view.ok_or_else(|| Problem::of(&RunCommandError::Unknown(id.clone())))?;
    let words = visitor.words();
    let body = html! {
        div data-live="run" {
            p.status { (status(words, &view.run)) " · " (budget(words, &view.run.state, view.run.facts.budget, now)) }
            (timeline::picture(words, &view.run, &past, now))
            (waits(words, &view.run, &open, now))
            (requests(words, &view))
            (about(&api, words, &view, now))
            (happened(words, &id, &past, visitor.reads_record()))
        }
    };
    let title = format!("{} {id}", words.run());
    Ok(layout::page(&Page { visitor: &visitor, section: Section::Runs, title, follows: Some(follows), body }))
}

fn happened(words: Words, id: &RunId, past: &Latest, reads_record: bool) -> Markup {
    html! {
        section aria-labelledby="happened" {
            h2 id="happened" { (words.what_happened()) }
            @if past.cut {
                p {
                    (words.latest_events_only())
                    @if reads_record { " " a href=(address("/audit", &[("run", id.to_string())])) { (words.all_that_happened()) } }
                }
            }
            ol.events {
                @for event in &past.events {
                    li {
                        (time(event.at.0)) " " (words.event_named(&event.event_type))
                        @if let Some(request) = event.request_id.as_deref().and_then(|id| id.parse().ok()) { " · " (request_link(request, words.request())) }
                    }
                }
            }
        }
    }
}

fn budget(words: Words, state: &RunState, whole: Millis, now: Timestamp) -> Markup {
    let left = |left: Millis| words.budget_left(words.span(left), words.span(whole));
    html! {
        @match state {
            RunState::Live { timer: Timer::Running { deadline_at } } => { (left(deadline_at.since(now))) }
            RunState::Live { timer: Timer::Paused { budget_left, since } } => {
                (left(*budget_left)) ", " (words.budget_paused()) " " (words.since()) " " (time(*since))
            }
            RunState::Ending { since: at, reason } | RunState::Finished { at, reason } => { (words.finish_reason(*reason)) ", " (time(*at)) }
        }
    }
}

fn waits(words: Words, run: &Run, open: &RequestPage, now: Timestamp) -> Markup {
    let terms = |wait: &Wait| {
        let asked = open.requests.iter().find(|(request, _)| request.facts.id == wait.request);
        asked.map(|(request, _)| &request.proposal.terms)
    };
    html! {
        @if !run.waits.is_empty() {
            section aria-labelledby="waits" {
                h2 id="waits" { (words.waits()) }
                ul {
                    @for wait in &run.waits {
                        li {
                            (request_link(wait.request, words.wait_reason(wait.reason))) " · " (ago(words, wait.opened_at, now))
                            @if let Some(terms) = terms(wait) { " · " (words.deciders()) ": " (asked_of(words, terms)) }
                        }
                    }
                }
            }
        }
    }
}

fn requests(words: Words, view: &RunView) -> Markup {
    html! {
        @if !view.unread.is_empty() {
            section aria-labelledby="unread" {
                h2 id="unread" { (words.outcomes_unread()) }
                (table(words, words.outcomes_unread(), &view.unread))
            }
        }
        section aria-labelledby="requests" {
            h2 id="requests" { (words.requests()) }
            @if view.requests.requests.is_empty() { p { (words.no_requests()) } } @else {
                p.tags { @for one in &view.counts { (badge(words, one.state)) " " (one.count) " " } }
                (table(words, words.requests(), &view.requests.requests))
                @if view.requests.next.is_some() {
                    p { (words.first_requests_only()) " " a href=(address("/requests", &[("run", view.run.facts.id.to_string())])) { (words.all_of_run()) } }
                }
            }
        }
    }
}

fn table(words: Words, label: &str, requests: &[RunRequest]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                thead { tr {
                    th scope="col" { (words.request()) }
                    th scope="col" { (words.state()) }
                    th scope="col" { (words.requested_at()) }
                    th scope="col" { (words.outcome()) }
                } }
                tbody {
                    @for request in requests {
                        tr data-row=(request.id) {
                            td {
                                (request_link(request.id, &errand(words, request.tool.as_str(), request.action.as_str())))
                                @if let Some(environment) = &request.environment { " " span.tag.environment { (environment) } }
                            }
                            td { (badge(words, request.state)) }
                            td { (time(request.requested_at)) }
                            td { @if let Some(told) = &request.outcome { (outcome(words, told)) } }
                        }
                    }
                }
            }
        }
    }
}

fn outcome(words: Words, outcome: &Outcome) -> Markup {
    html! {
        (words.outcome_status(outcome.status))
        @if outcome.undeliverable_at.is_some() { " · " span.tag.silent { (words.outcome_undeliverable()) } }
        @else if outcome.acknowledged_at.is_none() { " · " span.tag { (words.outcome_unread()) } }
        details { summary { (words.details()) } pre { (visible_document(&outcome.detail)) } }
    }
}

fn about(api: &Api, words: Words, view: &RunView, now: Timestamp) -> Markup {
    let RunView { run, links, .. } = view;
    let facts = &run.facts;
    html! {
        section aria-labelledby="about" {
            h2 id="about" { (words.details()) }
            dl.facts {
                (pair(words.project(), &html! { (facts.project) }))
                (pair(words.agent(), &html! { (facts.agent_key) }))
                (pair(words.run_label(), &html! { (facts.run_label) }))
                (pair(words.runtime_mode(), &html! { (words.runtime(facts.runtime_mode)) }))
                (pair(words.launched_by(), &html! { (facts.launched_by) }))
                (pair(words.registered_at(), &time(run.registered_at)))
                @if let Some(repository) = &facts.repository { (pair(words.repository(), &html! { code { (repository) } })) }
                (about_run(words, run, &api.settings().code_host))
                @if let Some(namespace) = &facts.namespace { (pair(words.namespace(), &html! { code { (namespace) } })) }
                @if let Some(at) = run.last_heartbeat_at { (pair(words.last_heartbeat(), &ago(words, at, now))) }
            }
            @let others: Vec<_> = links.iter().filter(|link| !["issue", "pr"].contains(&link.from_kind.as_str())).cloned().collect();
            @if !others.is_empty() { h3 { (words.connected()) } (connections(words, &others, facts.id.as_str())) }
        }
    }
}
