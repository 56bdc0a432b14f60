//! What a control tool is: the open, object-safe trait that the registry holds.

use async_trait::async_trait;
use countersign_kernel::{
    ActionName, ApprovalMode, Language, Millis, RequestId, Timestamp, ToolName, Violations,
};
use serde_json::Value;

use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan, Reversibility, Step};
use crate::ports::{TargetError, TargetErrorKind};
use crate::secret::SecretValue;
use crate::watch::{DoneStep, Inspection, Survey};

/// The longest one exchange with a target may take, unless configured otherwise: after this an attempt can't arrive any more.
pub const LONGEST_EXCHANGE: Millis = Millis::from_secs(15);

/// Code: a step was to be undone and can't be.
pub const UNDO_FAILED: &str = "undo_failed";

/// One action of a tool, as policy knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionDescriptor {
    /// The action.
    pub name: ActionName,
    /// Whether it changes anything. A reading action that policy lets run at once completes inside the call.
    pub writes: bool,
    /// The approval it needs when policy says nothing; `None` means the policy text's own default.
    pub default_approval: Option<ApprovalMode>,
    /// Whether it is a question: settled by an answer, not by an approval.
    pub question: bool,
}

/// What a tool says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolDescriptor {
    /// The canonical name.
    pub name: ToolName,
    /// Other names it answers to.
    pub aliases: Vec<ToolName>,
    /// One sentence for agents.
    pub summary: String,
    /// The version of its input and plan forms.
    pub schema_version: u32,
    /// The input as JSON Schema (2020-12), closed.
    pub input_schema: Value,
    /// Its actions.
    pub actions: Vec<ActionDescriptor>,
}

impl ToolDescriptor {
    /// The action of this name.
    pub fn action(&self, name: &ActionName) -> Option<&ActionDescriptor> {
        self.actions.iter().find(|action| action.name == *name)
    }
}

/// What looking at the target gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// What was seen, in the tool's own versioned JSON.
    Seen(Value),
    /// The target could not be looked at. An approver is told so, with the reason.
    CouldNotLook {
        /// Why, at least one reason.
        why: Vec<Unseen>,
    },
}

impl Observation {
    /// The target could not be looked at, for one reason; `said` names it and what it said, without secrets.
    pub fn could_not_look(reason: UnseenReason, said: impl Into<String>) -> Self {
        Self::CouldNotLook { why: vec![Unseen { reason, said: said.into() }] }
    }
}

/// Why a target could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct Unseen {
    /// What happened, which every reader is told in their language.
    pub reason: UnseenReason,
    /// Which target, and what it said itself, without secrets.
    pub said: String,
}

/// What keeps a target from being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnseenReason {
    /// No connection.
    Unreachable,
    /// No whole answer came.
    NoAnswer,
    /// It takes no more requests for now.
    RateLimited,
    /// It failed.
    Broken,
    /// It doesn't let us look.
    Refused,
    /// This version can't read the call, or write down what was seen.
    Unreadable,
}

impl From<&TargetError> for Unseen {
    fn from(error: &TargetError) -> Self {
        let reason = match error.kind {
            TargetErrorKind::Unreachable => UnseenReason::Unreachable,
            TargetErrorKind::NoAnswer => UnseenReason::NoAnswer,
            TargetErrorKind::RateLimited { .. } => UnseenReason::RateLimited,
            TargetErrorKind::Broken => UnseenReason::Broken,
            TargetErrorKind::Unauthorized
            | TargetErrorKind::Forbidden
            | TargetErrorKind::NotFound
            | TargetErrorKind::Conflict
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid => UnseenReason::Refused,
        };
        Self { reason, said: error.to_string() }
    }
}

/// A plan can't be made: what is asked for is impossible as things stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlanRefusal {
    /// A stable code with a page under docs/errors, such as `database_not_ours`.
    pub code: &'static str,
    /// What stands in the way, naming the thing.
    pub message: String,
}

/// All that a tool needs to do or probe one step.
#[derive(Debug)]
pub struct StepWork<'a> {
    /// The request, which marks what is written.
    pub request: RequestId,
    /// The executor's fence; grows with every lease.
    pub fence: u64,
    /// The call.
    pub call: &'a Call,
    /// The approved plan.
    pub plan: &'a Plan,
    /// The step.
    pub step: &'a Step,
    /// The secret value, when the plan asks for one. The same bytes on every attempt.
    pub secret: Option<&'a SecretValue>,
    /// When the step was first recorded as intended, by the database's clock.
    pub intended_at: Timestamp,
}

/// All that a tool needs to undo one step, or to look whether it was undone.
#[derive(Debug)]
pub struct UndoWork<'a> {
    /// The step as it was done.
    pub step: StepWork<'a>,
    /// The receipt of what was done.
    pub receipt: &'a Value,
    /// What [`ControlTool::keep`] had kept before the step was done.
    pub kept: Option<&'a SecretValue>,
}

