//! `/questions`: answers. A question is a request; it is listed and shown among the approvals.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use countersign_approvals::Reply;
use countersign_kernel::Violations;
use countersign_mcp_tools::Arguments;
use countersign_usecases::decisions;
use countersign_usecases::decisions::answer::GivenAnswer;
use serde_json::Value;

use super::Api;
use super::approvals::{Tagged, committed, digest, input_mode};
use super::body::{Body, read};
use super::dto::decision::Committed;
use super::dto::request::AnswerRequest;
use super::gate::Staff;
use super::problem::Answer;
use super::query::{Fields, Sent};

/// The place of the last option a question may have.
const LAST_OPTION: u32 = 4;

/// The most characters of an answer in own words.
const MAX_ANSWER: usize = 4000;

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
    let (target, answer) = fields.finish_with(target, read(read_answer(&body)))?;
    let answered = decisions::answer_question(&api.services, target, &answer, staff.identity()).await;
    committed(&api, target.id, answered).await
}

fn read_answer(body: &Value) -> Result<GivenAnswer, Violations> {
    let mut given = Arguments::read(body, &["seen_digest", "option_index", "custom_text", "input_mode"]);
    let seen = digest(&mut given);
    let option = given.integer("option_index", 0..=LAST_OPTION);
    let custom = given.prose("custom_text", 1, MAX_ANSWER);
    match (given.has("option_index"), given.has("custom_text")) {
        (true, true) => given.violate("custom_text", "excludes `option_index`: give one of the two"),
        (false, false) => given.violate("option_index", "is required unless `custom_text` is given"),
        (true, false) | (false, true) => {}
    }
    let reply = option.map(Reply::Option).or(custom.map(Reply::Custom));
    let input_mode = input_mode(&mut given);
    let answer = (|| Some(GivenAnswer { seen: seen?, reply: reply?, input_mode: input_mode? }))();
    given.finish(answer)
}
