//! Speaking instead of typing: the reason of a decision, or an answer in own words.
//!
//! A recording is transcribed and given back as text, and nothing has happened yet. What counts is the decision or answer that the person
//! then sends; it comes with a [`Dictated::proof`] of where its words are from. A text that the person has changed since is a typed one. Nothing is
//! stored in between, so any replica takes the confirmation, and the recording itself is stored nowhere.
//!
//! **Architecture invariant:** words that were heard leave this module as `RedactedText` only.

mod confirm;
mod dictate;
mod error;
mod proof;
mod recording;

use std::sync::Arc;

use countersign_kernel::Millis;

use crate::port::Transcriber;

pub use confirm::{Spoken, confirm_spoken};
pub use dictate::{Dictated, Dictation, Purpose, dictate};
pub use error::{RecordingError, VoiceError};
pub use recording::{AudioKind, Recording};

/// The most characters of a reason.
pub const MAX_REASON: usize = 1000;

/// The most characters of an answer in own words.
pub const MAX_ANSWER: usize = 4000;

/// How much may be said at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DictationLimits {
    /// The largest recording, in bytes.
    pub max_bytes: usize,
    /// The longest recording.
    pub max_duration: Millis,
}

/// Speech to text, where it is configured.
pub struct Hearing {
    pub(crate) transcriber: Arc<dyn Transcriber>,
    /// How much may be said at once.
    pub limits: DictationLimits,
}

impl Hearing {
    /// With this transcriber, within these limits.
    pub fn new(transcriber: Arc<dyn Transcriber>, limits: DictationLimits) -> Self {
        Self { transcriber, limits }
    }
}
