//! What a transcriber answers: words with how sure it is of them, or why there are none.

use countersign_approvals::{Label, Percent};
use countersign_kernel::{Millis, RedactedText};
use countersign_usecases::port::{Heard, TranscriberError};
use http::StatusCode;
use serde::Deserialize;

/// The transcriber's words are cut to this length, in characters.
const MAX_MESSAGE: usize = 200;

/// An answer, of `response_format` `verbose_json`; of `json` it has the text alone. Numbers are read leniently: servers differ.
#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
}

/// A part of what was heard, with the mean logarithm of the probabilities of its tokens.
#[derive(Deserialize)]
struct Segment {
    #[serde(default)]
    start: f64,
    #[serde(default)]
    end: f64,
    #[serde(default)]
    avg_logprob: Option<f64>,
}

/// A refusal in OpenAI's shape (<https://platform.openai.com/docs/guides/error-codes>).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RefusalDetail {
    message: String,
    param: Option<String>,
    code: Option<String>,
}

/// The words of an answer; `None` for one that is none.
pub(crate) fn heard(body: &[u8], provider: &Label, model: &Label) -> Option<Heard> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let segments = answer.segments.unwrap_or_default();
    Some(Heard {
        text: answer.text,
        provider: provider.clone(),
        model: model.clone(),
        language: answer.language.and_then(|language| language.parse().ok()),
        confidence: confidence(&segments),
        duration: answer.duration.and_then(millis),
    })
}

/// Nothing was said: what a transcriber means that refuses a recording for being too short to hold a word.
pub(crate) fn nothing(provider: &Label, model: &Label) -> Heard {
    let (provider, model) = (provider.clone(), model.clone());
    Heard { text: String::new(), provider, model, language: None, confidence: None, duration: None }
}

fn millis(seconds: f64) -> Option<Millis> {
    // A float becomes the nearest number that there is, and never one below 0.
    seconds.is_finite().then_some(Millis((seconds * 1000.0).round() as u64))
}

/// The probability of a token, over all segments as long as each is. A segment without a length counts as a moment.
fn confidence(segments: &[Segment]) -> Option<Percent> {
    let mut weight = 0.0;
    let mut sum = 0.0;
    for segment in segments {
        let lasts = (segment.end - segment.start).max(0.001);
        sum += lasts * segment.avg_logprob?.exp().clamp(0.0, 1.0);
        weight += lasts;
    }
    let share = (sum / weight * 100.0).round();
    share.is_finite().then_some(share as u8).and_then(Percent::new)
}

/// What an answer other than success means; `None` when it says that nothing was said.
pub(crate) fn refusal(status: StatusCode, body: &[u8]) -> Option<TranscriberError> {
    let told: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let error = told.error;
    let message: String = error.message.chars().take(MAX_MESSAGE).collect();
    // It may repeat a part of our key.
    let message =
        RedactedText::parse(&message, 0, MAX_MESSAGE).map(|text| text.to_string()).unwrap_or_default();
    let why = format!("HTTP {} {message}", status.as_u16()).trim_end().to_owned();
    let ours = matches!(error.param.as_deref(), Some("model" | "response_format" | "language"));
    Some(match status.as_u16() {
        400 | 422 if error.code.as_deref() == Some("audio_too_short") => return None,
        400 | 422 if ours => TranscriberError::Refused { why },
        400 | 415 | 422 => TranscriberError::NotAudio { why },
        413 => TranscriberError::TooLarge { why },
        408 | 429 | 500..=599 => TranscriberError::Unavailable { why },
        _ => TranscriberError::Refused { why },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    fn read(body: &str) -> Option<Heard> {
        heard(body.as_bytes(), &label("acme"), &label("whisper-1"))
    }

    #[test]
    fn words_come_with_how_sure_they_are() {
        let whole = read(
            r#"{"task":"transcribe","language":"english","duration":1.6799999475,"text":"Not now.",
                "segments":[{"id":0,"start":0.0,"end":1.0,"avg_logprob":-0.1},{"start":1.0,"end":1.5,"avg_logprob":-0.4}]}"#,
        );
        let whole = whole.unwrap();
        assert_eq!((whole.text.as_str(), whole.language), ("Not now.", Some(label("english"))));
        assert_eq!(whole.duration, Some(Millis(1_680)));
        // (1 * e^-0.1 + 0.5 * e^-0.4) / 1.5, by hand.
        assert_eq!(whole.confidence, Percent::new(83));
        let bare = read(r#"{"text":"Not now."}"#).unwrap();
        assert_eq!((bare.language, bare.confidence, bare.duration), (None, None, None));
    }

    #[test]
    fn odd_numbers_and_names_are_left_out() {
        for (body, confidence) in [
            (r#"{"text":"a","segments":[]}"#, None),
            (r#"{"text":"a","segments":[{"start":1,"end":1,"avg_logprob":0}]}"#, Percent::new(100)),
            (r#"{"text":"a","segments":[{"start":0,"end":1,"avg_logprob":7.5}]}"#, Percent::new(100)),
            (r#"{"text":"a","segments":[{"start":0,"end":1,"avg_logprob":-99999}]}"#, Percent::new(0)),
            (r#"{"text":"a","segments":[{"start":0,"end":1}]}"#, None),
            (r#"{"text":"a","segments":null,"language":"","duration":null}"#, None),
        ] {
            let heard = read(body).unwrap();
            assert_eq!((heard.confidence, heard.language), (confidence, None), "{body}");
        }
        assert_eq!(read(r#"{"text":"a","duration":-3}"#).unwrap().duration, Some(Millis(0)));
        for none in ["", "[]", "{}", r#"{"text":7}"#, "<html>"] {
            assert!(read(none).is_none(), "{none}");
        }
    }

    #[test]
    fn refusals_say_whose_fault_it_is() {
        let of = |status: u16, body: &str| refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        let file =
            r#"{"error":{"message":"Audio file might be corrupted","param":"file","code":"invalid_value"}}"#;
        let why = "HTTP 400 Audio file might be corrupted".to_owned();
        assert_eq!(of(400, file), Some(TranscriberError::NotAudio { why }));
        let format = r#"{"error":{"message":"not compatible","param":"response_format"}}"#;
        assert!(matches!(of(400, format), Some(TranscriberError::Refused { .. })));
        let short = r#"{"error":{"message":"too short","param":"file","code":"audio_too_short"}}"#;
        assert_eq!(of(400, short), None);
        let key = r#"{"error":{"message":"Incorrect API key provided: sk-abcdefghijklmnopqrst"}}"#;
        let why = "HTTP 401 Incorrect API key provided: [redacted]".to_owned();
        assert_eq!(of(401, key), Some(TranscriberError::Refused { why }));
        for status in [301, 403, 404, 405] {
            assert!(matches!(of(status, ""), Some(TranscriberError::Refused { .. })), "{status}");
        }
        for status in [408, 429, 500, 503] {
            let why = format!("HTTP {status}");
            assert_eq!(of(status, "<html>"), Some(TranscriberError::Unavailable { why }));
        }
        assert!(matches!(of(413, ""), Some(TranscriberError::TooLarge { .. })));
    }
}
