//! `/requests`: all requests, newest first, those that are over too.

use axum::extract::State;
use axum::response::Response;
use countersign_approvals::StateName;
use countersign_kernel::Timestamp;
use countersign_mcp_tools::ToolRegistry;
use countersign_usecases::look::{Listed, ListedPage, list_for};
use countersign_usecases::paging;
use countersign_usecases::port::{Order, RequestCursor, RequestFilter};
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::{self, ago, badge, headline, run_link, search_goes_on};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, Sent, stream_place};

/// Requests on one page.
const MOST: u32 = 50;

/// What the page was asked for.
struct Asked {
    filter: RequestFilter,
    /// The words of the search, as they were typed.
    search: String,
    after: Option<RequestCursor>,
    scope: String,
}

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let asked = read(sent)?;
    let follows = Some(stream_place(&api).await?);
    let page = list_for(api.services(), &asked.filter, asked.after, MOST, visitor.bearer()).await;
    let page = page.map_err(|error| Problem::of(&error))?;
    let words = visitor.words();
    let next = page.next.map(|next| asked.address(Some(&next)));
    let body = html! {
        (filters(words, api.services().tools(), &asked))
        div data-live="list" {
            @if page.requests.is_empty() {
                @if let Some(next) = &next { (search_goes_on(words, next)) } @else {
                    div.empty { p.lead { (if asked.is_narrow() { words.nothing_passes() } else { words.no_requests_yet() }) } }
                }
            } @else {
                (table(words, &page, &api))
                @if let Some(next) = &next { p { a.button rel="next" href=(next) { (words.next_page()) } } }
            }
            @if asked.after.is_some() { p { a href=(asked.address(None)) { (words.first_page()) } } }
        }
    };
    let title = words.requests().to_owned();
    Ok(layout::page(&Page { visitor: &visitor, section: Section::Requests, title, follows, body }))
}

fn read(sent: Sent) -> Answer<Asked> {
    let once = ["q", "project", "environment", "tool", "run", "cursor"];
    let mut fields = Fields::of_page_with(sent, &once, &["state"]);
    let filter = RequestFilter {
        states: fields.choices("state", &StateName::ALL, StateName::as_str),
        project: fields.name("project"),
        environment: fields.name("environment"),
        tool: fields.name("tool"),
        run: fields.name("run"),
        deciders: Vec::new(),
        search: fields.search("q"),
        order: Order::NewestFirst,
    };
    let search = fields.text("q").filter(|_| filter.search.is_some()).unwrap_or_default();
    let scope = format!("console requests {filter:?}");
    let after = fields.cursor(&scope);
    fields.finish(Some(Asked { filter, search, after, scope }))
}

impl Asked {
    fn is_narrow(&self) -> bool {
        self.filter != RequestFilter { order: Order::NewestFirst, ..RequestFilter::default() }
    }

    /// The address of this list, from this place on.
    fn address(&self, after: Option<&RequestCursor>) -> String {
        let mut pairs = parts::filter_pairs(&self.filter, &self.search);
        pairs.extend(self.filter.states.iter().map(|state| ("state", state.as_str().to_owned())));
        pairs.extend(after.map(|after| ("cursor", paging::token(&self.scope, after))));
        parts::address("/requests", &pairs)
    }
}

fn filters(words: Words, tools: &ToolRegistry, asked: &Asked) -> Markup {
    html! {
        details.filters open[asked.is_narrow()] {
            summary { (words.filter()) }
            form method="get" action="/requests" {
                (parts::filter_fields(words, tools, &asked.filter, &asked.search))
                fieldset {
                    legend { (words.state()) }
                    @for state in StateName::ALL {
                        label.check { input type="checkbox" name="state" value=(state.as_str()) checked[asked.filter.states.contains(&state)]; " " (words.state_name(state)) }
                    }
                }
                button { (words.show()) } " " a href="/requests" { (words.clear()) }
            }
        }
    }
}

fn table(words: Words, page: &ListedPage, api: &Api) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.requests()) {
            table {
                thead { tr {
                    th scope="col" { (words.request()) } th scope="col" { (words.state()) } th scope="col" { (words.requested_at()) }
                    th scope="col" { (words.project()) } th scope="col" { (words.agent()) } th scope="col" { (words.run()) }
                } }
                tbody { @for listed in &page.requests { (row(words, listed, page.now, api)) } }
            }
        }
    }
}

fn row(words: Words, listed: &Listed, now: Timestamp, api: &Api) -> Markup {
    let (request, facts) = (&listed.request, &listed.request.facts);
    html! {
        tr {
            td {
                a href={ "/requests/" (facts.id) } { (headline(request, &listed.call, &listed.plan, api.services().tools(), words)) }
                @if let Some(environment) = &facts.environment { " " span.tag.environment { (environment) } }
            }
            td { (badge(words, request.state.name())) }
            td { (ago(words, facts.requested_at, now)) }
            td { (facts.project) }
            td { (facts.agent_key) }
            td { (run_link(&facts.run)) }
        }
    }
}
