//! The routes: models, and transcriptions.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use multer::Multipart;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Asked, Desk, Listener};

/// What the real service takes.
const MOST_BYTES: usize = 25 * 1024 * 1024;
/// By the ends of file names, as the real service does.
const FORMATS: [&str; 10] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
/// Seconds a recording has at least.
const SHORTEST_S: f64 = 0.1;

pub(super) fn api(listener: Listener) -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/audio/transcriptions", post(transcribe))
        .with_state(listener)
}

/// An error on command, in the service's own shape.
pub(super) fn on_command(status: StatusCode, _retry_after_s: Option<u32>, message: Option<&str>) -> Response {
    let kind = if status.is_server_error() { "server_error" } else { "requests" };
    let error =
        json!({"message": message.unwrap_or("on command"), "type": kind, "param": null, "code": null});
    (status, Json(json!({"error": error}))).into_response()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A refusal: what is wrong, with which field, by which code.
struct Refused(StatusCode, String, Option<&'static str>, Option<&'static str>);

impl Refused {
    fn field(name: &'static str, message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into(), Some(name), None)
    }

    fn answer(self) -> Response {
        let Self(status, message, param, code) = self;
        let error =
            json!({"message": message, "type": "invalid_request_error", "param": param, "code": code});
        (status, Json(json!({"error": error}))).into_response()
    }
}

fn authorize(desk: &Desk, headers: &HeaderMap) -> Result<(), Refused> {
    let Some(key) = &desk.config.api_key else { return Ok(()) };
    let expected = format!("Bearer {key}");
    if headers.get(header::AUTHORIZATION).is_some_and(|given| given.as_bytes() == expected.as_bytes()) {
        return Ok(());
    }
    let message = "Incorrect API key provided.".to_owned();
    Err(Refused(StatusCode::UNAUTHORIZED, message, None, Some("invalid_api_key")))
}

async fn models(State(listener): State<Listener>, headers: HeaderMap) -> Response {
    let desk = listener.lock();
    if let Err(refused) = authorize(&desk, &headers) {
        return refused.answer();
    }
    let models =
        desk.config.models.iter().map(|id| json!({"id": id, "object": "model", "owned_by": "simulator"}));
    Json(json!({"object": "list", "data": models.collect::<Vec<_>>()})).into_response()
}

/// The fields of the form.
#[derive(Default)]
struct Form {
    file: Option<(String, Bytes)>,
    model: Option<String>,
    language: Option<String>,
    response_format: Option<String>,
}

async fn read(headers: &HeaderMap, body: Bytes) -> Result<Form, Refused> {
    let broken = || Refused(StatusCode::BAD_REQUEST, "Could not parse multipart form".to_owned(), None, None);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| broken())?;
    let chunks = futures_util::stream::once(async move { Ok::<_, Infallible>(body) });
    let mut parts = Multipart::new(chunks, boundary);
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
        let (name, file_name) =
            (part.name().unwrap_or_default().to_owned(), part.file_name().map(str::to_owned));
        let bytes = part.bytes().await.map_err(|_| broken())?;
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        match name.as_str() {
            "file" => form.file = file_name.map(|name| (name, bytes)),
            "model" => form.model = Some(text()),
            "language" => form.language = Some(text()),
            "response_format" => form.response_format = Some(text()),
            other => {
                return Err(Refused::field(
                    "form",
                    format!("Unrecognized request argument supplied: {other}"),
                ));
            }
        }
    }
    Ok(form)
}

async fn transcribe(State(listener): State<Listener>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = authorize(&listener.lock(), &headers) {
        return refused.answer();
    }
    match read(&headers, body).await.and_then(|form| listen(&mut listener.lock(), form)) {
        Ok(answer) => Json(answer).into_response(),
        Err(refused) => refused.answer(),
    }
}

