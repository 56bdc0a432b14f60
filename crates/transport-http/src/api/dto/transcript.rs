//! Spoken words that became text.

use countersign_approvals as domain;
use countersign_kernel::visible;
use countersign_usecases::voice;
use serde::Serialize;
use utoipa::ToSchema;

/// How spoken words became text. The recording itself is kept nowhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Transcript {
    /// Who transcribed.
    pub(in crate::api) provider: String,
    /// With which model.
    pub(in crate::api) model: String,
    /// The language that was heard, in the provider's spelling; absent where it doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) language: Option<String>,
    /// How sure the provider was, of 100; absent where it doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub(in crate::api) confidence_percent: Option<u8>,
    /// The digest of the recording.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) audio_sha256: String,
    /// How long the recording was, in milliseconds; absent where nobody could tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) duration_ms: Option<u64>,
}

/// What was heard, to be looked at. Nothing was decided by it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Dictated {
    /// The words, without what looks like a secret.
    pub(in crate::api) text: String,
    /// How they became text.
    pub(in crate::api) transcript: Transcript,
    /// The plan or question they were said about: what the decision or answer has to name.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) plan_digest: String,
    /// Sent back with the decision or answer it says that its words were spoken, and how they became text.
    #[schema(min_length = 1, max_length = 4096, pattern = "^[!-~]*$")]
    pub(in crate::api) transcript_proof: String,
    /// Until when the proof is taken.
    #[schema(format = DateTime)]
    pub(in crate::api) expires_at: String,
}

impl From<&domain::Transcript> for Transcript {
    fn from(transcript: &domain::Transcript) -> Self {
        Self {
            provider: transcript.provider.to_string(),
            model: transcript.model.to_string(),
            language: transcript.language.as_ref().map(ToString::to_string),
            confidence_percent: transcript.confidence.map(domain::Percent::get),
            audio_sha256: transcript.audio.to_string(),
            duration_ms: transcript.duration.map(|lasts| lasts.0),
        }
    }
}

impl From<&voice::Dictated> for Dictated {
    fn from(dictated: &voice::Dictated) -> Self {
        Self {
            text: visible(dictated.text.as_str()),
            transcript: (&dictated.transcript).into(),
            plan_digest: dictated.plan_digest.to_string(),
            transcript_proof: dictated.proof.clone(),
            expires_at: dictated.expires_at.to_string(),
        }
    }
}
