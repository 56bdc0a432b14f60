//! Waits: a run waiting on one request. Rows of `run_waits`; the oldest open one shows on the run.

use std::str::FromStr;

use countersign_kernel::{RequestId, Timestamp};

use crate::error::ParseWordError;

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitReason {
    /// A decision.
    Approval,
    /// The executor.
    Execution,
    /// An answer.
    Question,
}

/// The coarse state a run shows while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitState {
    /// Waiting for a control tool: its approval or its execution.
    WaitingMcp,
    /// Waiting for the owner's answer.
    WaitingOwnerReview,
}

/// One open wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The request waited for.
    pub request: RequestId,
    /// What for, now.
    pub reason: WaitReason,
    /// Since when.
    pub opened_at: Timestamp,
}

impl WaitReason {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Execution => "execution",
            Self::Question => "question",
        }
    }

    /// The coarse state that shows it.
    pub const fn state(self) -> WaitState {
        match self {
            Self::Approval | Self::Execution => WaitState::WaitingMcp,
            Self::Question => WaitState::WaitingOwnerReview,
        }
    }
}

impl WaitState {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitingMcp => "waiting_mcp",
            Self::WaitingOwnerReview => "waiting_owner_review",
        }
    }
}

impl FromStr for WaitReason {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "approval" => Ok(Self::Approval),
            "execution" => Ok(Self::Execution),
            "question" => Ok(Self::Question),
            other => Err(ParseWordError::named(other)),
        }
    }
}
