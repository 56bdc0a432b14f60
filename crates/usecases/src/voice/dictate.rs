//! A person dictates: the reason of a decision, or an answer in own words.

use countersign_approvals::Transcript;
use countersign_kernel::{Digest, Language, RedactedText, TextError, Timestamp, visible};

use super::error::VoiceError;
use super::proof::{self, About, Proved};
use super::recording::{Recording, check_duration};
use super::{MAX_ANSWER, MAX_REASON};
use crate::decisions::electors::Electors;
use crate::decisions::{Target, record_attempt};
use crate::error::ServiceError;
use crate::look::get_request;
use crate::port::{Heard, RequestSnapshot};
use crate::services::{Identity, Services};

/// What is dictated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The reason of a decision.
    Reason,
    /// An answer to a question, in own words.
    Answer,
}

impl Purpose {
    /// The most characters of it.
    pub const fn max_characters(self) -> usize {
        match self {
            Self::Reason => MAX_REASON,
            Self::Answer => MAX_ANSWER,
        }
    }
}

/// What a person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dictation {
    /// What it is for.
    pub purpose: Purpose,
    /// What was recorded.
    pub recording: Recording,
    /// What they probably speak.
    pub language: Option<Language>,
}

/// What was heard, for the person to look at. Nothing has been decided by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dictated {
    /// The words.
    pub text: RedactedText,
    /// How they became text.
    pub transcript: Transcript,
    /// What it was said about: what the decision has to name, as long as nothing changes.
    pub plan_digest: Digest,
    /// Comes back with the words.
    pub proof: String,
    /// Until when it may.
    pub expires_at: Timestamp,
}

/// Has what a person said transcribed. Their word on the request has to be one that would be heard now; an attempt by somebody whose isn't is
/// recorded, as one to decide is.
///
/// # Errors
/// Speech is not turned into text here, or not now; the request or the person forbids it; or nothing comes of the recording.
pub async fn dictate(
    services: &Services,
    target: impl Into<Target>,
    dictation: &Dictation,
    by: &Identity,
) -> Result<Dictated, VoiceError> {
    let target = target.into();
    let hearing = services.hearing().ok_or(VoiceError::NotOffered)?;
    let snapshot = get_request(services, target.id).await?;
    check(services, &snapshot, target, dictation.purpose, by).await?;
    let recording = &dictation.recording;
    let heard = hearing.transcriber.transcribe(recording, dictation.language).await.inspect_err(|error| {
        tracing::warn!(why = error.why(), bytes = recording.bytes().len(), "{error}");
    })?;
    let duration = recording.duration().or(heard.duration);
    check_duration(duration, hearing.limits)?;
    let text = words(&heard, dictation.purpose)?;
    let transcript = Transcript {
        provider: heard.provider,
        model: heard.model,
        language: heard.language,
        confidence: heard.confidence,
        audio: recording.digest(),
        duration,
    };
    let expires_at = snapshot.now.plus(proof::GOOD_FOR);
    let proved = Proved { text: proof::digest(&text), transcript, expires_at };
    let about = About { request: target.id, revision: snapshot.request.revision, by: &by.principal };
    let proof = proof::make(&services.sealer, &*services.ports.entropy, about, &proved)
        .map_err(ServiceError::from)?;
    let plan_digest = snapshot.request.proposal.plan_digest;
    Ok(Dictated { text, transcript: proved.transcript, plan_digest, proof, expires_at })
}

async fn check(
    services: &Services,
    snapshot: &RequestSnapshot,
    target: Target,
    purpose: Purpose,
    by: &Identity,
) -> Result<(), VoiceError> {
    let policy = services.policy_of(snapshot.policy).await?;
    let members = Electors { policy: &policy, asks: by };
    let request = &snapshot.request;
    let heard = match purpose {
        Purpose::Reason => request.hears(&by.principal, &members, snapshot.now),
        Purpose::Answer => request.hears_own_words(&by.principal, &members, snapshot.now),
    };
    if let Err(error) = heard {
        record_attempt(services, snapshot, by, &error).await?;
        return Err(target.refusal(request, error).into());
    }
    Ok(target.check(request)?)
}

/// The words as they may be shown: scrubbed of secrets before anybody sees them, and without characters that hide. They are confirmed as they
/// are shown.
fn words(heard: &Heard, purpose: Purpose) -> Result<RedactedText, VoiceError> {
    let max = purpose.max_characters();
    RedactedText::parse(&visible(&heard.text.replace("\r\n", "\n")), 1, max).map_err(|error| match error {
        TextError::TooShort { .. } => VoiceError::NothingHeard,
        TextError::TooLong { .. } => VoiceError::TooManyWords { max },
    })
}
