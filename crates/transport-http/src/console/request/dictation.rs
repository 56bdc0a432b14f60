//! Speaking instead of typing, beside the field that takes the words: a button where the script finds a microphone, and a recording from a file
//! for everybody.

use countersign_approvals::{InputMode, Transcript};
use countersign_kernel::visible;
use countersign_usecases::voice::Hearing;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::Shown;
use crate::console::voice::AUDIO;
use crate::console::words::Words;

/// What is refused in a way that the script has to word by itself.
const CODES: [&str; 14] = [
    "not_audio",
    "audio_too_large",
    "audio_too_long",
    "nothing_heard",
    "transcriber_unavailable",
    "voice_not_offered",
    "unsupported_media_type",
    "rate_limited",
    "already_settled",
    "already_approved",
    "already_executing",
    "decision_too_late",
    "not_a_decider",
    "store_unavailable",
];

/// A field that can be spoken into.
pub(super) struct Field {
    /// Its id.
    pub(super) id: &'static str,
    /// What the form of the page does: `decision` or `answer`.
    pub(super) command: &'static str,
    /// Where the REST surface has the request: `approvals` or `questions`.
    pub(super) place: &'static str,
}

impl Shown<'_> {
    /// The proof of what was heard, and what it takes to be heard. Nothing where nobody listens.
    pub(super) fn dictation(&self, field: &Field) -> Markup {
        let Some(hearing) = self.api.services().hearing() else { return html! {} };
        let (words, id) = (self.words, self.request().facts.id);
        let voice =
            format!("/api/v1/{}/{id}/{}/voice?language={}", field.place, field.command, words.0.tag());
        let page = format!("/requests/{id}/{}/voice", field.command);
        html! {
            input id="transcript-proof" type="hidden" name="transcript_proof" value=(self.draft.transcript_proof);
            div.dictate id="dictate" hidden data-dictate=(voice) data-field=(field.id) data-state="idle"
                data-most-ms=(hearing.limits.max_duration.0) data-words=(texts(words)) {
                button.quiet type="button" id="dictate-record" aria-pressed="false" { (words.dictate()) }
                " " span.clock id="dictate-clock" aria-hidden="true" {}
            }
            p.small id="dictate-status" role="status" aria-live="polite" {}
            p id="dictate-error" role="alert" {}
            (upload(words, hearing, &page))
        }
    }

    /// How words were given, where they were spoken.
    pub(super) fn spoken(&self, input_mode: &InputMode) -> Markup {
        let words = self.words;
        html! {
            @if let Some(transcript) = input_mode.transcript() {
                p.small data-transcript { (words.transcribed(visible(&by(transcript)))) (sureness(words, transcript)) }
            }
        }
    }
}

fn by(transcript: &Transcript) -> String {
    format!("{} ({})", transcript.provider, transcript.model)
}

fn sureness(words: Words, transcript: &Transcript) -> Markup {
    html! {
        @if let Some(share) = transcript.confidence { " · " (words.transcript_sure(share.get())) }
        @if let Some(lasts) = transcript.duration { " · " (words.span(lasts)) }
        " · " code title=(transcript.audio) { (transcript.audio.short()) }
    }
}

/// Without a script, or without a microphone: a recording that was made elsewhere.
fn upload(words: Words, hearing: &Hearing, page: &str) -> Markup {
    let megabytes = hearing.limits.max_bytes / 1_000_000;
    html! {
        details.upload id="dictate-upload" {
            summary { (words.dictate_file()) }
            p.small id="dictate-about" { (words.dictate_limits(words.span(hearing.limits.max_duration), megabytes)) }
            label for="dictate-file" { (words.dictate_file_field()) }
            input id="dictate-file" type="file" name=(AUDIO) accept="audio/*" aria-describedby="dictate-about";
            p.buttons {
                button.quiet id="dictate-send" formaction=(page) formenctype="multipart/form-data" formnovalidate {
                    (words.dictate_send())
                }
            }
        }
    }
}

/// What the script says, in the language of the page.
fn texts(words: Words) -> Value {
    let codes = CODES.iter().filter_map(|code| Some(((*code).to_owned(), json!(words.code(code)?))));
    json!({
        "record": words.dictate(), "stop": words.dictate_stop(), "recording": words.dictate_recording(),
        "working": words.dictate_working(), "heard": words.dictate_heard(), "denied": words.dictate_denied(),
        "failed": words.dictate_failed(), "codes": codes.collect::<serde_json::Map<_, _>>(),
    })
}