/// What has to be kept so that a step can be undone.
#[derive(Debug)]
pub enum Kept {
    /// This value, sealed until the request settles.
    Value(SecretValue),
    /// Nothing: the step's parameters and its receipt are enough.
    Nothing,
    /// It could not be read now, or is not what was approved any more.
    CouldNotRead {
        /// Why, in words without secrets.
        why: String,
    },
}

/// How one attempt at a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Done; the receipt says where and in which version.
    Done {
        /// What the target answered: names and versions, no secret.
        receipt: Value,
    },
    /// Certainly not done; trying again later is sensible.
    Transient {
        /// A stable code.
        code: &'static str,
        /// What happened, naming the target.
        message: String,
        /// How long the target asked to be left alone.
        retry_after: Option<Millis>,
    },
    /// Certainly not done, and never will be as things stand.
    Permanent {
        /// A stable code.
        code: &'static str,
        /// What happened, naming the target.
        message: String,
    },
    /// May or may not have been done: the answer never came.
    Unclear {
        /// A stable code.
        code: &'static str,
        /// What happened, naming the target.
        message: String,
    },
}

/// What looking for the effect of an earlier attempt gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The effect is there; the receipt as `perform` would have given it, with the evidence.
    Done {
        /// Names and versions, no secret.
        receipt: Value,
    },
    /// The effect is certainly not there.
    NotDone,
    /// Looking doesn't tell, now.
    CannotTell {
        /// Why.
        why: String,
        /// Whether looking again later may tell.
        retry: bool,
    },
}

/// A control tool.
///
/// The methods are called in this order: `parse` at the edge; `observe` and `plan` when a call is made and again right before execution
/// (a plan that then differs asks again); `keep` for each step that can be undone, right before `applying` is committed; `perform` for each
/// step after `applying` has been committed with the step intended; `probe` for a step that was intended and never recorded as done; `undo`
/// and `probe_undo` for steps that are done when a later one failed for good.
///
/// A tool that wraps another has to pass **every** method on: the ones with a body here say what is so for tools that undo nothing.
#[async_trait]
pub trait ControlTool: Send + Sync {
    /// What the tool says of itself.
    fn descriptor(&self) -> &ToolDescriptor;

    /// Reads an agent's arguments.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations>;

    /// Looks at the target, read-only.
    async fn observe(&self, caller: &Caller, call: &Call) -> Observation;

    /// Says what would be done. Pure: the same call and observation give the same plan.
    ///
    /// # Errors
    /// What is asked for can't be done as things stand.
    fn plan(&self, caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal>;

    /// Does one step.
    async fn perform(&self, work: StepWork<'_>) -> StepOutcome;

    /// Looks whether a step that was intended before took effect. Never writes.
    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome;

    /// How long an attempt whose answer never came may still arrive at the target. A step that the target refuses from an older fence, or
    /// by its precondition, need not be waited for.
    fn in_flight(&self, step: &Step) -> Millis {
        match step.reversibility {
            Reversibility::ReadBackAndFence => Millis(0),
            Reversibility::ReadBack | Reversibility::WriteOnly => LONGEST_EXCHANGE,
        }
    }

    /// Whether the step can be undone once it is done. If so, [`Self::keep`], [`Self::undo`] and [`Self::probe_undo`] know how.
    fn undoes(&self, _step: &Step) -> bool {
        false
    }

    /// Reads what has to be put back if the step is undone. Never writes. Whatever this finds has to be what the plan was made for: a
    /// target that changed since is [`Kept::CouldNotRead`].
    async fn keep(&self, _work: StepWork<'_>) -> Kept {
        Kept::Nothing
    }

    /// Undoes a step that is done, only if nobody else has changed its target since.
    async fn undo(&self, work: UndoWork<'_>) -> StepOutcome {
        let message = format!("`{}` can't be undone", work.step.step.target);
        StepOutcome::Permanent { code: UNDO_FAILED, message }
    }

    /// Looks whether a step was undone. Never writes. `Done` means undone, `NotDone` means that it certainly still stands.
    async fn probe_undo(&self, work: UndoWork<'_>) -> ProbeOutcome {
        let why = format!("`{}` can't be undone", work.step.step.target);
        ProbeOutcome::CannotTell { why, retry: false }
    }

    /// Compares what a step left behind with what is there now, read-only: whether somebody wrote past Countersign. A tool whose targets
    /// can't be compared, or that writes nothing, leaves this as it is.
    async fn inspect(&self, _done: DoneStep<'_>) -> Inspection {
        Inspection::NotWatched
    }

    /// Looks over all targets of this tool, read-only, for what carries our mark and is on no record of ours. A tool whose targets can't be
    /// listed, or carry no mark, leaves this as it is.
    async fn survey(&self) -> Survey {
        Survey::default()
    }

    /// Words a fact of this tool in a language. A tool that doesn't know the language uses English.
    fn word(&self, fact: &Fact, _language: Language) -> String {
        fact.to_string()
    }
}
