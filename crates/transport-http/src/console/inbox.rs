//! `/`: what waits for people, and first of all for the one who looks.

use axum::extract::State;
use axum::response::Response;
use countersign_approvals::StateName;
use countersign_kernel::Timestamp;
use countersign_mcp_tools::ToolRegistry;
use countersign_usecases::ServiceError;
use countersign_usecases::decisions::MOST_IN_BATCH;
use countersign_usecases::look::{Listed, ListedPage, Liveness, list_asked_of, list_for};
use countersign_usecases::paging;
use countersign_usecases::port::{Order, RequestCursor, RequestFilter};
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::{
    self, ago, badge, countdown, due, headline, is_final, run_link, search_goes_on, waits_for,
};
use super::visitor::Visitor;
use super::words::{Count, Words};
use crate::api::{Answer, Api, Fields, Problem, Sent, stream_place};

/// What one page shows at most of what waits for the one who looks, and of the rest: few places have as much waiting.
const MOST: u32 = 50;

/// What the page was asked for.
struct Asked {
    filter: RequestFilter,
    /// The words of the search, as they were typed.
    search: String,
    grouped: bool,
    /// Whether only what waits for the one who looks is wanted: the pages after the first that show it.
    mine_only: bool,
    after: Option<RequestCursor>,
    /// Whether a decision on several has just been counted.
    batch_done: bool,
}

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let asked = read(sent)?;
    // Before what is shown is read: what happens in between is then heard of.
    let follows = stream_place(&api).await?;
    let (mine, rest) = read_pages(&api, &visitor, &asked).await.map_err(|error| Problem::of(&error))?;
    let words = visitor.words();
    let shown =
        List { words, mine: &mine, rest: &rest, asked: &asked, tools: api.services().tools(), api: &api };
    let waiting = shown.mine().len();
    let body = html! {
        @if asked.batch_done { p.notice.good role="status" data-done="/batch" { (words.done_batch()) } }
        (filters(words, api.services().tools(), &asked))
        div data-live="list" data-waiting=(waiting) data-said=(words.waits_for_you(words.count(waiting, Count::Requests))) { (shown.all()) }
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
    let mut fields = Fields::of_page(
        sent,
        &["q", "project", "environment", "tool", "run", "group", "mine", "cursor", "done"],
    );
    let filter = RequestFilter {
        states: vec![StateName::Requested, StateName::Unknown],
        project: fields.name("project"),
        environment: fields.name("environment"),
        tool: fields.name("tool"),
        run: fields.name("run"),
        deciders: Vec::new(),
        search: fields.search("q"),
        order: Order::OldestFirst,
    };
    let search = fields.text("q").filter(|_| filter.search.is_some()).unwrap_or_default();
    let mine_only = fields.text("mine").is_some();
    let scope = scope(&filter, mine_only);
    let after = fields.cursor(&scope);
    let grouped = fields.text("group").as_deref() == Some("run");
    let batch_done = fields.text("done").is_some();
    fields.finish(Some(Asked { filter, search, grouped, mine_only, after, batch_done }))
}

/// What waits for the one who looks, and everything that waits. A page after the first has one of the two.
async fn read_pages(
    api: &Api,
    visitor: &Visitor,
    asked: &Asked,
) -> Result<(ListedPage, ListedPage), ServiceError> {
    let (services, viewer) = (api.services(), visitor.bearer());
    let mine = list_asked_of(services, &asked.filter, asked.after, MOST, viewer);
    let all = list_for(services, &asked.filter, asked.after, MOST, viewer);
    match (asked.mine_only, asked.after) {
        (false, None) => tokio::try_join!(mine, all),
        (false, Some(_)) => all.await.map(|all| (ListedPage::nothing(all.now), all)),
        (true, _) => mine.await.map(|mine| {
            let now = mine.now;
            (mine, ListedPage::nothing(now))
        }),
    }
}

/// What a place in the list is good for.
fn scope(filter: &RequestFilter, mine_only: bool) -> String {
    format!("console inbox {mine_only} {filter:?}")
}

