//! `/batch`: one decision on several requests, after a page that names them all.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_approvals::{InputMode, StateName};
use countersign_kernel::{Digest, Fault as _, RequestId, visible};
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::{BatchError, MOST_IN_BATCH, Refused, decide_requests};
use countersign_usecases::look::{Listed, look_at_each};
use maud::{Markup, html};

use super::decide::{OVERTAKEN, see, who_was_faster};
use super::form::Form;
use super::layout::{self, Page, Section};
use super::parts::{address, badge, fact, headline, request_link, worded};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, Sent, bodies, count, stream_place};

/// A request as the page showed it: `{id} {digest}`, which is what its box sends.
struct Chosen {
    id: RequestId,
    seen: Digest,
}

/// What a batch is told with.
#[derive(Default)]
struct Draft {
    status: StatusCode,
    notice: Option<Markup>,
    reason: String,
    /// What is wrong with the reason.
    wrong: Option<String>,
    /// Those that are still to be decided; all that can be, where nothing was sent yet.
    chosen: Option<Vec<RequestId>>,
}

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let ids = sent.all("id");
    let fields = Fields::of_page_with(sent, &[], &["id"]);
    fields.finish(Some(()))?;
    render(&api, &visitor, &read_ids(&ids)?, Draft::default()).await
}

pub(super) async fn decide(State(api): State<Api>, visitor: Visitor, mut form: Form) -> Answer<Response> {
    form.only(&["id", "chosen", "decision", "reason"])?;
    let named = read_ids(&form.all("id"))?;
    let chosen = read_chosen(&form.all("chosen"))?;
    let draft = Draft {
        reason: form.text("reason").unwrap_or_default(),
        chosen: Some(chosen.iter().map(|one| one.id).collect()),
        ..Draft::default()
    };
    let words = visitor.words();
    if chosen.is_empty() {
        let notice = Some(html! { (words.batch_empty()) });
        let draft = Draft { status: StatusCode::UNPROCESSABLE_ENTITY, notice, ..draft };
        return render(&api, &visitor, &named, draft).await;
    }
    let (choice, reason) = match bodies::read_batch_choice(&form.as_body(&["decision", "reason"])) {
        Ok(read) => read,
        Err(violations) => {
            let wrong = violations.iter().find(|one| one.path == "reason").map(|one| words.rule(&one.rule));
            let notice = Some(html! {
                (words.not_counted())
                ul { @for one in violations.iter() { li { (words.field(&one.path)) ": " (words.rule(&one.rule)) } } }
            });
            let draft = Draft { status: StatusCode::UNPROCESSABLE_ENTITY, notice, wrong, ..draft };
            return render(&api, &visitor, &named, draft).await;
        }
    };
    count(&api, &visitor.identity().principal, chosen.len().saturating_sub(1))?;
    let decision = |seen| Decision { choice, seen, reason: reason.clone(), input_mode: InputMode::Button };
    let decisions: BTreeMap<_, _> = chosen.into_iter().map(|one| (one.id, decision(one.seen))).collect();
    match decide_requests(api.services(), &decisions, visitor.identity()).await {
        Ok(_) => Ok(see("/?done=batch")),
        Err(error @ BatchError::Service(_)) => Err(Problem::of(&error)),
        Err(BatchError::Refused(refused)) => {
            let mut told = Vec::with_capacity(refused.len());
            for one in &refused {
                told.push((one.id, why(&api, one, words).await));
            }
            let notice = Some(html! {
                (words.code("batch_refused").unwrap_or_default())
                ul { @for (id, why) in &told { li { (request_link(*id, &id.to_string())) ": " (why) } } }
            });
            render(&api, &visitor, &named, Draft { status: StatusCode::CONFLICT, notice, ..draft }).await
        }
    }
}

/// Why one of the decisions doesn't count; with who was faster, where somebody was.
async fn why(api: &Api, refused: &Refused, words: Words) -> Markup {
    let code = refused.error.code();
    let told = words.code(code).map_or_else(|| refused.error.to_string(), str::to_owned);
    html! { (told) @if OVERTAKEN.contains(&code) { " " (who_was_faster(api, refused.id, words).await) } }
}

