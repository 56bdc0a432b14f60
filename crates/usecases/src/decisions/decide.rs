//! A person approves or denies exactly the plan that was shown.

use countersign_approvals::{Ballot, Choice, Decided, InputMode, State};
use countersign_kernel::{Digest, RedactedText, Timestamp};

use super::electors::Electors;
use super::{DecisionError, DecisionReply, Target, commit_decided, record_attempt};
use crate::look::get_request;
use crate::services::{ATTEMPTS, Identity, Services, busy};

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub choice: Choice,
    /// The digest of the plan that was shown.
    pub seen: Digest,
    /// Why.
    pub reason: Option<RedactedText>,
    /// How it was given.
    pub input_mode: InputMode,
}

/// Counts a decision.
///
/// # Errors
/// There is no such request, it is at another version than the one looked at, or the decision doesn't count. An attempt by somebody who may not decide is recorded.
pub async fn decide_request(
    services: &Services,
    target: impl Into<Target>,
    decision: &Decision,
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
        let ballot = ballot(decision, by);
        match snapshot.request.decide(ballot, &members, snapshot.now) {
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

/// The decision as this person's ballot.
pub(super) fn ballot(decision: &Decision, by: &Identity) -> Ballot {
    Ballot {
        by: by.principal.clone(),
        proof: by.proof,
        choice: decision.choice,
        seen: decision.seen,
        reason: decision.reason.clone(),
        input_mode: decision.input_mode.clone(),
    }
}

/// Until when a decision counts: checked again by the database's clock when the commit is written.
pub(super) fn decide_by(state: &State) -> Option<Timestamp> {
    match state {
        State::Requested { decide_by } => Some(*decide_by),
        State::Approved { .. } | State::Applying { .. } | State::Unknown { .. } | State::Settled(_) => None,
    }
}
