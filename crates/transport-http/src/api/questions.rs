//! `/questions`: answers. A question is a request; it is listed and shown among the approvals.

use countersign_usecases::decisions;

use super::approvals::Tagged;
use super::bodies::read_answer;
use super::command::Command;
use super::dto::decision::Committed;
use super::dto::request::AnswerRequest;
use super::problem::Answer;
use super::voice;

/// Answer a question
///
/// By the place of an option, or in own words where they are welcome. The same answer of the same person again is `repeated`.
#[utoipa::path(post, path = "/questions/{id}/answer", tag = "questions", params(("id" = String, Path, format = "uuid", description = "The request.")), request_body = AnswerRequest,
    responses((status = 200, description = "It is answered.", body = Committed, headers(("ETag" = String, description = "The version now.")))))]
pub(super) async fn answer_question(command: Command) -> Answer<Tagged<Committed>> {
    let (asked, said) = command.read(read_answer)?;
    let answer = voice::answer(asked.api(), asked.target.id, said, asked.identity()).await;
    let answer = asked.or_refuse(answer).await?;
    let answered =
        decisions::answer_question(asked.services(), asked.target, &answer, asked.identity()).await;
    asked.committed(answered).await
}
