//! What an agent is told when its request is over.

use countersign_approvals::{CancelledBy, Decider, RequestEvent, Settled, State, Transition};
use countersign_kernel::{RedactedText, Timestamp};
use countersign_waitstate::{NextAction, Outcome, OutcomeStatus};
use serde_json::{Value, json};

use crate::record::request::{answer_json, phase_name};

/// Failures after which the same call may succeed later.
const WORTH_A_RETRY: [&str; 7] = [
    "execution_too_late",
    "target_unreachable",
    "target_rate_limited",
    "target_no_answer",
    "target_broken",
    "undeliverable",
    "drifting",
];

/// The outcome of the request that this transition settles; `None` when it settles nothing.
pub(super) fn outcome_of(transition: &Transition, now: Timestamp) -> Option<Outcome> {
    let request = transition.after();
    let State::Settled(settled) = &request.state else { return None };
    let (status, next_action, detail) = told(settled, transition.event());
    Some(Outcome {
        run: request.facts.run.clone(),
        request: request.facts.id,
        status,
        next_action,
        detail,
        created_at: now,
        acknowledged_at: None,
        undeliverable_at: None,
    })
}

fn told(settled: &Settled, event: &RequestEvent) -> (OutcomeStatus, NextAction, Value) {
    match settled {
        Settled::Applied { .. } => {
            (OutcomeStatus::Applied, NextAction::None, json!({"receipts": receipts(event)}))
        }
        Settled::Answered { answer, .. } => (OutcomeStatus::Answered, NextAction::None, answer_json(answer)),
        Settled::Denied { by, reason, .. } => {
            let by = match by {
                Decider::Policy => "policy",
                Decider::Principal(_) => "person",
            };
            let detail = json!({"by": by, "reason": reason.as_ref().map(RedactedText::as_str)});
            (OutcomeStatus::Denied, NextAction::None, detail)
        }
        Settled::Expired { phase, .. } => {
            (OutcomeStatus::Expired, NextAction::RequestAgain, json!({"phase": phase_name(*phase)}))
        }
        Settled::Cancelled { by, reason, .. } => {
            let by = match by {
                CancelledBy::Agent => "agent",
                CancelledBy::Staff(_) => "staff",
                CancelledBy::RunEnd => "run_end",
            };
            let detail = json!({"by": by, "reason": reason.as_ref().map(RedactedText::as_str)});
            (OutcomeStatus::Cancelled, NextAction::None, detail)
        }
        Settled::Failed { code, reason, .. } => {
            let retry = WORTH_A_RETRY.contains(&code.as_str());
            let next = if retry { NextAction::Retry } else { NextAction::None };
            (OutcomeStatus::Failed, next, json!({"code": code, "reason": reason.as_str()}))
        }
    }
}

fn receipts(event: &RequestEvent) -> Value {
    match event {
        RequestEvent::Applied { receipts, .. } => json!(receipts),
        RequestEvent::Requested { .. }
        | RequestEvent::Voted { .. }
        | RequestEvent::Approved { .. }
        | RequestEvent::Denied { .. }
        | RequestEvent::Answered { .. }
        | RequestEvent::Expired { .. }
        | RequestEvent::Cancelled { .. }
        | RequestEvent::Drifted { .. }
        | RequestEvent::Applying
        | RequestEvent::Failed { .. }
        | RequestEvent::Unknown { .. } => json!([]),
    }
}