fn listen(desk: &mut Desk, form: Form) -> Result<Value, Refused> {
    let missing = |name| Refused::field(name, format!("you must provide a {name} parameter"));
    let model = form.model.ok_or_else(|| missing("model"))?;
    let (file_name, bytes) = form.file.ok_or_else(|| missing("file"))?;
    if !desk.config.models.contains(&model) {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(Refused(StatusCode::NOT_FOUND, message, None, Some("model_not_found")));
    }
    let response_format = form.response_format.unwrap_or_else(|| "json".to_owned());
    let verbose = match response_format.as_str() {
        "json" => false,
        "verbose_json" if model.starts_with("whisper") => true,
        other => {
            let message = format!("response_format '{other}' is not compatible with model '{model}'.");
            return Err(Refused::field("response_format", message));
        }
    };
    if form
        .language
        .as_ref()
        .is_some_and(|tag| tag.len() != 2 || !tag.bytes().all(|byte| byte.is_ascii_lowercase()))
    {
        return Err(Refused::field("language", "Invalid language. Use ISO-639-1."));
    }
    let seconds = look_at(&file_name, &bytes)?;
    let sha256 = sha256(&bytes);
    let words = words(desk, &sha256, &bytes);
    let (language, text) = (words.0.to_owned(), words.1.to_owned());
    desk.asked.push(Asked { sha256, file_name, model, language: form.language, response_format });
    Ok(if verbose { verbosely(&language, &text, seconds) } else { json!({"text": text}) })
}

/// The language and the words.
fn words<'d>(desk: &'d Desk, sha256: &str, bytes: &[u8]) -> (&'d str, &'d str) {
    match desk.known.get(sha256) {
        Some(known) => *known,
        None if is_silent(bytes) => ("english", ""),
        None => ("english", &desk.config.otherwise),
    }
}

fn verbosely(language: &str, text: &str, seconds: f64) -> Value {
    let segment = json!({
        "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": format!(" {text}"), "tokens": [50364],
        "temperature": 0.0, "avg_logprob": -0.105_360_5, "compression_ratio": 0.8, "no_speech_prob": 0.01,
    });
    let segments = if text.is_empty() { json!([]) } else { json!([segment]) };
    json!({"task": "transcribe", "language": language, "duration": seconds, "text": text, "segments": segments,
        "usage": {"type": "duration", "seconds": seconds.ceil()}})
}

/// How long a recording is, of which only wave files say so: any other is taken for a second.
fn look_at(file_name: &str, bytes: &[u8]) -> Result<f64, Refused> {
    if bytes.len() > MOST_BYTES {
        let message = format!("Maximum content size limit ({MOST_BYTES}) exceeded.");
        return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, message, None, None));
    }
    let ends = file_name.rsplit('.').next().unwrap_or_default();
    if !FORMATS.contains(&ends) {
        let message = format!("Unrecognized file format. Supported formats: {FORMATS:?}");
        return Err(Refused(StatusCode::BAD_REQUEST, message, None, None));
    }
    let begins: [&[u8]; 7] =
        [b"RIFF", b"\x1a\x45\xdf\xa3", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"fLaC"];
    let is_mp4 = bytes.get(4..8) == Some(b"ftyp");
    if !is_mp4 && !begins.iter().any(|begin| bytes.starts_with(begin)) {
        let message = "Audio file might be corrupted or unsupported".to_owned();
        return Err(Refused(StatusCode::BAD_REQUEST, message, Some("file"), Some("invalid_value")));
    }
    let seconds = if bytes.starts_with(b"RIFF") { wave_seconds(bytes) } else { 1.0 };
    if seconds < SHORTEST_S {
        let message = "Audio file is too short. Minimum audio length is 0.1 seconds.".to_owned();
        return Err(Refused(StatusCode::BAD_REQUEST, message, Some("file"), Some("audio_too_short")));
    }
    Ok(seconds)
}

/// The plain form of a wave file: 44 bytes of header, the bytes a second among them.
fn wave_seconds(bytes: &[u8]) -> f64 {
    let rate = bytes.get(28..32).and_then(|rate| rate.try_into().ok()).map_or(0, u32::from_le_bytes);
    bytes.len().saturating_sub(44) as f64 / f64::from(rate.max(1))
}

/// Whether a wave file never moves.
fn is_silent(bytes: &[u8]) -> bool {
    let sound = bytes.get(44..).unwrap_or_default();
    bytes.starts_with(b"RIFF") && sound.iter().all(|byte| sound.first() == Some(byte))
}
