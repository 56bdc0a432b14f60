//! `/`: what waits for people, and first of all for the one who looks.

use axum::extract::State;
use axum::response::Response;
use countersign_approvals::StateName;
use countersign_kernel::Timestamp;
use countersign_mcp_tools::ToolRegistry;
use countersign_usecases::look::{Listed, ListedPage, Liveness, list_for};
use countersign_usecases::paging;
use countersign_usecases::port::{Order, RequestCursor, RequestFilter};
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::{self, ago, badge, countdown, due, headline, is_final, run_link, search_goes_on};
use super::visitor::Visitor;
use super::words::{Count, Words};
use crate::api::{Answer, Api, Fields, Problem, Sent, stream_place};

/// What one page shows at most: few places have as much waiting.
const MOST: u32 = 100;

/// What the page was asked for.
struct Asked {
    filter: RequestFilter,
    /// The words of the search, as they were typed.
    search: String,
    grouped: bool,
    after: Option<RequestCursor>,
    scope: String,
    /// Whether a decision on several has just been counted.
    batch_done: bool,
}

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let asked = read(sent)?;
    // Before what is shown is read: what happens in between is then heard of.
    let follows = stream_place(&api).await?;
    let page = list_for(api.services(), &asked.filter, asked.after, MOST, visitor.bearer()).await;
    let page = page.map_err(|error| Problem::of(&error))?;
    let words = visitor.words();
    let shown = List { words, page: &page, tools: api.services().tools(), api: &api };
    let body = html! {
        @if asked.batch_done { p.notice.good role="status" { (words.done_batch()) } }
        (filters(words, &asked))
        div data-live="list" {
            @match (page.requests.is_empty(), page.next.map(|next| next_page(&asked, &next))) {
                (true, Some(next)) => (search_goes_on(words, &next)),
                (true, None) => (shown.nothing(&asked.filter)),
                (false, next) => {
                    form method="get" action="/batch" { (shown.sections(asked.grouped)) }
                    @if let Some(next) = next { p { a.button rel="next" href=(next) { (words.next_page()) } } }
                }
            }
        }
    };
    let title = words.inbox().to_owned();
    Ok(layout::page(&Page {
        visitor: &visitor,
        section: Section::Inbox,
        title,
        follows: Some(follows),
        body,
    }))
}

fn read(sent: Sent) -> Answer<Asked> {
    let mut fields =
        Fields::of_page(sent, &["q", "project", "environment", "tool", "run", "group", "cursor", "done"]);
    let filter = RequestFilter {
        states: vec![StateName::Requested, StateName::Unknown],
        project: fields.name("project"),
        environment: fields.name("environment"),
        tool: fields.name("tool"),
        run: fields.name("run"),
        search: fields.search("q"),
        order: Order::OldestFirst,
    };
    let search = fields.text("q").filter(|_| filter.search.is_some()).unwrap_or_default();
    let scope = format!("console inbox {filter:?}");
    let after = fields.cursor(&scope);
    let grouped = fields.text("group").as_deref() == Some("run");
    let batch_done = fields.text("done").is_some();
    fields.finish(Some(Asked { filter, search, grouped, after, scope, batch_done }))
}

fn next_page(asked: &Asked, next: &RequestCursor) -> String {
    let mut pairs = parts::filter_pairs(&asked.filter, &asked.search);
    pairs.extend(asked.grouped.then(|| ("group", "run".to_owned())));
    pairs.push(("cursor", paging::token(&asked.scope, next)));
    parts::address("/", &pairs)
}

fn filters(words: Words, asked: &Asked) -> Markup {
    let narrowed = !parts::filter_pairs(&asked.filter, &asked.search).is_empty();
    html! {
        details.filters open[narrowed] {
            summary { (words.filter()) }
            form method="get" action="/" {
                (parts::filter_fields(words, &asked.filter, &asked.search))
                label.check { input type="checkbox" name="group" value="run" checked[asked.grouped]; " " (words.group_by_run()) }
                button { (words.show()) }
                @if narrowed { " " a href="/" { (words.clear()) } }
            }
        }
    }
}

/// The requests of a page.
struct List<'p> {
    words: Words,
    page: &'p ListedPage,
    tools: &'p ToolRegistry,
    api: &'p Api,
}

