//! How spoken words became text, as documents show it: to storage, events, outcomes and proofs alike.

use countersign_approvals::{InputMode, Percent, Transcript};
use countersign_kernel::Millis;
use serde_json::{Value, json};

/// The document.
pub(crate) fn transcript_json(transcript: &Transcript) -> Value {
    json!({
        "provider": transcript.provider.as_str(), "model": transcript.model.as_str(),
        "language": transcript.language.as_ref().map(|language| language.as_str()),
        "confidence_percent": transcript.confidence.map(Percent::get),
        "audio_sha256": transcript.audio.to_string(), "duration_ms": transcript.duration.map(|lasts| lasts.0),
    })
}

/// The document read back; `None` when it is none of ours.
pub(crate) fn read_transcript(stored: &Value) -> Option<Transcript> {
    let text = |name: &str| stored[name].as_str();
    let language = text("language").map(str::parse).transpose().ok()?;
    let confidence = stored["confidence_percent"].as_u64();
    let confidence = confidence.map(|share| u8::try_from(share).ok().and_then(Percent::new).ok_or(()));
    Some(Transcript {
        provider: text("provider")?.parse().ok()?,
        model: text("model")?.parse().ok()?,
        language,
        confidence: confidence.transpose().ok()?,
        audio: text("audio_sha256")?.parse().ok()?,
        duration: stored["duration_ms"].as_u64().map(Millis),
    })
}

/// How something was given, out of its name and of the document beside it. Documents of earlier releases have none.
pub(crate) fn read_input_mode(name: &str, stored: Option<&Value>) -> Option<InputMode> {
    let mode = name.parse().ok()?;
    match stored {
        None | Some(Value::Null) => Some(mode),
        Some(stored) => match mode {
            InputMode::Voice(_) => Some(InputMode::Voice(Some(read_transcript(stored)?))),
            InputMode::Button | InputMode::Text => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use countersign_kernel::Digest;

    use super::*;

    fn transcript() -> Transcript {
        Transcript {
            provider: "acme".parse().unwrap(),
            model: "whisper-1".parse().unwrap(),
            language: Some("english".parse().unwrap()),
            confidence: Percent::new(93),
            audio: Digest::of_bytes(b"some audio"),
            duration: Some(Millis(1_480)),
        }
    }

    #[test]
    fn a_transcript_goes_there_and_back() {
        let bare = Transcript { language: None, confidence: None, duration: None, ..transcript() };
        for transcript in [transcript(), bare] {
            assert_eq!(read_transcript(&transcript_json(&transcript)), Some(transcript));
        }
    }

    #[test]
    fn a_document_without_details_is_read_and_a_damaged_one_is_not() {
        assert_eq!(read_input_mode("voice", None), Some(InputMode::Voice(None)));
        assert_eq!(read_input_mode("button", Some(&Value::Null)), Some(InputMode::Button));
        let stored = transcript_json(&transcript());
        assert_eq!(
            read_input_mode("voice", Some(&stored)),
            Some(InputMode::Voice(Some(transcript()))),
            "with all of it"
        );
        assert_eq!(read_input_mode("text", Some(&stored)), None, "typed words have no transcript");
        for (member, damage) in [
            ("provider", json!("")),
            ("confidence_percent", json!(101)),
            ("audio_sha256", json!("sha256:x")),
            ("language", json!("a\nb")),
        ] {
            let mut damaged = stored.clone();
            damaged[member] = damage;
            assert_eq!(read_input_mode("voice", Some(&damaged)), None, "{member}");
        }
    }
}
