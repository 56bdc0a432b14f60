//! What happened to a run, and the transition that carries it.

use std::str::FromStr;

use countersign_kernel::{Millis, RequestId};

use crate::error::ParseWordError;
use crate::run::Run;
use crate::wait::WaitReason;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// The platform says it is done.
    Completed,
    /// The platform says it failed.
    Failed,
    /// The platform stopped it.
    Stopped,
    /// Its time budget is spent.
    BudgetExhausted,
}

impl FinishReason {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::BudgetExhausted => "budget_exhausted",
        }
    }
}

impl FromStr for FinishReason {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "completed" => Ok(Self::Completed),
            "failed" => Ok(Self::Failed),
            "stopped" => Ok(Self::Stopped),
            "budget_exhausted" => Ok(Self::BudgetExhausted),
            other => Err(ParseWordError::named(other)),
        }
    }
}

/// One thing that happened to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// Registered by the platform.
    Registered,
    /// An issue or pull request was linked.
    Linked,
    /// A wait was opened.
    WaitPaused {
        /// The request waited for.
        request: RequestId,
        /// What for.
        reason: WaitReason,
        /// Open waits now.
        open_waits: usize,
        /// What is left of the budget, put aside.
        budget_left: Millis,
    },
    /// A wait was closed.
    WaitResumed {
        /// The request that settled.
        request: RequestId,
        /// Open waits still; the budget runs again when it is 0.
        open_waits: usize,
    },
    /// The end began: the token is dead.
    Ending {
        /// Why.
        reason: FinishReason,
    },
    /// The last request is settled.
    Finished {
        /// Why.
        reason: FinishReason,
        /// Refusals that were counted and not recorded one by one.
        suppressed_refusals: u32,
        /// Calls that changed nothing, counted and not recorded one by one.
        suppressed_idle_calls: u32,
    },
    /// A wait goes on for another reason (its request was approved or asks again); the request's own event says so.
    WaitChanged {
        /// The request waited for.
        request: RequestId,
        /// What for, now.
        reason: WaitReason,
    },
    /// A refusal was counted; the refusal's own event says so where it is recorded.
    RefusalCounted,
    /// A call that changed nothing was counted; the call's own event says so where it is recorded.
    IdleCallCounted,
}

/// A change of one run: as it was expected to be, as it will be, and the event that says so.
#[must_use = "a transition changes nothing until it is recorded in a commit"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTransition {
    before_version: Option<u64>,
    after: Run,
    event: RunEvent,
}

impl RunTransition {
    pub(crate) fn opening(after: Run) -> Self {
        Self { before_version: None, after, event: RunEvent::Registered }
    }

    pub(crate) fn of(before: &Run, mut after: Run, event: RunEvent) -> Self {
        after.version = before.version + 1;
        Self { before_version: Some(before.version), after, event }
    }

    /// The version the stored run must still have; `None` for a new one.
    pub fn before_version(&self) -> Option<u64> {
        self.before_version
    }

    /// The run as it will be.
    pub fn after(&self) -> &Run {
        &self.after
    }

    /// What happened.
    pub fn event(&self) -> &RunEvent {
        &self.event
    }
}