impl List<'_> {
    fn nothing(&self, filter: &RequestFilter) -> Markup {
        let everything = RequestFilter { states: filter.states.clone(), ..RequestFilter::default() };
        let words = self.words;
        html! {
            div.empty {
                @if *filter == everything {
                    p.lead { (words.nothing_waits()) }
                    p { (words.nothing_waits_more()) }
                } @else {
                    p.lead { (words.nothing_passes()) }
                    p { a href="/" { (words.clear()) } }
                }
            }
        }
    }

    fn sections(&self, grouped: bool) -> Markup {
        let words = self.words;
        let waiting = |listed: &&Listed| listed.request.state.name() == StateName::Requested;
        let mine = |listed: &&Listed| listed.standing.why_not.is_none() && listed.standing.own_vote.is_none();
        let of = |wanted: &dyn Fn(&&Listed) -> bool| -> Vec<&Listed> {
            self.page.requests.iter().filter(wanted).collect()
        };
        html! {
            (self.section("mine", words.for_you(), &of(&|one| waiting(one) && mine(one)), grouped))
            (self.section("doubt", words.in_doubt(), &of(&|one| !waiting(one)), grouped))
            (self.section("others", words.for_others(), &of(&|one| waiting(one) && !mine(one)), grouped))
        }
    }

    fn section(&self, id: &str, title: &str, listed: &[&Listed], grouped: bool) -> Markup {
        let words = self.words;
        let decidable = id == "mine" && listed.iter().any(|one| one.request.facts.question.is_none());
        html! {
            @if !listed.is_empty() {
                section aria-labelledby=(id) {
                    h2 id=(id) { (title) " " span.small { (words.count(listed.len(), Count::Requests)) } }
                    @if grouped {
                        @for run in runs_of(listed) {
                            h3 { (words.run()) " " (run_link(run)) }
                            (self.items(listed.iter().copied().filter(|one| one.request.facts.run == *run), id == "mine"))
                        }
                    } @else {
                        (self.items(listed.iter().copied(), id == "mine"))
                    }
                    @if decidable { p { button { (words.decide_selected()) } } }
                }
            }
        }
    }

    fn items<'l>(&self, listed: impl Iterator<Item = &'l Listed>, selectable: bool) -> Markup {
        html! { ul.requests { @for one in listed { (self.item(one, selectable)) } } }
    }

    fn item(&self, listed: &Listed, selectable: bool) -> Markup {
        let (words, request, now) = (self.words, &listed.request, self.page.now);
        let (facts, id) = (&request.facts, request.facts.id);
        let title = format!("t-{id}");
        html! {
            li data-request=(id) {
                @if selectable && facts.question.is_none() {
                    label.pick { input type="checkbox" name="id" value=(id) aria-labelledby=(title); span.hidden { (words.select()) } }
                }
                div {
                    a.title id=(title) href={ "/requests/" (id) } { (headline(request, &listed.call, &listed.plan, self.tools, words)) }
                    p.tags {
                        @if facts.question.is_some() { span.tag { (words.question()) } }
                        @if let Some(environment) = &facts.environment { span.tag.environment { (environment) } }
                        @if is_final(&listed.plan) { span.tag.final { (words.cannot_be_undone()) } }
                        @if request.revision > 1 { span.tag { (words.asked_again()) } }
                        @if self.silent(listed, now) { span.tag.silent title=(words.silent_about()) { (words.silent()) } }
                        @if request.state.name() == StateName::Unknown { (badge(words, StateName::Unknown)) }
                    }
                    p.small {
                        (facts.project) " · " (words.agent()) " " (facts.agent_key) " · " (ago(words, facts.requested_at, now))
                        @if request.proposal.terms.quorum > 1 {
                            " · " (words.of_quorum(request.approvals().count(), request.proposal.terms.quorum))
                        }
                    }
                }
                @if let Some(until) = due(request) { p.due { span.small { (words.time_left()) } " " (countdown(words, until, now)) } }
            }
        }
    }

    fn silent(&self, listed: &Listed, now: Timestamp) -> bool {
        let silent_after = self.api.settings().requester_silent_after;
        Liveness { last_heartbeat: listed.last_heartbeat, now, silent_after }.is_silent(&listed.request)
    }
}

/// The runs of these requests, each once, in their order.
fn runs_of<'l>(listed: &[&'l Listed]) -> Vec<&'l countersign_kernel::RunId> {
    let mut runs = Vec::new();
    for one in listed {
        if !runs.contains(&&one.request.facts.run) {
            runs.push(&one.request.facts.run);
        }
    }
    runs
}
