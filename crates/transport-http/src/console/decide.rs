//! What a person does about one request. Whatever doesn't count comes back as the page of the request as it is now, with what was typed.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_approvals::Choice;
use countersign_kernel::{Fault, Kind, RequestId, Violations, visible};
use countersign_usecases::access::Role;
use countersign_usecases::decisions::{self, CancelBy, DecisionError, DecisionReply, Target};
use countersign_usecases::look::get_request;
use maud::{Markup, html};
use serde_json::Value;

use super::form::Form;
use super::parts::{time, untrusted};
use super::request::{Act, Draft, render};
use super::visitor::Visitor;
use super::voice::AUDIO;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Problem, bodies, voice};

/// What is refused because others have done something meanwhile.
pub(super) const OVERTAKEN: [&str; 6] = [
    "already_settled",
    "already_approved",
    "already_executing",
    "version_changed",
    "not_waiting",
    "not_unknown",
];

/// One command of a page, on its way.
pub(super) struct Command<'c> {
    api: &'c Api,
    visitor: &'c Visitor,
    id: RequestId,
    /// What was typed.
    pub(super) draft: Draft,
}

pub(super) async fn decide(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut form: Form,
) -> Answer<Response> {
    // A field for a file comes along with its name where the form is sent without one.
    let known = ["decision", "reason", "seen_digest", "transcript_proof", AUDIO];
    let command = Command::begin(&api, &visitor, &id, Act::Decide, (&mut form, &known))?;
    let said = match bodies::read_decision(&form.as_body(&known[..4])) {
        Ok(said) => said,
        Err(violations) => return command.invalid(&violations).await,
    };
    let decision = match voice::decision(&api, command.id, said, visitor.identity()).await {
        Ok(decision) => decision,
        Err(error) => return command.refused(&error).await,
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
    let known = ["option_index", "custom_text", "input_mode", "seen_digest", "transcript_proof", AUDIO];
    let command = Command::begin(&api, &visitor, &id, Act::Answer, (&mut form, &known))?;
    let mut body = form.as_body(&known[..5]);
    // A form has texts only.
    if let Some(place) = command.draft.option {
        body["option_index"] = Value::from(place);
    }
    let said = match bodies::read_answer(&body) {
        Ok(said) => said,
        Err(violations) => return command.invalid(&violations).await,
    };
    let given = match voice::answer(&api, command.id, said, visitor.identity()).await {
        Ok(given) => given,
        Err(error) => return command.refused(&error).await,
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
    let command = Command::begin(&api, &visitor, &id, Act::Withdraw, (&mut form, &["reason"]))?;
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
    let command = Command::begin(&api, &visitor, &id, Act::Settle, (&mut form, &["verdict", "reason"]))?;
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
    pub(super) fn begin(
        api: &'c Api,
        visitor: &'c Visitor,
        id: &str,
        act: Act,
        (form, known): (&mut Form, &[&str]),
    ) -> Answer<Self> {
        form.only(known)?;
        let mut fields = Fields::default();
        let id = fields.request_in_path(id);
        let id = fields.finish(id)?;
        let draft = Draft {
            act: Some(act),
            reason: form.text("reason").unwrap_or_default(),
            custom_text: form.text("custom_text").unwrap_or_default(),
            option: form.text("option_index").and_then(|place| place.parse().ok()),
            transcript_proof: form.text("transcript_proof").unwrap_or_default(),
            ..Draft::default()
        };
        Ok(Self { api, visitor, id, draft })
    }

    /// The page names no version: what a person has seen is what the digest says.
    pub(super) fn target(&self) -> Target {
        Target { id: self.id, version: None }
    }

    async fn answer(self, reply: Result<DecisionReply, DecisionError>, done: &str) -> Answer<Response> {
        match reply {
            Ok(_) => Ok(see(&format!("/requests/{}?done={done}", self.id))),
            Err(error) => self.refused(&error).await,
        }
    }

    /// What doesn't count, on the page of the request as it is now.
    pub(super) async fn refused(self, error: &(dyn Fault + Sync)) -> Answer<Response> {
        match error.kind() {
            Kind::Conflict
            | Kind::Denied
            | Kind::Invalid
            | Kind::AlreadyExists
            | Kind::Busy
            | Kind::Exhausted
            | Kind::Unavailable
            | Kind::Internal => {
                let problem = Problem::of(error);
                let words = self.visitor.words();
                let detail = self.detail(&problem);
                let notice = match problem.code() {
                    "plan_changed" => html! { (words.plan_changed()) },
                    code if OVERTAKEN.contains(&code) => {
                        html! { (words.too_late()) " " (detail) " " (who_was_faster(self.api, self.id, words).await) }
                    }
                    _ => html! { (words.not_counted()) " " (detail) },
                };
                // Where even the page can't be read, the refusal itself is all there is to say.
                self.again(problem.status(), &notice).await.map_err(|_| problem)
            }
            Kind::Unauthenticated | Kind::NotFound => Err(Problem::of(error)),
        }
    }

    /// The same for what the page itself refuses.
    pub(super) async fn said(self, problem: &Problem) -> Answer<Response> {
        let notice = html! { (self.visitor.words().not_counted()) " " (self.detail(problem)) };
        self.again(problem.status(), &notice).await
    }

    fn detail(&self, problem: &Problem) -> String {
        let words = self.visitor.words().code(problem.code());
        words.map_or_else(|| problem.detail().to_owned(), str::to_owned)
    }

    async fn invalid(mut self, violations: &Violations) -> Answer<Response> {
        let words = self.visitor.words();
        let wrong = violations.iter().map(|violation| (violation.path.clone(), words.rule(&violation.rule)));
        self.draft.wrong = wrong.collect();
        let notice = html! {
            (words.not_counted())
            ul { @for (field, rule) in &self.draft.wrong { li { (words.field(field)) ": " (rule) } } }
        };
        self.again(StatusCode::UNPROCESSABLE_ENTITY, &notice).await
    }

    /// The page as it is now, with what was typed and what is wrong.
    async fn again(self, status: StatusCode, notice: &Markup) -> Answer<Response> {
        self.page(status, html! { div.notice.bad role="alert" { (notice) } }).await
    }

    /// The page as it is now, with what was typed and something to say.
    pub(super) async fn page(self, status: StatusCode, notice: Markup) -> Answer<Response> {
        let draft = Draft { status, notice: Some(notice), ..self.draft };
        render(self.api, self.visitor, self.id, draft, None).await
    }
}

/// Who decided what, and when. That it can't be read doesn't change the refusal.
pub(super) async fn who_was_faster(api: &Api, id: RequestId, words: Words) -> Markup {
    let Ok(snapshot) = get_request(api.services(), id).await else { return html! {} };
    let request = &snapshot.request;
    html! {
        (words.changed_to(words.state_name(request.state.name())))
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

/// Sends the browser on to a page, so that loading it again repeats no command.
pub(super) fn see(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let address = HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, address);
    response
}
