//! Opening a request.

use countersign_kernel::{ApprovalMode, Timestamp};

use crate::error::OpenError;
use crate::event::{RequestEvent, Transition};
use crate::request::{ActionRequest, Proposal, RequestFacts};
use crate::state::State;

/// Opens a request: `requested`, or `approved` when policy is the decider.
///
/// # Errors
/// The terms don't fit a question.
pub fn open(facts: RequestFacts, proposal: Proposal, now: Timestamp) -> Result<Transition, OpenError> {
    let terms = &proposal.terms;
    if facts.question.is_some() && (terms.mode == ApprovalMode::None || terms.quorum > 1) {
        return Err(OpenError::QuestionTerms { mode: terms.mode.as_str(), quorum: terms.quorum });
    }
    let (state, event) = match terms.mode {
        ApprovalMode::None => {
            let execute_by = now.plus(terms.execute_within);
            (
                State::Approved { approved_at: now, execute_by },
                RequestEvent::Approved { vote: None, execute_by },
            )
        }
        ApprovalMode::Owner | ApprovalMode::Delegated => {
            let decide_by = now.plus(terms.decide_within);
            (State::Requested { decide_by }, RequestEvent::Requested { decide_by })
        }
    };
    let request = ActionRequest { facts, proposal, revision: 1, votes: Vec::new(), state, version: 1 };
    Ok(Transition::opening(request, event))
}
