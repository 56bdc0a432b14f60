//! `/requests/{id}`: everything a person decides on, and the decision itself.

mod decision;
mod dictation;
mod history;
mod plan;
mod policy;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_approvals::{ActionRequest, Answer as Given, Settled, State as RequestState};
use countersign_audit::EventType;
use countersign_kernel::{RequestId, visible};
use countersign_usecases::look::{ApprovalView, Listed, Liveness, list_asked_of, look_at_request};
use countersign_usecases::port::{EventFilter, RequestFilter};
use countersign_usecases::record::EventRecord;
use maud::{Markup, html};

use super::latest::Latest;
use super::layout::{self, Page, Section};
use super::parts::{
    about_run, ago, asked_of, badge, connections, countdown, due, errand, headline, pair, run_link, time,
    untrusted, waits_for,
};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, Sent, stream_place, unreadable};

/// Among so many of what is asked of their groups, the next for a person is looked for.
const FEW: u32 = 20;

/// What a person can do on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Approve, deny, or decline to answer.
    Decide,
    /// Answer a question.
    Answer,
    /// Withdraw the request.
    Withdraw,
    /// Say what came of it.
    Settle,
}

/// What a person had typed when something went wrong, and what that was.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// What went wrong, in words.
    pub(super) notice: Option<Markup>,
    /// What was to be done; nothing, while they only look.
    pub(super) act: Option<Act>,
    /// Fields with what is wrong with them, in words.
    pub(super) wrong: Vec<(String, String)>,
    /// The reason.
    pub(super) reason: String,
    /// The answer in own words.
    pub(super) custom_text: String,
    /// The chosen option.
    pub(super) option: Option<u32>,
    /// The proof that the words were spoken; empty for those that were typed.
    pub(super) transcript_proof: String,
}

pub(super) async fn show(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer<Response> {
    let mut fields = Fields::of_page(sent, &["done"]);
    let done = fields.text("done");
    let id = fields.request_in_path(&id);
    let id = fields.finish(id)?;
    render(&api, &visitor, id, Draft::default(), done.as_deref()).await
}

/// The page, with what was typed, or with what the one who looks has just done.
pub(super) async fn render(
    api: &Api,
    visitor: &Visitor,
    id: RequestId,
    draft: Draft,
    done: Option<&str>,
) -> Answer<Response> {
    let follows = stream_place(api).await?;
    let view =
        look_at_request(api.services(), id, visitor.bearer()).await.map_err(|error| Problem::of(&error))?;
    let filter = EventFilter { request: Some(id), ..EventFilter::default() };
    let past = Latest::read(api.services().queries(), filter).await.map_err(unreadable)?;
    let shown = Shown { api, visitor, words: visitor.words(), view: &view, past: &past, draft: &draft };
    let next = match done {
        Some(_) => next_for(api, visitor, id).await?,
        None => None,
    };
    let body = shown.body(done, next.as_ref()).await?;
    let visitor = &visitor.at(format!("/requests/{id}"));
    let page = Page { visitor, section: Section::Inbox, title: shown.title(), follows: Some(follows), body };
    Ok(layout::page_with(draft.status, &page))
}

/// What waits longest for the one who has just decided on this.
async fn next_for(api: &Api, visitor: &Visitor, this: RequestId) -> Answer<Option<Listed>> {
    let waiting = list_asked_of(api.services(), &RequestFilter::default(), None, FEW, visitor.bearer()).await;
    let waiting = waiting.map_err(|error| Problem::of(&error))?.requests;
    Ok(waiting.into_iter().find(|listed| waits_for(listed) && listed.request.facts.id != this))
}

/// A request on its page.
struct Shown<'p> {
    api: &'p Api,
    visitor: &'p Visitor,
    words: Words,
    view: &'p ApprovalView,
    past: &'p Latest,
    draft: &'p Draft,
}

