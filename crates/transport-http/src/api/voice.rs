//! `…/voice`: speaking instead of typing. What was heard comes back to be looked at; it counts by the decision or answer that is sent then.

use axum::Json;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use countersign_approvals::Reply;
use countersign_kernel::{Language, RequestId};
use countersign_usecases::Identity;
use countersign_usecases::decisions::Target;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::voice::{
    self, AudioKind, Dictation, DictationLimits, Hearing, Purpose, Recording, RecordingError, Spoken,
    VoiceError,
};

use super::Api;
use super::approvals::refused;
use super::bodies::Said;
use super::dto::transcript::Dictated;
use super::gate::{Staff, count};
use super::problem::{Answer, Problem};
use super::query::{Fields, Sent};

pub(crate) use super::body::bytes;

/// What a dictation costs of the requests that one person or service may make.
const COST: usize = 10;

/// Speech to text, where it is configured.
pub(crate) fn hearing(api: &Api) -> Answer<&Hearing> {
    api.services.hearing().ok_or_else(|| Problem::of(&VoiceError::NotOffered))
}

/// The kind of audio that a media type means.
pub(crate) fn kind_of(media_type: &str) -> Answer<AudioKind> {
    AudioKind::of_media_type(media_type).ok_or_else(|| {
        let kinds = AudioKind::ALL.map(AudioKind::media_type).join("`, `");
        let detail = format!("the recording has to be one of `{kinds}`");
        Problem::refuse("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    })
}

/// A body that is a recording.
pub(super) struct Audio(Recording);

impl FromRequest<Api> for Audio {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Self::Rejection> {
        let limits = hearing(api)?.limits;
        let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind_of(given.unwrap_or_default())?;
        let bytes = bytes(request.into_body(), limits.max_bytes, too_large).await?;
        recording(bytes.into(), kind, limits).map(Self)
    }
}

/// What is too large to be taken.
pub(crate) fn too_large(max_bytes: usize) -> Box<Problem> {
    Problem::of(&RecordingError::TooLarge { max_bytes })
}

/// A recording, which has to be what it is said to be.
pub(crate) fn recording(bytes: Vec<u8>, kind: AudioKind, limits: DictationLimits) -> Answer<Recording> {
    Recording::parse(bytes, kind, limits).map_err(|error| Problem::of(&error))
}

/// Dictate the reason of a decision
///
/// The recording is transcribed and kept nowhere. What was heard comes back, and nothing is decided by it: send it as the `reason` of the
/// decision, with its `transcript_proof`. Only whoever may decide is listened to, and only while the request waits for a decision.
#[utoipa::path(post, path = "/approvals/{id}/decision/voice", tag = "approvals", params(
    ("id" = String, Path, format = "uuid", description = "The request."),
    ("language" = Option<String>, Query, pattern = "^(en|ru)$", description = "What is probably spoken."),
), request_body(content = String, content_type = "audio/wav", description = "The recording."),
    responses((status = 200, description = "What was heard.", body = Dictated)))]
pub(super) async fn dictate_reason(
    State(api): State<Api>,
    staff: Staff,
    Path(id): Path<String>,
    sent: Sent,
    headers: HeaderMap,
    Audio(recording): Audio,
) -> Answer<Json<Dictated>> {
    dictated(&api, &staff, Asked { id: &id, sent, headers: &headers }, Purpose::Reason, recording).await
}

/// Dictate an answer in own words
///
/// The recording is transcribed and kept nowhere. What was heard comes back, and nothing is answered by it: send it as the `custom_text` of
/// the answer, with its `transcript_proof`. Only whoever may answer is listened to, and only while the question waits for an answer.
#[utoipa::path(post, path = "/questions/{id}/answer/voice", tag = "questions", params(
    ("id" = String, Path, format = "uuid", description = "The request."),
    ("language" = Option<String>, Query, pattern = "^(en|ru)$", description = "What is probably spoken."),
), request_body(content = String, content_type = "audio/wav", description = "The recording."),
    responses((status = 200, description = "What was heard.", body = Dictated)))]
pub(super) async fn dictate_answer(
    State(api): State<Api>,
    staff: Staff,
    Path(id): Path<String>,
    sent: Sent,
    headers: HeaderMap,
    Audio(recording): Audio,
) -> Answer<Json<Dictated>> {
    dictated(&api, &staff, Asked { id: &id, sent, headers: &headers }, Purpose::Answer, recording).await
}

/// What a dictation is about, as it was sent.
struct Asked<'a> {
    id: &'a str,
    sent: Sent,
    headers: &'a HeaderMap,
}

async fn dictated(
    api: &Api,
    staff: &Staff,
    asked: Asked<'_>,
    purpose: Purpose,
    recording: Recording,
) -> Answer<Json<Dictated>> {
    let mut fields = Fields::of(asked.sent, &["language"], &[]);
    let aim = fields.aim(asked.id, asked.headers);
    let language = fields.name::<Language>("language");
    let (id, precondition) = fields.finish(aim)?;
    let target = precondition.target(api, id).await?;
    let dictation = Dictation { purpose, recording, language };
    match dictate(api, target, &dictation, staff.identity()).await {
        Ok(dictated) => Ok(Json(Dictated::from(&dictated))),
        Err(Refusal::Counted(problem)) => Err(problem),
        Err(Refusal::Voice(error)) => Err(refused(api, target.id, &error).await),
    }
}

/// Why a dictation came to nothing.
pub(crate) enum Refusal {
    /// This person asks too often.
    Counted(Box<Problem>),
    /// All else.
    Voice(VoiceError),
}

/// Has what a person said transcribed, which counts as several requests of theirs.
pub(crate) async fn dictate(
    api: &Api,
    target: Target,
    dictation: &Dictation,
    by: &Identity,
) -> Result<voice::Dictated, Refusal> {
    // The request itself was counted at the gate.
    count(api, &by.principal, COST - 1).map_err(Refusal::Counted)?;
    voice::dictate(&api.services, target, dictation, by).await.map_err(Refusal::Voice)
}

/// The decision with how it was given, as far as that is proved.
pub(crate) async fn decision(
    api: &Api,
    request: RequestId,
    said: Said<Decision>,
    by: &Identity,
) -> Result<Decision, VoiceError> {
    let Said { what, transcript_proof: Some(proof) } = said else { return Ok(said.what) };
    let spoken = Spoken { request, seen: what.seen, text: what.reason.as_ref(), proof: &proof };
    let input_mode = voice::confirm_spoken(&api.services, spoken, by).await?;
    Ok(Decision { input_mode, ..what })
}

/// The answer with how it was given, as far as that is proved. An option has its words already.
pub(crate) async fn answer(
    api: &Api,
    request: RequestId,
    said: Said<GivenAnswer>,
    by: &Identity,
) -> Result<GivenAnswer, VoiceError> {
    let (Reply::Custom(text), Some(proof)) = (&said.what.reply, &said.transcript_proof) else {
        return Ok(said.what);
    };
    let spoken = Spoken { request, seen: said.what.seen, text: Some(text), proof };
    let input_mode = voice::confirm_spoken(&api.services, spoken, by).await?;
    Ok(GivenAnswer { input_mode, ..said.what })
}
