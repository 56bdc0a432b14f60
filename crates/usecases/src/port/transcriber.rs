//! Speech to text: somebody else turns a recording into words.

use async_trait::async_trait;
use countersign_approvals::{Label, Percent};
use countersign_kernel::{Language, Millis};

use crate::voice::Recording;

/// What was heard. The words may hold a secret: they become `RedactedText` before anything else is done with them.
#[derive(Clone, PartialEq, Eq)]
pub struct Heard {
    /// The words; empty when nothing was said.
    pub text: String,
    /// Who transcribed, as the configuration names them.
    pub provider: Label,
    /// With which model.
    pub model: Label,
    /// The language, in the provider's own spelling.
    pub language: Option<Label>,
    /// How sure the provider is.
    pub confidence: Option<Percent>,
    /// How long the recording is.
    pub duration: Option<Millis>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heard({} characters, by {})", self.text.chars().count(), self.provider)
    }
}

/// A recording could not be transcribed. The words of the error are for whoever spoke; [`Self::why`] is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscriberError {
    /// It can't be reached, is too busy, answers too slowly or too much, or not with what a transcriber answers.
    #[error("speech can't be turned into text now; try again, or type the text")]
    Unavailable {
        /// What was seen.
        why: String,
    },
    /// It does not take us, or has no such model: whoever runs the server has to mend that.
    #[error("speech can't be turned into text until the server's set-up is mended; type the text")]
    Refused {
        /// What was seen.
        why: String,
    },
    /// It can't read the recording.
    #[error("the recording can't be read as audio; record it again, or type the text")]
    NotAudio {
        /// Its own word for it.
        why: String,
    },
    /// It takes no recordings of this size.
    #[error("the recording is larger than can be turned into text; record less, or type the text")]
    TooLarge {
        /// Its own word for it.
        why: String,
    },
}

impl TranscriberError {
    /// What happened, in words for whoever runs the server.
    pub fn why(&self) -> &str {
        match self {
            Self::Unavailable { why }
            | Self::Refused { why }
            | Self::NotAudio { why }
            | Self::TooLarge { why } => why,
        }
    }
}

/// Turns speech into text.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// What is said in a recording. `language` is what the speaker probably speaks.
    ///
    /// # Errors
    /// It can't be asked, or can't make anything of the recording.
    async fn transcribe(
        &self,
        recording: &Recording,
        language: Option<Language>,
    ) -> Result<Heard, TranscriberError>;
}
