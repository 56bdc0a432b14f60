//! The states of an action request. Each holds exactly what is known in it.

use std::str::FromStr;

use countersign_kernel::{Principal, RedactedText, Timestamp};

use crate::ballot::Answer;
use crate::event::Decider;

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting for people.
    Requested {
        /// Until when a decision counts.
        decide_by: Timestamp,
    },
    /// Waiting for the executor.
    Approved {
        /// When the quorum was met, or when policy let it in.
        approved_at: Timestamp,
        /// Until when the executor may begin.
        execute_by: Timestamp,
    },
    /// The executor may have written to a target.
    Applying {
        /// When the first step was recorded as intended.
        started_at: Timestamp,
        /// Until when a request of which nothing is done may be retried.
        execute_by: Timestamp,
    },
    /// A write may or may not have happened; being looked into. Not settled.
    Unknown {
        /// Since when.
        since: Timestamp,
        /// The stable code of what happened.
        code: String,
        /// What happened, in words.
        reason: RedactedText,
    },
    /// Over.
    Settled(Settled),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// All steps are done.
    Applied {
        /// When.
        at: Timestamp,
    },
    /// The question was answered.
    Answered {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Principal,
        /// What.
        answer: Answer,
    },
    /// A person or the policy said no.
    Denied {
        /// When.
        at: Timestamp,
        /// Who said no.
        by: Decider,
        /// Why.
        reason: Option<RedactedText>,
    },
    /// Too late.
    Expired {
        /// When.
        at: Timestamp,
        /// Which of the two clocks ran out.
        phase: ExpiredPhase,
    },
    /// Withdrawn.
    Cancelled {
        /// When.
        at: Timestamp,
        /// By whom.
        by: CancelledBy,
        /// Why.
        reason: Option<RedactedText>,
    },
    /// Nothing was changed, or all was undone.
    Failed {
        /// When.
        at: Timestamp,
        /// The stable code.
        code: String,
        /// What happened, in words.
        reason: RedactedText,
    },
}

/// Which of the two clocks ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiredPhase {
    /// Nobody decided in time.
    Undecided,
    /// Approved, and not begun in time.
    Unexecuted,
}

/// Who withdrew a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelledBy {
    /// The agent that asked.
    Agent,
    /// A person or service of the staff side.
    Staff(Principal),
    /// The end of the run.
    RunEnd,
}

/// The name of a state: what is stored, shown and filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of `State` and `Settled`")]
pub enum StateName {
    Requested,
    Approved,
    Applying,
    Unknown,
    Applied,
    Answered,
    Denied,
    Expired,
    Cancelled,
    Failed,
}

impl State {
    /// The state's name.
    pub fn name(&self) -> StateName {
        match self {
            Self::Requested { .. } => StateName::Requested,
            Self::Approved { .. } => StateName::Approved,
            Self::Applying { .. } => StateName::Applying,
            Self::Unknown { .. } => StateName::Unknown,
            Self::Settled(settled) => match settled {
                Settled::Applied { .. } => StateName::Applied,
                Settled::Answered { .. } => StateName::Answered,
                Settled::Denied { .. } => StateName::Denied,
                Settled::Expired { .. } => StateName::Expired,
                Settled::Cancelled { .. } => StateName::Cancelled,
                Settled::Failed { .. } => StateName::Failed,
            },
        }
    }

    /// Whether the request is over.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Settled(_))
    }
}

impl Settled {
    /// When it ended.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Applied { at }
            | Self::Answered { at, .. }
            | Self::Denied { at, .. }
            | Self::Expired { at, .. }
            | Self::Cancelled { at, .. }
            | Self::Failed { at, .. } => *at,
        }
    }

    /// Who ended it, in words for an error or a screen.
    pub fn by(&self) -> String {
        match self {
            Self::Applied { .. } | Self::Failed { .. } => "the executor".to_owned(),
            Self::Answered { by, .. } => by.to_string(),
            Self::Denied { by, .. } => by.to_string(),
            Self::Expired { .. } => "the clock".to_owned(),
            Self::Cancelled { by, .. } => match by {
                CancelledBy::Agent => "the agent".to_owned(),
                CancelledBy::Staff(principal) => principal.to_string(),
                CancelledBy::RunEnd => "the end of the run".to_owned(),
            },
        }
    }
}

impl StateName {
    /// All of them, in the order a request can meet them.
    pub const ALL: [Self; 10] = [
        Self::Requested,
        Self::Approved,
        Self::Applying,
        Self::Unknown,
        Self::Applied,
        Self::Answered,
        Self::Denied,
        Self::Expired,
        Self::Cancelled,
        Self::Failed,
    ];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Applying => "applying",
            Self::Unknown => "unknown",
            Self::Applied => "applied",
            Self::Answered => "answered",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether a request in this state is over.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Requested | Self::Approved | Self::Applying | Self::Unknown => false,
            Self::Applied
            | Self::Answered
            | Self::Denied
            | Self::Expired
            | Self::Cancelled
            | Self::Failed => true,
        }
    }
}

impl std::fmt::Display for StateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not one of the names this crate stores and shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a value this field knows")]
pub struct ParseWordError(String);

impl ParseWordError {
    pub(crate) fn named(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}

impl FromStr for StateName {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| ParseWordError::named(text))
    }
}
