//! `/batch`: one decision on several requests, after a page that names them all.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_approvals::InputMode;
use countersign_kernel::{Digest, Fault as _, RequestId};
use countersign_mcp_tools::{Call, Plan};
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::{BatchError, MOST_IN_BATCH, decide_requests};
use countersign_usecases::look::get_request;
use maud::{Markup, html};

use super::decide::see;
use super::form::Form;
use super::layout::{self, Page, Section};
use super::parts::{badge, fact, headline, request_link, worded};
use super::visitor::Visitor;
use crate::api::{Answer, Api, Fields, Problem, Sent, bodies, count};

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let ids = sent.all("id");
    let fields = Fields::of_page_with(sent, &[], &["id"]);
    fields.finish(Some(()))?;
    let ids = read_ids(&ids)?;
    render(&api, &visitor, &ids, StatusCode::OK, None, "").await
}

pub(super) async fn decide(State(api): State<Api>, visitor: Visitor, mut form: Form) -> Answer<Response> {
    form.only(&["id", "seen_digest", "decision", "reason"])?;
    let ids = read_ids(&form.all("id"))?;
    let reason = form.text("reason").unwrap_or_default();
    let seen: Vec<Digest> = form.all("seen_digest").iter().filter_map(|text| text.parse().ok()).collect();
    if seen.len() != ids.len() {
        return Err(Problem::refuse(
            "malformed_request",
            StatusCode::BAD_REQUEST,
            "each request needs the digest that was shown",
        ));
    }
    let (choice, given_reason) = match bodies::read_batch_choice(&form.as_body(&["decision", "reason"])) {
        Ok(read) => read,
        Err(violations) => {
            let notice = html! { ul { @for violation in violations.iter() { li { code { (violation.path) } " " (violation.rule) } } } };
            return render(&api, &visitor, &ids, StatusCode::UNPROCESSABLE_ENTITY, Some(notice), &reason)
                .await;
        }
    };
    count(&api, &visitor.identity().principal, ids.len().saturating_sub(1))?;
    let decisions: BTreeMap<_, _> = ids
        .iter()
        .copied()
        .zip(seen)
        .map(|(id, seen)| {
            (id, Decision { choice, seen, reason: given_reason.clone(), input_mode: InputMode::Button })
        })
        .collect();
    match decide_requests(api.services(), &decisions, visitor.identity()).await {
        Ok(_) => Ok(see("/?done=batch")),
        Err(error @ BatchError::Service(_)) => Err(Problem::of(&error)),
        Err(BatchError::Refused(refused)) => {
            let words = visitor.words();
            let notice = html! {
                (words.code("batch_refused").unwrap_or_default())
                ul {
                    @for one in &refused {
                        li { (request_link(one.id, &one.id.to_string())) ": " (words.code(one.error.code()).map_or_else(|| one.error.to_string(), str::to_owned)) }
                    }
                }
            };
            render(&api, &visitor, &ids, StatusCode::CONFLICT, Some(notice), &reason).await
        }
    }
}

fn read_ids(texts: &[String]) -> Answer<Vec<RequestId>> {
    let mut ids: Vec<RequestId> = Vec::new();
    for text in texts {
        match text.parse() {
            Ok(id) if !ids.contains(&id) => ids.push(id),
            Ok(_) => {}
            Err(_) => {
                return Err(Problem::refuse(
                    "malformed_request",
                    StatusCode::BAD_REQUEST,
                    "an id is not one of a request",
                ));
            }
        }
    }
    if ids.len() > MOST_IN_BATCH {
        let detail = format!("at most {MOST_IN_BATCH} requests are decided at once");
        return Err(Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, detail));
    }
    Ok(ids)
}

/// The page that names all of them, each with the digest of what it shows.
async fn render(
    api: &Api,
    visitor: &Visitor,
    ids: &[RequestId],
    status: StatusCode,
    notice: Option<Markup>,
    reason: &str,
) -> Answer<Response> {
    let words = visitor.words();
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        shown.push(get_request(api.services(), *id).await.map_err(|error| Problem::of(&error))?.request);
    }
    let tools = api.services().tools();
    let body = html! {
        @if let Some(notice) = notice { div.notice.bad role="alert" { (notice) } }
        @if shown.is_empty() { p { (words.batch_empty()) } p { a.button href="/" { (words.back()) } } } @else {
            p { (words.batch_about()) }
            form.decide method="post" action="/batch" data-keep {
                (visitor.csrf_field())
                ol.batch {
                    @for request in &shown {
                        @let call = Call::from_json(&request.proposal.call).ok();
                        @let plan = Plan::from_json(&request.proposal.plan).ok();
                        li {
                            input type="hidden" name="id" value=(request.facts.id);
                            input type="hidden" name="seen_digest" value=(request.proposal.plan_digest);
                            p { a href={ "/requests/" (request.facts.id) } {
                                @if let (Some(call), Some(plan)) = (&call, &plan) { (headline(request, call, plan, tools, words)) } @else { (request.facts.id) }
                            } " " (badge(words, request.state.name())) }
                            @if let Some(plan) = &plan {
                                ul { @for stated in plan.facts.iter().skip(1) { li { (worded(&countersign_kernel::visible(&fact(stated, tools.find(&request.facts.tool).map(|tool| &**tool), words)))) } } }
                            }
                        }
                    }
                }
                label for="reason" { (words.reason()) }
                textarea id="reason" name="reason" rows="3" maxlength="1000" { (reason) }
                p.buttons {
                    button.approve name="decision" value="approve" data-key="a" { (words.approve_all()) }
                    button.deny name="decision" value="deny" data-key="d" { (words.deny_all()) }
                }
            }
        }
    };
    let title = words.batch_title().to_owned();
    Ok(layout::page_with(status, &Page { visitor, section: Section::Inbox, title, follows: None, body }))
}