fn read_ids(texts: &[String]) -> Answer<Vec<RequestId>> {
    let mut ids: Vec<RequestId> = Vec::new();
    for text in texts {
        let id = text.parse().map_err(|_| unreadable("an id is not one of a request"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn read_chosen(texts: &[String]) -> Answer<Vec<Chosen>> {
    let read = |text: &String| {
        let (id, seen) = text.split_once(' ')?;
        Some(Chosen { id: id.parse().ok()?, seen: seen.parse().ok()? })
    };
    let chosen: Option<Vec<_>> = texts.iter().map(read).collect();
    let chosen = chosen.ok_or_else(|| unreadable("each request needs the digest that was shown"))?;
    if chosen.len() > MOST_IN_BATCH {
        return Err(unreadable(&format!("at most {MOST_IN_BATCH} requests are decided at once")));
    }
    Ok(chosen)
}

fn unreadable(detail: &str) -> Box<Problem> {
    Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, detail)
}

/// The page that names all of them, each with the digest of what it shows. More than are decided at once are left out, which it says.
async fn render(api: &Api, visitor: &Visitor, ids: &[RequestId], draft: Draft) -> Answer<Response> {
    let follows = stream_place(api).await?;
    let words = visitor.words();
    let most = &ids[..ids.len().min(MOST_IN_BATCH)];
    let shown = look_at_each(api.services(), most, visitor.bearer()).await;
    let shown = shown.map_err(|error| Problem::of(&error))?;
    let body = html! {
        @if let Some(notice) = &draft.notice { div.notice.bad role="alert" { (notice) } }
        @if shown.is_empty() { p { (words.batch_empty()) } p { a.button href="/" { (words.back()) } } } @else {
            p { (words.batch_about()) }
            @if ids.len() > shown.len() { p.notice { (words.batch_most(MOST_IN_BATCH)) } }
            form.decide method="post" action="/batch" data-keep {
                (visitor.csrf_field())
                ol.batch { @for listed in &shown { (item(api, listed, &draft, words)) } }
                label for="reason" { (words.reason()) }
                textarea id="reason" name="reason" rows="3" maxlength="1000" aria-invalid=[draft.wrong.as_ref().map(|_| "true")]
                    aria-describedby=[draft.wrong.as_ref().map(|_| "reason-wrong")] { (draft.reason) }
                @if let Some(rule) = &draft.wrong { p.wrong id="reason-wrong" { (rule) } }
                p.buttons {
                    button.approve name="decision" value="approve" data-key="a" { (words.approve_all()) }
                    button.deny name="decision" value="deny" data-key="d" { (words.deny_all()) }
                }
            }
        }
    };
    let title = words.batch_title().to_owned();
    let pairs: Vec<_> = ids.iter().map(|id| ("id", id.to_string())).collect();
    let visitor = &visitor.at(address("/batch", &pairs));
    Ok(layout::page_with(
        draft.status,
        &Page { visitor, section: Section::Inbox, title, follows: Some(follows), body },
    ))
}

/// One of them, with a box to leave it out by. What this person can't decide any more has none.
fn item(api: &Api, listed: &Listed, draft: &Draft, words: Words) -> Markup {
    let (request, tools) = (&listed.request, api.services().tools());
    let (id, tool) = (request.facts.id, tools.find(&request.facts.tool).map(|tool| &**tool));
    let title = format!("t-{id}");
    let decidable = request.state.name() == StateName::Requested && listed.standing.why_not.is_none();
    let checked = draft.chosen.as_ref().is_none_or(|chosen| chosen.contains(&id));
    html! {
        li {
            input type="hidden" name="id" value=(id);
            p {
                @if decidable {
                    input type="checkbox" name="chosen" value={ (id) " " (request.proposal.plan_digest) } checked[checked] aria-labelledby=(title);
                    " "
                }
                a id=(title) href={ "/requests/" (id) } { (headline(request, &listed.call, &listed.plan, tools, words)) }
                " " span data-live={ "state-" (id) } { (badge(words, request.state.name())) }
            }
            @if !decidable { @if let Some(code) = listed.standing.why_not { p.small { (words.code(code).unwrap_or(code)) } } }
            ul { @for stated in listed.plan.facts.iter().skip(1) { li { (worded(&visible(&fact(stated, tool, words)))) } } }
        }
    }
}
