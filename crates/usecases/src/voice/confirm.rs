//! A person confirms what was heard, by the decision or answer that they send.

use countersign_approvals::{InputMode, State};
use countersign_kernel::{Digest, RedactedText, RequestId};

use super::error::VoiceError;
use super::proof::{self, About};
use crate::look::get_request;
use crate::services::{Identity, Services};

/// Words that come with the proof of a transcript.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'s> {
    /// The request they are about.
    pub request: RequestId,
    /// The digest of the plan or question that was shown.
    pub seen: Digest,
    /// The words.
    pub text: Option<&'s RedactedText>,
    /// The proof.
    pub proof: &'s str,
}

/// How the words were given: spoken while they are exactly what was heard, typed once the person has changed them.
///
/// A decision that doesn't count anyway, because it comes too late or was made on another plan, is left to the decision to refuse: that is the
/// more telling answer.
///
/// # Errors
/// There is no such request, or the proof is not one of this person's for it.
pub async fn confirm_spoken(
    services: &Services,
    spoken: Spoken<'_>,
    by: &Identity,
) -> Result<InputMode, VoiceError> {
    let snapshot = get_request(services, spoken.request).await?;
    let request = &snapshot.request;
    let about = About { request: spoken.request, revision: request.revision, by: &by.principal };
    let proved = proof::open(&services.sealer, spoken.proof, about, snapshot.now);
    match (proved, &request.state) {
        (Some(proved), _) if spoken.text.is_some_and(|text| proved.is_of(text)) => {
            Ok(InputMode::Voice(Some(proved.transcript)))
        }
        (Some(_), _) => Ok(InputMode::Text),
        (None, State::Requested { .. }) if spoken.seen == request.proposal.plan_digest => {
            Err(VoiceError::NotProved { id: spoken.request })
        }
        (
            None,
            State::Requested { .. }
            | State::Approved { .. }
            | State::Applying { .. }
            | State::Unknown { .. }
            | State::Settled(_),
        ) => Ok(InputMode::Text),
    }
}