impl Shown<'_> {
    fn request(&self) -> &ActionRequest {
        &self.view.snapshot.request
    }

    fn is_question(&self) -> bool {
        self.view.call.question.is_some()
    }

    fn title(&self) -> String {
        let facts = &self.request().facts;
        if self.is_question() {
            return self.words.question().to_owned();
        }
        let place =
            facts.environment.as_ref().map(|environment| format!(" · {environment}")).unwrap_or_default();
        format!("{}{place}", errand(self.words, facts.tool.as_str(), facts.action.as_str()))
    }

    async fn body(&self, done: Option<&str>, next: Option<&Listed>) -> Answer<Markup> {
        let words = self.words;
        let (why, targets) = (self.why().await?, self.targets().await?);
        Ok(html! {
            @if let Some(notice) = &self.draft.notice { (notice) }
            @if let Some(told) = done.and_then(|what| self.done(what)) {
                p.notice.good role="status" data-done={ "/requests/" (self.request().facts.id) ":" } { (told) }
            }
            @if let Some(next) = next {
                p {
                    (words.next_for_you()) " "
                    a href={ "/requests/" (next.request.facts.id) } { (headline(&next.request, &next.call, &next.plan, self.api.services().tools(), words)) }
                }
            }
            div.request data-request=(self.request().facts.id) data-digest=(self.request().proposal.plan_digest)
                data-changed=(words.plan_changed()) data-over=(words.over_meanwhile()) data-decidable[self.decides()] {
                div data-live="status" data-said=(words.changed_to(words.state_name(self.request().state.name()))) { (self.standing()) }
                @if let Some(question) = &self.view.call.question { p.lead { (untrusted(question.question.as_str())) } }
                (self.drift())
                @if self.is_question() { (self.asked()) } @else { (self.plan()) }
                (self.prose())
                (self.decision())
                (why)
                (targets)
                (self.about())
                div data-live="history" { (self.votes()) (self.progress()) (self.history()) }
            }
        })
    }

    /// Where it stands, how long there is, how it ended.
    fn standing(&self) -> Markup {
        let (words, request, now) = (self.words, self.request(), self.view.snapshot.now);
        let resolution = request.state.resolution();
        html! {
            p.status {
                (badge(words, request.state.name()))
                @if let Some(until) = due(request) { " · " (words.time_left()) " " (countdown(words, until, now)) }
                @if matches!(request.state, RequestState::Requested { .. }) && request.proposal.terms.quorum > 1 {
                    " · " (words.of_quorum(request.approvals().count(), request.proposal.terms.quorum))
                }
                @if request.revision > 1 { " · " (words.revision(request.revision)) }
                @if self.silent() { " " span.tag.silent { (words.silent()) } }
            }
            @if self.silent() { p.small { (words.silent_about()) } }
            @if let Some(resolution) = resolution {
                @let settled = settled_by(&self.past.events);
                div.resolution {
                    p { (words.how_it_ended()) ": " (words.actor(&visible(settled.map_or(resolution.by.as_str(), |(by, _)| by)))) ", " (time(resolution.at)) }
                    @if let Some((_, why)) = settled { blockquote { (untrusted(why)) } }
                    @if let Some(told) = resolution.code.as_deref().and_then(|code| words.code(code)) { p { (told) } }
                    @if let Some(reason) = &resolution.reason { blockquote { (untrusted(reason)) } }
                    (self.answered())
                    @if let Some(code) = &resolution.code { p.small { code { (code) } } }
                }
            }
        }
    }

    /// How a question was answered.
    fn answered(&self) -> Markup {
        let RequestState::Settled(Settled::Answered { answer, .. }) = &self.request().state else {
            return html! {};
        };
        let (Given::Option { input_mode, .. } | Given::Custom { input_mode, .. }) = answer;
        html! {
            p.small { (self.words.input_mode(input_mode)) }
            (self.spoken(input_mode))
        }
    }

    fn silent(&self) -> bool {
        let silent_after = self.api.settings().requester_silent_after;
        let last_heartbeat = self.view.snapshot.run.last_heartbeat_at;
        Liveness { last_heartbeat, now: self.view.snapshot.now, silent_after }.is_silent(self.request())
    }

    /// The agent's own words, marked as such.
    fn prose(&self) -> Markup {
        let (words, call) = (self.words, &self.view.call);
        html! {
            @if !call.prose.is_empty() || !call.links.is_empty() {
                section.agent aria-labelledby="agent-words" {
                    h2 id="agent-words" { (words.agents_words()) }
                    p.small { (words.agents_words_about()) }
                    @for (field, text) in &call.prose {
                        h3 { @match words.prose_field(field) { Some(name) => { (name) } None => { code { (field) } } } }
                        blockquote { (untrusted(text.as_str())) }
                    }
                    @if !call.links.is_empty() {
                        h3 { (words.agents_links()) }
                        ul { @for link in &call.links { li { (untrusted(link.text.as_str())) ": " (outward(link.url.as_str())) } } }
                    }
                }
            }
        }
    }

    fn about(&self) -> Markup {
        let (words, request) = (self.words, self.request());
        let (facts, terms, run) = (&request.facts, &request.proposal.terms, &self.view.snapshot.run);
        html! {
            section aria-labelledby="about" {
                h2 id="about" { (words.facts_of_request()) }
                dl.facts {
                    (pair(words.project(), &html! { (facts.project) }))
                    (pair(words.agent(), &html! { (facts.agent_key) }))
                    (pair(words.run(), &html! { (run_link(&facts.run)) " " (run.facts.run_label) }))
                    (about_run(words, run, &self.api.settings().code_host))
                    (pair(words.tool(), &html! { code { (facts.tool) } " · " code { (facts.action) } }))
                    (pair(words.launched_by(), &html! { (facts.launched_by) }))
                    (pair(words.requested_at(), &html! { (time(facts.requested_at)) " (" (ago(words, facts.requested_at, self.view.snapshot.now)) ")" }))
                    (pair(words.deciders(), &asked_of(words, terms)))
                    (pair(words.quorum(), &html! { (terms.quorum) }))
                    (pair(words.plan_digest(), &html! { code title=(request.proposal.plan_digest) { (request.proposal.plan_digest.short()) } }))
                }
                @if !self.view.links.is_empty() {
                    h3 { (words.connected()) }
                    (connections(words, &self.view.links, &facts.id.to_string()))
                }
                details {
                    summary { (words.input()) }
                    pre { (serde_json::to_string_pretty(&countersign_kernel::visible_document(&self.view.call.input)).unwrap_or_default()) }
                }
            }
        }
    }
}

/// The person who said what came of an unclear request, and what they saw. The record has it; the request itself doesn't.
fn settled_by(events: &[EventRecord]) -> Option<(&str, &str)> {
    let ended = [EventType::ApprovalApplied.as_str(), EventType::ApprovalFailed.as_str()];
    let event = events.iter().rfind(|event| ended.contains(&event.event_type.as_str()))?;
    (event.detail["settled_by"] == "person").then_some(())?;
    Some((event.detail["by"].as_str()?, event.detail["why"].as_str()?))
}

/// Where an agent's link leads. Only a web address is a link; it tells its target nothing of us.
fn outward(url: &str) -> Markup {
    html! {
        @if url.starts_with("https://") && visible(url) == url {
            a href=(url) rel="noopener noreferrer nofollow ugc" target="_blank" { (untrusted(url)) }
        } @else { (untrusted(url)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_that_hide_nothing_are_links() {
        assert!(outward("https://github.com/acme/shop/pull/1").into_string().starts_with("<a href="));
        for url in [
            "javascript:alert(1)",
            "http://example.com",
            "https://example.com/\u{202e}moc",
            "data:text/html,x",
            "//example.com",
        ] {
            assert!(!outward(url).into_string().contains("href"), "{url:?}");
        }
    }
}