fn filters(words: Words, tools: &ToolRegistry, asked: &Asked) -> Markup {
    let narrowed = !parts::filter_pairs(&asked.filter, &asked.search).is_empty();
    html! {
        details.filters open[narrowed] {
            summary { (words.filter()) }
            form method="get" action="/" {
                (parts::filter_fields(words, tools, &asked.filter, &asked.search))
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
    /// Asked of the groups of the one who looks.
    mine: &'p ListedPage,
    /// All, so that these are among them.
    rest: &'p ListedPage,
    asked: &'p Asked,
    tools: &'p ToolRegistry,
    api: &'p Api,
}

impl List<'_> {
    fn all(&self) -> Markup {
        let words = self.words;
        let mine_only = self.asked.mine_only;
        let next = if mine_only { &self.mine.next } else { &self.rest.next };
        let next = next.as_ref().map(|next| self.next_page(next, mine_only));
        let nothing = if mine_only {
            self.mine().is_empty()
        } else {
            self.mine.requests.is_empty() && self.rest.requests.is_empty()
        };
        html! {
            @match (nothing, next) {
                (true, next) if mine_only => {
                    div.empty { p.lead { (words.no_more_for_you()) } }
                    @if let Some(next) = next { p { a.button rel="next" href=(next) { (words.next_page()) } } }
                },
                (true, Some(next)) => (search_goes_on(words, &next)),
                (true, None) => (self.nothing(&self.asked.filter)),
                (false, next) => {
                    form method="get" action="/batch" { (self.sections()) }
                    @if let Some(next) = next { p { a.button rel="next" href=(next) { (words.next_page()) } } }
                }
            }
            @if self.asked.after.is_some() { p { a href=(parts::address("/", &self.pairs())) { (words.first_page()) } } }
        }
    }

    /// What the page is narrowed by.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = parts::filter_pairs(&self.asked.filter, &self.asked.search);
        pairs.extend(self.asked.grouped.then(|| ("group", "run".to_owned())));
        pairs
    }

    fn next_page(&self, next: &RequestCursor, mine_only: bool) -> String {
        let mut pairs = self.pairs();
        pairs.extend(mine_only.then(|| ("mine", "yes".to_owned())));
        let scope = scope(&self.asked.filter, mine_only);
        pairs.push(("cursor", paging::token(&scope, next)));
        parts::address("/", &pairs)
    }

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

    /// What waits for the one who looks: the first of it, or of a later page what is among it.
    fn mine(&self) -> Vec<&Listed> {
        let first = self.asked.after.is_none() || self.asked.mine_only;
        let page = if first { self.mine } else { self.rest };
        page.requests.iter().filter(|listed| waits_for(listed)).collect()
    }

    fn sections(&self) -> Markup {
        let words = self.words;
        let others = |state: StateName| -> Vec<&Listed> {
            let rest = self.rest.requests.iter().filter(|listed| !waits_for(listed));
            rest.filter(|listed| listed.request.state.name() == state).collect()
        };
        let more =
            self.mine.next.as_ref().filter(|_| !self.asked.mine_only).map(|next| self.next_page(next, true));
        html! {
            (self.section("mine", words.for_you(), &self.mine()))
            @if let Some(more) = more { p { a.button rel="next" href=(more) { (words.more_for_you()) } } }
            (self.section("doubt", words.in_doubt(), &others(StateName::Unknown)))
            (self.section("others", words.for_others(), &others(StateName::Requested)))
        }
    }

    fn section(&self, id: &str, title: &str, listed: &[&Listed]) -> Markup {
        let words = self.words;
        let decidable = id == "mine" && listed.iter().any(|one| one.request.facts.question.is_none());
        html! {
            @if !listed.is_empty() {
                section aria-labelledby=(id) {
                    h2 id=(id) { (title) " " span.small { (words.count(listed.len(), Count::Requests)) } }
                    @if self.asked.grouped {
                        @for run in runs_of(listed) {
                            h3 { (words.run()) " " (run_link(run)) }
                            (self.items(listed.iter().copied().filter(|one| one.request.facts.run == *run), id == "mine"))
                        }
                    } @else {
                        (self.items(listed.iter().copied(), id == "mine"))
                    }
                    @if decidable {
                        p.buttons {
                            button { (words.decide_selected()) }
                            button.quiet type="button" hidden data-all=(MOST_IN_BATCH) { (words.select_all()) }
                        }
                    }
                }
            }
        }
    }

    fn items<'l>(&self, listed: impl Iterator<Item = &'l Listed>, selectable: bool) -> Markup {
        html! { ul.requests { @for one in listed { (self.item(one, selectable)) } } }
    }

    fn item(&self, listed: &Listed, selectable: bool) -> Markup {
        let (words, request, now) = (self.words, &listed.request, self.rest.now);
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
