//! `/questions`: answers. A question is a request; it is listed and shown among the approvals.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use countersign_usecases::decisions;

use super::approvals::{Tagged, committed, refused};
use super::bodies::read_answer;
use super::body::{Body, read};
use super::dto::decision::Committed;
use super::dto::request::AnswerRequest;
use super::gate::Staff;
use super::problem::Answer;
use super::query::{Fields, Sent};
use super::{Api, voice};

/// Answer a question
///
/// By the place of an option, or in own words where they are welcome. The same answer of the same person again is `repeated`.
#[utoipa::path(post, path = "/questions/{id}/answer", tag = "questions", params(("id" = String, Path, format = "uuid", description = "The request.")), request_body = AnswerRequest,
    responses((status = 200, description = "It is answered.", body = Committed, headers(("ETag" = String, description = "The version now.")))))]
pub(super) async fn answer_question(
    State(api): State<Api>,
    staff: Staff,
    Path(id): Path<String>,
    sent: Sent,
    headers: HeaderMap,
    Body(body): Body,
) -> Answer<Tagged<Committed>> {
    let mut fields = Fields::of(sent, &[], &[]);
    let target = fields.target(&id, &headers);
    let (target, said) = fields.finish_with(target, read(read_answer(&body)))?;
    let answer = match voice::answer(&api, target.id, said, staff.identity()).await {
        Ok(answer) => answer,
        Err(error) => return Err(refused(&api, target.id, &error).await),
    };
    let answered = decisions::answer_question(&api.services, target, &answer, staff.identity()).await;
    committed(&api, target.id, answered).await
}
