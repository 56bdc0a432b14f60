//! The proof of a transcript: what a person sends back with the words, so that the record can say how they became text.
//!
//! It is sealed with the master key, and opens for the same person, request and revision only, so nothing has to be stored until it comes
//! back, and nobody can make or change one. Of the words it holds the digest: whether they were changed since is seen, and they are not
//! passed on twice.

use countersign_approvals::Transcript;
use countersign_kernel::{Digest, Millis, Principal, RedactedText, RequestId, Timestamp};
use serde_json::{Value, json};

use crate::port::Entropy;
use crate::record::transcript::{read_transcript, transcript_json};
use crate::seal::{SealError, Sealer};

/// How long a transcript may be looked at before it is confirmed.
pub(super) const GOOD_FOR: Millis = Millis::from_secs(900);

/// Whose transcript, and what it is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) request: RequestId,
    pub(super) revision: u32,
    pub(super) by: &'a Principal,
}

impl About<'_> {
    fn purpose(self) -> String {
        format!("transcript/v1/{}/{}/{}", self.request, self.revision, self.by)
    }
}

/// What a proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proved {
    pub(super) text: Digest,
    pub(super) transcript: Transcript,
    pub(super) expires_at: Timestamp,
}

impl Proved {
    /// Whether these are the very words.
    pub(super) fn is_of(&self, text: &RedactedText) -> bool {
        self.text == digest(text)
    }
}

/// The digest of words, however their lines end: forms of browsers send other line ends than they were given.
pub(super) fn digest(text: &RedactedText) -> Digest {
    Digest::of_bytes(text.as_str().replace("\r\n", "\n").as_bytes())
}

pub(super) fn make(
    sealer: &Sealer,
    entropy: &dyn Entropy,
    about: About<'_>,
    proved: &Proved,
) -> Result<String, SealError> {
    let note = json!({
        "text": proved.text.to_string(), "transcript": transcript_json(&proved.transcript),
        "expires_at": proved.expires_at.to_string(),
    });
    sealer.seal_note(entropy, note.to_string().as_bytes(), &about.purpose())
}

/// What a proof says; `None` for one that is not ours, another's, about something else, or too old.
pub(super) fn open(sealer: &Sealer, proof: &str, about: About<'_>, now: Timestamp) -> Option<Proved> {
    let note = sealer.open_note(proof, &about.purpose())?;
    let note: Value = serde_json::from_slice(&note).ok()?;
    let proved = Proved {
        text: note["text"].as_str()?.parse().ok()?,
        transcript: read_transcript(&note["transcript"])?,
        expires_at: note["expires_at"].as_str()?.parse().ok()?,
    };
    (now < proved.expires_at).then_some(proved)
}
