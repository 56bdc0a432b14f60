//! A person answers a question.

use countersign_approvals::{AnswerBallot, Decided, InputMode, Reply};
use countersign_kernel::Digest;

use super::decide::decide_by;
use super::electors::Electors;
use super::{DecisionError, DecisionReply, Target, commit_decided, record_attempt};
use crate::look::get_request;
use crate::services::{ATTEMPTS, Identity, Services, busy};

/// What a person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The digest of the question that was shown.
    pub seen: Digest,
    /// The option or the words.
    pub reply: Reply,
    /// How it was given.
    pub input_mode: InputMode,
}

/// Settles a question.
///
/// # Errors
/// There is no such request, it is at another version than the one looked at, or the answer doesn't count. An attempt by somebody who may not answer is recorded.
pub async fn answer_question(
    services: &Services,
    target: impl Into<Target>,
    answer: &GivenAnswer,
    by: &Identity,
) -> Result<DecisionReply, DecisionError> {
    let target = target.into();
    let id = target.id;
    for _ in 0..ATTEMPTS {
        let run = get_request(services, id).await?.run.facts.id;
        let _turn = services.turn_of(&run).await;
        let snapshot = get_request(services, id).await?;
        let policy = services.policy_of(snapshot.policy).await?;
        let members = Electors { policy: &policy, asks: by };
        let ballot = AnswerBallot {
            by: by.principal.clone(),
            proof: by.proof,
            seen: answer.seen,
            reply: answer.reply.clone(),
            input_mode: answer.input_mode.clone(),
        };
        match snapshot.request.answer(ballot, &members, snapshot.now) {
            Ok(decided) => {
                if decided != Decided::Repeat {
                    target.check(&snapshot.request)?;
                }
                let deadline = decide_by(&snapshot.request.state);
                if let Some(reply) = commit_decided(services, &snapshot, by, decided, deadline).await? {
                    return Ok(reply);
                }
            }
            Err(error) => {
                record_attempt(services, &snapshot, by, &error).await?;
                return Err(target.refusal(&snapshot.request, error));
            }
        }
    }
    Err(busy(id).into())
}
