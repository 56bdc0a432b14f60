//! What an agent is answered.

use countersign_approvals::{ActionRequest, State, StateName};
use countersign_kernel::{CorrelationId, Digest, Language, RequestId, Terms, Timestamp};
use countersign_mcp_tools::{ControlTool, Plan};
use countersign_waitstate::{NextAction, Outcome, OutcomeStatus};
use serde_json::{Value, json};

/// Where a call stands, in the agent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStatus {
    /// People have to decide.
    ApprovalRequired,
    /// Approved; being done.
    Executing,
    /// May have been done; being looked into.
    Unknown,
    /// Completed inside the call: a description.
    Described,
    /// Completed inside the call: what would happen.
    DryRun,
    /// Over.
    Over(OutcomeStatus),
}

/// What a dry run tells.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanPreview {
    /// The plan as approvers would see it.
    pub plan: Value,
    /// The facts in English sentences.
    pub facts: Vec<String>,
    /// The terms policy would give.
    pub terms: Terms,
    /// Whether the target could be looked at.
    pub looked: bool,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallReply {
    /// Where it stands.
    pub status: CallStatus,
    /// The request; none for descriptions and dry runs.
    pub request: Option<RequestId>,
    /// Connects all that is said about the request.
    pub correlation_id: Option<CorrelationId>,
    /// The digest of the plan as it is now.
    pub plan_digest: Option<Digest>,
    /// Until when people can decide.
    pub decide_by: Option<Timestamp>,
    /// Whether an earlier request answers this call.
    pub reused: bool,
    /// What to do next.
    pub next_action: NextAction,
    /// Receipts, answer, reason, description: whatever there is to tell. No secret.
    pub detail: Value,
    /// What would happen, for a dry run.
    pub preview: Option<PlanPreview>,
}

impl CallStatus {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalRequired => "approval_required",
            Self::Executing => "executing",
            Self::Unknown => "unknown",
            Self::Described => "described",
            Self::DryRun => "dry_run",
            Self::Over(status) => status.as_str(),
        }
    }

    /// The status of a request in this state.
    pub const fn of_state(state: StateName) -> Self {
        match state {
            StateName::Requested => Self::ApprovalRequired,
            StateName::Approved | StateName::Applying => Self::Executing,
            StateName::Unknown => Self::Unknown,
            StateName::Applied => Self::Over(OutcomeStatus::Applied),
            StateName::Answered => Self::Over(OutcomeStatus::Answered),
            StateName::Denied => Self::Over(OutcomeStatus::Denied),
            StateName::Expired => Self::Over(OutcomeStatus::Expired),
            StateName::Cancelled => Self::Over(OutcomeStatus::Cancelled),
            StateName::Failed => Self::Over(OutcomeStatus::Failed),
        }
    }
}

/// The answer about a request.
pub(crate) fn reply_of(request: &ActionRequest, outcome: Option<&Outcome>, reused: bool) -> CallReply {
    // The outcome is read apart from the request: one that came in between belongs to a later answer.
    let outcome = outcome.filter(|_| request.state.is_settled());
    let decide_by = match &request.state {
        State::Requested { decide_by } => Some(*decide_by),
        State::Approved { .. } | State::Applying { .. } | State::Unknown { .. } | State::Settled(_) => None,
    };
    CallReply {
        status: CallStatus::of_state(request.state.name()),
        request: Some(request.facts.id),
        correlation_id: Some(request.facts.correlation_id),
        plan_digest: Some(request.proposal.plan_digest),
        decide_by,
        reused,
        next_action: outcome.map_or(NextAction::Wait, |outcome| outcome.next_action),
        detail: outcome.map_or_else(|| pending(request), |outcome| outcome.detail.clone()),
        preview: None,
    }
}

/// What an agent gets to know while it waits: that it is asked again. What changed is for those who decide.
fn pending(request: &ActionRequest) -> Value {
    match &request.state {
        State::Requested { .. } if request.revision > 1 => {
            json!({"asked_again": true, "revision": request.revision})
        }
        State::Requested { .. }
        | State::Approved { .. }
        | State::Applying { .. }
        | State::Unknown { .. }
        | State::Settled(_) => json!({}),
    }
}

pub(super) fn described(receipts: Vec<Value>) -> CallReply {
    completed(CallStatus::Described, json!({"receipts": receipts}), None)
}

pub(super) fn dry_run(tool: &dyn ControlTool, plan: &Plan, terms: &Terms, looked: bool) -> CallReply {
    let preview = PlanPreview {
        plan: plan.to_json(),
        facts: plan.facts.iter().map(|fact| tool.word(fact, Language::English)).collect(),
        terms: terms.clone(),
        looked,
    };
    completed(CallStatus::DryRun, json!({}), Some(preview))
}

fn completed(status: CallStatus, detail: Value, preview: Option<PlanPreview>) -> CallReply {
    CallReply {
        status,
        request: None,
        correlation_id: None,
        plan_digest: None,
        decide_by: None,
        reused: false,
        next_action: NextAction::None,
        detail,
        preview,
    }
}
