//! `ApprovalService`: what staff call. Roles let in; policy says whose decision counts.

mod detail;
mod list;
mod watch;

use countersign_approvals::Reply;
use countersign_usecases::access::Role;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::{
    CancelBy, DecisionReply, answer_question, cancel_request, decide_request, resolve_unknown,
};
use countersign_usecases::look::Liveness;
use tonic::{Request, Response, Status};

use crate::convert::fields::{Fields, MAX_REASON};
use crate::convert::request::summary;
use crate::convert::words;
use crate::identity::Context;
use crate::pace::{Messages, Shared};
use crate::status::refuse;
use crate::v1;
use crate::v1::answer_question_request::Answer;
use crate::v1::approval_service_server::ApprovalService;

const INPUT_MODE_RULE: &str = "must be INPUT_MODE_BUTTON, INPUT_MODE_TEXT or INPUT_MODE_VOICE";

/// The service.
pub(crate) struct Approvals(pub(crate) Shared);

impl Approvals {
    /// The request as it was just committed, with its run's sign of life.
    fn committed(&self, reply: &DecisionReply) -> v1::ApprovalSummary {
        let silent_after = self.0.settings.requester_silent_after;
        summary(&reply.request, Liveness::of(reply, silent_after))
    }
}

#[tonic::async_trait]
impl ApprovalService for Approvals {
    async fn list_pending_approvals(
        &self,
        request: Request<v1::ListPendingApprovalsRequest>,
    ) -> Result<Response<v1::ListPendingApprovalsResponse>, Status> {
        let context = Context::of(&request)?;
        list::list(&self.0, request.get_ref(), &context.id).await.map(Response::new)
    }

    async fn get_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Result<Response<v1::GetApprovalResponse>, Status> {
        let context = Context::of(&request)?;
        let mut fields = Fields::new();
        let id = fields.request("request_id", &request.get_ref().request_id);
        let id = fields.finish(id, &context.id)?;
        let approval = detail::load(&self.0, id, context.bearer()?, &context.id).await?;
        Ok(Response::new(v1::GetApprovalResponse { approval: Some(approval) }))
    }

    async fn resolve_approval_decision(
        &self,
        request: Request<v1::ResolveApprovalDecisionRequest>,
    ) -> Result<Response<v1::ResolveApprovalDecisionResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let id = fields.request("request_id", &asked.request_id);
        let rule = "must be DECISION_APPROVE or DECISION_DENY";
        let choice = fields.chosen("decision", rule, words::read_choice(asked.decision));
        let reason = fields.reason(&asked.reason);
        let seen = fields.digest("seen_digest", &asked.seen_digest);
        let input_mode = words::read_input_mode(asked.input_mode);
        let input_mode = fields.chosen("input_mode", INPUT_MODE_RULE, input_mode);
        let decision =
            (|| Some((id?, Decision { choice: choice?, seen: seen?, reason, input_mode: input_mode? })))();
        let (id, decision) = fields.finish(decision, &context.id)?;
        let decided = decide_request(&self.0.services, id, &decision, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::ResolveApprovalDecisionResponse {
            approval: Some(self.committed(&decided)),
            repeated: decided.repeated,
        }))
    }

    async fn answer_question(
        &self,
        request: Request<v1::AnswerQuestionRequest>,
    ) -> Result<Response<v1::AnswerQuestionResponse>, Status> {
        const MAX_ANSWER: usize = 4000;
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let id = fields.request("request_id", &asked.request_id);
        let seen = fields.digest("seen_digest", &asked.seen_digest);
        let reply = match &asked.answer {
            None => {
                fields.violate("answer", "is required: `option_index` or `custom_text`");
                None
            }
            Some(Answer::OptionIndex(index)) => Some(Reply::Option(*index)),
            Some(Answer::CustomText(text)) => {
                fields.text("custom_text", text, 1, MAX_ANSWER).map(Reply::Custom)
            }
        };
        let input_mode = words::read_input_mode(asked.input_mode);
        let input_mode = fields.chosen("input_mode", INPUT_MODE_RULE, input_mode);
        let answer = (|| Some((id?, GivenAnswer { seen: seen?, reply: reply?, input_mode: input_mode? })))();
        let (id, answer) = fields.finish(answer, &context.id)?;
        let answered = answer_question(&self.0.services, id, &answer, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::AnswerQuestionResponse {
            approval: Some(self.committed(&answered)),
            repeated: answered.repeated,
        }))
    }

    async fn resolve_unknown(
        &self,
        request: Request<v1::ResolveUnknownRequest>,
    ) -> Result<Response<v1::ResolveUnknownResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let id = fields.request("request_id", &asked.request_id);
        let rule = "must be UNKNOWN_VERDICT_APPLIED or UNKNOWN_VERDICT_FAILED";
        let verdict = fields.chosen("verdict", rule, words::read_verdict(asked.verdict));
        let reason = fields.text("reason", &asked.reason, 1, MAX_REASON);
        let all = (|| Some((id?, verdict?, reason?)))();
        let (id, verdict, reason) = fields.finish(all, &context.id)?;
        let resolved = resolve_unknown(&self.0.services, id, verdict, &reason, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        let approval = Some(self.committed(&resolved));
        Ok(Response::new(v1::ResolveUnknownResponse { approval }))
    }

    async fn cancel_approval(
        &self,
        request: Request<v1::CancelApprovalRequest>,
    ) -> Result<Response<v1::CancelApprovalResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let id = fields.request("request_id", &asked.request_id);
        let reason = fields.reason(&asked.reason);
        let id = fields.finish(id, &context.id)?;
        let bearer = context.bearer()?;
        let identity = bearer.identity.clone();
        let by = if bearer.roles.contains(&Role::Operator) {
            CancelBy::Operator(identity)
        } else {
            CancelBy::Staff(identity)
        };
        let cancelled = cancel_request(&self.0.services, id, reason, &by)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        let approval = Some(self.committed(&cancelled));
        Ok(Response::new(v1::CancelApprovalResponse { approval }))
    }

    type WatchApprovalsStream = Messages<v1::WatchApprovalsResponse>;

    async fn watch_approvals(
        &self,
        request: Request<v1::WatchApprovalsRequest>,
    ) -> Result<Response<Self::WatchApprovalsStream>, Status> {
        let context = Context::of(&request)?;
        watch::begin(&self.0, request.get_ref(), &context).await.map(Response::new)
    }
}
