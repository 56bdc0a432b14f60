//! An agent or a person withdraws a request that has not begun.

use countersign_approvals::{CancelledBy, Settled, State, Transition};
use countersign_kernel::{RedactedText, RunId};

use super::electors::Electors;
use super::{DecisionError, DecisionReply, Target, draft_by, record_attempt};
use crate::call_tool::agent_of;
use crate::commit::Draft;
use crate::error::ServiceError;
use crate::look::get_request;
use crate::port::RequestSnapshot;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// Who withdraws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelBy {
    /// The agent, which can withdraw requests of its own run only.
    Agent(RunId),
    /// A person or service of the staff side, who can withdraw what policy asks them to decide.
    Staff(Identity),
    /// Somebody who keeps it running, and can withdraw every request. That this is so the transport has proved.
    Operator(Identity),
}

/// Withdraws a request. The same person withdrawing it again changes nothing.
///
/// # Errors
/// There is no such request (of this run), it is at another version than the one looked at, it has begun or is over, or policy doesn't ask this person: such an attempt is recorded.
pub async fn cancel_request(
    services: &Services,
    target: impl Into<Target>,
    reason: Option<RedactedText>,
    by: &CancelBy,
) -> Result<DecisionReply, DecisionError> {
    let target = target.into();
    let id = target.id;
    for _ in 0..ATTEMPTS {
        let run = get_request(services, id).await?.run.facts.id;
        let _turn = services.turn_of(&run).await;
        let snapshot = get_request(services, id).await?;
        if repeats(&snapshot.request.state, by) {
            return Ok(DecisionReply::repeated(&snapshot));
        }
        let withdrawn = withdraw(services, &snapshot, reason.clone(), by).await;
        let transition = withdrawn.map_err(|error| target.refusal(&snapshot.request, error))?;
        target.check(&snapshot.request)?;
        let request = transition.after().clone();
        let mut draft = open_draft(services, &snapshot, by).await?;
        draft.record(transition).map_err(ServiceError::from)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(DecisionReply::changed(&snapshot, request));
        }
    }
    Err(busy(id).into())
}

/// Whether this person had withdrawn it already.
fn repeats(state: &State, by: &CancelBy) -> bool {
    match (state, by) {
        (
            State::Settled(Settled::Cancelled { by: CancelledBy::Staff(earlier), .. }),
            CancelBy::Staff(identity) | CancelBy::Operator(identity),
        ) => *earlier == identity.principal,
        (
            State::Requested { .. }
            | State::Approved { .. }
            | State::Applying { .. }
            | State::Unknown { .. }
            | State::Settled(_),
            CancelBy::Agent(_) | CancelBy::Staff(_) | CancelBy::Operator(_),
        ) => false,
    }
}

async fn withdraw(
    services: &Services,
    snapshot: &RequestSnapshot,
    reason: Option<RedactedText>,
    by: &CancelBy,
) -> Result<Transition, DecisionError> {
    let RequestSnapshot { request, now, .. } = snapshot;
    match by {
        CancelBy::Agent(run) if *run != request.facts.run => Err(DecisionError::Unknown(request.facts.id)),
        CancelBy::Agent(_) => Ok(request.cancel(CancelledBy::Agent, reason, *now)?),
        CancelBy::Operator(identity) => {
            Ok(request.cancel(CancelledBy::Staff(identity.principal.clone()), reason, *now)?)
        }
        CancelBy::Staff(identity) => {
            let policy = services.policy_of(snapshot.policy).await?;
            let members = Electors { policy: &policy, asks: identity };
            match request.withdraw(&identity.principal, reason, &members, *now) {
                Ok(transition) => Ok(transition),
                Err(error) => {
                    record_attempt(services, snapshot, identity, &error).await?;
                    Err(error.into())
                }
            }
        }
    }
}

async fn open_draft<'s>(
    services: &'s Services,
    snapshot: &RequestSnapshot,
    by: &CancelBy,
) -> Result<Draft<'s>, ServiceError> {
    match by {
        CancelBy::Agent(_) => {
            let policy = snapshot.policy.map(|stamp| stamp.digest);
            let context = services.context_of_role(agent_of(&snapshot.run), snapshot.now, policy);
            Ok(Draft::about(context, &snapshot.run))
        }
        CancelBy::Staff(identity) | CancelBy::Operator(identity) => {
            draft_by(services, snapshot, identity).await
        }
    }
}
