//! Why spoken words came to nothing.

use countersign_approvals::DecideError;
use countersign_kernel::{Fault, Kind, Millis, RequestId};

use super::recording::AudioKind;
use crate::decisions::DecisionError;
use crate::error::ServiceError;
use crate::port::TranscriberError;

/// Bytes are no recording that could be transcribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// They are no audio, or damaged.
    #[error("the recording is not audio: its first bytes are those of none of {}", kinds())]
    NotAudio,
    /// They are audio of another kind than they are said to be.
    #[error("the recording is said to be `{said}`, and begins as `{found}`")]
    OtherKind {
        /// What they are said to be.
        said: AudioKind,
        /// What they are.
        found: AudioKind,
    },
    /// There are too many.
    #[error("the recording has more than {max_bytes} bytes")]
    TooLarge {
        /// How many are taken.
        max_bytes: usize,
    },
    /// It takes too long to listen to.
    #[error("the recording lasts {} ms; {} ms are taken", lasts.0, max.0)]
    TooLong {
        /// How long it is.
        lasts: Millis,
        /// How long it may be.
        max: Millis,
    },
}

fn kinds() -> String {
    AudioKind::ALL.map(|kind| format!("`{kind}`")).join(", ")
}

impl Fault for RecordingError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotAudio => "not_audio",
            Self::OtherKind { .. } => "unsupported_media_type",
            Self::TooLarge { .. } => "audio_too_large",
            Self::TooLong { .. } => "audio_too_long",
        }
    }
}

/// Spoken words came to nothing; the request is as it was.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// This server has nothing that turns speech into text.
    #[error("this server doesn't turn speech into text; type the text")]
    NotOffered,
    /// The request, or this person's part in it.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The transcriber.
    #[error(transparent)]
    Transcriber(#[from] TranscriberError),
    /// There were no words in it.
    #[error("nothing was heard in the recording; speak again, or type the text")]
    NothingHeard,
    /// There were too many.
    #[error("more was said than the {max} characters that are taken; say it in fewer words, or type it")]
    TooManyWords {
        /// How many characters are taken.
        max: usize,
    },
    /// The proof of a transcript is none for this.
    #[error(
        "the proof is of no transcript that this person was given for request `{id}` as it is now: it is too old, or another's; \
         dictate again, or send the text without it"
    )]
    NotProved {
        /// The request.
        id: RequestId,
    },
}

impl Fault for VoiceError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotOffered => Kind::NotFound,
            Self::Decision(error) => error.kind(),
            Self::Recording(error) => error.kind(),
            Self::Transcriber(TranscriberError::Unavailable { .. } | TranscriberError::Refused { .. }) => {
                Kind::Unavailable
            }
            Self::Transcriber(TranscriberError::NotAudio { .. } | TranscriberError::TooLarge { .. })
            | Self::NothingHeard
            | Self::TooManyWords { .. } => Kind::Invalid,
            Self::NotProved { .. } => Kind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotOffered => "voice_not_offered",
            Self::Decision(error) => error.code(),
            Self::Recording(error) => error.code(),
            Self::Transcriber(TranscriberError::Unavailable { .. } | TranscriberError::Refused { .. }) => {
                "transcriber_unavailable"
            }
            Self::Transcriber(TranscriberError::NotAudio { .. }) => "not_audio",
            Self::Transcriber(TranscriberError::TooLarge { .. }) => "audio_too_large",
            Self::NothingHeard => "nothing_heard",
            Self::TooManyWords { .. } => "audio_too_long",
            Self::NotProved { .. } => "transcript_not_proved",
        }
    }
}

impl From<DecideError> for VoiceError {
    fn from(error: DecideError) -> Self {
        Self::Decision(error.into())
    }
}

impl From<ServiceError> for VoiceError {
    fn from(error: ServiceError) -> Self {
        Self::Decision(error.into())
    }
}
