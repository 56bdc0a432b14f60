//! Dictating without a script: a recording is sent in a form, among what was typed, and comes back as the page with what was heard in its
//! place, to be looked at before it counts.

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use countersign_usecases::access::Operation;
use countersign_usecases::voice::{Dictated, Dictation, Purpose, Recording};
use maud::html;

use super::decide::Command;
use super::form::Form;
use super::request::Act;
use super::visitor::Visitor;
use crate::api::{Answer, Api, Problem, most_bytes, voice};
use crate::multipart;

/// The field with the recording.
pub(super) const AUDIO: &str = "audio";

/// A form with a recording in it.
pub(super) struct Spoken {
    form: Form,
    recording: Answer<Recording>,
}

impl FromRequest<Api> for Spoken {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Self::Rejection> {
        let limits = voice::hearing(api)?.limits;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let most = most_bytes(api, Operation::DictateReason);
        let body = voice::bytes(request.into_body(), most, voice::too_large).await?;
        let parts = multipart::read(&kind, body).await.ok_or_else(|| {
            Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, "the form can't be read")
        })?;
        let (files, typed): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.name == AUDIO);
        // A field without a file is sent as an empty one.
        let recording = files.into_iter().find(|file| !file.bytes.is_empty()).map(|file| {
            let kind = voice::kind_of(file.media_type.as_deref().unwrap_or_default())?;
            voice::recording(file.bytes.into(), kind, limits)
        });
        let nothing =
            || Problem::refuse("not_audio", StatusCode::UNPROCESSABLE_ENTITY, "there is no recording");
        Ok(Self { form: Form::of(typed)?, recording: recording.unwrap_or_else(|| Err(nothing())) })
    }
}

pub(super) async fn reason(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    spoken: Spoken,
) -> Answer<Response> {
    let known = ["reason", "seen_digest", "transcript_proof"];
    dictated(&api, &visitor, &id, (spoken, &known), Purpose::Reason).await
}

pub(super) async fn answer(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    spoken: Spoken,
) -> Answer<Response> {
    let known = ["custom_text", "seen_digest", "input_mode", "transcript_proof"];
    dictated(&api, &visitor, &id, (spoken, &known), Purpose::Answer).await
}

async fn dictated(
    api: &Api,
    visitor: &Visitor,
    id: &str,
    (spoken, known): (Spoken, &[&str]),
    purpose: Purpose,
) -> Answer<Response> {
    let Spoken { mut form, recording } = spoken;
    let act = match purpose {
        Purpose::Reason => Act::Decide,
        Purpose::Answer => Act::Answer,
    };
    let mut command = Command::begin(api, visitor, id, act, (&mut form, known))?;
    let recording = match recording {
        Ok(recording) => recording,
        Err(problem) => return command.said(&problem).await,
    };
    let dictation = Dictation { purpose, recording, language: Some(visitor.words().0) };
    match voice::dictate(api, command.target(), &dictation, visitor.identity()).await {
        Ok(heard) => {
            take_over(&mut command, purpose, &heard);
            let notice = html! { p.notice.good role="status" { (visitor.words().dictate_heard()) } };
            command.page(StatusCode::OK, notice).await
        }
        Err(voice::Refusal::Counted(problem)) => command.said(&problem).await,
        Err(voice::Refusal::Voice(error)) => command.refused(&error).await,
    }
}

/// What was heard goes after what was typed, which stays. Both together were not spoken.
fn take_over(command: &mut Command<'_>, purpose: Purpose, heard: &Dictated) {
    let draft = &mut command.draft;
    let field = match purpose {
        Purpose::Reason => &mut draft.reason,
        Purpose::Answer => &mut draft.custom_text,
    };
    let typed = field.trim();
    (*field, draft.transcript_proof) = if typed.is_empty() {
        (heard.text.to_string(), heard.proof.clone())
    } else {
        (format!("{typed} {}", heard.text), String::new())
    };
}
