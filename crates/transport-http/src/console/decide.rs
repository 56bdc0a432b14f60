//! What a person does about one request. Whatever doesn't count comes back as the page of the request as it is now, with what was typed.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_approvals::Choice;
use countersign_kernel::{Fault as _, Kind, RequestId, Violations, visible};
use countersign_usecases::access::Role;
use countersign_usecases::decisions::{self, CancelBy, DecisionError, DecisionReply, Target};
use countersign_usecases::look::get_request;
use maud::{Markup, html};
use serde_json::Value;

use super::form::Form;
use super::parts::{time, untrusted};
use super::request::{Draft, render};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, bodies};

/// One command of a page, on its way.
struct Command<'c> {
    api: &'c Api,
    visitor: &'c Visitor,
    id: RequestId,
    draft: Draft,
}

pub(super) async fn decide(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut form: Form,
) -> Answer<Response> {
    let command = Command::begin(&api, &visitor, &id, &mut form, &["decision", "reason", "seen_digest"])?;
    let decision = match bodies::read_decision(&form.as_body(&["decision", "reason", "seen_digest"])) {
        Ok(decision) => decision,
        Err(violations) => return command.invalid(&violations).await,
    };
    let done = match decision.choice {
        Choice::Approve => "approved",
        Choice::Deny => "denied",
    };
    let decided =
        decisions::decide_request(api.services(), command.target(), &decision, visitor.identity()).await;
    command.answer(decided, done).await
}

pub(super) async fn answer(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut form: Form,
) -> Answer<Response> {
    let known = ["option_index", "custom_text", "input_mode", "seen_digest"];
    let command = Command::begin(&api, &visitor, &id, &mut form, &known)?;
    let mut body = form.as_body(&known);
    // A form has texts only.
    if let Some(place) = command.draft.option {
        body["option_index"] = Value::from(place);
    }
    let given = match bodies::read_answer(&body) {
        Ok(given) => given,
        Err(violations) => return command.invalid(&violations).await,
    };
    let answered =
        decisions::answer_question(api.services(), command.target(), &given, visitor.identity()).await;
    command.answer(answered, "answered").await
}

pub(super) async fn withdraw(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut form: Form,
) -> Answer<Response> {
    let command = Command::begin(&api, &visitor, &id, &mut form, &["reason"])?;
    let reason = match bodies::read_cancel(&form.as_body(&["reason"])) {
        Ok(reason) => reason,
        Err(violations) => return command.invalid(&violations).await,
    };
    let identity = visitor.identity().clone();
    let by =
        if visitor.has(Role::Operator) { CancelBy::Operator(identity) } else { CancelBy::Staff(identity) };
    let cancelled = decisions::cancel_request(api.services(), command.target(), reason, &by).await;
    command.answer(cancelled, "withdrawn").await
}

pub(super) async fn settle(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut form: Form,
) -> Answer<Response> {
    let command = Command::begin(&api, &visitor, &id, &mut form, &["verdict", "reason"])?;
    let (verdict, reason) = match bodies::read_verdict(&form.as_body(&["verdict", "reason"])) {
        Ok(read) => read,
        Err(violations) => return command.invalid(&violations).await,
    };
    let settled =
        decisions::resolve_unknown(api.services(), command.target(), verdict, &reason, visitor.identity())
            .await;
    command.answer(settled, "settled").await
}

impl<'c> Command<'c> {
    fn begin(api: &'c Api, visitor: &'c Visitor, id: &str, form: &mut Form, known: &[&str]) -> Answer<Self> {
        form.only(known)?;
        let mut fields = Fields::default();
        let id = fields.request_in_path(id);
        let id = fields.finish(id)?;
        let draft = Draft {
            reason: form.text("reason").unwrap_or_default(),
            custom_text: form.text("custom_text").unwrap_or_default(),
            option: form.text("option_index").and_then(|place| place.parse().ok()),
            ..Draft::default()
        };
        Ok(Self { api, visitor, id, draft })
    }

    /// The page names no version: what a person has seen is what the digest says.
    fn target(&self) -> Target {
        Target { id: self.id, version: None }
    }

    async fn answer(self, reply: Result<DecisionReply, DecisionError>, done: &str) -> Answer<Response> {
        let error = match reply {
            Ok(_) => return Ok(see(&format!("/requests/{}?done={done}", self.id))),
            Err(error) => error,
        };
        match error.kind() {
            Kind::Conflict | Kind::Denied | Kind::Invalid | Kind::Busy | Kind::Unavailable => {
                let problem = Problem::of(&error);
                let words = self.visitor.words();
                let detail =
                    words.code(problem.code()).map_or_else(|| problem.detail().to_owned(), str::to_owned);
                let notice = match problem.code() {
                    "plan_changed" => html! { (words.plan_changed()) },
                    _ if error.kind() == Kind::Conflict => {
                        html! { (words.too_late()) " " (detail) (self.who_was_faster(words).await) }
                    }
                    _ => html! { (words.not_counted()) " " (detail) },
                };
                self.again(problem.status(), &notice).await
            }
            Kind::Unauthenticated
            | Kind::NotFound
            | Kind::AlreadyExists
            | Kind::Exhausted
            | Kind::Internal => Err(Problem::of(&error)),
        }
    }

    async fn invalid(self, violations: &Violations) -> Answer<Response> {
        let words = self.visitor.words();
        let notice = html! {
            (words.not_counted())
            ul { @for violation in violations.iter() { li { code { (violation.path) } " " (violation.rule) } } }
        };
        self.again(StatusCode::UNPROCESSABLE_ENTITY, &notice).await
    }

    /// The page as it is now, with what was typed.
    async fn again(self, status: StatusCode, notice: &Markup) -> Answer<Response> {
        let notice = html! { div.notice.bad role="alert" { (notice) } };
        render(self.api, self.visitor, self.id, Draft { status, notice: Some(notice), ..self.draft }).await
    }

    /// Who decided what, and when. That it can't be read doesn't change the refusal.
    async fn who_was_faster(&self, words: Words) -> Markup {
        let Ok(snapshot) = get_request(self.api.services(), self.id).await else { return html! {} };
        let request = &snapshot.request;
        html! {
            " " (words.changed_to(words.state_name(request.state.name())))
            ul {
                @for vote in &request.votes {
                    li {
                        (vote.ballot.by) ": " (words.choice(vote.ballot.choice)) ", " (time(vote.at))
                        @if let Some(reason) = &vote.ballot.reason { " — " (untrusted(reason.as_str())) }
                    }
                }
                @if let Some(resolution) = request.state.resolution() {
                    li { (words.actor(&visible(&resolution.by))) ", " (time(resolution.at)) }
                }
            }
        }
    }
}

/// Sends the browser on to a page, so that loading it again repeats no command.
pub(super) fn see(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let address = HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, address);
    response
}
