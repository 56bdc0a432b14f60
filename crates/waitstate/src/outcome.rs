//! What an agent is told in the end. Rows of `run_outcomes`: kept until acknowledged.

use std::str::FromStr;

use countersign_kernel::{RequestId, RunId, Timestamp};
use serde_json::Value;

use crate::error::ParseWordError;

/// How a request ended, in the agent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeStatus {
    /// Done, with receipts.
    Applied,
    /// Answered, with the answer.
    Answered,
    /// A person or policy said no.
    Denied,
    /// Nobody decided, or approved too late to run.
    Expired,
    /// Withdrawn.
    Cancelled,
    /// Nothing was changed, or all was undone.
    Failed,
}

/// What an agent can sensibly do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextAction {
    /// Nothing: it is over.
    None,
    /// Wait for the outcome.
    Wait,
    /// Call the tool again: a new request.
    RequestAgain,
    /// Try the same again later.
    Retry,
}

/// An outcome in a run's inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The run it is for.
    pub run: RunId,
    /// The request it is of.
    pub request: RequestId,
    /// How the request ended.
    pub status: OutcomeStatus,
    /// What to do next.
    pub next_action: NextAction,
    /// Receipts, the answer, the reason or the code. No secret.
    pub detail: Value,
    /// When it was put there.
    pub created_at: Timestamp,
    /// When the agent said it has it.
    pub acknowledged_at: Option<Timestamp>,
    /// When the run ended with it unread.
    pub undeliverable_at: Option<Timestamp>,
}

impl OutcomeStatus {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Answered => "answered",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for OutcomeStatus {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "applied" => Ok(Self::Applied),
            "answered" => Ok(Self::Answered),
            "denied" => Ok(Self::Denied),
            "expired" => Ok(Self::Expired),
            "cancelled" => Ok(Self::Cancelled),
            "failed" => Ok(Self::Failed),
            other => Err(ParseWordError::named(other)),
        }
    }
}

impl NextAction {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Wait => "wait",
            Self::RequestAgain => "request_again",
            Self::Retry => "retry",
        }
    }
}

impl FromStr for NextAction {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "wait" => Ok(Self::Wait),
            "request_again" => Ok(Self::RequestAgain),
            "retry" => Ok(Self::Retry),
            other => Err(ParseWordError::named(other)),
        }
    }
}
